"""Contracts that every layer keeps, run over the table of `layer_cases.py` beside the Keras layers."""

import inspect
import json
from pathlib import Path

import jax
import numpy as np
import pytest
from contracts.arguments import own_arguments
from contracts.layer_cases import CASES, Case

import lamella
from lamella import layers
from lamella.core._keras_tensor import KerasTensor
from lamella.core._masks import mask_of, set_mask

keras = pytest.importorskip("keras")
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation"),  # by Keras's variables
    pytest.mark.filterwarnings(r"ignore:(?s).*does not support masking and will therefore destroy the mask"),  # Keras
]

API = json.loads(Path(__file__).with_name("keras_layers.json").read_text())
OURS = [name for name in API if name in layers.__all__]
SEED = 20240229


def rows(**wanted):
    """The cases with the given attributes, as parameters of a test."""
    found = [c for c in CASES if all(bool(getattr(c, k)) == v for k, v in wanted.items())]
    return pytest.mark.parametrize("case", found, ids=str)


# ---- both libraries ----------------------------------------------------------------------------------


def make(library, case: Case, **more):
    """The layer of a case, of `lamella` or `keras`."""

    def inner(value):
        if isinstance(value, Case):
            return make(library, value)
        return [inner(v) for v in value] if isinstance(value, list) else value

    kwargs = {k: inner(v) for k, v in {**case.kwargs, **more}.items()}
    return getattr(library.layers, case.name)(*map(inner, case.args), **kwargs)


def inputs_of(case: Case) -> list[np.ndarray]:
    draw = np.random.default_rng(SEED)
    if case.integers:
        return [draw.integers(0, case.integers, shape).astype("int32") for shape in case.shapes]
    return [draw.uniform(case.low, case.high, shape).astype("float32") for shape in case.shapes]


def masks_of(case: Case) -> list[np.ndarray]:
    draw = np.random.default_rng(SEED + 1)
    masks = [draw.uniform(size=shape[:2]) < 0.6 for shape in case.shapes]
    for mask in masks:
        mask[:, 0] = True
    return masks


def call(layer, case: Case, xs: list, **kwargs):
    """The outputs of `layer` on the inputs `xs`, however the layer takes several."""
    kwargs = {**case.call, **kwargs}
    if case.states:
        return layer(xs[0], list(xs[1:]), **kwargs)
    if case.separate:
        return layer(*xs, **kwargs)
    return layer(xs if isinstance(case.x, list) else xs[0], **kwargs)


def is_stateful(case: Case) -> bool:
    """Whether the layer, or one in it, carries states from batch to batch, so that the batch must be known."""
    inner = [c for c in case.args if isinstance(c, Case)]
    return case.kwargs.get("stateful", False) or any(map(is_stateful, inner))


def takes_training(layer) -> bool:
    return "training" in inspect.signature(type(layer).call).parameters


def training_modes(layer) -> list[dict]:
    return [{"training": False}, {"training": True}] if takes_training(layer) else [{}]


def build(layer, case: Case):
    """Make the weights, without computing anything."""
    shapes = case.shapes
    if case.name == "Pipeline":  # its parts are built as they are called
        call(layer, case, inputs_of(case))
    elif case.separate:
        names = list(inspect.signature(type(layer).build).parameters)[1:]
        layer.build(**dict(zip(names, shapes)))
    else:
        layer.build(shapes if isinstance(case.x, list) else shapes[0])


def pair(case: Case, **more):
    """The Keras layer and ours, built, with equal weights (drawn anew, so that none is left at a constant)."""
    theirs, ours = make(keras, case, **more), make(lamella, case, **more)
    xs = inputs_of(case)
    build(theirs, case), build(ours, case)
    draw = np.random.default_rng(SEED + 2)
    values = []
    for weight in theirs.weights:
        value = weight.numpy().astype("float32") + draw.uniform(-0.3, 0.3, weight.shape)
        values.append(
            (np.abs(value) if "variance" in weight.name or "stddev" in weight.name else value).astype("float32")
        )
    theirs.set_weights(values)
    ours.set_weights(values)
    return theirs, ours, xs


def flat(structure) -> list[np.ndarray]:
    leaves = [np.asarray(leaf) for leaf in keras.tree.flatten(structure)]
    return [leaf if leaf.dtype.kind in "biu" else leaf.astype("float64") for leaf in leaves]


