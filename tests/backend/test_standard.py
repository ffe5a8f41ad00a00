"""Somebody else's adapter, known by an entry point; and by its array-api-strict, what ops need only the standard.

Every op in the tables of `parity/ops` claims to need nothing of a library but the array API standard, of which
array-api-strict has exactly what it says, and the compositions in `Adapter`. The ops in `BEYOND` do not, for a reason.
"""

import importlib
import importlib.metadata
import pkgutil
import textwrap

import numpy as np
import parity.ops
import pytest
from parity.ops._runner import Case, OpParity, assert_same, leaves_of, quiet_numpy

import lamella
from lamella.backend import _registry

pytestmark = pytest.mark.backends

ADAPTER = '''
"""An adapter for array-api-strict."""

import array_api_strict as xp
import numpy as np

from lamella import backend


class StrictAdapter(backend.Adapter):
    name = "strict"
    roots = ("array_api_strict",)
    xp = xp
    differentiable = False

    def __init__(self):
        super().__init__()
        self.random = self.portable_random()

    def is_array(self, value):
        return isinstance(value, type(xp.asarray(0)))

    def dtype(self, array):
        return str(array.dtype).rpartition(".")[2]

    def native_dtype(self, dtype):
        return getattr(xp, dtype)

    def asarray(self, value, dtype=None):
        if self.is_array(value):
            return value if dtype is None else xp.astype(value, getattr(xp, dtype), copy=False)
        if isinstance(value, (list, tuple)):
            value = [self.to_numpy(v) if self.is_array(v) else v for v in value]
        with backend.use("numpy") as numpy:
            return xp.asarray(numpy.asarray(value, dtype))

    def to_numpy(self, array):
        return np.asarray(array)
'''

BEYOND = {
    "The adapter has to bring scatter, scan, vmap, einsum or bitcast.": (
        "bincount",
        "ctc_decode",
        "ctc_loss",
        "einsum",
        "dot_product_attention",
        "fold",
        "histogram",
        "istft",
        "map",
        "scan",
        "scatter",
        "scatter_update",
        "segment_max",
        "segment_min",
        "segment_prod",
        "segment_sum",
        "slice_update",
        "vectorized_map",
        "view",
    ),
    "It indexes fewer axes than there are (x[i] of a matrix), which the standard leaves open.": (
        "array_split",
        "associative_scan",
        "conv",
        "conv_transpose",
        "cross",
        "depthwise_conv",
        "diff",
        "get_item",
        "hsplit",
        "image.affine_transform",
        "image.crop_images",
        "image.elastic_transform",
        "image.extract_patches",
        "image.extract_patches_3d",
        "image.gaussian_blur",
        "image.hsv_to_rgb",
        "image.map_coordinates",
        "image.pad_images",
        "image.perspective_transform",
        "image.resize",
        "image.rgb_to_grayscale",
        "image.rgb_to_hsv",
        "image.sobel_edges",
        "image.ssim",
        "linspace",
        "logspace",
        "separable_conv",
        "split",
        "unstack",
        "vsplit",
    ),
    "It slices beyond the end, or goes through an array, which the standard leaves open.": ("geomspace", "stack"),
    "Booleans in order and in products are ours: the standard has none.": (
        "argsort",
        "greater",
        "greater_equal",
        "less",
        "less_equal",
        "matmul",
        "sort",
    ),
    "Complex numbers as booleans, and their variance, are ours: the standard has none.": (
        "all",
        "any",
        "logical_not",
        "std",
        "var",
    ),
    "The standard has no float16, and compares a uint8 with no number out of its range.": ("arange", "take"),
}
DTYPES = {
    "bool",
    "int8",
    "int16",
    "int32",
    "uint8",
    "uint16",
    "uint32",
    "float32",
    "float64",
    "complex64",
    "complex128",
}


def tables() -> dict[str, list[Case]]:
    """The cases of each op, of dtypes that the standard has."""
    found: dict[str, list[Case]] = {}
    for module in pkgutil.iter_modules(parity.ops.__path__):
        if module.name.startswith("test_"):
            for value in vars(importlib.import_module(f"parity.ops.{module.name}")).values():
                if isinstance(value, type) and issubclass(value, OpParity):
                    for case in value.cases:
                        if case.numpy and {a.dtype for a in case.arrays()} <= DTYPES and "float16" not in case.id:
                            found.setdefault(case.op, []).append(case)
    return found


TABLES = tables()
STANDARD = sorted(set(TABLES) - {name for names in BEYOND.values() for name in names})


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """The adapter, installed as a distribution of its own and found by its entry point."""
    pytest.importorskip("array_api_strict")
    site = tmp_path_factory.mktemp("site")
    (site / "strict_backend.py").write_text(ADAPTER)
    information = site / "strict_backend-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: strict-backend\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        textwrap.dedent("""
        [lamella.backends]
        strict = strict_backend:StrictAdapter
        """)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        importlib.invalidate_caches()
        assert "strict" in lamella.backend.known()
        with lamella.backend.use("strict") as adapter:
            pass
        yield adapter
        _registry._loaded.pop("strict")
        _registry._ROOTS.pop("array_api_strict")
        _registry._owners.clear()
    assert "strict" not in lamella.backend.known()


def agrees(case: Case, adapter) -> None:
    """The adapter answers as NumPy's does."""
    with lamella.backend.use("numpy"), quiet_numpy():
        expected = case.run(lambda a: a.numpy())
    with lamella.backend.use("strict"), quiet_numpy():
        got = case.run(lambda a: adapter.asarray(a.numpy()))
    assert all(_registry.owner(g) in ("strict", None) for g in leaves_of(got))
    assert_same(got, expected, case)


@pytest.mark.parametrize("name", STANDARD)
def test_an_op_needs_only_the_standard(strict, name):
    for case in TABLES[name]:
        agrees(case, strict)


@pytest.mark.parametrize("name", [name for names in BEYOND.values() for name in names])
def test_an_op_that_needs_more_is_still_one(strict, name):
    with pytest.raises((AssertionError, AttributeError, IndexError, NotImplementedError, OverflowError, TypeError)):
        for case in TABLES[name]:
            agrees(case, strict)


def test_its_arrays_pick_it(strict):
    result = lamella.ops.add(strict.asarray([1.0, 2.0]), 1)
    assert strict.is_array(result) and strict.to_numpy(result).tolist() == [2, 3]
    assert lamella.backend.backend() == "jax"


def test_models_predict_with_it(strict):
    model = lamella.Sequential([lamella.Input((3,)), lamella.layers.Dense(4, activation="tanh")])
    x = np.ones((2, 3), "float32")
    expected = np.asarray(model(x))
    with lamella.backend.use("strict"):
        twin = lamella.Sequential([lamella.Input((3,)), lamella.layers.Dense(4, activation="tanh")])
        twin.set_weights(model.get_weights())
        np.testing.assert_allclose(strict.to_numpy(twin(x)), expected, rtol=1e-5)
