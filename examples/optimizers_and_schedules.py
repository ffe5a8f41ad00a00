"""SGD, RMSprop and Adam, each with a constant, an exponentially decaying and a stepwise learning rate.

Prints the test accuracy of every pair on MNIST and draws the training losses to optimizers.png.
"""

import keras
import matplotlib
from keras import layers, optimizers
from keras.optimizers import schedules

matplotlib.use("Agg")
import matplotlib.pyplot as plt

EPOCHS = 6
BATCH = 100
STEPS = 60_000 // BATCH


def learning_rates(initial):
    """The three courses of a learning rate that starts at `initial`."""
    return {
        "constant": initial,
        "exponential": schedules.ExponentialDecay(initial, decay_steps=STEPS, decay_rate=0.7),
        # StepDecay is lamella's own name; elsewhere write PiecewiseConstantDecay.
        "step": schedules.StepDecay(initial, drop=0.5, steps_per_drop=2 * STEPS),
    }


OPTIMIZERS = {
    "SGD": (lambda rate: optimizers.SGD(rate, momentum=0.9), 0.05),
    "RMSprop": (optimizers.RMSprop, 0.001),
    "Adam": (optimizers.Adam, 0.001),
}


def main():
    (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    x_train = x_train.reshape(-1, 784).astype("float32") / 255
    x_test = x_test.reshape(-1, 784).astype("float32") / 255

    figure, axes = plt.subplots(1, 3, figsize=(12, 3.8), sharey=True, constrained_layout=True)
    print(f"{'':10}{'constant':>12}{'exponential':>13}{'step':>8}   test accuracy after {EPOCHS} epochs")
    for axis, (name, (make, initial)) in zip(axes, OPTIMIZERS.items()):
        row = []
        for course, rate in learning_rates(initial).items():
            keras.utils.set_random_seed(1)
            model = keras.Sequential([
                keras.Input((784,)), layers.Dense(128, activation="relu"), layers.Dense(10, activation="softmax"),
            ])  # fmt: skip
            model.compile(make(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
            history = model.fit(x_train, y_train, batch_size=BATCH, epochs=EPOCHS, verbose=0).history
            _, accuracy = model.evaluate(x_test, y_test, batch_size=1000, verbose=0)
            row.append(accuracy)
            axis.plot(range(1, EPOCHS + 1), history["loss"], marker="o", markersize=3, label=course)
        axis.set(title=name, xlabel="epoch", yscale="log")
        print(f"{name:10}{row[0]:12.4f}{row[1]:13.4f}{row[2]:8.4f}")
    axes[0].set_ylabel("training loss")
    axes[0].legend()
    figure.savefig("optimizers.png", dpi=120)
    print("curves: optimizers.png")


if __name__ == "__main__":
    main()
