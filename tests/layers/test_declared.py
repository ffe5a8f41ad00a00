"""Attributes that a layer has once it is built, and its class by name."""

import numpy as np
import pytest
from beside_keras import beside_keras

import lamella
from lamella import layers
from lamella.errors import ArgumentError

MAKE = [
    (lambda: layers.Dense(2), (None, 3), "kernel"),
    (lambda: layers.EinsumDense("ab,bc->ac", 3), (None, 2), "kernel"),
    (lambda: layers.Conv2D(2, 3), (None, 5, 5, 1), "kernel"),
    (lambda: layers.Embedding(3, 2), (None, 4), "embeddings"),
]


@pytest.mark.parametrize("make, shape, name", MAKE)
def test_weights_exist_once_the_layer_is_built(make, shape, name):
    with lamella.backend.use("numpy"):
        layer = make()
        assert hasattr(type(layer), name)
        if not layer.built:
            assert not hasattr(layer, name)
            with pytest.raises(AttributeError, match="build the layer before"):
                getattr(layer, name)
        layer.build(shape)
        assert getattr(layer, name) is layer.weights[0]


def test_sizes_of_attention():
    layer = layers.MultiHeadAttention(2, 4, dropout=0.1, use_bias=False)
    assert (layer.num_heads, layer.key_dim, layer.value_dim, layer.dropout, layer.use_bias) == (2, 4, 4, 0.1, False)
    assert {"num_heads", "key_dim", "value_dim", "dropout", "use_bias"} <= set(dir(layers.MultiHeadAttention))


