"""Programs of TensorFlow: `tf.function`s, and the loops and choices inside them.

Outside of a program a loop is Python's own. What runs through a loop or choice in a program is a flat list of tensors;
the structure around them is put back for the functions of the user.
"""

from collections.abc import Callable, Sequence
from typing import Any

import optree
import tensorflow as tf

_NUMBERS = (bool, int, float, complex)


class Program:
    """A function as one graph for each signature of its arguments, which are structures of arrays."""

    def __init__(self, adapter: Any, fn: Callable):
        self._adapter, self._fn = adapter, fn
        self._by_signature: dict[Any, Callable] = {}

    def __call__(self, *args: Any) -> Any:
        leaves, treedef = optree.tree_flatten(args)
        asarray = self._adapter.asarray
        leaves = [x if isinstance(x, tf.Tensor) else asarray(x) for x in leaves]
        signature = (treedef, tuple((tuple(x.shape), x.dtype) for x in leaves))
        found = self._by_signature.get(signature)
        if found is None:
            found = self._by_signature[signature] = self._traced(leaves, treedef)
        return found(leaves)

    def _traced(self, leaves: list, treedef: Any) -> Callable:
        known: dict[str, Any] = {}

        def flat(*tensors: tf.Tensor) -> list:
            outputs = self._fn(*optree.tree_unflatten(treedef, list(tensors)))
            out, known["treedef"] = optree.tree_flatten(outputs)
            return [self._adapter.asarray(x) for x in out]

        specs = [tf.TensorSpec(x.shape, x.dtype) for x in leaves]
        concrete = tf.function(flat, autograph=False).get_concrete_function(*specs)

        def run(tensors: list) -> Any:
            return optree.tree_unflatten(known["treedef"], concrete(*tensors))

        return run


def shapes_of(adapter: Any, fn: Callable, args: Sequence) -> Any:
    """What `fn(*args)` returns, as tensors of a graph that is thrown away: they have a shape and a dtype."""

    def given(x: Any) -> Any:
        return tf.raw_ops.Placeholder(dtype=x.dtype, shape=x.shape) if isinstance(x, tf.TensorSpec) else x

    with tf.__internal__.FuncGraph("shapes").as_default():
        return optree.tree_map(adapter.asarray, fn(*optree.tree_map(given, tuple(args))))


def cond(adapter: Any, predicate: Any, true_fn: Callable, false_fn: Callable) -> Any:
    """`true_fn()` where `predicate` holds, else `false_fn()`."""
    if tf.executing_eagerly():
        return true_fn() if bool(predicate) else false_fn()
    branches = _Branches(adapter, "cond", [true_fn, false_fn])
    return branches.structured(tf.cond(tf.cast(predicate, tf.bool), branches.flat[0], branches.flat[1]))


def switch(adapter: Any, index: Any, branches: Sequence[Callable], operands: Sequence) -> Any:
    """`branches[index](*operands)`, an index out of range moved to the nearest one."""
    if tf.executing_eagerly():
        return branches[min(max(int(index), 0), len(branches) - 1)](*operands)
    bound = _Branches(adapter, "switch", [lambda b=b: b(*operands) for b in branches])
    place = tf.clip_by_value(tf.cast(index, tf.int32), 0, len(branches) - 1)
    return bound.structured(tf.switch_case(place, bound.flat))


class _Branches:
    """Functions without arguments that return one structure, as functions that return its leaves."""

    def __init__(self, adapter: Any, name: str, branches: Sequence[Callable]):
        self._adapter, self._name = adapter, name
        self._treedef: Any = None
        self._kinds: list | None = None
        self.flat = [lambda b=b: self._leaves(b()) for b in branches]

    def _leaves(self, outputs: Any) -> list:
        leaves, treedef = optree.tree_flatten(outputs)
        leaves = [self._adapter.asarray(x) for x in leaves]
        kinds = [(tuple(x.shape), x.dtype.name) for x in leaves]
        if self._treedef is None:
            self._treedef, self._kinds = treedef, kinds
        elif (treedef, kinds) != (self._treedef, self._kinds):
            raise TypeError(
                f"The branches of {self._name} must return the same structure, of the same shapes and dtypes; got "
                f"{self._treedef} of {self._kinds} and {treedef} of {kinds}."
            )
        return leaves

    def structured(self, leaves: Any) -> Any:
        leaves = list(leaves) if isinstance(leaves, (list, tuple)) else [leaves]
        return optree.tree_unflatten(self._treedef, leaves)


