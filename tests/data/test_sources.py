"""Every kind of data that `fit`, `evaluate` and `predict` take gives the same numbers."""

import collections.abc
import logging

import numpy as np
import pytest

import lamella

X = np.random.default_rng(0).normal(size=(22, 3)).astype("float32")
Y = X[:, :1].copy()
BATCH = 8


def model():
    model = lamella.Sequential([lamella.Input((3,)), lamella.layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    return model


@pytest.fixture(scope="module")
def expected():
    arrays = model()
    return arrays.fit(X, Y, batch_size=BATCH, shuffle=False, verbose=0).history, arrays.predict(X, verbose=0)


class Column(collections.abc.Sequence):
    """Rows that are read when they are asked for, such as a column of Hugging Face's data sets."""

    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, key):
        return self.rows[key]


ARRAYS = {
    "lists": (None, lambda _: (X.tolist(), Y.tolist())),
    "columns": (None, lambda _: (Column(X), Column(Y))),
    "jax": ("jax.numpy", lambda jnp: (jnp.asarray(X), jnp.asarray(Y))),
    "pandas": ("pandas", lambda pandas: (pandas.DataFrame(X, columns=list("abc")), pandas.Series(Y[:, 0]))),
    "arrow": ("pyarrow", lambda arrow: (arrow.table({n: X[:, i] for i, n in enumerate("abc")}), arrow.array(Y[:, 0]))),
    "sparse": ("scipy.sparse", lambda sparse: (sparse.csr_matrix(X), Y)),
    "polars": ("polars", lambda polars: (polars.DataFrame(X), polars.Series(Y[:, 0]))),
    "torch": ("torch", lambda torch: (torch.tensor(X, requires_grad=True), torch.tensor(Y))),
    "tensorflow": ("tensorflow", lambda tf: (tf.constant(X), tf.constant(Y))),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays(kind, expected):
    package, make = ARRAYS[kind]
    x, y = make(package and pytest.importorskip(package))
    mine = model()
    assert mine.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0).history == expected[0]
    alone = x[:] if kind == "columns" else x  # by themselves they would be a sequence of batches
    np.testing.assert_array_equal(mine.predict(alone, verbose=0), expected[1])
    assert mine.evaluate(x, y, verbose=0) == pytest.approx(np.mean((expected[1] - Y) ** 2), rel=1e-5)


class Rows:
    """A source of rows, as grain and PyTorch read them."""

    def __len__(self):
        return len(X)

    def __getitem__(self, index):
        return X[index], Y[index]


def hugging_face(datasets):
    rows = datasets.Dataset.from_dict({"x": X.tolist(), "y": Y.tolist()}).with_format("numpy")
    return ((batch["x"], batch["y"]) for batch in rows.iter(BATCH))


STREAMS = {
    "generator": (None, lambda _: ((X[i : i + BATCH], Y[i : i + BATCH]) for i in range(0, 22, BATCH))),
    "tf.data": ("tensorflow", lambda tf: tf.data.Dataset.from_tensor_slices((X, Y)).batch(BATCH)),
    "DataLoader": ("torch.utils.data", lambda data: data.DataLoader(Rows(), batch_size=BATCH)),
    "grain": ("grain.python", lambda grain: grain.MapDataset.source(Rows()).batch(BATCH).to_iter_dataset()),
    "datasets": ("datasets.arrow_dataset", hugging_face),
}


@pytest.mark.parametrize("kind", STREAMS)
def test_streams_with_a_smaller_last_batch(kind, expected):
    package, make = STREAMS[kind]
    package = package and pytest.importorskip(package)
    mine = model()
    assert mine.fit(make(package), verbose=0).history == expected[0]
    np.testing.assert_array_equal(mine.predict(make(package), verbose=0), expected[1])
    assert mine.evaluate(make(package), verbose=0) == pytest.approx(np.mean((expected[1] - Y) ** 2), rel=1e-5)


@pytest.mark.parametrize("kind", STREAMS)
def test_streams_without_an_end_are_cut_by_steps_per_epoch(kind):
    package, make = STREAMS[kind]
    package = package and pytest.importorskip(package)

    def endless():
        while True:
            yield from make(package)

    mine = model()
    history = mine.fit(endless(), steps_per_epoch=2, epochs=3, verbose=0)
    assert len(history.epoch) == 3 and int(mine.optimizer.iterations) == 6


def test_the_plan_of_each_epoch_is_a_line_of_the_log(caplog):
    with caplog.at_level(logging.DEBUG, "lamella"):
        mine = model()
        mine.fit(X, Y, batch_size=BATCH, epochs=2, verbose=0)
    lines = [record.message for record in caplog.records if "epoch" in record.message]
    assert len(lines) == 2 and "nobody listens to single steps" in lines[0]
