"""Logs of runs; modules made here stand in for mlflow and wandb."""

import json
import sys
import types

import numpy as np
import pytest

import lamella
from lamella.callbacks import EarlyStopping, JSONLogger, MLflowLogger, WandbLogger
from lamella.errors import MissingPackageError

X, Y = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")


@pytest.fixture(scope="module")
def model():
    model = lamella.Sequential([lamella.Input((2,)), lamella.layers.Dense(1)], name="m")
    model.compile(lamella.optimizers.SGD(0.25), "mse")
    return model


def fit(model, callback, **options):
    return model.fit(X, Y, epochs=2, verbose=0, callbacks=[callback], **options).history


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_lines_of_json(model, tmp_path):
    path = tmp_path / "deep" / "log.jsonl"
    history = fit(model, JSONLogger(path, config={"width": 3}))
    begin, *epochs, end = lines(path)
    assert begin.pop("time") > 1e9
    assert begin == {
        "event": "begin", "model": "m", "optimizer": "SGD", "epochs": 2, "steps": 1, "config": {"width": 3}
    }  # fmt: skip
    assert [e["loss"] for e in epochs] == pytest.approx(history["loss"])
    assert [(e["event"], e["epoch"], e["learning_rate"]) for e in epochs] == [("epoch", 0, 0.25), ("epoch", 1, 0.25)]
    assert end["event"] == "end" and end["seconds"] >= epochs[1]["seconds"] >= epochs[0]["seconds"] >= 0


def test_a_file_of_json_goes_on_or_begins_anew(model, tmp_path):
    fit(model, JSONLogger(tmp_path / "log"))
    fit(model, JSONLogger(tmp_path / "log", append=True))
    assert len(lines(tmp_path / "log")) == 8
    log = JSONLogger(tmp_path / "log")
    fit(model, log)
    assert len(lines(tmp_path / "log")) == 4
    log.set_model(model)
    log.on_train_begin()
    log.on_epoch_end(0, {"loss": np.float32("nan")})
    log.on_train_end()
    assert lines(tmp_path / "log")[1]["loss"] is None


def recorder(name, calls, **members):
    module = types.ModuleType(name)
    vars(module).update(members)
    module.__getattr__ = lambda what: lambda *args, **kwargs: calls.append((what, *args, kwargs))
    return module


@pytest.mark.parametrize("active", [False, True])
def test_mlflow(model, monkeypatch, active):
    calls = []
    monkeypatch.setitem(sys.modules, "mlflow", recorder("mlflow", calls, active_run=lambda: "run" if active else None))
    history = fit(model, MLflowLogger({"width": 3}, run_name="r"))
    logged = [call for call in calls if call[0] not in ("start_run", "end_run")]
    params = {"model": "m", "optimizer": "SGD", "epochs": 2, "steps": 1, "width": 3}
    assert logged[0] == ("log_params", params, {})
    assert [c[2] for c in logged[1:]] == [{"step": 0}, {"step": 1}]
    assert [c[1]["loss"] for c in logged[1:]] == pytest.approx(history["loss"])
    started = [] if active else [("start_run", {"run_name": "r"}), ("end_run", {})]
    assert [call for call in calls if call not in logged] == started


@pytest.mark.parametrize("active", [False, True])
def test_wandb(model, monkeypatch, active):
    calls, config = [], {}
    run = types.SimpleNamespace(config=config)
    wandb = recorder("wandb", calls, run=run if active else None)

    def init(**kwargs):
        calls.append(("init", kwargs))
        wandb.run = run

    wandb.init = init
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    history = fit(model, WandbLogger({"width": 3}, project="p"))
    assert config == {"model": "m", "optimizer": "SGD", "epochs": 2, "steps": 1, "width": 3}
    logged = [call[1] for call in calls if call[0] == "log"]
    assert [values["loss"] for values in logged] == pytest.approx(history["loss"])
    assert [values["epoch"] for values in logged] == [0, 1]
    started = [] if active else [("init", {"project": "p"}), ("finish", {})]
    assert [call for call in calls if call[0] != "log"] == started


@pytest.mark.parametrize("name, cls", [("mlflow", MLflowLogger), ("wandb", WandbLogger)])
def test_a_package_that_is_missing_is_named(monkeypatch, name, cls):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingPackageError, match=f"pip install {name}"):
        cls()


def test_early_stopping_watches_what_get_monitor_value_returns(model):
    class Watch(EarlyStopping):
        def get_monitor_value(self, logs):
            return 1.0

    assert len(model.fit(X, Y, epochs=9, verbose=0, callbacks=[Watch(patience=2)]).epoch) == 3
    assert EarlyStopping("loss").get_monitor_value({"loss": 2.0}) == 2.0
    for logs in (None, {"loss": 1.0}):
        with pytest.warns(UserWarning, match="val_loss"):
            assert EarlyStopping().get_monitor_value(logs) is None
