"""NumPy: every op, forward only. What the parity tests compare the other backends with."""

from typing import Any

import array_api_compat.numpy as xp
import numpy as np

from lamella.backend import _dtypes, _registry
from lamella.backend._adapter import Adapter
from lamella.backend._elementwise import as_method
from lamella.backend._numpy_arrays import EXTENDED, numpy_array, numpy_dtype


class NumpyAdapter(Adapter):
    """Arrays are `numpy.ndarray`; no gradients and no compiler."""

    name = "numpy"
    roots = ()  # NumPy arrays do not pick this adapter: they go to whichever is active
    xp = xp
    differentiable = False

    def __init__(self) -> None:
        super().__init__()
        from lamella.backend._portable_random import PortableRandom

        self.random = PortableRandom()

    def is_array(self, value):
        return isinstance(value, (np.ndarray, np.generic))

    def asarray(self, value, dtype=None):
        if hasattr(value, "__jax_array__") and hasattr(value, "value"):
            value = value.value
        owner = _registry.owner(value)
        if owner is not None and owner != self.name:
            value = _registry.get(owner).to_numpy(value)
        return numpy_array(value, dtype)

    def dtype(self, array):
        return _dtypes.standardize_dtype(array.dtype)

    def native_dtype(self, dtype):
        return numpy_dtype(dtype)

    absolute, exp2, cbrt, logaddexp2 = (as_method(f) for f in (np.abs, np.exp2, np.cbrt, np.logaddexp2))
    fmod, gcd, lcm = (as_method(f) for f in (np.fmod, np.gcd, np.lcm))

    def scatter(self, x, indices, updates, reduction):
        if indices.shape[-1] == 0:
            places = ()
        else:
            sizes = np.asarray(x.shape[: indices.shape[-1]])
            inside = np.all((indices >= -sizes) & (indices < sizes), axis=-1)
            places = tuple(np.moveaxis(indices[inside], -1, 0))
            updates = np.broadcast_to(updates, (*inside.shape, *x.shape[len(sizes) :]))[inside]
        out = x.copy()
        ufunc = {None: None, "add": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply}[reduction]
        if ufunc is None:
            out[places] = updates
        else:
            ufunc.at(out, places, updates)
        return out

    def bitcast(self, x, dtype):
        return np.ascontiguousarray(x).reshape(x.shape).view(numpy_dtype(dtype))

    def complex(self, real, imag):
        out = np.empty(np.broadcast_shapes(real.shape, imag.shape), np.result_type(real, np.complex64))
        out.real, out.imag = real, imag
        return out

    def einsum(self, subscripts, *operands, accumulate=None):
        dtype = operands[0].dtype
        if self.dtype(operands[0]) in EXTENDED:  # of which NumPy's einsum knows nothing
            operands = tuple(x.astype(np.float32) for x in operands)
            return np.asarray(np.einsum(subscripts, *operands, optimize=True)).astype(dtype)
        wide: dict[str, Any] = {} if accumulate is None else {"dtype": accumulate}
        return np.asarray(np.einsum(subscripts, *operands, optimize=True, **wide))

    def to_numpy(self, array):
        return numpy_array(array)

    def scan(self, f, init, xs, length, reverse, unroll):
        import optree

        leaves, treedef = optree.tree_flatten(xs)
        count = length if length is not None else len(leaves[0])
        order = range(count - 1, -1, -1) if reverse else range(count)
        carry, outputs = init, list[Any]([None]) * count
        for i in order:
            carry, outputs[i] = f(carry, optree.tree_unflatten(treedef, [leaf[i] for leaf in leaves]))
        if not outputs or outputs[0] is None:
            return carry, None
        return carry, optree.tree_map(lambda *steps: np.stack(steps), *outputs)

    def vmap(self, fn, in_axes=0):
        import optree

        def mapped(*args):
            axes = in_axes if isinstance(in_axes, (list, tuple)) else [in_axes] * len(args)
            mapped_args = [(a, ax) for a, ax in zip(args, axes) if ax is not None]
            (size,) = {leaf.shape[ax] for a, ax in mapped_args for leaf in optree.tree_leaves(a)}

            def row(i):
                return fn(
                    *(
                        a if ax is None else optree.tree_map(lambda leaf: np.take(leaf, i, axis=ax), a)  # noqa: B023
                        for a, ax in zip(args, axes)
                    )
                )

            return optree.tree_map(lambda *rows: np.stack(rows), *(row(i) for i in range(size)))

        return mapped
