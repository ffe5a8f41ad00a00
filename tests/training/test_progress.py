"""What a person sees while a network trains."""

import contextlib
import io
import re

import numpy as np
import pytest
from beside_keras import beside_keras

import lamella as keras

X = np.random.default_rng(0).normal(size=(100, 4)).astype("float32")
Y = X[:, :1].copy()


def make():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    return model


def shown(line):
    return {name: float(value) for name, value in re.findall(r"(\w+): ([\d.e+-]+)", line)}


@pytest.mark.parametrize("verbose", [1, 2])
def test_the_last_numbers_shown_are_those_of_history(capsys, verbose):
    model = make()
    history = model.fit(X, Y, batch_size=10, epochs=2, validation_data=(X, Y), verbose=verbose).history
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("Epoch")] == ["Epoch 1/2", "Epoch 2/2"]
    numbers = [shown(line) for line in lines if "loss:" in line]
    assert len(numbers) == 2
    for i, found in enumerate(numbers):
        assert set(found) == {"loss", "mae", "val_loss", "val_mae"}
        for name, value in found.items():
            assert value == pytest.approx(history[name][i], abs=1e-4)


def test_the_numbers_of_evaluate_are_those_it_shows(capsys):
    model = make()
    loss, mae = model.evaluate(X, Y, batch_size=8)
    line = capsys.readouterr().out.strip().splitlines()[-1]
    assert line.startswith("13/13 ")
    assert shown(line) == {"loss": pytest.approx(loss, abs=1e-4), "mae": pytest.approx(mae, abs=1e-4)}
    # The weighted mean over batches of 8 and one of 4 is the mean over the samples.
    assert loss == pytest.approx(float(np.mean((model.predict(X, verbose=0) - Y) ** 2)), rel=1e-5)


def test_silence(capsys):
    model = make()
    model.fit(X, Y, verbose=0)
    model.evaluate(X, Y, verbose=0)
    model.predict(X, verbose=0)
    assert capsys.readouterr().out == ""


def test_predict_shows_its_steps(capsys):
    make().predict(X, batch_size=10)
    assert capsys.readouterr().out.startswith("10/10 ")


def test_a_progress_bar_of_ones_own_averages_its_updates(capsys):
    bar = keras.utils.Progbar(4, stateful_metrics=["last"])
    for i in range(4):
        bar.update(i + 1, [("mean", float(i)), ("last", float(i))])
    assert shown(capsys.readouterr().out) == {"mean": 1.5, "last": 3.0}


def test_an_unknown_number_of_steps_is_learnt_in_the_first_epoch(capsys):
    class Endless:
        def __iter__(self):
            return iter([(X[:10], Y[:10])] * 7)

    make().fit(Endless(), epochs=2)
    lines = [line for line in capsys.readouterr().out.splitlines() if "loss:" in line]
    assert [line.split()[0] for line in lines] == ["7/7", "7/7"]


def test_a_terminal_gets_a_live_bar():
    """Under a pseudo-terminal the bar is redrawn, at least four times a second, and the last drawing is complete."""
    import os
    import pty
    import subprocess
    import sys

    program = (
        "import time, lamella.utils as u\n"
        "bar = u.Progbar(50)\n"
        "for i in range(50):\n"
        "    time.sleep(0.02); bar.update(i + 1, [('loss', 1.0)])\n"
    )
    master, slave = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", program], stdout=slave, stderr=slave)
    os.close(slave)
    out = b""
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError:
            break
        if not chunk:
            break
        out += chunk
    os.close(master)
    assert process.wait() == 0
    text = out.decode()
    assert text.count("/50") >= 5
    assert "50/50" in text and "loss: 1.0000" in text


def last_line(keras, first, last, **options):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        bar = keras.utils.Progbar(2, verbose=2, **options)
        bar.update(1, values=[("a", first)])
        bar.update(2, values=[("a", last)], finalize=True)
    return out.getvalue().partition(" - a")[2]


@pytest.mark.parametrize(
    "options",
    [{}, *({kind: names} for kind in ("stateful_metrics", "stateless_metrics") for names in ([], ["a"]))],
    ids=str,
)
@pytest.mark.parametrize("values", [2.0, [1.0, 2.0, 6.0], np.array([1.0, 2.0]), np.float32(2)], ids=str)
@beside_keras
def test_values_of_a_bar(keras, values, options):
    return last_line(keras, values, values, **options)


@pytest.mark.parametrize("stateless, shown", [(None, ": 1.0000\n"), ([], ": 2.0000\n"), (["a"], ": 1.0000\n")])
def test_stateless_metrics_of_a_bar_are_averaged(stateless, shown):
    assert last_line(keras, 0.0, [1.0, 3.0], stateless_metrics=stateless) == shown


@beside_keras
def test_metrics_of_a_bar_are_named_once(keras):
    return keras.utils.Progbar(1, stateful_metrics=[], stateless_metrics=[])
