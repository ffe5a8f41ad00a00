"""An autoencoder: digits through a bottleneck of 16 numbers and back.

Prints the reconstruction error on unseen digits and draws some of them, before and after, to autoencoder.png.
"""

import keras
import matplotlib
from keras import layers

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def main():
    keras.utils.set_random_seed(0)
    (x_train, _), (x_test, _) = keras.datasets.mnist.load_data()
    x_train, x_test = x_train.astype("float32") / 255, x_test.astype("float32") / 255

    image = keras.Input((28, 28))
    code = layers.Flatten()(image)
    code = layers.Dense(128, activation="relu")(code)
    code = layers.Dense(16, name="code")(code)
    encoder = keras.Model(image, code, name="encoder")

    given = keras.Input((16,))
    restored = layers.Dense(128, activation="relu")(given)
    restored = layers.Dense(784, activation="sigmoid")(restored)
    decoder = keras.Model(given, layers.Reshape((28, 28))(restored), name="decoder")

    autoencoder = keras.Model(image, decoder(encoder(image)), name="autoencoder")
    autoencoder.compile(optimizer="adam", loss="binary_crossentropy", metrics=["mse"])
    autoencoder.summary()
    autoencoder.fit(x_train, x_train, batch_size=128, epochs=8, validation_data=(x_test, x_test), verbose=2)

    shown = x_test[:10]
    restored = decoder.predict(encoder.predict(shown, verbose=0), verbose=0)
    print("mean squared error on unseen digits:", round(float(((shown - restored) ** 2).mean()), 4))
    figure, axes = plt.subplots(2, 10, figsize=(10, 2.2), constrained_layout=True)
    for column, (before, after) in enumerate(zip(shown, restored)):
        for axis, picture in zip(axes[:, column], (before, after)):
            axis.imshow(picture, cmap="gray_r")
            axis.axis("off")
    figure.savefig("autoencoder.png", dpi=120)
    print("digits before and after: autoencoder.png")


if __name__ == "__main__":
    main()
