"""What `keras.backend` offers, and the forms in which people import it."""

import os
import subprocess
import sys

import pytest

import lamella
import lamella.backend as K
from lamella import legacy
from lamella.errors import ArgumentError, DTypeError

PRESENT_NAMES = [
    *("backend", "clear_session", "epsilon", "floatx", "get_uid", "image_data_format", "is_float_dtype"),
    *("is_int_dtype", "is_keras_tensor", "result_type", "set_epsilon", "set_floatx", "set_image_data_format"),
    "standardize_dtype",
]


def test_the_present_names_are_there():
    for name in PRESENT_NAMES:
        assert callable(getattr(K, name)), name


def test_every_old_name_of_the_table_leads_to_the_legacy_function():
    for name in legacy.__all__:
        assert getattr(K, name) is getattr(legacy, name), name


def test_the_table_of_the_facade_lists_every_old_name():
    assert set(legacy.__all__) <= set(K.__all__)
    assert set(legacy.__all__) <= set(dir(K))


def test_old_names_have_the_signatures_of_keras_2():
    keras = pytest.importorskip("keras")
    old = pytest.importorskip("keras._tf_keras.keras.backend")
    assert keras
    import inspect

    absent = {"ctc_label_dense_to_sparse"}  # makes a SparseTensor, which exists in TensorFlow only
    for name in dir(old):
        if name.startswith("_") or name in absent or name in PRESENT_NAMES:
            continue
        theirs = inspect.signature(getattr(old, name)).parameters
        ours = inspect.signature(getattr(K, name)).parameters
        assert list(ours)[: len(theirs)] == list(theirs), name
        for argument, parameter in theirs.items():
            assert ours[argument].default == parameter.default, (name, argument)


def test_a_name_that_nobody_has_is_explained():
    with pytest.raises(AttributeError, match="get_sesion"):
        K.get_sesion  # noqa: B018
    with pytest.raises(ImportError, match="Nearest names"):
        from lamella.backend import batch_dots  # noqa: F401


def test_importing_the_facade_loads_no_array_library_and_no_op():
    code = (
        "import sys, lamella.backend as K; K.floatx(); K.epsilon(); K.backend()\n"
        "loaded = {m.partition('.')[0] for m in sys.modules}\n"
        "assert not loaded & {'jax', 'torch', 'tensorflow'}, loaded\n"
        "assert 'lamella.ops' not in sys.modules and 'lamella.legacy' not in sys.modules\n"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )


@pytest.mark.parametrize(
    "dtypes",
    [
        (), ("float64",), ("int64",), ("uint64",), ("int",), (int,), (float,), (complex,), ("bool",), (None,),
        ("int64", "int32"), ("uint32", "int32"), ("complex128",), ("float32", "complex128"), ("float16", "bfloat16"),
        ("float64", "int8"), ("uint64", "int64"), ("int64", float), ("int", "int8"), (int, "int8"),
        ("int64", "float16"), ("string",), ("bool", int), ("uint64", int), (float, int), ("float64", "bfloat16"),
    ],
)  # fmt: skip
def test_result_type_is_that_of_keras_on_jax(dtypes):
    keras = pytest.importorskip("keras")
    assert K.result_type(*dtypes) == keras.backend.result_type(*dtypes)


def test_result_type_refuses_what_has_no_common_dtype():
    with pytest.raises(DTypeError, match="float8"):
        K.result_type("float8_e4m3fn", "float32")
    with pytest.raises(ArgumentError, match="foo"):
        K.result_type("foo")


def test_uids_count_per_prefix_and_can_be_reset():
    K.reset_uids()
    assert [K.get_uid("legacy_test"), K.get_uid("legacy_test"), K.get_uid()] == [1, 2, 1]
    K.clear_session()
    assert K.get_uid("legacy_test") == 1


def test_layout_by_its_keras_1_name():
    assert K.image_dim_ordering() == "tf"
    try:
        K.set_image_dim_ordering("th")
        assert K.image_data_format() == "channels_first"
    finally:
        K.set_image_dim_ordering("tf")
    with pytest.raises(ArgumentError):
        K.set_image_dim_ordering("caffe")


def test_name_scope_names_variables():
    with K.name_scope("outer"):
        assert K.variable(1.0, name="v").path == "outer/v"


def test_gradients_say_what_to_write_instead():
    with pytest.raises(RuntimeError, match=r"lamella\.value_and_grad"):
        K.gradients(K.variable(1.0), [])
    assert lamella.value_and_grad
