"""Models that are made the same way by Keras and by lamella, to be exchanged in files.

Run as a program, `python exchanged_models.py FOLDER`, it is Keras: it makes, saves and trains every model, and does the
same with what lamella left in the folder.
"""

import json
import sys
import traceback
from pathlib import Path

import numpy as np

ROWS: dict = {}


def row(x, classes=0, optimizer="sgd", loss=None, random=False, trained=True, **compiled):
    """A row of the table: a function of the library, the shapes of its inputs (an int: integers below 7), how it is compiled.

    What a `random` one learns is not compared, only what it predicts; one that is not `trained` has nothing to learn.
    """

    def add(make):
        name = make.__name__
        ROWS[name] = {
            "make": make,
            "x": x,
            "optimizer": optimizer,
            "loss": loss or (lambda K: K.losses.MeanSquaredError()),  # Keras cannot read "mse" from its own .h5 files
            "random": random or not trained,
            "trained": trained,
            "compiled": compiled,
        }
        return make

    return add


def stack(name, x, layers, optimizer="sgd", dtype="float32", **options):
    """A row that is a Sequential of what `layers(L)` lists."""

    def make(K):
        return K.Sequential([K.Input(x, dtype=dtype), *layers(K.layers)], name=name)

    make.__name__ = name
    row({"": (x, dtype)}, optimizer=optimizer, **options)(make)


def opt(name, *args, **kwargs):
    """An optimizer of the library, made later."""
    return lambda K: getattr(K.optimizers, name)(*args, **kwargs)


def schedule(name, *args, **kwargs):
    """SGD with a schedule."""
    return lambda K: K.optimizers.SGD(getattr(K.optimizers.schedules, name)(*args, **kwargs), momentum=0.5)