def assert_same(actual, expected, case: Case, what: str, dtype: str | None = None):
    actual, expected = flat(actual), flat(expected)
    assert len(actual) == len(expected), what
    unit = {"float32": 2e-6, "bfloat16": 2e-2, "float16": 3e-3}[dtype or case.kwargs.get("dtype", "float32")]
    for a, e in zip(actual, expected):
        assert a.shape == e.shape, what
        scale = max(1.0, float(np.max(np.abs(e), initial=0.0)))
        np.testing.assert_allclose(a, e, rtol=0, atol=unit * scale * (1 + case.steps), err_msg=what)


# ---- names -------------------------------------------------------------------------------------------


def parameters_of(function) -> list[str]:
    out = []
    for p in inspect.signature(function).parameters.values():
        prefix = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        default = "" if p.default is p.empty else f"={p.default!r}"
        out.append(f"{prefix}{p.name}{default}")
    return out


@pytest.mark.parametrize("name", OURS)
def test_parameters_are_those_of_keras(name):
    wanted = API[name]["params"]
    if wanted is None or name in ("Layer", "InputSpec"):
        pytest.skip("the base is tested by itself")
    found = parameters_of(getattr(layers, name))
    if name.startswith("SpatialDropout"):  # Keras takes no others; ours does, for `input_shape`
        found.remove("**kwargs")
    assert found == wanted


@pytest.mark.parametrize("name", [n for n in OURS if API[n].get("members")])
def test_methods_take_what_those_of_keras_take(name):
    cls = getattr(layers, name)
    quantization = {"quantize", "quantized_build", "variable_serialization_spec", "enable_lora"}
    for member, wanted in API[name]["members"].items():
        if member in quantization or wanted == "property":
            continue
        found = [p.partition("=")[0] for p in parameters_of(getattr(cls, member))]
        generic = [p for p in found if p.startswith("*")]
        names = [p.partition("=")[0] for p in wanted]
        if member in ("build", "call", "compute_mask") and not generic:
            assert found[1:] == names, f"{name}.{member}"


@pytest.mark.parametrize("name", [n for n in OURS if "alias_of" in API[n] and API[n]["alias_of"].startswith("layers.")])
def test_aliases_are_the_same_class(name):
    assert getattr(layers, name) is getattr(layers, API[name]["alias_of"].removeprefix("layers."))


def test_every_layer_has_a_row():
    abstract = {"Layer", "Wrapper", "InputLayer", "InputSpec", "Lambda"}
    abstract |= {"JaxLayer", "FlaxLayer", "TorchModuleWrapper", "TFSMLayer"}  # tests/layers/test_jax_layer.py and kin
    abstract |= {"StringLookup", "IntegerLookup", "TextVectorization", "Hashing", "HashedCrossing"}  # test_text.py
    abstract |= {n for n in OURS if "_preprocessing_image" in getattr(layers, n).__module__}  # test_images.py
    classes = {n for n in OURS if isinstance(getattr(layers, n), type) and "alias_of" not in API[n]}
    rows_of = {getattr(layers, c.name) for c in CASES}
    assert {n for n in classes if getattr(layers, n) not in rows_of} <= abstract


def arguments_given(name: str) -> set[str]:
    """The arguments of the constructor that the rows of a layer give, those of layers in other layers too."""
    names = list(inspect.signature(getattr(layers, name).__init__).parameters)[1:]

    def given(value) -> set[str]:
        if isinstance(value, list):
            return {argument for item in value for argument in given(item)}
        if not isinstance(value, Case):
            return set()
        own = {*names[: len(value.args)], *value.kwargs} if value.name == name else set()
        return own.union(*map(given, [*value.args, *value.kwargs.values()]))

    return given(CASES)


LATER = {"lora_rank", "lora_alpha", "quantization_config", "gptq_unpacked_column_size"}  # refused in words
GIVEN_ELSEWHERE = {
    "BatchNormalization": {"synchronized"},  # Keras has it on TensorFlow only; tests/layers/test_normalization.py
    "Bidirectional": {"weights"},  # tests/layers/test_declared.py
    "CategoryEncoding": {"sparse"},  # tests/layers/test_numbers.py
    "Discretization": {"num_bins", "epsilon", "sparse"},  # the same
    "Embedding": {"weights"},  # tests/layers/test_declared.py
    "SimpleRNN": {"activity_regularizer"},  # which Keras forgets; the same
}


@pytest.mark.parametrize("name", sorted({c.name for c in CASES}))
def test_every_argument_is_given_by_a_row(name):
    own = own_arguments(getattr(layers, name), "name", "dtype", *LATER)
    assert own - arguments_given(name) == GIVEN_ELSEWHERE.get(name, set())


