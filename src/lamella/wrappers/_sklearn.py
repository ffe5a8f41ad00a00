"""Models as estimators of scikit-learn. The names load at first use, and scikit-learn with them."""

from typing import Any

import numpy as np

from lamella.errors import ShapeError, missing_package
from lamella.models import Model, clone_model

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin, is_classifier
    from sklearn.utils.metadata_routing import MetadataRequest
    from sklearn.utils.multiclass import type_of_target
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
except ImportError as error:
    raise missing_package("keras.wrappers", "scikit-learn 1.6 or newer", "sklearn") from error

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]


class _Estimator(BaseEstimator):
    """What the three estimators share: a model is made and compiled for each `fit`, and trained there.

    Args:
        model: a compiled `Model`, of which every `fit` trains a copy with new weights; or a function `(X, y,
            **model_kwargs)` that returns a compiled model for the data, as NumPy arrays: X `(samples, features)`, y
            `(samples, outputs)`.
        warm_start: train the model that the last `fit` left, or the first time `model` itself, instead of a new one.
        model_kwargs: further arguments of the function `model`. A `Model` takes none.
        fit_kwargs: arguments of `model.fit`; those that `fit` is given take precedence.

    Attributes:
        model_: the trained model.
        history_: the `History` that `model_.fit` returned.
        n_features_in_: the number of features of X.
        feature_names_in_: their names, where X was a DataFrame.
    """

    def __init__(
        self,
        model: Any,
        warm_start: bool = False,
        model_kwargs: dict | None = None,
        fit_kwargs: dict | None = None,
    ):
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    @property
    def epoch_(self) -> int:
        """The number of epochs that the last `fit` trained; 0 before."""
        return len(self.history_.epoch) if hasattr(self, "history_") else 0

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Any:
        """Make a model for the data, and train it.

        Args:
            X: `(samples, features)`, finite numbers.
            y: the target of each sample, `(samples,)`.
            **kwargs: arguments of `model.fit`, as `epochs` or `sample_weight`. They replace those of `fit_kwargs`.

        Returns:
            The estimator.

        Raises:
            ValueError: for X or y of other shapes, of different lengths, or with NaN; for targets of another kind.
            RuntimeError: for a model that is not compiled with an optimizer and a loss.
        """
        X, y = validate_data(self, X, y, y_numeric=not is_classifier(self))
        y = self._encoded(y)
        arguments = {**(self.fit_kwargs or {}), **kwargs}
        if arguments.get("sample_weight") is not None:
            arguments["sample_weight"] = _check_sample_weight(arguments["sample_weight"], X)
        model = self._model_for(X, y)
        self.history_ = model.fit(X, y, **arguments)
        self.model_ = model
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The prediction for each sample, `(samples,)`.

        Args:
            X: `(samples, features)`, with the features that `fit` was given.

        Raises:
            NotFittedError: before `fit`.
            ValueError: for other features, or a model with more than one output for a sample.
        """
        return self._decoded(self._outputs(X))

    def set_fit_request(self, **kwargs: Any) -> Any:
        """Say which arguments of `fit` a meta-estimator passes on: scikit-learn's metadata routing.

        Args:
            **kwargs: for the name of each argument True, False, None, or the name it has outside.

        Raises:
            RuntimeError: when the routing of scikit-learn is not enabled.
        """
        from sklearn import get_config

        if not get_config()["enable_metadata_routing"]:
            raise RuntimeError(
                "This method is only available when metadata routing is enabled. You can enable it using "
                "sklearn.set_config(enable_metadata_routing=True)."
            )
        requests: MetadataRequest = self._get_metadata_request()
        for name, alias in kwargs.items():
            requests.fit.add_request(param=name, alias=alias)
        self._metadata_request = requests
        return self

    def __sklearn_clone__(self) -> Any:
        """An estimator with the same arguments, not trained; sklearn would copy the model, which `fit` does anyway."""
        clone = type(self)(**self.get_params(deep=False))
        if hasattr(self, "_metadata_request"):
            clone._metadata_request = self._metadata_request
        return clone

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags

    def _model_for(self, X: np.ndarray, y: np.ndarray) -> Model:
        if self.warm_start and hasattr(self, "model_"):
            return self.model_
        if isinstance(self.model, Model):
            model = _compiled(self.model)
            return model if self.warm_start else _copy(model)
        if not callable(self.model):
            raise TypeError(
                f"`model` must be a compiled Model, or a function (X, y, **model_kwargs) that makes one; got {self.model!r}."
            )
        return _compiled(self.model(X=X, y=y, **(self.model_kwargs or {})))

    def _outputs(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "model_")
        return self.model_.predict(validate_data(self, X, reset=False))

    def _encoded(self, y: np.ndarray) -> np.ndarray:
        if y.dtype.kind not in "biuf":
            raise ValueError(f"Unknown label type: the targets must be numbers; got an array of {y.dtype}.")
        return y[:, None]

    def _decoded(self, outputs: np.ndarray) -> np.ndarray:
        if outputs.shape[1:] != (1,):
            raise ShapeError(
                f"The model of a {type(self).__name__} predicts one number for each sample, in the shape (samples, 1); "
                f"its outputs have the shape {outputs.shape}."
            )
        return outputs[:, 0]


class SKLearnClassifier(ClassifierMixin, _Estimator):
    __doc__ = f"""A classifier of scikit-learn that trains a model.

    The model sees the classes one-hot, `(samples, classes)`, as `loss="categorical_crossentropy"` takes them, and has an
    output for each class; the greatest is the prediction.

    {(_Estimator.__doc__ or "").partition(chr(10) * 2)[2].strip()}
        classes_: the labels, sorted.

    Example:
        >>> import lamella as keras
        >>> from sklearn.datasets import load_iris
        >>> def make_model(X, y, units=8):
        ...     layers = [keras.layers.Dense(units, "relu"), keras.layers.Dense(y.shape[1], "softmax")]
        ...     model = keras.Sequential([keras.Input(X.shape[1:]), *layers])
        ...     model.compile("adam", "categorical_crossentropy")
        ...     return model
        >>> X, y = load_iris(return_X_y=True)
        >>> estimator = keras.wrappers.SKLearnClassifier(make_model, model_kwargs={{"units": 4}})
        >>> estimator.fit(X, y, epochs=1, verbose=0).classes_
        array([0, 1, 2])
    """

    def decision_function(self, X: Any) -> np.ndarray:
        """The outputs of the model, `(samples, classes)`, also where there are two classes.

        Args:
            X: `(samples, features)`.
        """
        return self._outputs(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags

    def _encoded(self, y: np.ndarray) -> np.ndarray:
        kind = type_of_target(y, raise_unknown=True)
        if kind not in ("binary", "multiclass"):
            raise ValueError(f"Only binary and multiclass target types are supported. Target type: {kind}")
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) == 1:
            raise ValueError("Classifier can't train when only one class is present.")
        return np.eye(len(self.classes_))[numbers]

    def _decoded(self, outputs: np.ndarray) -> np.ndarray:
        if outputs.shape[1:] != self.classes_.shape:
            raise ShapeError(
                f"The model of a SKLearnClassifier has an output for each class, here in the shape (samples, "
                f"{len(self.classes_)}); its outputs have the shape {outputs.shape}."
            )
        return self.classes_[np.argmax(outputs, axis=1)]


class SKLearnRegressor(RegressorMixin, _Estimator):
    __doc__ = f"""A regressor of scikit-learn that trains a model of one output for each sample.

    {(_Estimator.__doc__ or "").partition(chr(10) * 2)[2].strip()}
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


class SKLearnTransformer(TransformerMixin, _Estimator):
    __doc__ = f"""A transformer of scikit-learn (a step that turns data into other data) that trains a model.

    {(_Estimator.__doc__ or "").partition(chr(10) * 2)[2].strip()}
    """

    def transform(self, X: Any) -> np.ndarray:
        """The outputs of the model for each sample.

        Args:
            X: `(samples, features)`.

        Raises:
            NotFittedError: before `fit`.
        """
        return self._outputs(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags


def _compiled(model: Any) -> Model:
    if not isinstance(model, Model):
        raise AttributeError(f"The function given as `model` must return a Model; it returned {model!r}.")
    if not (model.compiled and model.optimizer is not None and model.loss is not None):
        raise RuntimeError(
            f"Given model needs to be compiled, and have a loss and an optimizer: call {model.name}.compile first."
        )
    return model


def _copy(model: Model) -> Model:
    """The same layers and compilation, with new weights and a new optimizer."""
    copy = clone_model(model)
    copy.compile_from_config(model.get_compile_config())
    return copy
