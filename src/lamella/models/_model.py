"""A layer that can be trained."""

import copy
import inspect
import warnings
from typing import Any

import numpy as np

from lamella.backend import _registry
from lamella.core import _distribution, _tree
from lamella.core._serialization import deserialize_keras_object, serialize_dict, serialize_keras_object
from lamella.data._checks import as_arrays
from lamella.errors import ArgumentError, ArgumentTypeError, NotBuiltError, OutOfRangeError
from lamella.layers._call import signature_of
from lamella.layers._layer import Layer
from lamella.layers._quantization import asked_mode
from lamella.layers._tracking import unique
from lamella.models._on_batch import in_order, on_batch, run_batch
from lamella.models._pure import loss_and_updates, loss_with_state, run_step
from lamella.models._state_tree import assign_state_tree, state_tree
from lamella.training import _loop, _prediction, _steps
from lamella.training._callback import History
from lamella.training._compiled import CompiledLoss, CompiledMetrics
from lamella.training._programs import Chunks, Predictor
from lamella.typing import Array


def default_step(method: Any) -> Any:
    """Mark a step as the built-in one, which `fit` may run in its own form."""
    method.is_default_step = True
    return method


class Model(Layer):
    """A network: layers, and how they are trained, evaluated and used.

    There are two ways to make one. `Model(inputs, outputs)` takes what was drawn between `Input()` and its outputs.
    A subclass makes its layers in `__init__` and runs them in `call(self, x, training=None)`.

    Args:
        inputs: a KerasTensor, or a structure of them.
        outputs: a KerasTensor, or a structure of them, that follow from `inputs`.
        name: defaults to the class name in snake case, made unique.

    Example:
        >>> import lamella as keras
        >>> inputs = keras.Input((3,))
        >>> model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
        >>> model.output_shape
        (None, 2)
    """

    _untracked = Layer._untracked | {
        "optimizer", "_compile_loss", "_compile_metrics", "_loss_tracker", "_programs", "history", "_output_specs",
        "_compile_arguments", "_function", "_input_tensors",
    }  # fmt: skip

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Model and ("inputs" in kwargs or args) and ("outputs" in kwargs or len(args) > 1):
            from lamella.models._functional import Functional

            return Functional.__new__(Functional, *args, **kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any):
        if args or "inputs" in kwargs or "outputs" in kwargs:
            if type(self) is Model:  # with both it would be a Functional
                raise ArgumentTypeError("A functional model needs both `inputs` and `outputs`.")
            from lamella.models._functional import become_functional

            become_functional(self, *args, **kwargs)
            return
        Layer.__init__(self, **kwargs)
        self._init_training()

    def _init_training(self) -> None:
        self.optimizer: Any = None
        self._compile_loss: CompiledLoss | None = None
        self._compile_metrics: CompiledMetrics | None = None
        self._compile_arguments: dict[str, Any] | None = None
        self._loss_tracker: Any = None
        self._programs: dict[Any, Any] = {}
        self._step_seconds: dict[str, float | None] = {}
        self._output_specs: Any = None
        self._losses_settled = False
        self._dry_runs: set[str] = set()
        self._last_plan: Any = None
        self._position: Any = None  # where `fit` stands
        self.compiled = False
        self.stop_training = False
        self.stop_evaluating = False
        self.stop_predicting = False
        self.steps_per_execution = 1
        self._run_eagerly = False
        self._jit_compile = True
        self._jit_asked = False
        self.loss: Any = None
        self.history: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle takes along: all but the compiled programs, and the run under way."""
        return {**super().__getstate__(), "_programs": {}, "_position": None}

    # ---- layers ----------------------------------------------------------------------------------

    @property
    def layers(self) -> list[Layer]:
        """The layers directly inside the model; those of its graph, where it was drawn."""
        return self._listed_layers()

    def _listed_layers(self) -> list[Layer]:
        return list(self._layers)

    @layers.setter
    def layers(self, _: Any) -> None:
        raise AttributeError(
            "`Model.layers` attribute is reserved and should not be used. Please use another name for the list."
        )

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer called `name`, or the one at position `index` of `layers`.

        Raises:
            ArgumentError: when both or neither are given, or there is no such layer.
        """
        if (name is None) == (index is None):
            raise ArgumentError(f"Provide either a layer `name` or an `index`; got name={name!r}, index={index!r}.")
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise OutOfRangeError(
                    f"Was asked to retrieve layer at index {index} but model {self.name!r} only has {len(layers)} layers."
                )
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        raise ArgumentError(
            f"No such layer: {name!r} in model {self.name!r}. Existing layers are: {[layer.name for layer in layers]}."
        )

    def summary(
        self,
        line_length: int | None = None,
        positions: list[float] | None = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
        costs: int | None = None,
    ) -> None:
        """Print the layers, the shapes of their outputs, and their numbers of parameters, as a table.

        Args:
            line_length: the width in characters; that of the terminal by default.
            positions: relative or absolute widths of the columns.
            print_fn: a function of a string that takes the text instead of standard output.
            expand_nested: whether the layers inside nested models are listed too.
            show_trainable: whether a column says which layers are trained.
            layer_range: names (or regular expressions) of the first and the last layer to list.
            costs: the size of a batch, for which the operations on numbers, the memory and the time of each layer are
                shown too (lamella's own).
        """
        from lamella.models._summary import print_summary

        print_summary(self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range, costs)

    def explain_masks(self, inputs: Any = None, print_fn: Any = None) -> None:
        """Print where masks are made, used, passed on and lost in the model.

        Args:
            inputs: example data; needed where the model was not drawn from `Input`s.
            print_fn: a function of a string that takes the text instead of standard output.

        Example:
            >>> import lamella as keras
            >>> model = keras.Sequential([keras.Input((5,)), keras.layers.Embedding(9, 2, mask_zero=True, name="words")])
            >>> model.add(keras.layers.LSTM(3, name="reader"))
            >>> model.explain_masks(print_fn=lambda text: print(text.partition(":")[2].strip()))
            Embedding 'words'  makes a mask
              LSTM 'reader'      uses the mask of Embedding 'words'; it ends here
        """
        from lamella.models._mask_report import print_masks

        print_masks(self, inputs, print_fn)

    def _check_input(self, x: Any) -> None:
        """Tell early that the data does not fit a model that is built. Models that know their inputs override it."""

    def _overrides(self, method: str) -> bool:
        """Whether the class of the model defines `method` anew."""
        return getattr(type(self), method) is not getattr(Model, method)

    @property
    def _call_has_training(self) -> bool:
        parameters = signature_of(type(self).call).parameters
        return "training" in parameters

    # ---- compile ---------------------------------------------------------------------------------

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Say how the model is trained and measured.

        Args:
            optimizer: an optimizer, or the name of one.
            loss: a loss, the name of one, or a function `(y_true, y_pred)`; for several outputs a list, a dict by
                output, or a structure like theirs, with None for an output that has no loss; one loss in the place of a part
                of the structure takes this part whole. "crossentropy" becomes the one that fits the shapes.
            loss_weights: a factor for each output's loss, dimensionless; in the same forms.
            metrics: a list of metrics, their names, or functions `(y_true, y_pred)`; for several outputs a list of lists
                or a dict by output. "accuracy" becomes the accuracy that fits the shapes.
            weighted_metrics: the same, for metrics that take `sample_weight` and `class_weight` into account.
            run_eagerly: run step by step in Python, for debugging; then nothing is compiled, whatever `jit_compile` says.
            steps_per_execution: the least number of steps that run as one program where a callback listens to batches;
                without listeners, chunks are planned by what the bar needs.
            jit_compile: True, False, or "auto" (compile). On torch, which does not compile, steps are recorded and
                replayed: with "auto" those of models in which all code is lamella's, with True also others, whose
                Python then runs for the first steps only.
            auto_scale_loss: with a mixed_float16 policy, wrap the optimizer in a `LossScaleOptimizer`.

        Raises:
            UnknownNameError: for a name that is no optimizer, loss or metric, with the nearest names.
            ArgumentError: for other unusable arguments.
        """
        from lamella import metrics as metrics_module
        from lamella import optimizers

        self._check_initialized()
        if not isinstance(steps_per_execution, (int, np.integer)) or steps_per_execution < 1:
            raise ArgumentError(f"`steps_per_execution` must be a positive integer; got {steps_per_execution!r}.")
        if jit_compile not in (True, False, None, "auto"):
            raise ArgumentError(f"`jit_compile` must be True, False or 'auto'; got {jit_compile!r}.")
        if run_eagerly and jit_compile is True:
            warnings.warn(
                "`jit_compile=True` has no effect beside `run_eagerly=True`: an eager model is not compiled.",
                stacklevel=2,
            )
        names = getattr(self, "output_names", None)
        compiled_loss = None if loss is None else CompiledLoss(loss, loss_weights, names)
        compiled_metrics = None
        if metrics is not None or weighted_metrics is not None:
            compiled_metrics = CompiledMetrics(metrics, weighted_metrics, names)
        optimizer = optimizers.get(optimizer) if optimizer is not None else None
        if auto_scale_loss and self.dtype_policy.name == "mixed_float16" and optimizer is not None:
            if not isinstance(optimizer, optimizers.LossScaleOptimizer):
                optimizer = optimizers.LossScaleOptimizer(optimizer, name="loss_scale_optimizer")
        self._compile_arguments = {
            "optimizer": optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile not in (False, None) and not run_eagerly,
        }
        self.optimizer = optimizer
        self._compile_loss = compiled_loss
        self._compile_metrics = compiled_metrics
        self._loss_tracker = metrics_module.Mean(name="loss")
        self.loss = loss
        self.steps_per_execution = int(steps_per_execution)
        self._run_eagerly = bool(run_eagerly)
        self._jit_compile = jit_compile is not False
        self._jit_asked = jit_compile is True
        self._losses_settled = False
        self._dry_runs.clear()
        self._programs.clear()
        self.stop_training = False
        self.compiled = True

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run in Python instead of as a program."""
        return self._run_eagerly

    @run_eagerly.setter
    def run_eagerly(self, value: bool) -> None:
        self._run_eagerly = bool(value)

    @property
    def jit_compile(self) -> bool:
        """Whether steps are compiled; never while `run_eagerly`."""
        return (
            self._jit_compile and not self._run_eagerly and all(layer.supports_jit for layer in self._flatten_layers())
        )

    @jit_compile.setter
    def jit_compile(self, value: bool) -> None:
        self._jit_compile = self._jit_asked = bool(value)

    def get_compile_config(self) -> dict:
        """The arguments of `compile`, as plain values; empty before it was called."""
        if not self.compiled or self._compile_arguments is None:
            return {}
        return serialize_dict(self._compile_arguments)

    def compile_from_config(self, config: dict) -> None:
        """Compile with what `get_compile_config` returned.

        A class with a `compile` of its own says here what that is given; else it warns, and the model stays uncompiled.
        """
        if type(self).compile is not Model.compile:
            warnings.warn(
                f"Model {self.name!r} was not compiled as it was saved: {type(self).__name__} has a `compile()` of its own. "
                "Override `get_compile_config()` and `compile_from_config(config)` there, too, or call `compile()` now.",
                stacklevel=2,
            )
            return
        self._compile_again(deserialize_keras_object(config))

    def _compile_like(self, model: "Model") -> None:
        """Compile as `model` is, if it is: with an optimizer and metrics of one's own, and the same losses and functions."""
        if model.compiled and model._compile_arguments is not None:
            self._compile_again(_tree.map_structure(_without_state, model._compile_arguments))

    def _compile_again(self, arguments: dict[str, Any]) -> None:
        self.compile(**arguments)
        self._jit_asked = False  # what "auto" came to was kept
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    # ---- metrics ---------------------------------------------------------------------------------

    @property
    def _compiled_metrics(self) -> list:
        """The running loss, the metrics given to `compile`, and the running loss of each output."""
        out = [self._loss_tracker] if self._loss_tracker is not None else []
        if self._compile_metrics is not None:
            out.append(self._compile_metrics)
        if self._compile_loss is not None:
            out += self._compile_loss.metrics
        return out

    @property
    def metrics(self) -> list:
        """The metrics: the running loss, those given to `compile`, and those of the layers."""
        return unique(self._compiled_metrics + Layer.metrics.fget(self))  # type: ignore[attr-defined]

    @property
    def _metrics_as_part(self) -> list:
        """Those of the layers: what `compile` was given measures this model by itself."""
        return Layer.metrics.fget(self)  # type: ignore[attr-defined]

    @property
    def metrics_names(self) -> list[str]:
        """The names of `metrics`."""
        return [m.name for m in self.metrics]

    def reset_metrics(self) -> None:
        """Start the running metrics anew."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> dict[str, Any]:
        """The running metrics by name."""
        results: dict[str, Any] = {}
        for metric in self.metrics:
            value = metric.result()
            if isinstance(value, dict):
                results.update(value)
            else:
                results[metric.name] = value
        return results

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Array:
        """The total loss of a batch: the compiled losses, and what the layers added.

        Args:
            x, y, y_pred, sample_weight: structures of arrays.
            training: whether the batch is trained on.

        Returns:
            A scalar.
        """
        from lamella import ops

        total = None
        if self._compile_loss is not None:
            total = self._compile_loss(y, y_pred, sample_weight)
        for loss in self.losses:
            value = ops.sum(ops.cast(loss, self.compute_dtype if self.compute_dtype == "float64" else "float32"))
            total = value if total is None else ops.add(total, value)
        return ops.zeros(()) if total is None else total

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Take a batch into the compiled metrics, and return the running results by name."""
        if self._compile_metrics is not None and y is not None:
            self._compile_metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def _loss_of(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Array:
        if not self._overrides("compute_loss"):
            return Model.compute_loss(self, x, y, y_pred, sample_weight, training)
        accepted = signature_of(type(self).compute_loss).parameters
        given = {"x": x, "y": y, "y_pred": y_pred, "sample_weight": sample_weight, "training": training}
        takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in accepted.values())
        return self.compute_loss(**{k: v for k, v in given.items() if takes_any or k in accepted})

    def _metrics_of(self, x: Any, y: Any, y_pred: Any, sample_weight: Any) -> dict[str, Any]:
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def compute_loss_and_updates(
        self,
        trainable_variables: list,
        non_trainable_variables: list,
        metrics_variables: list,
        x: Any,
        y: Any,
        sample_weight: Any,
        training: bool = False,
        optimizer_variables: list | None = None,
    ) -> tuple:
        """The loss of a batch as a pure function of the state: what a `train_step(self, state, data)` differentiates.

        Returns:
            `(loss, (unscaled_loss, y_pred, non_trainable_variables, metrics_variables))`.
        """
        state = (trainable_variables, non_trainable_variables, metrics_variables, optimizer_variables)
        return loss_and_updates(self, state, x, y, sample_weight, training)

    def stateless_compute_loss(
        self,
        trainable_variables: list,
        non_trainable_variables: list,
        metrics_variables: list,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> tuple:
        """`compute_loss` as a pure function of the state.

        Returns:
            `(loss, (trainable_variables, non_trainable_variables, metrics_variables))`.
        """
        state = (trainable_variables, non_trainable_variables, metrics_variables)
        return loss_with_state(self, state, x, y, y_pred, sample_weight, training)

    # ---- steps -----------------------------------------------------------------------------------

    @default_step
    def train_step(self, state: Any, data: Any = None) -> Any:
        """One step of training. Override it for a loop of your own, in either of two forms.

        `train_step(self, state, data)` is a pure function: `state` is the tuple of lists of arrays (trainable,
        non-trainable, optimizer, metric variables), and it returns `(logs, state)`.
        `train_step(self, data)` reads and changes the model's variables, and returns the logs; gradients come from
        `lamella.value_and_grad`.

        Both are compiled and run many steps at a time, like the default.
        """
        return run_step(self, "train", state, data)

    @default_step
    def test_step(self, state: Any, data: Any = None) -> Any:
        """One step of evaluation, in the same two forms; its state has no optimizer variables."""
        return run_step(self, "test", state, data)

    @default_step
    def predict_step(self, state: Any, data: Any = None) -> Any:
        """One step of prediction, in the same two forms; its state is (trainable, non-trainable) variables."""
        return run_step(self, "predict", state, data)

    def _key(self, kind: str, *more: Any) -> Any:
        groups = _steps.state_variables(self, kind)
        return (
            kind,
            _registry.backend(),
            _distribution.current(),
            tuple(id(v) for group in groups for v in group),
            *map(len, groups),
            *more,
        )

    def _program(self, key: Any, make: Any) -> Any:
        found = self._programs.get(key)
        if found is None:
            if len(self._programs) > 8:
                self._programs.clear()
            found = self._programs[key] = make()
        return found

    def _chunks_program(self, kind: str, every_step: bool, donate: bool = True) -> Chunks:
        key = self._key(kind, every_step, donate)
        return self._program(key, lambda: Chunks(self, kind, every_step, donate))

    def _predict_program(self) -> Predictor:
        return self._program(self._key("predict"), lambda: Predictor(self))

    def _eager_step(self, kind: str) -> Any:
        return _steps.stateful_step(self, kind)

    def make_train_function(self, force: bool = False) -> Any:
        """The function that `fit` runs for a batch `(x, y, sample_weight)`; returns the logs."""
        return lambda data: run_batch(self, "train", data)

    def make_test_function(self, force: bool = False) -> Any:
        """The function that `evaluate` runs for a batch `(x, y, sample_weight)`; returns the logs."""
        return lambda data: run_batch(self, "test", data)

    def make_predict_function(self, force: bool = False) -> Any:
        """The function that `predict` runs for a batch `(x,)`; returns the outputs."""
        return lambda data: run_batch(self, "predict", data)

    # ---- fit and its kin -------------------------------------------------------------------------

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: Any = True,
        class_weight: dict | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
        *,
        resume: Any = None,
    ) -> History:
        """Train for a number of epochs.

        Args:
            x: an array (samples first), a structure of arrays for several inputs, or a stream of batches: a generator,
                a `PyDataset`, a `tf.data.Dataset`, a PyTorch `DataLoader`.
            y: the targets, likewise; None where the stream yields them.
            batch_size: samples a step; by default 32, or where a number of steps is given what divides the data into as
                many; not for streams.
            epochs: the number of the last epoch.
            verbose: 0 silent, 1 or "auto" a progress bar, 2 one line an epoch.
            callbacks: a list of `Callback`s.
            validation_split: the fraction of the samples, from the end, that is not trained on but evaluated, in [0, 1).
            validation_data: `(x, y)`, `(x, y, sample_weight)` or a stream, evaluated after each epoch.
            shuffle: whether samples are drawn in a new order each epoch; "batch" shuffles whole batches.
            class_weight: class index -> weight of its samples in the loss, dimensionless.
            sample_weight: the weight of each sample in the loss, of shape (samples,).
            initial_epoch: the number of the first epoch, from 0.
            steps_per_epoch: batches an epoch; by default all.
            validation_steps: batches of an evaluation; by default all.
            validation_batch_size: by default `batch_size`.
            validation_freq: evaluate every so many epochs, or after the epochs (from 1) in a list.
            resume: a directory in which the state of training is kept, for this run alone. The run goes on from the state
                that stands there, if one does, and ends bit for bit where it would have ended without an interruption,
                with the whole `History`. It is written after every epoch, and once a minute in longer ones, while training
                goes on; it stays when training is over, so that a call with more epochs goes on too.
                `callbacks.BackupAndRestore` has more options.

        Returns:
            A `History` with the metrics of every epoch.

        Raises:
            NotCompiledError: before `compile`.
            DataError: for data that cannot be used.
        """
        return _loop.fit(
            self,
            x,
            y,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            validation_split=validation_split,
            validation_data=validation_data,
            shuffle=shuffle,
            class_weight=class_weight,
            sample_weight=sample_weight,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            validation_batch_size=validation_batch_size,
            validation_freq=validation_freq,
            keeper=_keeper(resume),
        )

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """The loss and the metrics on data, without training on it.

        Args:
            x, y, batch_size, verbose, sample_weight, callbacks: as in `fit`.
            steps: the number of batches; by default all.
            return_dict: return a dict by name.

        Returns:
            The loss, a float; with metrics, a list of floats, the loss first; or a dict.
        """
        if kwargs:
            raise ArgumentError(f"Arguments not recognized: {sorted(kwargs)}.")
        logs = _loop.evaluate(
            self,
            x,
            y,
            batch_size=batch_size,
            verbose=verbose,
            sample_weight=sample_weight,
            steps=steps,
            callbacks=callbacks,
        )
        return logs if return_dict else in_order(self, logs)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The outputs for `x`, in batches.

        Args:
            x, batch_size, verbose, callbacks: as in `fit`.
            steps: the number of batches; by default all.

        Returns:
            NumPy arrays, in the structure of the outputs.
        """
        return _prediction.predict(self, x, batch_size=batch_size, verbose=verbose, steps=steps, callbacks=callbacks)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One step of training on one batch.

        Args:
            x, y, sample_weight, class_weight: as in `fit`, for one batch.
            return_dict: return a dict by name.

        Returns:
            The loss, a float; with metrics, a list of floats, the loss first; or a dict.
        """
        return on_batch(self, "train", x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """One step of evaluation on one batch; arguments and result as in `train_on_batch`."""
        return on_batch(self, "test", x, y, sample_weight, None, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch, as NumPy arrays."""
        outputs = run_batch(self, "predict", (as_arrays("x", x),))
        return _tree.map_structure(lambda a: np.array(_registry.to_numpy(a)), outputs)

    def training_plan(self) -> str:
        """How the last `fit` divided its steps into programs, and why."""
        if self._last_plan is None:
            return "nothing was trained yet"
        return str(self._last_plan)

    # ---- state -----------------------------------------------------------------------------------

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, dict]:
        """The state as nested dicts by path: "trainable_variables", "non_trainable_variables", "optimizer_variables",
        "metrics_variables".

        Args:
            value_format: "backend_tensor" for arrays of the backend, "numpy_array" for NumPy arrays.

        Raises:
            ArgumentError: for another format.
        """
        return state_tree(self, value_format)

    def set_state_tree(self, state_tree: dict[str, dict]) -> None:
        """Give the variables the values that `get_state_tree` returned."""
        assign_state_tree(self, state_tree)

    def jax_state_sync(self) -> None:
        """Nothing to do: the variables always hold the current state."""

    # ---- configuration ---------------------------------------------------------------------------

    def build_from_config(self, config: dict) -> None:
        """Build with the shapes of `get_build_config`, by running the call on them where `build` is not defined."""
        if not config or self.built:
            return
        if type(self).build is not Layer.build and type(self).build is not Model.build:
            Layer.build_from_config(self, config)
            return
        shapes = config.get("input_shape")
        if shapes is not None:
            self.build(_shape_tuple(shapes))

    def _builds_by_calling(self) -> bool:
        return type(self).build in (Layer.build, Model.build)

    def build(self, input_shape: Any) -> None:
        """Make the variables, for inputs of `input_shape`, by running the call on shapes alone."""
        if self.built or type(self) is Model or type(self).call is Layer.call:
            return
        from lamella.layers._shapes import shapes_to_tensors

        x = shapes_to_tensors(input_shape, self.input_dtype)
        try:
            Layer.compute_output_spec(self, x)
        except NotImplementedError:
            raise NotBuiltError(
                f"Model {self.name!r} cannot be built from a shape alone; call it on data instead."
            ) from None

    def to_json(self, **kwargs: Any) -> str:
        """The architecture as JSON, without weights; `model_from_json` reads it. `kwargs` go to `json.dumps`."""
        import json

        return json.dumps(serialize_keras_object(self), **kwargs)

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Any:
        """The model of a configuration that `get_config` returned."""
        from lamella.models._functional import Functional, functional_from_config

        if {"layers", "input_layers", "output_layers"} <= set(config):
            return functional_from_config(Functional if cls is Model else cls, config, custom_objects)
        return super().from_config(config)

    # ---- files: `saving` lies above and puts the bodies here --------------------------------------

    def save(self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
        """Write the model to a file: architecture, weights, and the state of training."""
        _files().save_model(self, filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def save_weights(self, filepath: Any, overwrite: bool = True, max_shard_size: Any = None) -> None:
        """Write the weights to a file."""
        _files().save_weights(self, filepath, overwrite=overwrite, max_shard_size=max_shard_size)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Read the weights from a file."""
        _files().load_weights(self, filepath, skip_mismatch=skip_mismatch, **kwargs)

    def export(
        self,
        filepath: Any,
        format: str = "tf_saved_model",
        verbose: Any = None,
        input_signature: Any = None,
        **kwargs: Any,
    ) -> None:
        """Write an inference artifact."""
        _files().export_model(self, filepath, format=format, verbose=verbose, input_signature=input_signature, **kwargs)

    def quantize(self, mode: Any = None, config: Any = None, filters: Any = None, **kwargs: Any) -> None:  # type: ignore[override]
        """Replace the weights of the layers that can be quantized: those whose class defines `quantize`.

        Raises:
            ArgumentError: when no layer can (the layers of lamella itself have no quantized form), or there is no such mode.
            NotBuiltError: before the weights exist.
        """
        mode = asked_mode(self, mode, config)
        able = [x for x in self._flatten_layers(include_self=False) if type(x).quantize is not Layer.quantize]
        if not able:
            raise ArgumentError(
                f"No layer of {self.name!r} can be quantized to {mode!r}: none of their classes defines `quantize`, and the "
                "layers of lamella have no quantized form. For half the memory build the model under the policy 'bfloat16'."
            )
        for layer in able:
            layer.quantize(mode, config=config)

    def get_quantization_layer_structure(self, mode: str | None = None) -> Any:
        """The parts that a quantization works through in order; None unless a model defines it."""
        return None


def _without_state(part: Any) -> Any:
    """What is given to `compile` once more, where `part` has variables that belong to one model."""
    from lamella.metrics import Metric
    from lamella.optimizers import Optimizer

    if isinstance(part, Optimizer):
        return type(part).from_config(part.get_config())
    if isinstance(part, Metric):
        part = copy.deepcopy(part)
        part.reset_state()
    return part


# `saving` appends itself here when it is loaded.
def _keeper(resume: Any) -> Any:
    """The callback that keeps the state of training in the directory `resume`, or None."""
    if resume is None:
        return None
    from lamella.callbacks._backup import BackupAndRestore

    return BackupAndRestore.for_resume(resume)


FILES: list[Any] = []


def _files() -> Any:
    if not FILES:
        import importlib

        importlib.import_module("lamella.saving")
    return FILES[0]


def _shape_tuple(value: Any) -> Any:
    if isinstance(value, (list, tuple)) and all(n is None or isinstance(n, int) for n in value):
        return tuple(value)
    if isinstance(value, dict):
        return {k: _shape_tuple(v) for k, v in value.items()}
    return [_shape_tuple(v) for v in value]