stack("dense", (4,), lambda L: [L.Dense(3, "relu"), L.Dense(2)], opt("Adam", 0.01), metrics=["mae"])
stack(
    "dense_constrained",
    (4,),
    lambda L: [
        L.Dense(3, kernel_regularizer="l2", bias_regularizer="l1", kernel_constraint="max_norm", activation="gelu"),
        L.Dense(2, use_bias=False, activity_regularizer="l2", kernel_initializer="he_normal"),
    ],
    opt("SGD", 0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
)
stack(
    "batch_normalization",
    (4,),
    lambda L: [L.Dense(3, use_bias=False), L.BatchNormalization(), L.Dense(2)],  # a bias would have a gradient of noise
    opt("AdamW", 0.01),
)
stack("layer_normalization", (4,), lambda L: [L.LayerNormalization(), L.Dense(2)], opt("Adam", amsgrad=True))
stack("other_normalizations", (4,), lambda L: [L.RMSNormalization(), L.UnitNormalization(), L.Dense(2)], opt("Nadam"))
stack("group_normalization", (3, 4), lambda L: [L.GroupNormalization(2), L.Flatten(), L.Dense(2)], opt("Adamax"))
stack("spectral_normalization", (4,), lambda L: [L.SpectralNormalization(L.Dense(3)), L.Dense(2)], opt("Adagrad"))
stack(
    "einsum_dense",
    (3, 4),
    lambda L: [L.EinsumDense("abc,cd->abd", (None, 5), bias_axes="d")],
    opt("RMSprop", centered=True),
)
stack(
    "embedding", (5,), lambda L: [L.Embedding(7, 3), L.GlobalAveragePooling1D(), L.Dense(2)], opt("Adadelta"), "int32"
)
stack("embedding_masked", (5,), lambda L: [L.Embedding(7, 3, mask_zero=True), L.LSTM(2)], opt("Ftrl"), "int32")
stack(
    "activations",
    (4, 4),
    lambda L: [L.PReLU(), L.ELU(), L.LeakyReLU(), L.ReLU(6.0), L.Softmax(), L.Activation("tanh"), L.Dense(2)],
    opt("Lion"),
)
stack(
    "dropouts",
    (4,),
    lambda L: [L.Dropout(0.5), L.GaussianNoise(0.1), L.GaussianDropout(0.2), L.AlphaDropout(0.3), L.Dense(2)],
    "adam",
    random=True,
)
stack("spatial_dropout", (3, 4), lambda L: [L.SpatialDropout1D(0.5, seed=1), L.Dense(2)], "adam", random=True)
stack(
    "reshaping",
    (6,),
    lambda L: [L.Reshape((2, 3)), L.Permute((2, 1)), L.Flatten(), L.RepeatVector(2), L.Identity(), L.Dense(2)],
)
stack(
    "padding",
    (4, 4, 2),
    lambda L: [L.ZeroPadding2D(1), L.Cropping2D(((1, 0), (0, 1))), L.UpSampling2D(2), L.Flatten(), L.Dense(2)],
)
stack(
    "padding_1d",
    (4, 2),
    lambda L: [L.ZeroPadding1D(1), L.Cropping1D(1), L.UpSampling1D(2), L.Rescaling(0.5, 1.0), L.Dense(2)],
)
stack(
    "convolution_1d",
    (6, 2),
    lambda L: [L.Conv1D(3, 2, padding="causal"), L.MaxPooling1D(), L.Conv1D(2, 3), L.GlobalMaxPooling1D()],
    opt("Adam"),
)
stack(
    "convolution_2d",
    (6, 6, 1),
    lambda L: [L.Conv2D(2, 3, activation="relu"), L.AveragePooling2D(2), L.Flatten(), L.Dense(2)],
    opt("Lamb"),
)
stack("convolution_3d", (3, 3, 3, 1), lambda L: [L.Conv3D(2, 2), L.GlobalAveragePooling3D()])
stack("convolution_transposed", (3, 3, 2), lambda L: [L.Conv2DTranspose(2, 2, strides=2), L.GlobalMaxPooling2D()])
stack("convolution_transposed_1d", (3, 2), lambda L: [L.Conv1DTranspose(2, 2), L.AveragePooling1D(2)])
stack(
    "convolution_separable",
    (4, 4, 2),
    lambda L: [L.SeparableConv2D(3, 2), L.DepthwiseConv2D(2), L.GlobalAveragePooling2D()],
    opt("Adam"),
)
stack(
    "convolution_separable_1d",
    (4, 2),
    lambda L: [L.SeparableConv1D(3, 2), L.DepthwiseConv1D(2), L.GlobalAveragePooling1D()],
)
stack("lstm", (3, 2), lambda L: [L.LSTM(3, return_sequences=True), L.LSTM(2)], opt("Adam"))
stack("gru", (3, 2), lambda L: [L.GRU(3, reset_after=False, return_sequences=True), L.GRU(2)])
stack("simple_rnn", (3, 2), lambda L: [L.Masking(), L.SimpleRNN(3, go_backwards=True), L.Dense(2)])
stack(
    "rnn_of_cells",
    (3, 2),
    lambda L: [L.RNN(L.GRUCell(2), return_sequences=True), L.RNN([L.LSTMCell(2), L.SimpleRNNCell(3)])],
)
stack("stacked_cells", (3, 2), lambda L: [L.RNN(L.StackedRNNCells([L.LSTMCell(2), L.GRUCell(3)]))])
stack(
    "bidirectional",
    (3, 2),
    lambda L: [L.Bidirectional(L.LSTM(2, return_sequences=True)), L.Bidirectional(L.GRU(2), merge_mode="sum")],
    opt("Adam"),
)
stack("time_distributed", (3, 4), lambda L: [L.TimeDistributed(L.Dense(2)), L.Flatten(), L.Dense(1)], opt("Adam"))
stack("conv_lstm", (2, 4, 4, 1), lambda L: [L.ConvLSTM2D(2, 2), L.GlobalAveragePooling2D()])
stack("pipeline", (4,), lambda L: [L.Pipeline([L.Dense(3), L.ReLU()]), L.Dense(2)], opt("Adam"))
stack("mixed_precision", (4,), lambda L: [L.Dense(3, dtype="mixed_bfloat16"), L.Dense(2, dtype="float32")], opt("Adam"))
stack("bfloat16", (4,), lambda L: [L.Dense(3, dtype="bfloat16"), L.Dense(2, dtype="float32")])
stack("schedule", (4,), lambda L: [L.Dense(2)], schedule("ExponentialDecay", 0.1, 2, 0.5))
stack("cosine", (4,), lambda L: [L.Dense(2)], schedule("CosineDecay", 0.1, 5, warmup_target=0.2, warmup_steps=2))
stack("averaged", (4,), lambda L: [L.Dense(3), L.Dense(2)], opt("Adam", 0.1, use_ema=True, ema_overwrite_frequency=1))
stack("accumulated", (4,), lambda L: [L.Dense(2)], opt("Adam", 0.1, gradient_accumulation_steps=2, clipnorm=1.0))
stack("adafactor", (4,), lambda L: [L.Dense(3), L.Dense(2)], opt("Adafactor"))
stack("muon", (4,), lambda L: [L.Dense(3), L.Dense(2)], opt("Muon", 0.01))
stack(
    "frozen",
    (4,),
    lambda L: [L.Dense(3, trainable=False), L.BatchNormalization(trainable=False), L.Dense(2)],
    opt("Adam"),
)
stack(
    "layers_3d",
    (4, 4, 4, 2),
    lambda L: [
        L.ZeroPadding3D(1), L.Cropping3D(1), L.Conv3DTranspose(2, 2), L.MaxPooling3D(2), L.UpSampling3D(2), L.AveragePooling3D(2),
        L.GlobalMaxPooling3D(), L.Dense(2),
    ],
    opt("Adam"),
)  # fmt: skip
stack(
    "pooling",
    (8, 8, 2),
    lambda L: [L.MaxPooling2D(2), L.AdaptiveAveragePooling2D(3), L.AdaptiveMaxPooling2D(2), L.Flatten(), L.Dense(2)],
)
stack(
    "pooling_1d", (8, 2), lambda L: [L.AdaptiveAveragePooling1D(4), L.AdaptiveMaxPooling1D(2), L.Flatten(), L.Dense(2)]
)
stack(
    "pooling_3d",
    (4, 4, 4, 1),
    lambda L: [L.AdaptiveAveragePooling3D(3), L.AdaptiveMaxPooling3D(2), L.Flatten()],
    trained=False,
)
stack("conv_lstm_1d", (2, 4, 1), lambda L: [L.ConvLSTM1D(2, 2), L.GlobalAveragePooling1D()])
stack("conv_lstm_3d", (2, 3, 3, 3, 1), lambda L: [L.ConvLSTM3D(1, 2), L.Flatten()], trained=False)
stack("dropout_of_maps", (3, 3, 3, 2), lambda L: [L.SpatialDropout3D(0.5), L.Flatten(), L.Dense(2)], random=True)
stack("dropout_of_planes", (3, 3, 2), lambda L: [L.SpatialDropout2D(0.5), L.Flatten(), L.Dense(2)], random=True)
stack("activity", (4,), lambda L: [L.Dense(3), L.ActivityRegularization(0.1, 0.2), L.Dense(2)], opt("Adam"))
stack(
    "reversible_embedding", (5,), lambda L: [L.ReversibleEmbedding(7, 3), L.Flatten(), L.Dense(2)], opt("Adam"), "int32"
)
stack(
    "spectrograms",
    (64, 1),
    lambda L: [
        L.STFTSpectrogram(mode="log", frame_length=16, frame_step=8, fft_length=16, trainable=True),
        L.Flatten(),
        L.Dense(2),
    ],
)
stack("mel", (64,), lambda L: [L.MelSpectrogram(16, 8, 16, num_mel_bins=4), L.Flatten()], trained=False)
stack(
    "numbers",
    (3,),
    lambda L: [L.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 4.0, 9.0]), L.Discretization([-0.5, 0.0, 0.5]),
               L.CategoryEncoding(4, "multi_hot")],
    trained=False,
)  # fmt: skip
# Keras cannot read the configuration of its own RandomShear, draws no graph behind its Equalization, and its RandomCrop does not
# crop in prediction.
stack(
    "images",
    (8, 8, 3),
    lambda L: [
        L.Rescaling(1 / 255), L.Resizing(6, 6), L.CenterCrop(4, 4), L.Solarization(), L.AutoContrast(),
        L.RandomFlip(seed=1), L.RandomRotation(0.1), L.RandomZoom(0.1), L.RandomTranslation(0.1, 0.1),
        L.RandomBrightness(0.1), L.RandomContrast(0.1), L.RandomHue(0.1), L.RandomSaturation(0.1),
        L.RandomSharpness(0.1), L.RandomPosterization(4), L.RandomGrayscale(), L.RandomInvert(0.1), L.RandomErasing(),
        L.RandomPerspective(), L.RandomElasticTransform(), L.RandomGaussianBlur(), L.RandomColorDegeneration(0.1),
        L.RandomColorJitter(), L.RandAugment(), L.AugMix(), L.MixUp(), L.CutMix(),
    ],
    trained=False,
)  # fmt: skip
for name, arguments in {
    "CosineDecayRestarts": (0.1, 3), "InverseTimeDecay": (0.1, 2, 0.5), "PiecewiseConstantDecay": ([1, 2], [0.1, 0.05, 0.01]),
    "PolynomialDecay": (0.1, 4),
}.items():  # fmt: skip
    stack(f"schedule_{name}", (4,), lambda L: [L.Dense(2)], schedule(name, *arguments))