def while_loop(adapter: Any, condition: Callable, body: Callable, init: Any, most: int | None = None) -> Any:
    """`while condition(state): state = body(state)` for one structure `state`."""
    if tf.executing_eagerly():
        while bool(condition(init)):
            init = body(init)
        return init
    state = _State(adapter, init, body)

    def proceed(*leaves: tf.Tensor) -> tf.Tensor:
        return tf.cast(adapter.asarray(condition(state.structured(leaves))), tf.bool)

    def step(*leaves: tf.Tensor) -> list:
        return state.leaves_of(body(state.structured(leaves)))

    return state.structured(tf.while_loop(proceed, step, state.leaves, maximum_iterations=most))


class _State:
    """What a loop carries: leaves of fixed shapes and dtypes, and the structure around them.

    A Python number takes the dtype that the body makes of it.
    """

    def __init__(self, adapter: Any, init: Any, body: Callable):
        self._adapter = adapter
        leaves, self._treedef = optree.tree_flatten(init)
        self.leaves = [adapter.asarray(x) for x in leaves]
        weak = [i for i, x in enumerate(leaves) if type(x) in _NUMBERS]
        if weak:
            after = optree.tree_leaves(shapes_of(adapter, body, [self.structured(self.leaves)]))
            if len(after) == len(leaves):
                for i in weak:
                    self.leaves[i] = adapter.asarray(leaves[i], adapter.dtype(after[i]))

    def structured(self, leaves: Any) -> Any:
        return optree.tree_unflatten(self._treedef, list(leaves))

    def leaves_of(self, new: Any) -> list:
        leaves, treedef = optree.tree_flatten(new)
        if treedef != self._treedef:
            raise TypeError(f"A loop must carry one structure: it began with {self._treedef}, and became {treedef}.")
        found = []
        for old, leaf in zip(self.leaves, leaves):
            weak = type(leaf) in _NUMBERS
            leaf = self._adapter.asarray(leaf, self._adapter.dtype(old) if weak else None)
            if leaf.dtype != old.dtype or not old.shape.is_compatible_with(leaf.shape):
                raise TypeError(
                    f"A loop must carry the same shapes and dtypes: {tuple(old.shape)} of {old.dtype.name} became "
                    f"{tuple(leaf.shape)} of {leaf.dtype.name}."
                )
            found.append(leaf)
        return found


def fori_loop(adapter: Any, lower: Any, upper: Any, body: Callable, init: Any) -> Any:
    """`for i in range(lower, upper): init = body(i, init)`."""
    if tf.executing_eagerly():
        for i in range(int(lower), int(upper)):
            init = body(i, init)
        return init
    most = max(0, upper - lower) if isinstance(lower, int) and isinstance(upper, int) else None
    lower, upper = (adapter.asarray(bound) for bound in (lower, upper))
    upper = tf.cast(upper, lower.dtype)
    one = tf.constant(1, lower.dtype)
    return while_loop(adapter, lambda s: s[0] < upper, lambda s: (s[0] + one, body(s[0], s[1])), (lower, init), most)[1]


