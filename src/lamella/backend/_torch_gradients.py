"""Derivatives on PyTorch, by its autograd."""

import contextvars
from collections.abc import Callable, Sequence
from typing import Any

import optree
import torch
from torch.utils.checkpoint import checkpoint

_nested: contextvars.ContextVar[bool] = contextvars.ContextVar("torch_value_and_grad", default=False)


class TorchGradients:
    """The part of the adapter that differentiates."""

    def value_and_grad(self, fn: Callable, has_aux: bool = False) -> Callable:
        def run(params: Any, *args: Any) -> tuple:
            leaves, treedef = optree.tree_flatten(params)
            # The graph goes on where these gradients are differentiated again, or the parameters were computed.
            onwards = torch.is_grad_enabled() and (_nested.get() or any(leaf.grad_fn is not None for leaf in leaves))
            token = _nested.set(True)
            try:
                with torch.enable_grad():
                    inputs = [leaf.view_as(leaf) if onwards and leaf.requires_grad else _start(leaf) for leaf in leaves]
                    result = fn(optree.tree_unflatten(treedef, inputs), *args)
                    value = result[0] if has_aux else result
                    grads = _grads([value], inputs, None, onwards)
            finally:
                _nested.reset(token)
            if not onwards:
                result = optree.tree_map(_ended, result)
            return result, optree.tree_unflatten(treedef, grads)

        return run

    def stop_gradient(self, array: Any) -> Any:
        return array.detach()

    def custom_gradient(self, fn: Callable) -> Callable:
        def run(*args: Any, **kwargs: Any) -> Any:
            leaves, treedef = optree.tree_flatten(args)
            where = [i for i, leaf in enumerate(leaves) if isinstance(leaf, torch.Tensor)]
            if not torch.is_grad_enabled() or not any(leaves[i].requires_grad for i in where):
                return fn(*args, **kwargs)[0]
            out: dict[str, Any] = {}

            def forward(tensors: Sequence) -> tuple[list, Callable]:
                filled = list(leaves)
                for i, tensor in zip(where, tensors):
                    filled[i] = tensor
                output, pull = fn(*optree.tree_unflatten(treedef, filled), **kwargs)
                flat, out["spec"] = optree.tree_flatten(output)

                def backward(upstream: Sequence) -> list:
                    grads = pull(optree.tree_unflatten(out["spec"], upstream))
                    grads = grads if isinstance(grads, (tuple, list)) else (grads,)
                    flat = optree.tree_leaves(tuple(grads), none_is_leaf=True)
                    return [flat[i] if leaves[i].requires_grad else None for i in where]

                return flat, backward

            flat = _CustomGradient.apply(forward, *(leaves[i] for i in where))
            return optree.tree_unflatten(out["spec"], flat)

        return run

    def jvp(self, fn: Callable, primals: Sequence, tangents: Sequence, has_aux: bool = False) -> tuple:
        """Forward differentiation by differentiating backward twice: J t is the derivative of vᵀ J t by v.

        Townsend (2017), "A new trick for calculating Jacobian vector products".
        """
        leaves, treedef = optree.tree_flatten(tuple(primals))
        along = optree.tree_leaves(tuple(tangents))
        with torch.enable_grad():
            inputs = [_start(leaf) for leaf in leaves]
            result = fn(*optree.tree_unflatten(treedef, inputs))
            output = result[0] if has_aux else result
            outputs, spec = optree.tree_flatten(output)
            directions = [torch.zeros_like(o).requires_grad_() for o in outputs]
            pulled = _grads(outputs, inputs, directions, True)
            moved = _grads(pulled, directions, along, torch.is_grad_enabled())
        ended = [_ended(m) for m in moved]
        output = optree.tree_map(_ended, output)
        change = optree.tree_unflatten(spec, ended)
        return (output, change, optree.tree_map(_ended, result[1])) if has_aux else (output, change)

    def remat(self, fn: Callable) -> Callable:
        def run(*args: Any) -> Any:
            if not torch.is_grad_enabled():
                return fn(*args)
            context = contextvars.copy_context()  # what the scopes said then, they say when it is computed again
            again = False

            def once_more(*args: Any) -> Any:
                nonlocal again
                if again:
                    return context.copy().run(fn, *args)
                again = True
                return fn(*args)

            return checkpoint(once_more, *args, use_reentrant=False)

        return run


class _CustomGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, call: Callable, *tensors: Any) -> tuple:
        outputs, ctx.pull = call(tensors)
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *upstream: Any) -> tuple:
        return None, *ctx.pull(upstream)


def _start(leaf: Any) -> Any:
    """A leaf of a new graph."""
    leaf = leaf.detach()
    return leaf.requires_grad_() if leaf.is_floating_point() or leaf.is_complex() else leaf


def _ended(leaf: Any) -> Any:
    return leaf.detach() if isinstance(leaf, torch.Tensor) else leaf


def _grads(outputs: Sequence, inputs: Sequence, upstream: Any, create_graph: bool) -> list:
    """Gradients with respect to `inputs`, zeros where nothing leads to them."""
    pairs = [(o, None if upstream is None else u) for o, u in zip(outputs, upstream or outputs) if o.requires_grad]
    moving = [x for x in inputs if x.requires_grad]
    if not pairs or not moving:
        return [torch.zeros_like(x) for x in inputs]
    found = iter(
        torch.autograd.grad(
            [o for o, _ in pairs],
            moving,
            None if upstream is None else [u for _, u in pairs],
            create_graph=create_graph,
            allow_unused=True,
            materialize_grads=True,
        )
    )
    return [next(found) if x.requires_grad else torch.zeros_like(x) for x in inputs]