stack("schedule_free", (4,), lambda L: [L.Dense(2)], opt("ScheduleFreeAdamW"))


@row({"": ((4,), "float32")}, opt("Adam"))
def nested(K):
    L = K.layers
    inner = K.Sequential([L.Dense(3, "relu"), K.Sequential([L.Dense(3), L.BatchNormalization()])])
    return K.Sequential([K.Input((4,)), inner, L.Dense(2)])


@row({"a": ((4,), "float32"), "b": ((4,), "float32")}, optimizer=opt("SGD", 0.1, momentum=0.9))
def merging(K):
    L = K.layers
    a, b = K.Input((4,), name="a"), K.Input((4,), name="b")
    x = L.Concatenate()([L.Add()([a, b]), L.Subtract()([a, b]), L.Multiply()([a, b]), L.Average()([a, b])])
    x = L.Concatenate()([x, L.Maximum()([a, b]), L.Minimum()([a, b]), L.Dot(1)([a, b])])
    return K.Model([a, b], L.Dense(2)(x))


@row({"a": ((4,), "float32"), "b": ((4,), "float32")}, optimizer=opt("Adam"))
def shared_layer(K):
    a, b = K.Input((4,), name="a"), K.Input((4,), name="b")
    shared, head = K.layers.Dense(3, name="tied"), K.layers.Dense(2, name="head")
    return K.Model({"a": a, "b": b}, head(K.layers.Add()([shared(a), shared(shared_twice(K)(b))])))


