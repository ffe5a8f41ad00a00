"""An LSTM that adds two numbers out of a sequence.

Every sequence has two channels: random numbers in [0, 1), and a marker that is 1 at two places. The target is the sum of
the two marked numbers, so the network must carry the first of them over many steps (Hochreiter and Schmidhuber, 1997,
"Long short-term memory", section 5.4). Always answering 1 has a mean squared error of 1/6.
"""

import keras
import numpy as np
from keras import layers

LENGTH = 30


def sequences(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` sequences of shape (LENGTH, 2), and the sums of their marked numbers."""
    random = np.random.default_rng(seed)
    x = np.zeros((count, LENGTH, 2), "float32")
    x[:, :, 0] = random.uniform(size=(count, LENGTH))
    rows = np.arange(count)
    first = random.integers(0, LENGTH // 2, count)
    second = random.integers(LENGTH // 2, LENGTH, count)
    x[rows, first, 1] = x[rows, second, 1] = 1
    return x, x[rows, first, 0] + x[rows, second, 0]


keras.utils.set_random_seed(0)
x_train, y_train = sequences(10_000, seed=1)
x_test, y_test = sequences(2_000, seed=2)

model = keras.Sequential([keras.Input((LENGTH, 2)), layers.LSTM(64), layers.Dense(1)])
model.compile(optimizer=keras.optimizers.Adam(0.005, clipnorm=1.0), loss="mse")
model.fit(x_train, y_train, batch_size=64, epochs=15, validation_data=(x_test, y_test))

error = model.evaluate(x_test, y_test, verbose=0)
print(f"Mean squared error on new sequences: {error:.4f} (always answering 1: {np.mean((y_test - 1) ** 2):.4f})")
for sequence, target, guess in zip(x_test[:3], y_test[:3], model.predict(x_test[:3], verbose=0)[:, 0]):
    a, b = sequence[sequence[:, 1] == 1, 0]
    print(f"  {a:.3f} + {b:.3f} = {target:.3f}; the network says {guess:.3f}")
