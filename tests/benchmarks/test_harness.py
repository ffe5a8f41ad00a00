"""The pure parts of the benchmark harness: ratios, bars, tables, the command line. Nothing is measured."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))  # the harness is part of the checkout, not of the package

from benchmarks import _cli, _plot, _report, workloads
from benchmarks._measures import MEASURES, Bar
from benchmarks._peers import PEERS, chosen, peers_of
from benchmarks._run import Laps


def record(**peers: list[dict[str, float]]) -> dict:
    """A record of `mnist_mlp`: for each peer (keras_jax for keras-jax) its measures in each round."""
    return {
        "workload": "mnist_mlp",
        "variant": "",
        "settings": {"EPOCHS": 10},
        "machine": {
            "processor": "an abacus",
            "cores": 2,
            "memory_gib": 8,
            "system": "wood",
            "date": "2026-01-01",
            "commit": "abc",
            "environment": {},
        },
        "load_before": 0.0,
        "skipped": {"sklearn": "sklearn not installed"},
        "versions": {peer.replace("_", "-"): {"python": "3.11"} for peer in peers},
        "runs": [
            {
                "round": number,
                "peer": peer.replace("_", "-"),
                "measures": measures,
                "threads": {},
                "stand_in_data": [],
            }
            for peer, rounds in peers.items()
            for number, measures in enumerate(rounds, 1)
        ],
    }


def epochs(*seconds: float) -> list[dict[str, float]]:
    return [{"epoch": value} for value in seconds]


def test_ratios_are_paired_by_round():
    noisy = record(lamella=epochs(1.0, 10.0, 2.0), keras_jax=epochs(2.0, 20.0, 4.0))
    assert _report.ratios(noisy, "lamella", "keras-jax", "epoch") == [0.5, 0.5, 0.5]


def test_a_round_that_one_side_lacks_is_left_out():
    assert _report.ratios(record(lamella=epochs(1.0, 1.0), torch=epochs(4.0)), "lamella", "torch", "epoch") == [0.25]


def test_the_best_peer_is_a_library_and_not_the_limit():
    three = record(
        lamella=epochs(1.0),
        keras_jax=epochs(3.0),
        keras_torch=epochs(4.0),
        torch=epochs(2.0),
        scan=epochs(0.5),
    )
    assert _report.best(three, "best peer", "epoch") == "torch"
    assert _report.best(three, "best Keras", "epoch") == "keras-jax"
    assert _report.best(record(lamella=epochs(1.0)), "best peer", "epoch") is None


@pytest.mark.parametrize(
    ("bar", "value", "met"),
    [
        (Bar("epoch", "keras-jax", 0.5), 0.25, True),
        (Bar("epoch", "best peer", 0.4), 0.5, False),
        (Bar("epoch", None, 1.0), 1.0, True),
        (Bar("epoch", "lamella", 1.0, subject="torch"), 2.0, False),
    ],
)
def test_a_bar_is_met_when_the_median_is_at_most_its_bound(bar, value, met):
    ran = record(lamella=epochs(1.0, 1.0), keras_jax=epochs(4.0, 4.0), torch=epochs(2.0, 2.0))
    (verdict,) = _report.verdicts(ran, [bar])
    assert (verdict.value, verdict.met) == (value, met)


def test_a_bar_whose_peer_did_not_run_is_not_judged():
    bars = [Bar("epoch", "keras-jax", 0.5), Bar("peak", None, 1.0), Bar("epoch", "best Keras", 1.0)]
    assert _report.verdicts(record(lamella=epochs(1.0)), bars) == []


def test_the_table_says_who_was_measured_who_was_not_and_whether_the_bars_are_met():
    text = _report.text([record(lamella=epochs(0.16, 0.15, 0.17), keras_jax=epochs(0.40, 0.39, 0.41))])
    assert "lamella    160 ms\nkeras-jax  400 ms (0.40)\n" in text
    assert "steady epoch, lamella / keras-jax" in text and "met" in text
    assert "Not measured: sklearn: sklearn not installed." in text


def test_a_missed_bar_is_shouted_in_markdown_too():
    page = _report.markdown([record(lamella=epochs(0.3), keras_jax=epochs(0.4))])
    assert "| keras-jax | 400 ms (0.75) |" in page
    assert "| steady epoch, lamella / keras-jax | 0.75 | 0.75-0.75 | 0.43 | MISSED |" in page


def test_the_plot_has_a_dot_for_each_peer_and_knows_the_bars(tmp_path):
    ran = record(lamella=epochs(1.0, 2.0), lamella_warm=epochs(1.0), keras_jax=epochs(4.0, 4.0), torch=epochs(2.0, 2.0))
    (row,) = _plot.rows([ran])
    assert (row.workload, row.measure) == ("mnist_mlp", "steady epoch")
    assert row.dots == [_plot.Dot("keras-jax", 0.375, 0.25, 0.5, 1 / 2.3), _plot.Dot("torch", 0.75, 0.5, 1.0, 0.40)]
    pytest.importorskip("matplotlib")
    _plot.draw([ran], tmp_path / "shares.png")
    assert (tmp_path / "shares.png").read_bytes().startswith(b"\x89PNG")


def test_a_plot_needs_a_peer(tmp_path):
    with pytest.raises(SystemExit, match="no peer ran beside lamella"):
        _plot.draw([record(lamella=epochs(1.0))], tmp_path / "shares.png")


def test_all_stands_for_every_workload():
    assert [name for name, _ in _cli.parse(["all", "many_models:500"]).workloads] == [*workloads.names(), "many_models"]


def test_what_several_workloads_share_is_said_once():
    first = record(lamella=epochs(1.0))
    page = _report.text([first, first | {"variant": "bar", "load_before": 2.0}])
    assert page.count("an abacus") == 1
    assert "Load before the start: 2.0." in page


@pytest.mark.parametrize(
    ("measure", "value", "shown"),
    [
        ("epoch", 12.345, "12.35 s"),
        ("epoch", 0.1234, "123 ms"),
        ("step", 3.21e-5, "32.1 us"),
        ("peak", 410.4, "410 MiB"),
        ("growth", -1.25, "-1.2 MiB"),
        ("compilations_after", 3.0, "3"),
        ("accuracy", 0.97654, "0.9765"),
    ],
)
def test_numbers_are_shown_with_the_unit_that_fits(measure, value, shown):
    assert MEASURES[measure].show(value) == shown


def test_the_first_epoch_is_apart_from_the_steady_ones():
    laps = Laps([10.0, 15.0, 16.0, 19.0, 20.0])
    assert (laps.first, laps.steady) == (5.0, 1.0)
    assert Laps([10.0, 15.0]).steady is None


def test_the_command_line_is_parsed_and_checked():
    pythons = ["--python", "peers=/a", "--python", "torch=/b", "--python", "lamella=/c"]
    options = _cli.parse(["mnist_mlp:bar", "tabular", "--epochs", "3", "--peers", "torch,scan", *pythons])
    assert options.workloads == [("mnist_mlp", "bar"), ("tabular", "")]
    assert options.changes == {"EPOCHS": 3}
    assert options.peers == ["torch", "scan"]
    assert options.pythons["scan"] == "/a"
    assert options.pythons["torch"] == "/b"
    assert options.pythons["lamella"] == options.pythons["lamella-warm"] == "/c"
    assert "keras-nightly" not in options.pythons


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a workload"),
        (["mnist"], "no workload 'mnist'"),
        (["mnist_mlp:fast"], "no variant 'fast'; it has bar, tty"),
        (["mnist_mlp", "--peers", "keras"], "no peer 'keras'"),
        (["mnist_mlp", "--python", "torch"], "expected NAME=PATH"),
        (["mnist_mlp", "--set", "ROWS=3"], "no setting 'ROWS'; it has BATCH_SIZE, EPOCHS"),
        (["mnist_mlp", "--rounds", "0"], "not positive"),
    ],
)
def test_a_wrong_argument_is_named(arguments, message, capsys):
    with pytest.raises(SystemExit):
        _cli.parse(arguments)
    assert message in capsys.readouterr().err


def test_only_the_peers_asked_for_run_beside_lamella():
    mlp = workloads.load("mnist_mlp")
    assert chosen(mlp, {}, ["torch"]) == ["lamella", "torch"]
    assert "keras-nightly" not in chosen(mlp, {}, None)
    assert "keras-nightly" in chosen(mlp, {}, ["keras-nightly"])
    assert "lamella-warm" in chosen(workloads.load("cold_start"), {}, ["torch"])


def test_only_libraries_with_a_progress_bar_are_compared_with_one():
    assert {PEERS[name].family for name in peers_of(workloads.load("mnist_mlp"), {"VERBOSE": 1})} == {"keras"}


@pytest.mark.parametrize("name", workloads.names())
def test_every_workload_is_whole(name):
    workload = workloads.load(name)
    assert (workload.__doc__ or "").strip()
    assert set(workloads.columns(workload)) <= set(MEASURES)
    assert set(peers_of(workload, {})) <= set(PEERS)
    for variant in ("", *workloads.variants(workload)):
        for bar in workloads.bars(workload, variant):
            assert bar.measure in MEASURES
            assert bar.peer in (None, "best peer", "best Keras", *PEERS)
    assert hasattr(workload, "measure") or (hasattr(workload, "model") and hasattr(workload, "data"))


def test_saving_replaces_the_same_workload_and_keeps_the_others(tmp_path):
    path = tmp_path / "figures.json"
    old, new = record(lamella=epochs(1.0)), record(lamella=epochs(2.0))
    other = old | {"variant": "bar"}
    for saved in (old, other, new):
        _cli.save(path, saved)
    assert json.loads(path.read_text()) == [other, new]


def test_results_go_between_the_markers_of_the_readme():
    readme = f"before\n{_cli.BEGIN}\nold\n{_cli.END}\nafter\n"
    assert _cli.with_results(readme, "new\n") == f"before\n{_cli.BEGIN}\n\nnew\n\n{_cli.END}\nafter\n"
    with pytest.raises(SystemExit, match="markers"):
        _cli.with_results("no markers", "")
    assert _cli.BEGIN in _cli.README.read_text() and _cli.END in _cli.README.read_text()