def scan(adapter: Any, f: Callable, init: Any, xs: Any, length: int | None, reverse: bool, unroll: Any) -> tuple:
    """`carry, ys` of a loop of `carry, y = f(carry, x)` over the leading axis of the structure `xs`."""
    leaves, treedef = optree.tree_flatten(xs)
    leaves = [adapter.asarray(x) for x in leaves]
    count = int(length if length is not None else leaves[0].shape[0])
    if tf.executing_eagerly() or unroll is True or count <= int(unroll):
        return _unrolled(adapter, f, init, leaves, treedef, count, reverse)

    def element(i: Any) -> Any:
        return optree.tree_unflatten(treedef, [a.read(i) for a in sources])

    sources = [tf.TensorArray(x.dtype, count, element_shape=x.shape[1:]).unstack(x) for x in leaves]
    first = optree.tree_unflatten(treedef, [x[0] for x in leaves])
    spec = shapes_of(adapter, lambda c, x: f(c, x)[1], (init, first))
    specs, out_treedef = optree.tree_flatten(spec)
    targets = [tf.TensorArray(s.dtype, count, element_shape=s.shape) for s in specs]
    state = _State(adapter, init, lambda carry: f(carry, first)[0])

    def step(i: tf.Tensor, carry: list, arrays: list) -> tuple:
        at = count - 1 - i if reverse else i
        new, y = f(state.structured(carry), element(at))
        ys = [adapter.asarray(leaf) for leaf in optree.tree_leaves(y)]
        return i + 1, state.leaves_of(new), [a.write(at, leaf) for a, leaf in zip(arrays, ys)]

    _, carry, arrays = tf.while_loop(
        lambda i, *_: i < count, step, (tf.constant(0), state.leaves, targets), maximum_iterations=count
    )
    ys = [tf.ensure_shape(a.stack(), (count, *s.shape)) for a, s in zip(arrays, specs)]
    return state.structured(carry), optree.tree_unflatten(out_treedef, ys)


def _unrolled(adapter: Any, f: Callable, init: Any, leaves: list, treedef: Any, count: int, reverse: bool) -> tuple:
    """The loop in Python, one call of `f` after the other."""
    rows = [tf.unstack(x, num=count) for x in leaves]
    carry, outputs, out_treedef = init, [None] * count, None
    for i in reversed(range(count)) if reverse else range(count):
        carry, y = f(carry, optree.tree_unflatten(treedef, [row[i] for row in rows]))
        outputs[i], out_treedef = optree.tree_flatten(y)  # type: ignore[call-overload]
    if not count:
        row = optree.tree_unflatten(treedef, [tf.zeros(x.shape[1:], x.dtype) for x in leaves])
        specs, out_treedef = optree.tree_flatten(shapes_of(adapter, lambda c, x: f(c, x)[1], (init, row)))
        stacked = [tf.zeros((0, *s.shape), s.dtype) for s in specs]
    else:
        stacked = [tf.stack([adapter.asarray(x) for x in column]) for column in zip(*outputs)]  # type: ignore[misc]
    return carry, optree.tree_unflatten(out_treedef, stacked)


def vmap(adapter: Any, fn: Callable, in_axes: Any) -> Callable:
    """`fn` mapped over an axis of its arguments: that of `in_axes`, one for all or one for each, None for none."""

    def mapped(*args: Any) -> Any:
        axes = list(in_axes) if isinstance(in_axes, (tuple, list)) else [in_axes] * len(args)
        places = [i for i, axis in enumerate(axes) if axis is not None]
        moving, treedef = optree.tree_flatten([
            optree.tree_map(lambda x, a=axes[i]: adapter.xp.moveaxis(adapter.asarray(x), a, 0), args[i])
            for i in places
        ])  # fmt: skip
        known: dict[str, Any] = {}

        def row(leaves: Any) -> list:
            filled = list(args)
            for i, value in zip(places, optree.tree_unflatten(treedef, list(leaves))):
                filled[i] = value
            out, known["treedef"] = optree.tree_flatten(fn(*filled))
            return [adapter.asarray(x) for x in out]

        count = moving[0].shape[0]
        if count:
            stacked = tf.vectorized_map(row, moving)
        else:
            specs = shapes_of(adapter, row, ([tf.zeros(x.shape[1:], x.dtype) for x in moving],))
            stacked = [tf.zeros((0, *s.shape), s.dtype) for s in specs]
        return optree.tree_unflatten(known["treedef"], list(stacked))

    return mapped
