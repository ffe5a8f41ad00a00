"""Models as estimators of scikit-learn."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest

import lamella
from lamella.callbacks import History
from lamella.errors import ShapeError

sklearn = pytest.importorskip("sklearn")
from sklearn.base import clone, is_classifier, is_regressor  # noqa: E402
from sklearn.datasets import load_iris  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402

from lamella.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer  # noqa: E402

ESTIMATORS = [SKLearnClassifier, SKLearnRegressor, SKLearnTransformer]
TWO_CLASSES = "`decision_function` has a column for each class, of two also, as in Keras"
EXPECTED_FAILURES = {
    SKLearnClassifier: {"check_classifiers_classes": TWO_CLASSES, "check_classifiers_train": TWO_CLASSES},
    SKLearnRegressor: {},
    SKLearnTransformer: {},
}


class LeastSquares(lamella.Model):
    """A linear model that is solved rather than trained: nothing is compiled, and each `fit` gives the same."""

    def fit(self, x, y, sample_weight=None):
        self.solution = np.linalg.pinv(self._columns(x) * self._root(sample_weight, x)) @ (
            y * self._root(sample_weight, x)
        )
        return History()

    def predict(self, x):
        return (self._columns(x) @ self.solution).astype("float32")

    @staticmethod
    def _root(sample_weight, x):
        return 1.0 if sample_weight is None else np.sqrt(np.reshape(sample_weight, (len(x), 1)))

    @staticmethod
    def _columns(x):
        return np.concatenate([x, np.ones((len(x), 1))], axis=1)


def least_squares(X, y):
    model = LeastSquares()
    model.compile("sgd", "mse")
    return model


def linear(X, y, loss="mse", units=None):
    units = units or y.shape[1]
    dense = lamella.layers.Dense(units, "softmax" if loss != "mse" else None)
    model = lamella.Sequential([lamella.Input(X.shape[1:]), dense])
    model.compile(lamella.optimizers.SGD(0.1), loss)
    return model


X, Y = load_iris(return_X_y=True)


@pytest.fixture
def without_compiler():
    with lamella.backend.use("numpy"):
        yield


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_the_checks_of_sklearn(cls, without_compiler):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of checks that it skips
        results = check_estimator(cls(least_squares), expected_failed_checks=EXPECTED_FAILURES[cls], on_fail=None)
    failed = {r["check_name"]: repr(r["exception"]) for r in results if r["status"] == "failed"}
    assert not failed
    assert sum(r["status"] == "passed" for r in results) >= 35


@pytest.mark.parametrize("labels", [["a", "b", "c"], [5, 2, 9], np.array(["x", "yy", "z"], object)])
def test_a_classifier_trains_and_names_its_classes(labels):
    y = np.array(labels)[Y]
    lamella.utils.set_random_seed(1)
    estimator = SKLearnClassifier(linear, model_kwargs={"loss": "categorical_crossentropy"})
    assert estimator.epoch_ == 0
    assert estimator.fit(X, y, epochs=20, verbose=0) is estimator
    assert estimator.epoch_ == 20 and isinstance(estimator.history_, History)
    assert list(estimator.classes_) == sorted(labels) and estimator.classes_.dtype == y.dtype
    assert estimator.predict(X).dtype == y.dtype
    assert estimator.score(X, y) > 0.6
    assert estimator.decision_function(X).shape == (150, 3)
    np.testing.assert_allclose(estimator.decision_function(X).sum(1), 1, 1e-5)


def test_pipelines_and_grid_search():
    lamella.utils.set_random_seed(1)
    steps = make_pipeline(StandardScaler(), SKLearnClassifier(linear, fit_kwargs={"verbose": 0, "batch_size": 25}))
    grid = {
        "sklearnclassifier__fit_kwargs": [{"verbose": 0, "epochs": n} for n in (1, 30)],
        "sklearnclassifier__model_kwargs": [{"loss": "categorical_crossentropy"}],
    }
    search = GridSearchCV(steps, grid, cv=3, error_score="raise").fit(X, Y)
    assert search.best_params_["sklearnclassifier__fit_kwargs"]["epochs"] == 30
    assert search.best_score_ > 0.7
    assert search.best_estimator_[-1].epoch_ == 30


def test_a_transformer_in_a_pipeline():
    step = SKLearnTransformer(linear, model_kwargs={"units": 2}, fit_kwargs={"verbose": 0})
    steps = make_pipeline(step, SKLearnRegressor(least_squares))
    assert steps.fit(X, Y.astype("float32")).predict(X).shape == (150,)
    assert steps[0].transform(X).shape == (150, 2)
    with pytest.raises(ShapeError, match="SKLearnTransformer predicts one number"):
        steps[0].predict(X)


def test_a_model_is_copied_for_each_fit_unless_warm():
    model = linear(X, Y[:, None])
    before = model.get_weights()
    estimator = SKLearnRegressor(model).fit(X, Y, verbose=0)
    assert estimator.model_ is not model and estimator.model_.optimizer is not model.optimizer
    assert all(map(np.array_equal, before, model.get_weights()))
    assert estimator.fit(X, Y, epochs=0).epoch_ == 0
    assert not np.array_equal(estimator.model_.get_weights()[0], before[0])

    warm = SKLearnRegressor(model, warm_start=True).fit(X, Y, verbose=0)
    assert warm.model_ is model and not np.array_equal(before[0], model.get_weights()[0])
    after = model.get_weights()
    assert warm.fit(X, Y, epochs=0).model_ is model
    assert all(map(np.array_equal, after, model.get_weights()))


def test_arguments_of_fit_stand_above_those_of_fit_kwargs(without_compiler):
    estimator = SKLearnRegressor(least_squares, fit_kwargs={"sample_weight": np.ones(150)})
    weights = 1.0 + (Y == 0) * 1e6
    estimator.fit(X, Y, sample_weight=weights)
    assert np.abs(estimator.predict(X)[Y == 0]).max() < 0.01
    assert np.array_equal(estimator.fit_kwargs["sample_weight"], np.ones(150))
    with pytest.raises(ValueError, match="sample_weight"):
        estimator.fit(X, Y, sample_weight=np.ones(3))


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_a_clone_has_the_same_arguments_and_is_not_trained(cls, without_compiler):
    estimator = cls(least_squares, model_kwargs={}).fit(X, Y)
    copy = clone(estimator)
    assert copy.get_params() == estimator.get_params() and not hasattr(copy, "model_")
    again = pickle.loads(pickle.dumps(estimator))
    assert np.array_equal(again.predict(X), estimator.predict(X))


def test_metadata_is_routed_to_fit(without_compiler):
    with pytest.raises(RuntimeError, match="enable_metadata_routing"):
        SKLearnClassifier(least_squares).set_fit_request(sample_weight=True)
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = SKLearnRegressor(least_squares).set_fit_request(sample_weight="importance")
        assert estimator.get_metadata_routing().fit.requests == {"sample_weight": "importance"}
        weights = 1.0 + (Y == 0) * 1e6
        steps = make_pipeline(clone(estimator)).fit(X, Y, importance=weights)
        assert np.abs(steps.predict(X)[Y == 0]).max() < 0.01


def test_kinds_are_told():
    classifier, regressor, transformer = (cls(least_squares) for cls in ESTIMATORS)
    assert is_classifier(classifier) and not is_regressor(classifier) and is_regressor(regressor)
    assert sklearn.utils.get_tags(transformer).transformer_tags is not None
    assert repr(SKLearnClassifier("m", warm_start=True)) == "SKLearnClassifier(model='m', warm_start=True)"
    with pytest.raises(NotFittedError):
        classifier.predict(X)


def uncompiled(X, y):
    return lamella.Sequential()


@pytest.mark.parametrize(
    "cls, model, y, error, text",
    [
        (SKLearnClassifier, least_squares, X[:, 0], ValueError, "Target type: continuous"),
        (SKLearnClassifier, least_squares, Y * 0, ValueError, "only one class"),
        (SKLearnClassifier, least_squares, X[:, :2], ValueError, "1d array"),
        (SKLearnRegressor, least_squares, Y.astype(str), ValueError, "must be numbers"),
        (SKLearnRegressor, least_squares, Y[:3], ValueError, "inconsistent numbers of samples"),
        (SKLearnRegressor, least_squares, None, ValueError, "y to be passed"),
        (SKLearnRegressor, uncompiled, Y, RuntimeError, "needs to be compiled"),
        (SKLearnRegressor, lambda X, y: None, Y, AttributeError, "must return a Model; it returned None"),
        (SKLearnRegressor, "mlp", Y, TypeError, "got 'mlp'"),
    ],
)
def test_mistakes_are_told(cls, model, y, error, text, without_compiler):
    with pytest.raises(error, match=text):
        cls(model).fit(X, y)


def test_a_classifier_needs_an_output_for_each_class(without_compiler):
    estimator = SKLearnClassifier(least_squares).fit(X, Y)
    estimator.model_.solution = estimator.model_.solution[:, :1]
    with pytest.raises(ShapeError, match=r"\(samples, 3\); its outputs have the shape \(150, 1\)"):
        estimator.predict(X)


def test_without_sklearn_the_error_says_what_to_install():
    code = """
import sys
sys.modules["sklearn"] = None
import lamella.wrappers
try:
    from lamella.wrappers import SKLearnClassifier
except ImportError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == (
        "keras.wrappers needs scikit-learn 1.6 or newer. Run `pip install 'lamella[sklearn]'`."
    )