def shared_twice(K):
    return K.Sequential([K.Input((4,)), K.layers.Dense(4)])


@row({"": ((4,), "float32")}, optimizer=opt("Adam"))
def drawn_ops(K):
    x = inputs = K.Input((4,))
    x = K.layers.Dense(6)(x) * 2 + 1
    x = K.ops.reshape(K.ops.relu(x), (-1, 2, 3))
    x = K.ops.concatenate([x, K.ops.transpose(x, (0, 2, 1))[:, :2, :]], axis=-1)
    x = K.ops.einsum("abc,abd->acd", x, x)
    x = K.ops.sum(K.ops.clip(x, -3, 3), axis=1) - K.ops.mean(x, axis=-1)
    return K.Model(inputs, K.layers.Dense(2)(K.ops.where(x > 0, x, 0.1 * x)))


@row(
    {"": ((4,), "float32")},
    optimizer=opt("Adam"),
    loss={"one": "mse", "two": "mae"},
    metrics={"one": ["mae"], "two": ["mse"]},
    loss_weights={"one": 1.0, "two": 0.5},
)
def two_outputs(K):
    inputs = K.Input((4,))
    x = K.layers.Dense(3, "tanh")(inputs)
    return K.Model(inputs, [K.layers.Dense(2, name="one")(x), K.layers.Dense(1, name="two")(x)])


@row({"": ((4,), "float32")}, optimizer=opt("Adam"))
def residual(K):
    x = inputs = K.Input((4,))
    for _ in range(2):
        x = K.layers.LayerNormalization()(x + K.layers.Dense(4, "silu")(x))
    return K.Model(inputs, x)