# ---- against the oracle ------------------------------------------------------------------------------


@rows()
def test_weights_have_the_names_shapes_and_order_of_keras(case):
    theirs, ours, _ = pair(case)

    def facts(layer):
        return [(w.name, tuple(w.shape), bool(w.trainable)) for w in layer.weights]

    assert facts(ours) == facts(theirs)
    assert [w.name for w in ours.trainable_weights] == [w.name for w in theirs.trainable_weights]
    carried = keras.tree.flatten(getattr(ours, "states", None) or ())  # Keras does not list them
    assert len(ours.variables) == len(theirs.variables) + len(carried)
    assert ours.supports_masking == theirs.supports_masking


LARGE = [
    ("Dense", (64,), {}, [(None, 128)]),
    *[
        ("EinsumDense", (equation, shape), {"bias_axes": None, "kernel_initializer": initializer}, [inputs])
        for initializer in ("glorot_uniform", "he_normal")
        for equation, shape, inputs in (
            ("abc,cde->abde", (None, 4, 32), (None, 10, 128)),
            ("abcd,cde->abe", (None, 128), (None, 10, 4, 32)),
            ("abc,bcd->abd", (4, 32), (None, 4, 128)),
            ("...x,xy->...y", 64, (None, 10, 128)),
            ("ab,bc->abc", (128, 64), (None, 128)),
        )
    ],
    ("MultiHeadAttention", (4, 32), {"value_dim": 16}, [(None, 10, 128)] * 2),
    ("GroupQueryAttention", (32, 8, 2), {}, [(None, 10, 128)] * 2),
    ("Conv2D", (32, 3), {"groups": 4}, [(None, 8, 8, 64)]),
    ("Conv2DTranspose", (32, 3), {}, [(None, 8, 8, 64)]),
    ("SeparableConv2D", (32, 3), {}, [(None, 8, 8, 64)]),
    ("ConvLSTM2D", (16, 3), {}, [(None, 4, 8, 8, 32)]),
    ("Bidirectional", (), {"layer": ("GRU", 32)}, [(None, 8, 64)]),
    ("ReversibleEmbedding", (100, 64), {"tie_weights": False}, [(None, 8)]),
]


@pytest.mark.parametrize("name, args, kwargs, shapes", LARGE, ids=lambda v: v if isinstance(v, str) else "")
def test_weights_start_as_large_as_those_of_keras(name, args, kwargs, shapes):
    """The root of the mean square, for which `size` draws give a relative deviation of at most `(2 * size) ** -0.5`."""
    found = []
    for library in (keras, lamella):
        library.utils.set_random_seed(SEED)
        inner = {k: getattr(library.layers, v[0])(v[1]) for k, v in kwargs.items() if k == "layer"}
        layer = getattr(library.layers, name)(*args, **{**kwargs, **inner})
        layer.build(*shapes)
        found.append([np.asarray(w.numpy(), "float64") for w in layer.weights])
    for theirs, ours in zip(*found):
        a, b = (np.sqrt(np.mean(np.square(v))) for v in (theirs, ours))
        assert abs(a - b) <= 5 * theirs.size**-0.5 * a, (name, theirs.shape)


@rows()
def test_outputs_equal_those_of_keras(case):
    theirs, ours, xs = pair(case)
    for mode in training_modes(theirs):
        expected, actual = call(theirs, case, xs, **mode), call(ours, case, xs, **mode)
        for a, e in zip(keras.tree.flatten(actual), keras.tree.flatten(expected)):
            assert (a.shape, str(a.dtype)) == (e.shape, str(e.dtype))
        if case.random and mode.get("training"):
            continue
        assert_same(actual, expected, case, f"outputs, {mode}")
        assert_same(ours.losses, theirs.losses, case, f"losses, {mode}")
        assert_same(ours.get_weights(), theirs.get_weights(), case, f"weights after the call, {mode}")


def gradients(layer, case: Case, xs: list, mode: dict):
    """Of a random projection of the outputs, by the weights and the floating inputs."""
    floating = [i for i, x in enumerate(xs) if x.dtype.kind == "f"]
    fixed = [jax.numpy.asarray(v) for v in layer.non_trainable_variables]

    def scalar(weights, floats):
        args = list(xs)
        for i, value in zip(floating, floats):
            args[i] = value
        if case.states:
            args = [args[0], args[1:]]
        elif not case.separate:
            args = [args if isinstance(case.x, list) else args[0]]
        outputs, _ = layer.stateless_call(weights, fixed, *args, **case.call, **mode)
        draw = np.random.default_rng(SEED + 3)
        total = 0.0
        for leaf in keras.tree.flatten(outputs):
            total += (leaf.astype("float32") * draw.normal(size=leaf.shape).astype("float32")).sum()
        return total

    weights = [jax.numpy.asarray(v) for v in layer.trainable_variables]
    return jax.jit(jax.grad(scalar, argnums=(0, 1)))(weights, [xs[i] for i in floating])


