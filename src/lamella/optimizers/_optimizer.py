"""What every optimizer does: from gradients to new values, around an update rule of a few lines."""

import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from lamella.backend import _dtypes
from lamella.backend._numpy_arrays import numpy_dtype
from lamella.core import _names, _scopes, _tree
from lamella.core._arrays import cast, namespace
from lamella.core._serialization import Serializable, deserialize_keras_object, serialize_keras_object
from lamella.core._variable import Variable
from lamella.errors import ArgumentError, NotBuiltError, ShapeError
from lamella.optimizers import _gradients, _pure
from lamella.optimizers._checks import check_arguments, check_known, check_values
from lamella.optimizers.schedules._schedule import LearningRateSchedule
from lamella.typing import Array

__all__ = ["Optimizer", "filled_with"]


class Optimizer(Serializable):
    """Base of all optimizers: turns gradients into new values of variables.

    One `apply` does, in this order: divide the gradients by `loss_scale_factor`; add them up for
    `gradient_accumulation_steps` steps and take the mean; clip; decay the weights; let `update_step` change each
    variable; move the averages of `use_ema`; apply the constraints of the variables; count the step.

    An optimizer of your own defines `update_step`, and `build` where it remembers something per variable::

        class Momentum(Optimizer):
            def build(self, variables):
                if self.built:
                    return
                super().build(variables)
                self.velocities = self.add_optimizer_variables(variables, "velocity")

            def update_step(self, gradient, variable, learning_rate):
                velocity = self.velocities[self._get_variable_index(variable)]
                velocity.assign(0.9 * velocity - learning_rate * gradient)
                variable.assign_add(velocity)

    Args:
        learning_rate: a positive float, a `schedules.LearningRateSchedule`, or a callable without arguments that
            returns the learning rate.
        weight_decay: each step also subtracts `learning_rate * weight_decay * variable` (decoupled decay, Loshchilov
            and Hutter (2019), arXiv:1711.05101). None for none.
        clipnorm: each gradient is scaled down to at most this L2 norm.
        clipvalue: each element of a gradient is clipped to `[-clipvalue, clipvalue]`.
        global_clipnorm: all gradients together are scaled down to at most this L2 norm.
        use_ema: keep an exponential moving average of the variables,
            `average = ema_momentum * average + (1 - ema_momentum) * variable`.
        ema_momentum: a float in [0, 1].
        ema_overwrite_frequency: every so many updates the variables become their averages. With None they do only in
            `finalize_variable_values`, which `fit` calls at its end.
        loss_scale_factor: `scale_loss` multiplies the loss by it, `apply` divides the gradients by it, so that small
            float16 gradients do not vanish in between.
        gradient_accumulation_steps: variables change every so many steps only, by the mean of the gradients since.
            Schedules count steps, averages count updates.
        name: defaults to the class name in snake case, made unique.

    Raises:
        ArgumentError: for more than one of the clipping arguments or a negative one, `ema_momentum` outside [0, 1],
            `gradient_accumulation_steps` below 2, a learning rate that is none, or an unknown argument.

    Example:

    >>> import lamella
    >>> weights = lamella.Variable([1.0, 2.0])
    >>> optimizer = lamella.optimizers.SGD(learning_rate=0.5)
    >>> optimizer.apply([[1.0, -1.0]], [weights])
    >>> weights.numpy().tolist()
    [0.5, 2.5]
    """

    _tracked_as = "optimizers"

    # The names of a subclass's own arguments, which are also its attributes, in the order of the configuration.
    _arguments: tuple[str, ...] = ()

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        if "lr" in kwargs:
            warnings.warn("Argument `lr` is the Keras 2 name of `learning_rate`.", DeprecationWarning, stacklevel=3)
            learning_rate = kwargs.pop("lr")
        if kwargs.pop("decay", None) is not None:
            warnings.warn("Argument `decay` is no longer supported and will be ignored.", stacklevel=3)
        if kwargs:
            raise ArgumentError(f"Argument(s) not recognized by {type(self).__name__}: {kwargs}.")
        if name is None:
            name = _names.unique_name(_names.snake_case(type(self).__name__))
        if not isinstance(name, str) or not name or "/" in name:
            raise ArgumentError(
                f"Argument `name` of {type(self).__name__} must be a non-empty string without '/'; got {name!r}."
            )
        self.name = name
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        check_arguments(self)

        self.built = False
        self._variables: list[Variable] = []
        self._known: set[int] = set()
        self._trainable_variables: list[Variable] = []
        self._index_of: dict[int, int] = {}
        self._memo: dict[Any, Any] | None = None
        with _scopes.name_scope(self.name, caller=self):
            self._iterations = Variable(np.zeros((), "int32"), trainable=False, name="iteration", autocast=False)
            self._learning_rate = self._standardize_learning_rate(learning_rate)

    # ---- variables -------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if name not in _UNTRACKED and isinstance(value, (Variable, list, tuple, dict)):
            for leaf in _tree.flatten(value):
                if isinstance(leaf, Variable):
                    self._track_variable(leaf)

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._index_variables()  # a copy or what comes out of a file has variables of its own

    def _index_variables(self) -> None:
        self._known = {id(variable) for variable in self._variables}
        self._index_of = {id(variable): i for i, variable in enumerate(self._trainable_variables)}

    def _track_variable(self, variable: Variable) -> None:
        if "_known" not in self.__dict__:
            raise RuntimeError(
                f"{type(self).__name__} must call `super().__init__()` before it is given variables; "
                "make that the first line of its `__init__`."
            )
        if id(variable) not in self._known:
            self._known.add(id(variable))
            self._variables.append(variable)

    @property
    def variables(self) -> list[Variable]:
        """Everything it remembers: iteration, learning rate (unless scheduled), averages, accumulators, slots."""
        return list(self._variables)

    @property
    def iterations(self) -> Any:
        """How many updates it has made: a Variable, or an array where gradients are accumulated."""
        return self._update_count() if self.gradient_accumulation_steps else self._iterations

    def _update_count(self) -> Array:
        steps = self._iterations.value
        return steps // self.gradient_accumulation_steps if self.gradient_accumulation_steps else steps

    def build(self, variables: Sequence[Variable]) -> None:
        """Make what it remembers about each of `variables`; done once, by the first `apply` at the latest."""
        if self.built:
            return
        variables = list(variables)
        self._trainable_variables = variables
        self._index_variables()
        if self.use_ema:
            self._model_variables_moving_average = self.add_optimizer_variables(variables, "average")
        if self.gradient_accumulation_steps:
            self._accumulated_gradients = [
                self.add_variable_from_reference(variable, name="gradient_accumulator") for variable in variables
            ]
        self.built = True

    def add_variable(
        self,
        shape: Any,
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Make a variable of the optimizer's own.

        Args:
            shape: its shape, fully known.
            initializer: "zeros", another name of an initializer, or a callable `(shape, dtype) -> array`.
            dtype: defaults to `floatx()`.
            aggregation: how replicas combine it: "none", "mean", "sum" or "only_first_replica".
            layout: kept for distribution.
            name: defaults to `variable`, `variable_1`, ...

        Returns:
            A `Variable` that optimizers do not train.
        """
        with _scopes.name_scope(self.name, caller=self):
            variable = Variable(
                _HOST_INITIALIZERS.get(initializer, initializer) if isinstance(initializer, str) else initializer,
                shape=shape,
                dtype=dtype,
                trainable=False,
                aggregation=aggregation,
                layout=layout,
                name=name,
            )
        self._track_variable(variable)
        return variable

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """Make a variable of the shape and dtype of `reference_variable`, called `<its path>_<name>`."""
        path = getattr(reference_variable, "path", None) or "variable"
        return self.add_variable(
            shape=tuple(reference_variable.shape),
            initializer=initializer,
            dtype=reference_variable.dtype,
            name="_".join(filter(None, (path.replace("/", "_"), name))),
            layout=getattr(reference_variable, "_layout", None),
        )

    def add_optimizer_variables(
        self,
        trainable_variables: Sequence[Variable],
        name: str | Sequence[str],
        initializer: Any = "zeros",
    ) -> Any:
        """Make one or more variables per trainable variable.

        Args:
            trainable_variables: what they belong to.
            name: a name, or several, each suffixed to the variable's.
            initializer: one for all, or one for each name.

        Returns:
            A list as long as `trainable_variables` for one name, a tuple of such lists for several. It holds None where
            the variable is overwritten with its gradient, which needs no memory.
        """
        names = [name] if isinstance(name, str) else list(name)
        initializers = list(initializer) if isinstance(initializer, (list, tuple)) else [initializer] * len(names)
        if len(initializers) != len(names):
            raise ArgumentError(
                f"`add_optimizer_variables` needs one initializer for each of the names {names}; got {initializer!r}."
            )
        slots: tuple[list, ...] = tuple([] for _ in names)
        for variable in trainable_variables:
            for slot, slot_name, slot_initializer in zip(slots, names, initializers):
                slot.append(
                    None
                    if getattr(variable, "overwrite_with_gradient", False)
                    else self.add_variable_from_reference(variable, name=slot_name, initializer=slot_initializer)
                )
        return slots[0] if isinstance(name, str) else slots

    def _get_variable_index(self, variable: Variable) -> int:
        return self._index_of[id(variable)]

    # ---- the learning rate -----------------------------------------------------------------------

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the coming step: a Variable, or what the schedule says.

        A float or an array may be assigned to it, or a schedule, at any time. An optimizer that has a schedule keeps
        to schedules.
        """
        rate = self._learning_rate
        return rate if isinstance(rate, Variable) else self._get_current_learning_rate()

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        old = self._learning_rate
        if callable(learning_rate) and not isinstance(learning_rate, Variable):
            self._learning_rate = learning_rate
            if isinstance(old, Variable):
                self._variables = [variable for variable in self._variables if variable is not old]
        elif not isinstance(old, Variable):
            raise TypeError(
                f"The learning rate of {type(self).__name__} {self.name!r} is given by {old!r}, so it cannot be set to "
                f"{learning_rate!r}. Assign another schedule, or make the optimizer with a float `learning_rate`."
            )
        else:
            old.assign(learning_rate if isinstance(learning_rate, Variable) else _number(learning_rate))

    @property
    def lr(self) -> Any:
        """`learning_rate`, by its name of Keras 2."""
        return self.learning_rate

    @lr.setter
    def lr(self, learning_rate: Any) -> None:
        self.learning_rate = learning_rate

    def _standardize_learning_rate(self, learning_rate: Any) -> Any:
        if callable(learning_rate) and not isinstance(learning_rate, Variable):
            return learning_rate
        if isinstance(learning_rate, (bool, str, type(None))) or np.ndim(learning_rate) != 0:
            raise ArgumentError(
                f"Argument `learning_rate` of {type(self).__name__} should be a float, a LearningRateSchedule, or a "
                f"callable without arguments that returns the learning rate; got {learning_rate!r}."
            )
        return Variable(
            np.asarray(learning_rate, numpy_dtype(_dtypes.floatx())),
            trainable=False,
            name="learning_rate",
            aggregation="only_first_replica",
            autocast=False,
        )

    def _get_current_learning_rate(self) -> Any:
        memo = {} if self._memo is None else self._memo
        if "learning_rate" not in memo:
            rate = self._learning_rate
            if isinstance(rate, LearningRateSchedule):
                memo["learning_rate"] = rate(self._iterations.value)
            else:
                memo["learning_rate"] = rate.value if isinstance(rate, Variable) else rate()
        return memo["learning_rate"]

    # ---- applying gradients ----------------------------------------------------------------------

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Variable:
        """`apply` of pairs `(gradient, variable)`.

        Returns:
            The Variable that counts steps.
        """
        pairs = list(grads_and_vars)
        if not pairs:
            raise ArgumentError(f"{type(self).__name__}.apply_gradients was given no pairs (gradient, variable).")
        grads, trainable_variables = zip(*pairs)
        self.apply(list(grads), list(trainable_variables))
        return self._iterations

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Make one step.

        Args:
            grads: one gradient per variable, of its shape; None where the loss does not depend on the variable, which
                then stays as it is.
            trainable_variables: the variables, in the order of `grads`; defaults to those it was built with.

        Raises:
            ArgumentError: when the numbers differ, a variable is not one that it was built with, or every gradient is
                None.
            NotBuiltError: without `trainable_variables`, before it was built.
        """
        grads = list(grads)
        if not grads:
            return
        if trainable_variables is None:
            if not self.built:
                raise NotBuiltError(
                    "When passing `grads` without `variables`, the optimizer must already be built on a list of "
                    f"variables. Call `build(trainable_variables)` of {type(self).__name__} {self.name!r} first."
                )
            trainable_variables = self._trainable_variables
        else:
            trainable_variables = list(trainable_variables)
            if not self.built:
                self._build_in_apply(trainable_variables)
            check_known(self, trainable_variables)
        if len(grads) != len(trainable_variables):
            raise ArgumentError(
                f"The gradients must match the variables one to one; {type(self).__name__} {self.name!r} received "
                f"{len(grads)} gradients for {len(trainable_variables)} variables."
            )
        grads, trainable_variables = _gradients.without_missing(grads, trainable_variables)
        with _scopes.autocast_scope(None):
            self._make_step(grads, trainable_variables)

    def _build_in_apply(self, variables: list[Variable]) -> None:
        with _scopes.name_scope(self.name, caller=self):
            self.build(variables)

    def _make_step(self, grads: list, variables: list[Variable]) -> None:
        if self.loss_scale_factor is not None:
            grads = [
                grad if variable.overwrite_with_gradient else cast(grad, variable.dtype) / self.loss_scale_factor
                for grad, variable in zip(grads, variables)
            ]
        if self.gradient_accumulation_steps:
            self._accumulate_gradients(grads, variables)
        else:
            self._update_variables(grads, variables)
        if self.use_ema:
            self._move_averages(variables)
            if self.ema_overwrite_frequency:
                self._overwrite_with_averages(variables, (self._update_count() + 1) % self.ema_overwrite_frequency == 0)
        for variable in variables:
            if variable.constraint is not None and not variable.overwrite_with_gradient:
                variable.assign(variable.constraint(variable.value))
        self._iterations.assign(self._iterations.value + 1)

    def _update_variables(self, grads: list, variables: list[Variable]) -> None:
        """Overwrite, clip, decay and update."""
        pairs = []
        for grad, variable in zip(grads, variables):
            if variable.overwrite_with_gradient:
                variable.assign(grad)
            else:
                pairs.append((cast(grad, variable.dtype), variable))
        if not pairs:
            return
        self._memo = {}  # what the variables of this step share
        try:
            learning_rate = self._get_current_learning_rate()
            clipped = self._clip_gradients([grad for grad, _ in pairs])
            changed = [variable for _, variable in pairs]
            self._apply_weight_decay(changed)
            self._update_together(clipped, changed, learning_rate)
        finally:
            self._memo = None

    def _update_together(self, gradients: list, variables: list[Variable], learning_rate: Array) -> None:
        """`update_step` for each variable; a rule for which a library has a kernel for many at once may ask it."""
        for gradient, variable in zip(gradients, variables):
            self.update_step(gradient, variable, learning_rate)

    def update_step(self, gradient: Array, variable: Variable, learning_rate: Array) -> None:
        """Change one variable by its gradient, of the same shape and dtype: the rule that makes the optimizer."""
        raise NotImplementedError(f"{type(self).__name__} does not define `update_step()`.")

    def assign(self, variable: Variable, value: Array) -> None:
        """Give a variable of the model or the optimizer a new value."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Array) -> None:
        """Add `value` to a variable of the model or the optimizer."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Array) -> None:
        """Subtract `value` from a variable of the model or the optimizer."""
        variable.assign_sub(value)

    # ---- what the variables of a step share ------------------------------------------------------

    def step_scalars(self, step: Array, learning_rate: Array) -> tuple:
        """Quantities that `update_step` needs and that are the same for every variable, such as a bias correction.

        Args:
            step: the number of the update, 1 for the first: a float32 scalar.
            learning_rate: that of the step: a float32 scalar.

        Returns:
            A tuple of scalars; `_shared` hands them to `update_step`. They are computed once per `apply`: inside a
            compiled loop over tiny steps a scalar operation per variable would cost as much as the arithmetic.
        """
        return (learning_rate,)

    def _shared(self, gradient: Any, variable: Variable, learning_rate: Any) -> tuple:
        """(namespace, the gradient in the variable's dtype, *step_scalars in the variable's dtype)."""
        memo = {} if self._memo is None else self._memo
        dtype = variable.dtype
        if (id(learning_rate), dtype) not in memo:
            wide = _wide(dtype)
            if (id(learning_rate), wide) not in memo:
                scalars = self.step_scalars(cast(self._update_count(), wide) + 1, cast(learning_rate, wide))
                memo[id(learning_rate), wide] = [learning_rate, *scalars]  # which also keeps the id taken
            memo[id(learning_rate), dtype] = [cast(scalar, dtype) for scalar in memo[id(learning_rate), wide]]
        return (namespace(), cast(gradient, dtype), *memo[id(learning_rate), dtype][1:])

    # ---- parts of a step -------------------------------------------------------------------------

    def _clip_gradients(self, grads: list) -> list:
        if self.clipnorm:
            return [_gradients.clip_by_norm(grad, self.clipnorm) for grad in grads]
        if self.global_clipnorm:
            return _gradients.clip_by_global_norm(grads, self.global_clipnorm)
        if self.clipvalue:
            return [_gradients.clip_by_value(grad, self.clipvalue) for grad in grads]
        return grads

    def exclude_from_weight_decay(
        self, var_list: Sequence[Variable] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Let the weights of some variables not decay; replaces what was excluded before.

        Args:
            var_list: variables.
            var_names: regular expressions; a variable in whose name one is found is excluded.
        """
        self._undecayed = tuple(var_list or ())
        self._undecayed_names = tuple(var_names or ())

    _undecayed: tuple[Variable, ...] = ()
    _undecayed_names: tuple[str, ...] = ()

    def _use_weight_decay(self, variable: Variable) -> bool:
        return not any(variable is excluded for excluded in self._undecayed) and not any(
            re.search(pattern, variable.name) for pattern in self._undecayed_names
        )

    def _apply_weight_decay(self, variables: Sequence[Variable]) -> None:
        if self.weight_decay is None:
            return
        self._decay_weights([(variable, self.weight_decay) for variable in variables])

    def _decay_weights(self, decays: Sequence[tuple[Variable, float]]) -> None:
        """`w = w - learning_rate * decay * w`, but for the variables that are excluded from it."""
        rate = self._get_current_learning_rate()
        factors: dict[Any, Array] = {}
        for variable, decay in decays:
            if self._use_weight_decay(variable):
                key = (variable.dtype, decay)
                if key not in factors:
                    factors[key] = cast(cast(rate, _wide(variable.dtype)) * decay, variable.dtype)
                variable.assign(variable.value - variable.value * factors[key])

    def _accumulate_gradients(self, grads: list, variables: list[Variable]) -> None:
        """Add the gradients up; every `gradient_accumulation_steps`-th step, update by their mean."""
        steps = self.gradient_accumulation_steps
        accumulators = [self._accumulated_gradients[self._get_variable_index(variable)] for variable in variables]
        xp = namespace()
        totals = []
        for grad, variable, accumulator in zip(grads, variables, accumulators):
            combine = xp.maximum if variable.overwrite_with_gradient else xp.add  # float8 statistics are maxima
            totals.append(combine(accumulator.value, cast(grad, variable.dtype)))
            accumulator.assign(totals[-1])

        def update() -> None:
            pairs = zip(totals, variables)
            self._update_variables([t if v.overwrite_with_gradient else t / steps for t, v in pairs], variables)
            for accumulator in accumulators:
                accumulator.assign(xp.zeros_like(accumulator.value))

        self._when((self._iterations.value + 1) % steps == 0, update)

    def _when(self, predicate: Any, action: Callable[[], None]) -> None:
        _pure.when(predicate, action, (*self.variables, *self._trainable_variables))

    def _move_averages(self, variables: Sequence[Variable]) -> None:
        xp, first = namespace(), self._update_count() == 0
        momentum = xp.where(first, xp.asarray(0.0), xp.asarray(self.ema_momentum))
        for variable, average in self._averaged(variables):
            keep = cast(momentum, average.dtype)
            average.assign(keep * average.value + (1 - keep) * variable.value)

    def _averaged(self, variables: Sequence[Variable]) -> list[tuple[Variable, Variable]]:
        pairs = [
            (variable, self._model_variables_moving_average[self._get_variable_index(variable)])
            for variable in variables
        ]
        return [(variable, average) for variable, average in pairs if average is not None]

    def _overwrite_with_averages(self, variables: Sequence[Variable], due: Any) -> None:
        for variable, average in self._averaged(variables):
            variable.assign(namespace().where(due, average.value, variable.value))

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Give variables the values that training ends with: their averages, with `use_ema`.

        Args:
            var_list: the variables that it was built with, or some of them.
        """
        if self.use_ema:
            for variable, average in self._averaged(var_list):
                # + 0 makes an array of its own: a program may take over the memory of either
                variable.assign(average.value + 0)

    def scale_loss(self, loss: Any) -> Any:
        """`loss * loss_scale_factor`: what the gradients that are given to `apply` must be computed from."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    # ---- without side effects --------------------------------------------------------------------

    def stateless_apply(
        self,
        optimizer_variables: Sequence[Array],
        grads: Sequence[Array],
        trainable_variables: Sequence[Array],
    ) -> tuple[list, list]:
        """`apply` as a pure function.

        Args:
            optimizer_variables: the values of `variables`.
            grads: one gradient per variable that it was built with.
            trainable_variables: the values of those.

        Returns:
            `(trainable_variables, optimizer_variables)`: lists of new values.

        Raises:
            NotBuiltError: before `build`.
            ArgumentError: when a list is not as long as it should be.
        """
        check_values(self, optimizer_variables, trainable_variables)
        return _pure.values_after(
            lambda: self.apply(grads),
            (self._trainable_variables, trainable_variables),
            (self.variables, optimizer_variables),
        )

    # ---- saving ----------------------------------------------------------------------------------

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Give `variables` the values `weights`, arrays of the same shapes in the same order.

        Raises:
            NotBuiltError: before `build`.
            ShapeError: when a shape differs.
        """
        if not self.built:
            raise NotBuiltError(
                f"You are calling `set_weights()` on {type(self).__name__} {self.name!r}, which has not yet been "
                "built. Please call `optimizer.build(trainable_variables)` first."
            )
        for variable, weight in zip(self.variables, weights):
            if tuple(variable.shape) != tuple(weight.shape):
                raise ShapeError(
                    f"Optimizer variable {variable.path!r} has shape {tuple(variable.shape)}, not compatible with the "
                    f"provided weight's shape {tuple(weight.shape)}."
                )
            variable.assign(weight)

    def save_own_variables(self, store: Any) -> None:
        """Put the values of `variables` into the mapping `store`, under "0", "1", ..."""
        for i, variable in enumerate(self.variables):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Take the values of `variables` from a mapping that `save_own_variables` filled."""
        if len(store) != len(self.variables):
            warnings.warn(
                f"Skipping variable loading for optimizer {self.name!r}, because it has {len(self.variables)} "
                f"variables whereas the saved optimizer has {len(store)} variables.",
                stacklevel=2,
            )
            return
        for i, variable in enumerate(self.variables):
            variable.assign(store[str(i)])

    def get_config(self) -> dict:
        """The arguments that make the optimizer again; the learning rate is the present one, or the schedule."""
        rate = self._learning_rate
        config = {
            "name": self.name,
            "learning_rate": float(rate) if isinstance(rate, Variable) else serialize_keras_object(rate),
        }
        common = (
            "weight_decay",
            "clipnorm",
            "global_clipnorm",
            "clipvalue",
            "use_ema",
            "ema_momentum",
            "ema_overwrite_frequency",
            "loss_scale_factor",
            "gradient_accumulation_steps",
        )
        return config | {argument: getattr(self, argument) for argument in (*common, *self._arguments)}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Any:
        """The optimizer of a configuration that `get_config` returned."""
        config = dict(config)
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = deserialize_keras_object(config["learning_rate"], custom_objects=custom_objects)
        return cls(**config)


# Attributes that hold variables which are not the optimizer's own, or all of them.
_UNTRACKED = ("_variables", "_trainable_variables", "_memo", "_undecayed")


def filled_with(value: float) -> Callable:
    """An initializer that computes on the host, so that building an optimizer compiles nothing."""
    return lambda shape, dtype="float32": np.full(shape, value, numpy_dtype(dtype))


_HOST_INITIALIZERS = {"zeros": filled_with(0), "ones": filled_with(1)}


def _wide(dtype: str) -> str:
    """The dtype in which scalars are computed for variables of `dtype`: powers of 0.999 are all 1 in bfloat16."""
    return "float64" if dtype == "float64" else "float32"


def _number(value: Any) -> Any:
    return value if hasattr(value, "shape") else float(value)