@row({"": ((3, 4), "float32")}, optimizer=opt("Adam"))
def attention(K):
    inputs = K.Input((3, 4))
    x = K.layers.Attention(use_scale=True)([inputs, inputs])
    return K.Model(inputs, K.layers.Dense(2)(K.layers.AdditiveAttention()([x, inputs])))


@row({"": ((3, 4), "float32")}, optimizer=opt("Adam"))
def multi_head_attention(K):
    inputs = K.Input((3, 4))
    x = K.layers.MultiHeadAttention(2, 3)(inputs, inputs, use_causal_mask=True)
    return K.Model(inputs, K.layers.Dense(2)(x))


@row({"": ((3, 4), "float32")}, optimizer=opt("Adam"))
def group_query_attention(K):
    inputs = K.Input((3, 4))
    return K.Model(inputs, K.layers.GroupQueryAttention(3, 4, 2)(inputs, inputs))


@row({"": ((4,), "float32")}, optimizer=opt("Adam"))
def model_in_model(K):
    a = K.Input((4,))
    encoder = K.Model(a, K.layers.Dense(3, name="code")(a), name="encoder")
    b = K.Input((3,))
    decoder = K.Model(b, K.layers.Dense(4, name="back")(b), name="decoder")
    c = K.Input((4,))
    return K.Model(c, decoder(encoder(c)), name="autoencoder")


