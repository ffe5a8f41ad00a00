"""`summary(costs=N)`: the arithmetic, memory and time of each layer, counted against what can be worked out by hand."""

import pytest

import lamella as keras
from lamella import layers
from lamella.errors import ArgumentError, BackendError, ShapeError
from lamella.models._costs import costs_of


def costs(layer, *shapes, batch=4, dtype="float32"):
    inputs = [keras.Input(shape, dtype=dtype) for shape in shapes]
    layer(*inputs)
    return costs_of(layer._inbound_nodes, batch)


@pytest.mark.parametrize(
    "layer, shape, flops, memory",
    [
        (layers.Dense(3), (5,), 2 * 4 * 5 * 3 + 4 * 3, 4 * 4 * 3),
        (layers.Dense(3, use_bias=False), (2, 5), 2 * 8 * 5 * 3, 4 * 8 * 3),
        (layers.Conv2D(2, 3, use_bias=False), (6, 6, 3), 2 * (4 * 4 * 4 * 2) * 27, 4 * 4 * 4 * 4 * 2),
        (layers.Conv1D(4, 2, groups=2, use_bias=False), (6, 4), 2 * (4 * 5 * 4) * 4, 4 * 4 * 5 * 4),
        (layers.MaxPooling2D(2), (4, 4, 1), 4 * 16, 4 * 4 * 4),
        (layers.Flatten(), (2, 3), 0, 4 * 4 * 6),
        (layers.Add(), None, 4 * 3, 4 * 4 * 3),
    ],
    ids=lambda v: getattr(v, "name", None),
)
def test_arithmetic_and_memory_are_those_by_hand(layer, shape, flops, memory):
    if shape is None:
        a, b = keras.Input((3,)), keras.Input((3,))
        layer([a, b])
        found = costs_of(layer._inbound_nodes, 4)
    else:
        found = costs(layer, shape)
    assert (found.flops, found.memory) == (flops, memory)
    assert found.seconds > 0


def test_a_loop_counts_its_turns():
    short, long = (costs(layers.SimpleRNN(3, activation=None, use_bias=False), (n, 2)).flops for n in (2, 4))
    projected = 2 * 4 * 2 * 3
    assert (long - 4 * projected) == 2 * (short - 2 * projected)


def test_a_layer_that_is_called_twice_costs_twice():
    layer, x = layers.Dense(3), keras.Input((3,))
    layer(layer(x))
    assert costs_of(layer._inbound_nodes, 4).flops == 2 * costs_of(layer._inbound_nodes[:1], 4).flops


def test_the_table_has_the_costs():
    model = keras.Sequential([keras.Input((28, 28, 1)), layers.Conv2D(8, 3, activation="relu"), layers.Flatten()])
    lines = []
    model.summary(costs=32, print_fn=lines.append)
    (text,) = lines
    assert all(word in text for word in ("FLOPs", "Memory", "Time", "3.46 M", "676.00 KB", " ms"))
    model.summary(print_fn=lines.append)
    assert "FLOPs" not in lines[1]


def test_what_cannot_be_counted_is_told():
    layer = layers.Dense(2)
    with pytest.raises(ShapeError, match="sizes of all axes but the batch"):
        costs(layer, (None, 3))
    with pytest.raises(ArgumentError, match="at least 1; got 0"):
        costs_of(layer._inbound_nodes, 0)
    with keras.backend.use("numpy"):
        numpy_layer = layers.Dense(2)
        with pytest.raises(BackendError, match="cannot count operations"):
            costs(numpy_layer, (3,))
