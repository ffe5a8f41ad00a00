"""Overfitting, and three remedies: L1, L2 and dropout.

A network with far more weights than a small training set needs learns the set by heart: its training accuracy goes to
1 while its loss on unseen digits grows. The same network with a penalty on its weights, or with dropout, stays honest.
The curves are drawn to overfitting.png.
"""

import keras
import matplotlib
import numpy as np
from keras import layers, regularizers

matplotlib.use("Agg")
import matplotlib.pyplot as plt

EPOCHS = 40
SAMPLES = 1000


def network(kernel_regularizer=None, dropout=0.0):
    """784 -> 256 -> 256 -> 10."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((784,))])
    for _ in range(2):
        model.add(layers.Dense(256, activation="relu", kernel_regularizer=kernel_regularizer))
        if dropout:
            model.add(layers.Dropout(dropout))
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main():
    (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    x_train = x_train[:SAMPLES].reshape(-1, 784).astype("float32") / 255
    x_test = x_test.reshape(-1, 784).astype("float32") / 255
    y_train = y_train[:SAMPLES]

    variants = {
        "no remedy": network(),
        "L1 (1e-4)": network(regularizers.L1(1e-4)),
        "L2 (1e-3)": network(regularizers.L2(1e-3)),
        "dropout (0.5)": network(dropout=0.5),
    }
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), constrained_layout=True)
    for color, (name, model) in zip(("tab:red", "tab:orange", "tab:green", "tab:blue"), variants.items()):
        history = model.fit(
            x_train, y_train, batch_size=50, epochs=EPOCHS, validation_data=(x_test, y_test),
            validation_batch_size=1000, verbose=0,
        ).history  # fmt: skip
        epochs = np.arange(1, EPOCHS + 1)
        left.plot(epochs, history["val_accuracy"], color=color, label=name)
        left.plot(epochs, history["accuracy"], color=color, linestyle=":", linewidth=1)
        # The penalty is part of the loss; what the network knows is in the accuracy.
        right.plot(epochs, history["val_loss"], color=color, label=name)
        print(
            f"{name:14} training accuracy {history['accuracy'][-1]:.3f}, test accuracy {history['val_accuracy'][-1]:.3f}, "
            f"test loss {history['val_loss'][-1]:.3f} (best {min(history['val_loss']):.3f})"
        )
    left.set(title="accuracy (dotted: training)", xlabel="epoch", ylim=(0.75, 1.005))
    right.set(title="test loss, penalties included", xlabel="epoch", yscale="log")
    left.legend(loc="lower right")
    figure.suptitle(f"{SAMPLES} training digits, 270,000 weights")
    figure.savefig("overfitting.png", dpi=120)
    print("curves: overfitting.png")


if __name__ == "__main__":
    main()
