"""Derivatives by TensorFlow's tapes, in the forms that lamella asks for."""

from collections.abc import Callable, Sequence
from typing import Any

import optree
import tensorflow as tf


def value_and_grad(adapter: Any, fn: Callable, has_aux: bool) -> Callable:
    """`g(params, *args) -> (fn(params, *args), gradients of it with respect to params)`."""

    def run(params: Any, *args: Any) -> tuple:
        leaves, treedef = optree.tree_flatten(params)
        leaves = [tf.identity(adapter.asarray(x)) for x in leaves]  # each its own, even where two are one array
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(leaves)
            result = fn(optree.tree_unflatten(treedef, leaves), *args)
            value = adapter.asarray(result[0] if has_aux else result)
        if value.shape.rank:
            raise TypeError(f"A gradient is that of a scalar; got a result of shape {tuple(value.shape)}.")
        grads = tape.gradient(value, leaves, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return result, optree.tree_unflatten(treedef, [tf.convert_to_tensor(g) for g in grads])

    return run


def custom_gradient(adapter: Any, fn: Callable) -> Callable:
    """`fn(*args) -> (output, grad_fn(upstream) -> gradients)` as a function of `args` with that gradient."""

    def run(*args: Any, **kwargs: Any) -> Any:
        leaves, treedef = optree.tree_flatten(args)
        moving = [i for i, x in enumerate(leaves) if adapter.is_array(x)]
        known: dict[str, Any] = {}

        def flat(*tensors: tf.Tensor) -> tuple:
            filled = list(leaves)
            for i, tensor in zip(moving, tensors):
                filled[i] = tensor
            output, grad_fn = fn(*optree.tree_unflatten(treedef, filled), **kwargs)
            out, known["treedef"] = optree.tree_flatten(output)

            def grad(*upstream: tf.Tensor) -> list:
                grads = grad_fn(optree.tree_unflatten(known["treedef"], list(upstream)))
                grads = grads if isinstance(grads, (tuple, list)) and len(grads) == len(args) else (grads,)
                found = optree.tree_leaves(tuple(grads), none_is_leaf=True)
                if len(found) != len(leaves):
                    raise TypeError(
                        f"A custom gradient must be returned for each of the {len(leaves)} arguments; got {len(found)}."
                    )
                return [
                    tf.zeros_like(t) if found[i] is None else tf.cast(found[i], t.dtype)
                    for i, t in zip(moving, tensors)
                ]

            return [adapter.asarray(x) for x in out], grad

        outputs = tf.custom_gradient(flat)(*(leaves[i] for i in moving))
        return optree.tree_unflatten(known["treedef"], list(outputs))

    return run


def jvp(adapter: Any, fn: Callable, primals: Sequence, tangents: Sequence, has_aux: bool) -> tuple:
    """`fn(*primals)`, and how it changes when they move along `tangents` (and what else `fn` returned)."""
    leaves, treedef = optree.tree_flatten(tuple(primals))
    directions = optree.tree_leaves(tuple(tangents))
    leaves = [tf.identity(adapter.asarray(x)) for x in leaves]
    moving = [i for i, x in enumerate(leaves) if x.dtype.is_floating or x.dtype.is_complex]
    with tf.autodiff.ForwardAccumulator(
        [leaves[i] for i in moving], [adapter.asarray(directions[i], leaves[i].dtype.name) for i in moving]
    ) as accumulator:
        result = fn(*optree.tree_unflatten(treedef, leaves))
        value = optree.tree_map(adapter.asarray, result[0] if has_aux else result)
        zero = tf.UnconnectedGradients.ZERO
        change = optree.tree_map(lambda x: accumulator.jvp(x, unconnected_gradients=zero), value)
    return (value, change, result[1]) if has_aux else (value, change)


def remat(adapter: Any, fn: Callable) -> Callable:
    """`fn`, its intermediate values recomputed in the backward pass instead of kept.

    `tf.recompute_grad` loses the gradients of arrays that `fn` closes over, as it closes over the weights of a layer.
    Here `fn` becomes a graph, which lists what it closes over, and is run again for the gradient.
    """

    def run(*args: Any) -> Any:
        leaves, treedef = optree.tree_flatten(args)
        moving = [i for i, x in enumerate(leaves) if adapter.is_array(x)]
        known: dict[str, Any] = {}

        def flat(*tensors: tf.Tensor) -> list:
            filled = list(leaves)
            for i, tensor in zip(moving, tensors):
                filled[i] = tensor
            out, known["treedef"] = optree.tree_flatten(fn(*optree.tree_unflatten(treedef, filled)))
            return [adapter.asarray(x) for x in out]

        given = [adapter.asarray(leaves[i]) for i in moving]
        specs = [tf.TensorSpec(x.shape, x.dtype) for x in given]
        program = tf.function(flat, autograph=False).get_concrete_function(*specs)
        around = [x for x in program.captured_inputs if x.dtype != tf.resource]
        watched = [x for x in (*given, *around) if x.dtype.is_floating or x.dtype.is_complex]

        @tf.custom_gradient
        def recomputed(*_: tf.Tensor) -> tuple:
            outputs = program(*given)

            def grad(*upstream: tf.Tensor, variables: Any = None) -> Any:
                with tf.GradientTape() as tape, tf.control_dependencies([u for u in upstream if u is not None]):
                    tape.watch(watched)
                    again = program(*(tf.identity(x) for x in given))
                sources = [watched, list(variables or [])]
                grads, of_variables = tape.gradient(again, sources, output_gradients=list(upstream))
                return (grads, of_variables) if variables is not None else grads

            return outputs, grad

        outputs = recomputed(*watched)
        return optree.tree_unflatten(known["treedef"], list(outputs))

    return run
