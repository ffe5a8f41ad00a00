"""A small transformer that tells opinions apart where counting words does not help.

Each text speaks of a film and of a book, in either order, and may say the opposite of an adjective with "not". The
question is what it thinks of the film: whose adjective is it, and is it negated? The texts are made by the program.
"""

import random

import keras
import numpy as np
from keras import layers, ops

GOOD = ["great", "good", "wonderful", "charming", "clever"]
BAD = ["dull", "bad", "awful", "shallow", "boring"]
LENGTH = 16


def opinion(thing: str, draw: random.Random) -> tuple[str, bool]:
    """A clause about `thing`, and whether it is favourable."""
    favourable, negated = draw.random() < 0.5, draw.random() < 0.5
    adjective = draw.choice(GOOD if favourable != negated else BAD)
    filler = draw.choice(["", "really ", "on the whole ", "i think "])
    return f"{filler}the {thing} was {'not ' if negated else ''}{adjective}", favourable


def corpus(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` texts, and 1 for each that likes the film."""
    draw = random.Random(seed)
    texts, labels = [], []
    for _ in range(count):
        (film, liked), (book, _) = opinion("film", draw), opinion("book", draw)
        clauses = [film, book] if draw.random() < 0.5 else [book, film]
        texts.append(draw.choice([" but ", " and "]).join(clauses))
        labels.append(liked)
    return np.array(texts), np.array(labels, "int32")


@keras.saving.register_keras_serializable()
class TokenAndPosition(layers.Layer):
    """The embedding of each token plus that of its place."""

    def __init__(self, vocabulary, length, width, **kwargs):
        super().__init__(**kwargs)
        self.tokens = layers.Embedding(vocabulary, width)
        self.places = layers.Embedding(length, width)
        self.length = length

    def call(self, x):
        return self.tokens(x) + self.places(ops.arange(self.length))


def block(x, heads, width):
    """Attention, then a layer for each place, each added to what came in and normalised."""
    attention = layers.MultiHeadAttention(heads, width // heads)(x, x)
    x = layers.LayerNormalization()(x + attention)
    hidden = layers.Dense(width)(layers.Dense(2 * width, activation="relu")(x))
    return layers.LayerNormalization()(x + hidden)


def network(vocabulary, with_attention=True):
    x = inputs = keras.Input((LENGTH,), dtype="int32")
    x = TokenAndPosition(vocabulary, LENGTH, 32)(x)
    if with_attention:
        x = block(block(x, 4, 32), 4, 32)
    x = layers.GlobalAveragePooling1D()(x)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    model.compile(optimizer=keras.optimizers.Adam(0.002), loss="binary_crossentropy", metrics=["accuracy"])
    return model


keras.utils.set_random_seed(0)
texts, y_train = corpus(8000, seed=1)
new_texts, y_test = corpus(2000, seed=2)
print("A text:", texts[0], "->", ["dislikes", "likes"][y_train[0]], "the film")

vectorize = layers.TextVectorization(output_sequence_length=LENGTH)
vectorize.adapt(texts)
x_train, x_test = vectorize(texts), vectorize(new_texts)

for name, with_attention in (("a bag of words", False), ("a transformer", True)):
    model = network(vectorize.vocabulary_size(), with_attention)
    model.fit(x_train, y_train, batch_size=64, epochs=8, validation_data=(x_test, y_test), verbose=2)
    accuracy = model.evaluate(x_test, y_test, verbose=0, return_dict=True)["accuracy"]
    print(f"{name}: accuracy {accuracy:.3f} on new texts, {model.count_params()} parameters")
