"""Padding beside Keras; windows and splits by what they must be."""

import keras
import numpy as np
import pytest

from lamella import preprocessing, utils
from lamella.errors import ArgumentError, DataError


@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
@pytest.mark.parametrize("maxlen", [None, 2, 5, 0])
def test_padding_is_that_of_keras(padding, truncating, maxlen):
    rows = [[1, 2, 3, 4], [], [5], [6, 7, 8]]
    options = {"maxlen": maxlen, "padding": padding, "truncating": truncating, "value": -1, "dtype": "float32"}
    if maxlen == 0:
        assert utils.pad_sequences(rows, **options).shape == (4, 0)
        return
    ours, theirs = utils.pad_sequences(rows, **options), keras.utils.pad_sequences(rows, **options)
    np.testing.assert_array_equal(ours, theirs)
    assert ours.dtype == theirs.dtype


def test_padding_of_vectors_and_of_text():
    rows = [np.ones((2, 3)), np.ones((4, 3))]
    np.testing.assert_array_equal(utils.pad_sequences(rows), keras.utils.pad_sequences(rows))
    words = utils.pad_sequences([["a"], ["b", "c"]], dtype=object, value="")
    assert words.tolist() == [["", "a"], ["b", "c"]]
    assert preprocessing.sequence.pad_sequences is utils.pad_sequences


@pytest.mark.parametrize(
    "arguments, words",
    [
        (([1, 2],), "non-iterable: 1 at index 0"),
        (([[1]], None, "int32", "left"), '`padding` of pad_sequences must be "pre" or "post"'),
        (([[1]], None, "int32", "pre", "pre", "x"), "Pass `dtype=object`"),
        (([[[1, 2]], [[1]]],), "Shape of sample"),
    ],
)
def test_padding_refuses(arguments, words):
    with pytest.raises(ArgumentError, match=words):
        utils.pad_sequences(*arguments)


def test_windows_hold_the_steps_they_should():
    data = np.arange(99)
    batches = list(utils.timeseries_dataset_from_array(data, data * 2, 10, sequence_stride=3, sampling_rate=2))
    windows, targets = (np.concatenate(parts) for parts in zip(*batches))
    assert windows[0].tolist() == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]
    assert windows[-1].tolist() == [78, 80, 82, 84, 86, 88, 90, 92, 94, 96]  # Keras's own example
    np.testing.assert_array_equal(targets, windows[:, 0] * 2)


def test_windows_keep_to_their_part_and_come_in_any_order():
    data = np.arange(30)
    part = utils.timeseries_dataset_from_array(
        data, None, 4, start_index=5, end_index=20, batch_size=5, shuffle=True, seed=1
    )
    once, again = (np.concatenate(list(part)) for _ in range(2))
    assert sorted(once[:, 0].tolist()) == list(range(5, 17)) == sorted(again[:, 0].tolist())
    assert once[:, 0].tolist() != again[:, 0].tolist()
    assert len(part) == 3
    single = utils.timeseries_dataset_from_array(data, None, 4, batch_size=None)
    assert next(iter(single)).tolist() == [0, 1, 2, 3] and len(single) == 27


@pytest.mark.parametrize(
    "options",
    [
        {"sequence_stride": 0},
        {"sampling_rate": 30},
        {"start_index": 30},
        {"start_index": 9, "end_index": 3},
        {"format": "x"},
    ],
)
def test_windows_refuse(options):
    with pytest.raises(ArgumentError):
        utils.timeseries_dataset_from_array(np.arange(30), None, 4, **options)


@pytest.mark.parametrize(
    "sizes, expected",
    [({"left_size": 0.8}, (8, 2)), ({"right_size": 3}, (7, 3)), ({"left_size": 2, "right_size": 0.5}, (2, 5))],
)
def test_split_sizes(sizes, expected):
    left, right = utils.split_dataset((np.arange(10), np.arange(10) * 2), **sizes)
    assert (len(left), len(right)) == expected
    assert [int(x) for x, _ in left] == list(range(expected[0]))
    assert [int(y) for _, y in right] == [2 * i for i in range(10 - expected[1], 10)]


def test_a_split_in_another_order_loses_nothing():
    left, right = utils.split_dataset(np.arange(10), left_size=4, shuffle=True, seed=0)
    assert sorted([int(n) for n in left] + [int(n) for n in right]) == list(range(10))
    assert [int(n) for n in left] != [0, 1, 2, 3]


@pytest.mark.parametrize(
    "data, sizes, kind",
    [
        (np.arange(4), {}, ArgumentError),
        (np.arange(4), {"left_size": 1.5}, ArgumentError),
        (np.arange(4), {"left_size": 3, "right_size": 3}, ArgumentError),
        ((np.arange(4), np.arange(5)), {"left_size": 1}, DataError),
        (3, {"left_size": 1}, TypeError),
        ("abc", {"left_size": 1}, TypeError),
        (np.arange(4), {"left_size": "a"}, TypeError),
    ],
)
def test_a_split_refuses(data, sizes, kind):
    with pytest.raises(kind):
        utils.split_dataset(data, **sizes)
