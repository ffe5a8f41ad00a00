"""A generative adversarial network (Goodfellow et al., 2014, arXiv:1406.2661), in the two forms of a train step.

`--form stateful` (the default) writes the step as it is said: compute gradients, apply them, update metrics. The model's
variables change. `--form stateless` writes it as a pure function of the state, as Keras's JAX backend asks for. Both are
compiled and run many steps as one program, and both give the same kind of digits. Pictures: gan.png.
"""

import argparse

import keras
import matplotlib
import numpy as np
from keras import layers, ops

matplotlib.use("Agg")
import matplotlib.pyplot as plt

NOISE = 64


def make_networks():
    """(generator, discriminator)"""
    generator = keras.Sequential([
        keras.Input((NOISE,)),
        layers.Dense(256), layers.LeakyReLU(negative_slope=0.2), layers.BatchNormalization(momentum=0.8),
        layers.Dense(512), layers.LeakyReLU(negative_slope=0.2), layers.BatchNormalization(momentum=0.8),
        layers.Dense(784, activation="tanh"),
    ], name="generator")  # fmt: skip
    discriminator = keras.Sequential([
        keras.Input((784,)),
        layers.Dense(256), layers.LeakyReLU(negative_slope=0.2), layers.Dropout(0.3),
        layers.Dense(128), layers.LeakyReLU(negative_slope=0.2), layers.Dropout(0.3),
        layers.Dense(1),
    ], name="discriminator")  # fmt: skip
    return generator, discriminator


class GAN(keras.Model):
    """A generator and a discriminator, and what both have in common: losses, optimizers, metrics."""

    def __init__(self):
        super().__init__()
        self.generator, self.discriminator = make_networks()
        self.seeds = keras.random.SeedGenerator(0)
        self.d_loss = keras.metrics.Mean(name="d_loss")
        self.g_loss = keras.metrics.Mean(name="g_loss")
        self.bce = keras.losses.BinaryCrossentropy(from_logits=True)
        self.d_optimizer = keras.optimizers.Adam(2e-4, beta_1=0.5)
        self.g_optimizer = keras.optimizers.Adam(2e-4, beta_1=0.5)
        self.d_optimizer.build(self.discriminator.trainable_variables)
        self.g_optimizer.build(self.generator.trainable_variables)
        self.built = True

    def call(self, noise, training=None):
        return self.generator(noise, training=training)

    def discriminator_loss(self, real):
        """Real pictures should score 1 (smoothed to 0.9), generated ones 0."""
        noise = keras.random.normal((real.shape[0], NOISE), seed=self.seeds)
        fake = ops.stop_gradient(self.generator(noise, training=True))
        scores = self.discriminator(ops.concatenate([real, fake]), training=True)
        n = real.shape[0]
        targets = ops.concatenate([0.9 * ops.ones((n, 1)), ops.zeros((n, 1))])
        return self.bce(targets, scores)

    def generator_loss(self, count):
        """Generated pictures should be taken for real."""
        noise = keras.random.normal((count, NOISE), seed=self.seeds)
        scores = self.discriminator(self.generator(noise, training=True), training=True)
        return self.bce(ops.ones((count, 1)), scores)


class StatefulGAN(GAN):
    """The plain form: the step changes the model's variables."""

    @property
    def optimizers(self):
        return [self.d_optimizer, self.g_optimizer]

    def train_step(self, data):
        real = data[0] if isinstance(data, tuple) else data
        weights = self.discriminator.trainable_variables
        loss, gradients = keras.value_and_grad(lambda: self.discriminator_loss(real), weights)()
        self.d_optimizer.apply(gradients, weights)
        self.d_loss.update_state(loss)

        weights = self.generator.trainable_variables
        loss, gradients = keras.value_and_grad(lambda: self.generator_loss(real.shape[0]), weights)()
        self.g_optimizer.apply(gradients, weights)
        self.g_loss.update_state(loss)
        return {"d_loss": self.d_loss.result(), "g_loss": self.g_loss.result()}


class StatelessGAN(GAN):
    """The pure form: `state` goes in, `(logs, state)` comes out, and nothing else changes."""

    def train_step(self, state, data):
        real = data[0] if isinstance(data, tuple) else data
        groups = self.state_groups()
        with keras.StatelessScope(
            [pair for group, values in zip(groups, state) for pair in zip(group, values)]
        ) as scope:
            logs = StatefulGAN.train_step(self, real)  # the same arithmetic; here on the values of `state`
            state = tuple([scope.get_current_value(v) for v in group] for group in groups)
        return logs, state

    def state_groups(self):
        """The variables whose values `state` holds: trainable, non-trainable, of the optimizers, of the metrics."""
        optimizers = [*self.d_optimizer.variables, *self.g_optimizer.variables]
        return self.trainable_variables, self.non_trainable_variables, optimizers, self.metrics_variables


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--form", choices=("stateful", "stateless"), default="stateful")
    parser.add_argument("--epochs", type=int, default=15)
    options = parser.parse_args()

    keras.utils.set_random_seed(0)
    (x_train, _), _ = keras.datasets.mnist.load_data()
    x_train = x_train.reshape(-1, 784).astype("float32") / 127.5 - 1
    gan = StatefulGAN() if options.form == "stateful" else StatelessGAN()
    gan.compile(optimizer=None)
    gan.fit(x_train, batch_size=128, epochs=options.epochs, verbose=2)

    noise = np.random.default_rng(0).normal(size=(40, NOISE)).astype("float32")
    digits = gan.predict(noise, verbose=0).reshape(4, 10, 28, 28)
    figure, axes = plt.subplots(4, 10, figsize=(10, 4.2), constrained_layout=True)
    for axis, digit in zip(axes.ravel(), digits.reshape(-1, 28, 28)):
        axis.imshow(digit, cmap="gray_r", vmin=-1, vmax=1)
        axis.axis("off")
    figure.savefig("gan.png", dpi=120)
    print("generated digits: gan.png")


if __name__ == "__main__":
    main()
