"""A run that was killed, at any instant, ends bit for bit where the one that was never killed does."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).with_name("interrupted.py")


class Server:
    """Runs jobs of `interrupted.py`, each in a process of its own."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, directory, how, **when):
        directory.mkdir(exist_ok=True)
        print(json.dumps({"directory": str(directory), "how": how, **when}), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


@pytest.fixture(scope="module")
def run():
    server = Server()
    yield server
    server.process.stdin.close()
    server.process.wait()
    server.process.stdout.close()


@pytest.fixture(scope="module")
def whole(run, tmp_path_factory):
    """The run that is never killed, and keeps no state."""
    directory = tmp_path_factory.mktemp("whole")
    assert run(directory, "never")[0] == 0
    return directory


def assert_same_end(directory, whole):
    assert (directory / "record.json").read_text() == (whole / "record.json").read_text()
    assert (directory / "log.csv").read_text() == (whole / "log.csv").read_text()
    with np.load(directory / "variables.npz") as mine, np.load(whole / "variables.npz") as other:
        assert mine.files == other.files
        for name in other.files:
            np.testing.assert_array_equal(mine[name], other[name], strict=True)


def killed_over_and_over(run, directory, how, times, seed):
    """Go on until the end with a run that is killed `times` times, at random events or instants."""
    draw, killed = random.Random(seed), 0
    while True:
        if killed == times:
            when = {}
        elif killed % 3 == 2:
            when = {"after": draw.uniform(0.5, 1.5)}
        else:
            when = {"at": draw.randint(1, 90)}
        code, _ = run(directory, how, **when)
        if code == 0:
            return killed
        assert code == -signal.SIGKILL
        killed += 1


def test_a_run_that_was_killed_ends_where_the_other_does(run, whole, tmp_path):
    assert killed_over_and_over(run, tmp_path / "a", 7, times=4, seed=1) > 0
    assert_same_end(tmp_path / "a", whole)


@pytest.mark.slow
@pytest.mark.parametrize("how, seed", [("epoch", 2), (4, 3), ("resume", 4)])
def test_so_it_does_after_many_kills(run, whole, tmp_path, how, seed):
    killed, i = 0, 0
    while killed < 9:
        killed += killed_over_and_over(run, tmp_path / str(i), how, times=3, seed=10 * seed + i)
        assert_same_end(tmp_path / str(i), whole)
        i += 1
    assert os.path.exists(tmp_path / "0" / "state") == (how == "resume")