def classes(K):
    """Classes of a user, registered in the library."""

    @K.saving.register_keras_serializable("exchange", "Scale")
    class Scale(K.layers.Layer):
        def __init__(self, power=1.0, **kwargs):
            super().__init__(**kwargs)
            self.power = power

        def build(self, input_shape):
            self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")
            self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")

        def call(self, x):
            return x * self.factor * self.power

        def get_config(self):
            return {**super().get_config(), "power": self.power}

    @K.saving.register_keras_serializable("exchange", "Net")
    class Net(K.Model):
        def __init__(self, units=3, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.blocks = [K.layers.Dense(units, "relu"), K.layers.Dense(units), Scale(2.0)]
            self.table = {"norm": K.layers.LayerNormalization(), "more": [K.layers.Dense(units)]}
            self.again = self.blocks[0]
            self._hidden = K.layers.Dense(units)
            self.zed = K.Sequential([K.layers.Dense(units), K.layers.BatchNormalization()])
            self.head = K.layers.Dense(2)

        def call(self, x, training=None):
            for block in self.blocks:
                x = block(x)
            x = self.table["more"][0](self.table["norm"](x))
            return self.head(self.zed(self._hidden(x), training=training))

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    @K.saving.register_keras_serializable("exchange", "Drawn")
    class Drawn(K.Model):
        def __init__(self, units=3, **kwargs):
            inputs = K.Input((4,))
            super().__init__(inputs, K.layers.Dense(2)(K.layers.Dense(units)(inputs)), **kwargs)
            self.units = units

        def get_config(self):
            return {"units": self.units}

    @K.saving.register_keras_serializable("exchange", "swish_twice")
    def swish_twice(x):
        return 2 * K.ops.sigmoid(x) * x

    @K.saving.register_keras_serializable("exchange", "strange_loss")
    def strange_loss(y_true, y_pred):
        return K.ops.mean(K.ops.abs(y_true - y_pred) ** 1.5, axis=-1)

    return {"Scale": Scale, "Net": Net, "Drawn": Drawn, "swish": swish_twice, "loss": strange_loss}


@row({"": ((4,), "float32")}, optimizer=opt("SGD", 0.1, momentum=0.5))
def subclassed(K):
    return classes(K)["Net"](4)


@row({"": ((4,), "float32")}, optimizer=opt("Adam"))
def drawn_in_a_class(K):
    return classes(K)["Drawn"](3)


@row({"": ((4,), "float32")}, optimizer=opt("Adam"), loss=lambda K: classes(K)["loss"])
def own_layer_function_and_loss(K):
    mine = classes(K)
    return K.Sequential([K.Input((4,)), mine["Scale"](0.5), K.layers.Dense(3, mine["swish"]), K.layers.Dense(2)])


@row({"": ((4,), "float32")}, optimizer=lambda K: K.optimizers.LossScaleOptimizer(K.optimizers.Adam(0.01)))
def loss_scaled(K):
    return K.Sequential([K.Input((4,)), K.layers.Dense(3), K.layers.Dense(2)])


# ---- what is done with each ----------------------------------------------------------------------------


def inputs_of(name):
    """The input of a model, as it takes it: an array, or a dict by name."""
    random = np.random.default_rng(len(name))
    made = {
        key: random.integers(0, 7, (4, *shape)).astype(dtype)
        if "int" in dtype
        else random.normal(size=(4, *shape)).astype(dtype)
        for key, (shape, dtype) in ROWS[name]["x"].items()
    }
    return made.get("", made)


def as_list(outputs):
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def fed(name, model):
    x = inputs_of(name)
    return [x["a"], x["b"]] if name == "merging" else x


def targets(outputs):
    made = [np.random.default_rng(i).normal(size=np.shape(o)).astype("float32") for i, o in enumerate(as_list(outputs))]
    return made if isinstance(outputs, (list, tuple)) else made[0]


def made(K, name):
    """The model, compiled and trained for one step."""
    this = ROWS[name]
    model = this["make"](K)
    optimizer = this["optimizer"](K) if callable(this["optimizer"]) else this["optimizer"]
    loss = this["loss"](K) if callable(this["loss"]) else this["loss"]
    model.compile(optimizer, loss, **this["compiled"])
    x = fed(name, model)
    if this["trained"]:
        model.train_on_batch(x, targets(model.predict_on_batch(x)))
    return model


def observed(name, model, trained=True):
    """What a model predicts, and what one more step makes of it: arrays by name."""
    x = fed(name, model)
    outputs = model.predict_on_batch(x)
    seen = {f"prediction{i}": np.asarray(o, "float32") for i, o in enumerate(as_list(outputs))}
    if trained and not ROWS[name]["random"]:
        seen["loss"] = np.asarray(as_list(model.train_on_batch(x, targets(outputs)))[0])
        seen.update({f"weight{i}": np.asarray(w, "float32") for i, w in enumerate(model.get_weights())})
        slots = [np.asarray(v, "float32") for v in model.optimizer.variables]
        seen.update({f"slot{i}": v for i, v in enumerate(slots)})
    return seen


# These go through every format; the others through `.keras` only, for every model costs Keras seconds. Keras itself cannot read,
# in the old format, a class, Adafactor and bfloat16.
EVERY_FORMAT = {"dense", "batch_normalization", "bidirectional", "nested", "merging", "drawn_ops", "loss_scaled"}


def endings(name):
    return (".keras", ".h5", ".weights.h5") if name in EVERY_FORMAT else (".keras",)


def write_all(K, name, folder):
    """Save the model in each format, then record what it does."""
    model = made(K, name)
    for ending in endings(name):
        save = model.save_weights if ending == ".weights.h5" else model.save
        save(folder / f"{name}{ending}")
    np.savez(folder / f"{name}.npz", **observed(name, model))


def read(K, name, folder, ending):
    """The model that stands in the folder."""
    if ending != ".weights.h5":
        return K.saving.load_model(folder / f"{name}{ending}")
    model = made(K, name)
    model.load_weights(folder / f"{name}{ending}")
    return model


def main(folder):
    import keras

    ours, theirs = folder / "lamella", folder / "keras"
    theirs.mkdir(exist_ok=True)
    failures = {}
    for name in ROWS:
        try:
            write_all(keras, name, theirs)
        except Exception:
            failures[f"{name} made"] = traceback.format_exc()
        for ending in endings(name):
            try:
                # Keras 3.15 builds the optimizer from an `.h5` file for no variables, from its own files too, so that such a
                # model cannot be trained on there.
                seen = observed(name, read(keras, name, ours, ending), trained=ending != ".h5")
                np.savez(theirs / f"{name}{ending}.read.npz", **seen)
            except Exception:
                failures[f"{name}{ending}"] = traceback.format_exc()
    (folder / "failures.json").write_text(json.dumps(failures))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
