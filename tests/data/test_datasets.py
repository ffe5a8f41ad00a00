"""Data sets of lamella's own, and those that Python code makes with several workers."""

import os
import threading
import time

import numpy as np
import pytest

import lamella
from lamella.data._dataset import Dataset
from lamella.data._py_dataset import WorkingAhead
from lamella.errors import DataError

NUMBERS = Dataset(lambda: iter(range(10)), 10)


def values(dataset):
    return [np.asarray(e).tolist() for e in dataset]


@pytest.mark.parametrize(
    "change, expected, length",
    [
        (lambda d: d.take(2), [0, 1], 2),
        (lambda d: d.take(-1), list(range(10)), 10),
        (lambda d: d.skip(8), [8, 9], 2),
        (lambda d: d.map(lambda n: n + 1).take(2), [1, 2], 2),
        (lambda d: d.filter(lambda n: n % 4 == 0), [0, 4, 8], None),
        (lambda d: d.batch(4), [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]], 3),
        (lambda d: d.batch(4, drop_remainder=True), [[0, 1, 2, 3], [4, 5, 6, 7]], 2),
        (lambda d: d.batch(4).unbatch(), list(range(10)), None),
        (lambda d: d.take(2).repeat(2), [0, 1, 0, 1], 4),
        (lambda d: d.repeat().take(11), [*range(10), 0], None),
        (lambda d: d.cache().prefetch(2), list(range(10)), 10),
    ],
)
def test_changes(change, expected, length):
    changed = change(NUMBERS)
    assert values(changed) == expected == values(changed)
    assert changed.num_batches == length
    assert changed.cardinality() == (-2 if length is None else length)


def test_shuffling_keeps_every_element_and_draws_anew():
    shuffled = NUMBERS.shuffle(4, seed=0)
    once, again = values(shuffled), values(shuffled)
    assert sorted(once) == sorted(again) == list(range(10)) and once != again
    fixed = NUMBERS.shuffle(10, seed=0, reshuffle_each_iteration=False)
    assert values(fixed) == values(fixed) != list(range(10))


def test_pairs_reach_functions_as_two_arguments():
    pairs = Dataset(lambda: iter([(1, 2), (3, 4)]), 2)
    assert values(pairs.map(lambda a, b: a * b)) == [2, 12]


class Squares(lamella.utils.PyDataset):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.threads, self.epochs = set(), 0

    def __len__(self):
        return 6

    def __getitem__(self, index):
        time.sleep(0.01 * (index % 2))  # so that they are not ready in order
        self.threads.add(threading.get_ident())
        x = np.full((4, 1), float(index), "float32")
        return x, x**2

    def on_epoch_end(self):
        self.epochs += 1


@pytest.mark.parametrize("workers", [1, 3])
def test_batches_come_in_order_whoever_makes_them(workers):
    dataset = Squares(workers=workers, max_queue_size=4)
    assert [int(x[0, 0]) for x, _ in WorkingAhead(dataset)] == list(range(6))
    assert (len(dataset.threads) > 1) is (workers > 1)


def test_fit_takes_them_and_tells_the_end_of_epochs():
    dataset = Squares(workers=2)
    model = lamella.Sequential([lamella.Input((1,)), lamella.layers.Dense(1)])
    model.compile(lamella.optimizers.SGD(1e-4), "mse")
    history = model.fit(dataset, epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2 and dataset.epochs == 2
    assert model.predict(dataset, verbose=0).shape == (24, 1)


class InProcesses(lamella.utils.PyDataset):
    """Numbers one by one; where one is negative, the process dies."""

    def __init__(self, numbers, **kwargs):
        super().__init__(**kwargs)
        self.numbers = numbers

    def __len__(self):
        return len(self.numbers)

    def __getitem__(self, index):
        if self.numbers[index] < 0:
            os._exit(1)
        return self.numbers[index : index + 1], os.getpid()

    def on_epoch_end(self):
        self.numbers = self.numbers[::-1]


def test_processes_make_batches_too_and_stay_and_know_what_an_epoch_changed():
    dataset = InProcesses(np.arange(3.0), workers=1, use_multiprocessing=True)
    ahead = WorkingAhead(dataset)
    first = list(ahead)
    ahead.on_epoch_end()
    second = list(ahead)
    assert [float(x[0]) for x, _ in (*first, *second)] == [0, 1, 2, 2, 1, 0]
    processes = {process for _, process in (*first, *second)}
    assert len(processes) == 1 and os.getpid() not in processes


def test_a_process_that_dies_is_an_error_and_not_a_hang():
    dataset = InProcesses(np.array([1.0, -1.0, 2.0]), workers=1, use_multiprocessing=True)
    model = lamella.Sequential([lamella.Input((1,)), lamella.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(DataError, match="A worker process of InProcesses died while batch"):
        model.fit(dataset, verbose=0)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_data_set_without_an_end_is_cut_by_steps_per_epoch(workers):
    class Endless(Squares):
        __len__ = None
        num_batches = None

    dataset = Endless(workers=workers)
    model = lamella.Sequential([lamella.Input((1,)), lamella.layers.Dense(1)])
    model.compile(lamella.optimizers.SGD(1e-6), "mse")
    model.fit(dataset, steps_per_epoch=3, epochs=2, verbose=0)
    assert int(model.optimizer.iterations) == 6 and dataset.epochs == 2


class Faulty(Squares):
    def __getitem__(self, index):
        if index == 2:
            raise KeyError("no such file")
        return super().__getitem__(index)


def test_an_error_in_a_worker_is_an_error():
    with pytest.raises(KeyError, match="no such file"):
        list(WorkingAhead(Faulty(workers=2)))


class Slow(Squares):
    def __getitem__(self, index):
        time.sleep(0.3 if index == 1 else 0)
        return super().__getitem__(index)


def test_a_batch_that_hangs_is_named():
    with pytest.warns(UserWarning, match=r"Slow: batch 1 has not been made after 0\.05 seconds"):
        assert len(list(WorkingAhead(Slow(workers=2), patience=0.05))) == 6


def test_a_forgotten_constructor_warns_once():
    class Forgetful(lamella.utils.PyDataset):
        def __init__(self):
            pass

    dataset = Forgetful()
    with pytest.warns(UserWarning, match=r"should call `super\(\).__init__"):
        assert dataset.workers == 1
    assert dataset.num_batches is None
    assert lamella.utils.Sequence is lamella.utils.PyDataset