@rows(gradients=True)
def test_gradients_equal_those_of_keras(case):
    theirs, ours, xs = pair(case)
    if case.integers and not ours.trainable_variables:
        return
    for mode in training_modes(theirs):
        if case.random and mode.get("training"):
            continue
        expected, actual = gradients(theirs, case, xs, mode), gradients(ours, case, xs, mode)
        assert_same(actual, expected, case, f"gradients, {mode}")


@rows(masked=True)
def test_masks_are_used_and_passed_on_as_in_keras(case):
    theirs, ours, xs = pair(case)
    masks = masks_of(case)
    for mode in training_modes(theirs):
        tensors = [keras.ops.convert_to_tensor(x) for x in xs]  # anew: Keras's attention takes the masks off
        arrays = [jax.numpy.asarray(x) for x in xs]
        for i, mask in enumerate(masks):
            tensors[i]._keras_mask = keras.ops.convert_to_tensor(mask)
            set_mask(arrays[i], jax.numpy.asarray(mask))
        expected, actual = call(theirs, case, tensors, **mode), call(ours, case, arrays, **mode)
        if not (case.random and mode.get("training")):
            assert_same(actual, expected, case, f"outputs with a mask, {mode}")
        for a, e in zip(keras.tree.flatten(actual), keras.tree.flatten(expected)):
            wanted, found = getattr(e, "_keras_mask", None), mask_of(a)
            assert (found is None) == (wanted is None)
            if wanted is not None:
                np.testing.assert_array_equal(np.asarray(found), np.asarray(wanted))


@rows(half=True)
def test_mixed_precision_computes_in_half_and_stores_in_full(case):
    if "dtype" in case.kwargs or case.name == "Pipeline":
        return
    theirs, ours, xs = pair(case, dtype="mixed_bfloat16")
    for weight in ours.weights:
        assert weight.dtype == "float32", weight.path
    mode = {"training": False} if takes_training(theirs) else {}
    expected, actual = call(theirs, case, xs, **mode), call(ours, case, xs, **mode)
    cast = [x.dtype.kind == "f" and theirs.autocast for x in xs]
    symbols = [KerasTensor(x.shape, dtype="bfloat16" if half else str(x.dtype)) for x, half in zip(xs, cast)]
    drawn = call(ours.compute_output_spec, case, symbols, **mode)
    for a, e, symbol in zip(*map(keras.tree.flatten, (actual, expected, drawn)), strict=True):
        assert str(a.dtype) == str(e.dtype) == symbol.dtype
    assert_same(actual, expected, case, "outputs in mixed precision", "bfloat16")


# ---- inside models -----------------------------------------------------------------------------------


def functional(library, layer, case: Case, xs: list):
    inputs = [library.Input(batch_shape=x.shape, dtype=str(x.dtype)) for x in xs]
    outputs = keras.tree.flatten(call(layer, case, inputs))
    return library.Model(*(tensors if len(tensors) > 1 else tensors[0] for tensors in (inputs, outputs)))


@rows()
def test_models_of_every_kind_compute_what_the_layer_computes(case):
    layer, xs = make(lamella, case), inputs_of(case)
    if is_stateful(case):
        pytest.skip("each call continues from the one before")

    class Subclass(lamella.Model):
        def __init__(self):
            super().__init__()
            self.inside = layer

        def call(self, inputs):
            return call(self.inside, case, inputs if len(xs) > 1 else [inputs])

    kinds = [functional(lamella, layer, case, xs), Subclass()]
    if len(xs) == 1 and not case.call and len(flat(kinds[0](xs[0]))) == 1:
        kinds.append(lamella.Sequential([lamella.Input(batch_shape=xs[0].shape, dtype=str(xs[0].dtype)), layer]))
    expected = call(layer, case, xs)
    for model in kinds:
        inputs = xs if len(xs) > 1 else xs[0]
        assert_same(model(inputs), expected, case, f"the call of {type(model).__name__}")
        outputs = model.predict(inputs, batch_size=case.batch, verbose=0)
        assert_same(outputs, expected, case, f"predict of {type(model).__name__}")