@pytest.mark.parametrize("default", [True, None, False])
@pytest.mark.parametrize("given", ["nothing", None, True, False])
@beside_keras
def test_training_as_a_call_sees_it(keras, given, default):
    seen = []

    class Listener(keras.layers.Layer):
        def call(self, x, training=default):
            seen.append(training)
            return x

    class Outer(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Listener()

        def call(self, x, training=None):
            return self.inner(self.inner(x), training=training)

    kwargs = {} if given == "nothing" else {"training": given}
    for layer in (Listener(), Outer()):
        layer(np.ones((1, 2), "float32"), **kwargs)
    return seen[0], seen[-2:]  # Keras calls layers once more, to know their shapes


REFUSED = {
    "a vocabulary of its own": lambda L: L.IntegerLookup(vocabulary=[1], salt=3),
    "strides and dilation": lambda L: L.ConvLSTM2D(2, 2, strides=2, dilation_rate=2),
    "axes of attention": lambda L: L.MultiHeadAttention(2, 3, attention_axes="x"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_options_that_cannot_be(name):
    pytest.importorskip("pyarrow")
    with pytest.raises(ArgumentError, match=r"salt|strides|attention_axes"):
        REFUSED[name](layers)


@beside_keras
def test_means_that_broadcast(keras):
    given = keras.layers.Normalization(mean=[1.0, 2.0], variance=[1.0, 4.0])
    given.build((2, 3, 2))
    learned = keras.layers.Normalization(axis=None)
    assert learned.mean is None
    learned.adapt(np.array([1.0, 2.0, 4.0], "float32"))
    return given.mean, given.variance, learned.mean, learned.variance, learned(np.ones((2, 2), "float32"))


@pytest.mark.parametrize("scale", [2, [1.0, 2.0], np.array([1.0, 2.0])], ids=str)
@beside_keras
def test_scales_in_configurations(keras, scale):
    config = keras.layers.Rescaling(scale).get_config()
    return config["scale"], keras.layers.Rescaling.from_config(config)(np.ones((1, 2), "float32"))


@beside_keras
def test_scales_of_channels_that_stand_first(keras):
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        images = np.ones((2, 3, 4, 5), "float32")
        return [keras.layers.Rescaling(scale, offset=1.0)(images) for scale in (2.0, [1.0, 2.0, 3.0])]
    finally:
        keras.config.set_image_data_format(before)


def test_offsets_of_channels_that_stand_first():
    lamella.config.set_image_data_format("channels_first")
    try:
        out = lamella.layers.Rescaling(2.0, offset=[0.0, 1.0])(np.zeros((2, 3, 4)))
    finally:
        lamella.config.set_image_data_format("channels_last")
    np.testing.assert_array_equal(out, np.broadcast_to([[[0.0]], [[1.0]]], (2, 3, 4)))


@beside_keras
def test_a_pipeline_hands_masks_and_training_on(keras):
    seen = []

    class Looks(keras.layers.Layer):
        def call(self, x, training=False, mask=None):
            seen.append((training, None if mask is None else np.asarray(mask)))
            return x

        def compute_mask(self, x, mask=None):
            return mask

        def compute_output_shape(self, input_shape):
            return input_shape

    keras.layers.Pipeline([Looks(), Looks()])(np.zeros((2, 1)), training=True, mask=np.array([True, False]))
    return seen


@pytest.mark.parametrize("config", [{"name": "p"}, {"name": "p", "layers": None}], ids=str)
@beside_keras
def test_a_pipeline_of_no_list(keras, config):
    return keras.layers.Pipeline.from_config(config)


@pytest.mark.parametrize("axis", [-1, (0, 1)])
@beside_keras
def test_scaling_by_the_deviation_alone(keras, axis):
    layer = keras.layers.LayerNormalization(axis=axis, rms_scaling=True)
    out = layer(np.array([[1.0, 2.0, 4.0], [0.0, 0.0, 1.0]], "float32"))
    return out, [w.shape for w in layer.weights], layer.get_config()["rms_scaling"]


def test_a_given_vocabulary_is_not_adapted():
    pytest.importorskip("pyarrow")
    for layer in (layers.StringLookup(vocabulary=["a"]), layers.TextVectorization(vocabulary=["a"])):
        with pytest.raises(ArgumentError, match="static vocabulary"):
            layer.adapt(["b"])


ONES = np.ones((2, 3, 4), "float32")


def unbuilt_moments(keras):
    layer = keras.layers.BatchNormalization()
    return layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance


def sorted_axes(keras):
    made = [keras.layers.LayerNormalization(axis=[2, 1]), keras.layers.RMSNormalization(axis=-1)]
    for layer in made:
        layer.build((2, 3, 4))
    return [list(layer.axis) for layer in made], [list(layer.get_config()["axis"]) for layer in made]


def numbers_of_numpy(keras):
    widths = [keras.layers.Conv1D(np.int64(3), 2)(ONES), keras.layers.RMSNormalization(np.int64(-1))(ONES)]
    return widths, float(keras.layers.Dropout(np.float32(0.5)).get_config()["rate"])


def path_without_weights(keras):
    layer = keras.layers.MaxPooling1D(name="pool")
    layer.build((2, 4, 3))
    return layer.path, layer.get_build_config(), layer.built


def spec_of_half(keras):
    layer = keras.layers.MaxPooling1D(dtype="float16")
    return layer.compute_output_spec(keras.KerasTensor((None, 4, 3)))


def moments_of_integers(keras):
    made = [keras.layers.LayerNormalization(), keras.layers.GroupNormalization(2, dtype="mixed_bfloat16")]
    return [str(layer(np.ones((2, 4), "int32")).dtype) for layer in made]


def shapes_of_a_cell_that_is_not_registered(keras):
    class Counter(keras.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = self.state_size = self.output_size = units

        def call(self, inputs, states):
            return inputs + states[0], [states[0] + 1.0]

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    layer = keras.layers.RNN(Counter(4), return_sequences=True)
    return layer.compute_output_shape((2, 3, 4)), layer.compute_output_spec(keras.KerasTensor((2, 3, 4))).shape


def parts_from_before_the_constructor(keras):
    def of(base):
        class Whole(base):
            def __init__(self):
                self.parts = [keras.layers.Dense(2, kernel_initializer="ones")]
                self.last = keras.layers.Dense(1, kernel_initializer="ones")
                self.scale = keras.Variable(np.full(1, 3.0, "float32"))
                super().__init__()

            def call(self, x):
                return self.last(self.parts[0](x)) * self.scale

        return Whole()

    wholes = [of(keras.layers.Layer), of(keras.Model)]
    return [(whole(ONES), [w.shape for w in whole.trainable_weights]) for whole in wholes]


def shapes_of_masks_that_build_asks_for(keras):
    shapes = []

    class Masked(keras.layers.Layer):
        def build(self, inputs_shape, attention_mask_shape=None):
            shapes.append((inputs_shape, attention_mask_shape))

        def call(self, inputs, attention_mask=None):
            return inputs

    Masked()(np.ones((2, 3), "float32"), attention_mask=np.ones((2, 1), "float32"))
    return shapes


def large_inputs_in_half_precision(keras):
    x = np.random.default_rng(0).uniform(65000, 90000, (2, 4, 8)).astype("float32")
    made = [
        keras.layers.GroupNormalization(2, dtype="mixed_float16"),
        keras.layers.LayerNormalization(dtype="mixed_float16"),
    ]
    return [np.isfinite(np.asarray(layer(x), "float32")).all() for layer in made]


def deviations_that_start_with_the_variance(keras):
    layer = keras.layers.BatchNormalization(renorm=True, moving_variance_initializer=keras.initializers.Constant(4.0))
    layer.build((None, 2))
    return layer.get_weights()


def activation_taken_away(keras):
    layers_of = keras.layers
    made = [layers_of.Dense(2, "relu"), layers_of.EinsumDense("abc,cd->abd", (None, 2), "relu")]
    made += [layers_of.Conv1D(2, 1, activation="relu"), layers_of.DepthwiseConv1D(1, activation="relu")]
    outputs = []
    for layer in made:
        layer.build((2, 3, 4))
        layer.set_weights([np.full(w.shape, -1.0, "float32") for w in layer.weights])
        layer.activation = None
        outputs.append(layer(np.ones((2, 3, 4), "float32")))
    return outputs


def masks_of_each_step(keras):
    class Masked(keras.layers.Layer):
        def call(self, inputs, mask=None):
            return inputs if mask is None else inputs * keras.ops.cast(mask, inputs.dtype)[:, None]

    mask = np.array([[True, False, True]])
    return keras.layers.TimeDistributed(Masked())(ONES[:1], mask=mask)


def masks_of_other_steps(keras):
    keras.layers.TimeDistributed(keras.layers.Dense(2))(ONES, mask=np.ones((len(ONES), 9), "bool"))


def states_that_start_elsewhere(keras):
    class Counter(keras.layers.Layer):
        state_size = 4

        def call(self, inputs, states):
            return inputs + states[0], [states[0] + 1.0]

        def get_initial_state(self, batch_size=None):
            return [2.0 * keras.ops.ones((batch_size, 4))]

    layer = keras.layers.RNN(Counter(), stateful=True)
    outputs = [layer(ONES), layer(ONES)]
    layer.reset_state()
    return [*outputs, layer(ONES)]


def half_around_a_full_cell(keras):
    cell = keras.layers.GRUCell(2, kernel_initializer="ones", recurrent_initializer="ones")
    return keras.layers.RNN(cell, dtype="float16")(ONES), keras.layers.RNN(cell, dtype="float16")(keras.Input((3, 4)))


def one_draw_for_all(keras):
    return keras.layers.AlphaDropout(0.5, noise_shape=(), seed=1)(ONES, training=True)


def everything_dropped(keras):
    cell = {"kernel_initializer": "ones", "recurrent_initializer": "ones", "bias_initializer": "ones"}
    # Keras's LSTM, and the states of its GRU, keep everything at this rate.
    made = [keras.layers.SimpleRNN(2, recurrent_dropout=1, **cell), keras.layers.GRU(2, dropout=1.0, **cell)]
    return [layer(ONES, training=True) for layer in made]


def attention_of_one(keras):
    layer = keras.layers.Attention()
    layer.build([(2, 3, 4), (2, 3, 4)])
    return layer([ONES])


def spec_of_an_unbuilt_equation(keras):
    return keras.layers.EinsumDense("ab,bc->ac", 3).compute_output_spec(keras.KerasTensor((None, 4)))


def built_again_with_weights(keras):
    layer = keras.layers.Embedding(5, 3, weights=[np.ones((5, 3), "float32")])
    layer.build((2, 4))
    return layer.get_weights(), layer.get_build_config()


EDGES = [
    spec_of_an_unbuilt_equation,
    built_again_with_weights,
    unbuilt_moments,
    sorted_axes,
    numbers_of_numpy,
    path_without_weights,
    spec_of_half,
    moments_of_integers,
    shapes_of_a_cell_that_is_not_registered,
    parts_from_before_the_constructor,
    shapes_of_masks_that_build_asks_for,
    large_inputs_in_half_precision,
    deviations_that_start_with_the_variance,
    activation_taken_away,
    *(
        lambda keras, given=given: keras.layers.InputLayer(input_tensor=keras.KerasTensor((2, 3)), **given).batch_shape
        for given in (
            {"shape": (2, 4)},
            {"batch_shape": (2, 4)},
            {"dtype": "float16"},
            {"sparse": True},
            {"shape": (3,)},
        )
    ),
    lambda keras: keras.metrics.Precision(class_id=2)(np.array([0, 1, 1]), np.array([0.2, 0.1, 0.6])),
    masks_of_each_step,
    masks_of_other_steps,
    states_that_start_elsewhere,
    half_around_a_full_cell,
    one_draw_for_all,
    everything_dropped,
    attention_of_one,
    lambda keras: keras.layers.Reshape((-2,)),
    lambda keras: keras.layers.MultiHeadAttention(2, 3, value_dim=0),
    lambda keras: keras.layers.MultiHeadAttention(2, 3, output_shape=2.5),
    lambda keras: keras.layers.BatchNormalization(momentum="half"),
]


@pytest.mark.parametrize("make", [layers.LSTM, layers.GRU, layers.SimpleRNN], ids=lambda make: make.__name__)
def test_carried_states_go_on_from_batch_to_batch_of_programs(make):
    rows = np.random.default_rng(0).normal(size=(6, 3, 4)).astype("float32")
    carrying = make(2, stateful=True)
    model = lamella.Sequential([lamella.Input(batch_shape=(2, 3, 4)), carrying])
    whole = make(2)
    whole.build((2, 9, 4))
    whole.set_weights(carrying.get_weights())
    expected = whole(np.concatenate(np.split(rows, 3), axis=1))  # three batches of three steps as one of nine

    outputs = model.predict(rows, batch_size=2, verbose=0)
    np.testing.assert_allclose(outputs[4:], expected, atol=1e-6)
    np.testing.assert_allclose(carrying.states[0], expected, atol=1e-6)
    carrying.reset_state()
    model.compile(lamella.optimizers.SGD(0.0), "mse")
    model.fit(rows, np.zeros((6, 2)), batch_size=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(carrying.states[0], expected, atol=1e-6)


def test_weights_of_both_directions():
    """Keras takes the argument and forgets it."""
    start = [np.full(shape, i, "float32") for i, shape in enumerate([(4, 2), (2, 2), (2,)] * 2)]
    layer = layers.Bidirectional(layers.SimpleRNN(2), weights=start)
    layer.build((1, 3, 4))
    for given, held in zip(start, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(held, given)


def test_the_outputs_of_a_simple_rnn_are_penalized():
    """Keras takes the argument and forgets it."""
    layer = layers.SimpleRNN(2, activity_regularizer="l2")
    outputs = np.asarray(layer(ONES))
    np.testing.assert_allclose(layer.losses, [0.01 * np.square(outputs).sum() / len(outputs)], rtol=1e-6)


@pytest.mark.parametrize("edge", EDGES, ids=lambda edge: edge.__name__)
@beside_keras
def test_edges_are_those_of_keras(keras, edge):
    return edge(keras)
