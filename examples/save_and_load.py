"""A model in every kind of file, and back.

Train a small classifier of handwritten digits, save it whole, load it in a function that knows nothing of it, and go on training
where it was. Then the weights alone, in three formats.
"""

import tempfile
from pathlib import Path

import numpy as np

import lamella as keras

(x, y), (x_test, y_test) = keras.datasets.mnist.load_data()
x, y = x[:6000, ..., None] / 255.0, y[:6000]
x_test, y_test = x_test[:1000, ..., None] / 255.0, y_test[:1000]


@keras.saving.register_keras_serializable("examples")
class Scale(keras.layers.Layer):
    """A layer of our own: registered, so that files may name it."""

    def build(self, input_shape):
        self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")

    def call(self, inputs):
        return inputs * self.factor


def new_model():
    """The architecture, with fresh weights."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(8, 3, strides=2, activation="relu"),
            keras.layers.Flatten(),
            Scale(),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


folder = Path(tempfile.mkdtemp())
model = new_model()
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=2, batch_size=64, verbose=0)

# The whole model: architecture, weights, how it was compiled, and the state of Adam.
model.save(folder / "digits.keras")
loaded = keras.saving.load_model(folder / "digits.keras")
assert np.array_equal(model.predict(x_test, verbose=0), loaded.predict(x_test, verbose=0))
loss, accuracy = loaded.evaluate(x_test, y_test, verbose=0)
print(f"loaded: {accuracy:.1%} of the test digits right")

# Both go on alike: the same batches, the same dropout, the same steps.
histories = [m.fit(x, y, epochs=1, batch_size=64, shuffle=False, verbose=0).history["loss"] for m in (model, loaded)]
assert histories[0] == histories[1]
print(f"one more epoch from either: loss {histories[0][0]:.4f} and {histories[1][0]:.4f}")

# The weights alone, under the same names in each format.
for name in ("digits.weights.h5", "digits.npz", "digits.safetensors"):
    model.save_weights(folder / name)
    other = new_model()
    other.load_weights(folder / name)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), other.get_weights()))
    print(f"{name}: {(folder / name).stat().st_size:,} bytes")

# What does not fit is listed with its path, and nothing is changed.
narrow = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
try:
    narrow.load_weights(folder / "digits.weights.h5")
except ValueError as error:
    print(error)