def trained(library, layer, case: Case, xs: list):
    """The losses of two epochs of one batch each, and the weights they leave."""
    model = functional(library, layer, case, xs)
    draw = np.random.default_rng(SEED + 4)
    shapes = [y.shape for y in flat(call(layer, case, xs))]  # of outputs that Keras knows in part, all
    targets = [draw.normal(size=shape).astype("float32") for shape in shapes]

    def loss(y, p):
        return library.ops.mean(y * library.ops.cast(p, "float32"), axis=-1)

    losses = [loss] * len(targets)
    if case.call.get("return_attention_scores"):  # a causal mask is on the scores too, and fits no loss of theirs
        losses[1:] = [None]
    model.compile(library.optimizers.SGD(0.01), losses)
    inputs = xs if len(xs) > 1 else xs[0]
    history = model.fit(inputs, targets, batch_size=case.batch, epochs=2, shuffle=False, verbose=0)
    return history.history["loss"], layer.get_weights()


@rows(gradients=True)
def test_training_in_compiled_epochs_is_that_of_keras(case):
    theirs, ours, xs = pair(case)
    if not ours.trainable_variables:
        pytest.skip("nothing to train")
    actual = trained(lamella, ours, case, xs)
    assert all(np.isfinite(value).all() for value in flat(actual))
    if not (case.random or is_stateful(case)):  # compiled, Keras on JAX does not carry the states
        assert_same(actual, trained(keras, theirs, case, xs), case, "losses, and weights after two steps")


# ---- of our own --------------------------------------------------------------------------------------


@rows()
def test_symbolic_shapes_and_dtypes_are_the_real_ones(case):
    layer = make(lamella, case)
    xs = inputs_of(case)
    outputs = call(layer, case, xs)
    for unknown in [(), case.unknown] if is_stateful(case) else [(0,), (0, *case.unknown)]:
        symbols = [
            KerasTensor([None if i in unknown else n for i, n in enumerate(x.shape)], dtype=str(x.dtype)) for x in xs
        ]
        drawn = call(layer, case, symbols)
        for symbol, real in zip(keras.tree.flatten(drawn), keras.tree.flatten(outputs)):
            assert symbol.dtype == str(real.dtype)
            assert len(symbol.shape) == len(real.shape)
            assert (symbol.shape[0] is None) == (0 in unknown)
            assert all(n in (None, size) for n, size in zip(symbol.shape, real.shape))
            if unknown in ((), (0,)):
                assert None not in symbol.shape[1:]


@rows(states=False)
def test_compute_output_shape_equals_that_of_keras(case):
    theirs, ours, xs = pair(case)
    shapes = [(None, *x.shape[1:]) for x in xs]
    arguments = shapes if case.separate else [shapes if isinstance(case.x, list) else shapes[0]]
    extra = {k: v for k, v in case.call.items() if k == "reverse"}
    try:
        wanted = plain(theirs.compute_output_shape(*arguments, **extra))
    except NotImplementedError:  # a layer of Keras that leaves it to the real call
        wanted = [None, *call(theirs, case, xs).shape[1:]]
    assert plain(ours.compute_output_shape(*arguments, **extra)) == wanted
    fresh = make(lamella, case)
    built = fresh.built  # some have nothing to build
    assert plain(fresh.compute_output_shape(*arguments, **extra)) == wanted
    assert fresh.built == built


def plain(value):
    """A configuration as JSON has it, without what names a module."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k not in ("module", "registered_name", "name", "build_config")}
    return [plain(v) for v in value] if isinstance(value, (list, tuple)) else value


@rows()
def test_configurations_are_those_of_keras_and_make_the_layer_again(case):
    theirs, ours = make(keras, case), make(lamella, case)
    config = ours.get_config()
    assert plain(config) == plain(theirs.get_config())
    text = json.dumps(layers.serialize(ours))
    again = layers.deserialize(json.loads(text))
    assert type(again) is type(ours)
    assert plain(again.get_config()) == plain(config)
    assert again.name == ours.name
    direct = type(ours).from_config(config)
    assert plain(direct.get_config()) == plain(config)


@rows()
def test_weights_are_saved_and_restored(case):
    _, ours, xs = pair(case)
    other = make(lamella, case)
    build(other, case)
    for source, target in zip(ours._flatten_layers(), other._flatten_layers()):
        store: dict = {}
        source.save_own_variables(store)
        target.load_own_variables(store)
    mode = {"training": False} if takes_training(ours) else {}
    np.testing.assert_array_equal(
        *(flat(call(layer, case, xs, **mode))[0] for layer in (ours, other)), err_msg=case.name
    )
