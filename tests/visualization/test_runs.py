"""Pictures of runs, mistakes and the numbers inside: to a file, and as characters."""

import numpy as np
import pytest

import lamella
from lamella import layers, visualization
from lamella.errors import ArgumentError, ShapeError
from lamella.training._callback import History
from lamella.visualization._present import braille, half_blocks

RUN = {"loss": [2.0, 1.0, 0.5], "val_loss": [2.0, 1.1, 1.4], "accuracy": [0.2, 0.5, float("nan")]}


@pytest.fixture(autouse=True)
def no_screen(monkeypatch):
    import matplotlib

    monkeypatch.setattr(matplotlib, "get_backend", lambda: "agg")
    with lamella.backend.use("numpy"):
        yield


def is_picture(path):
    from PIL import Image

    with Image.open(path) as picture:
        return np.unique(np.asarray(picture)).size > 20


def test_curves_as_characters_and_as_a_file(tmp_path, capsys):
    history = History()
    history.history = RUN
    history.plot()
    out = capsys.readouterr().out
    assert "loss" in out and "accuracy" in out and "best 1.1 in epoch 2" in out
    assert max(map(len, out.splitlines())) <= 80
    visualization.plot_history(RUN, "loss")
    assert "accuracy" not in capsys.readouterr().out
    history.plot(path=tmp_path / "run.png")
    assert is_picture(tmp_path / "run.png")


def test_without_a_library_curves_are_characters(capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    visualization.plot_history({"loss": [1.0]})
    assert "loss" in capsys.readouterr().out


def test_histories_that_cannot_be_drawn():
    with pytest.raises(ArgumentError, match="no epoch"):
        visualization.plot_history({})
    with pytest.raises(ArgumentError, match="auc"):
        visualization.plot_history(RUN, ["auc"])
    with pytest.raises(ArgumentError, match="dictionary"):
        visualization.plot_history([1, 2])


def test_a_line_in_dots():
    rows = braille([([0, 1], [0, 1])], 4, 2, (0, 1, 0, 1))
    assert ["".join(c for c, _ in row) for row in rows] == ["⠀⠀⣀⠔", "⣀⠔⠁⠀"] or all(len(row) == 4 for row in rows)
    assert rows[0][3][1] == 0 and rows[0][0][1] == -1 and rows[1][0][1] == 0


def test_confusion(tmp_path, capsys):
    true, said = [0, 0, 1, 2, 2], np.eye(3)[[0, 1, 1, 2, 0]]
    matrix = visualization.plot_confusion_matrix(true, said, ["a", "b", "c"])
    assert matrix.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 1]]
    assert "60.0% right" in capsys.readouterr().out
    same = visualization.plot_confusion_matrix(np.eye(3)[true], said, normalize=True, path=tmp_path / "confusion.png")
    assert same.tolist() == matrix.tolist() and is_picture(tmp_path / "confusion.png")
    binary = visualization.plot_confusion_matrix([0, 1, 1], np.array([[0.2], [0.7], [0.4]]))
    assert binary.tolist() == [[1, 0], [1, 1]]
    with pytest.raises(ShapeError, match="examples"):
        visualization.plot_confusion_matrix([0, 1], [0])
    with pytest.raises(ArgumentError, match="negative"):
        visualization.plot_confusion_matrix([-1], [0])


def test_the_surest_mistakes_come_first(tmp_path, capsys):
    images = np.random.default_rng(0).uniform(0, 255, (3, 8, 9))
    said = np.array([[0.1, 0.9], [0.3, 0.7], [0.8, 0.2]])
    wrong = visualization.plot_misclassified(images, [0, 0, 0], said)
    assert wrong.tolist() == [0, 1]
    assert "2 of 3 wrong" in (out := capsys.readouterr().out) and "0 → 1 90%" in out and "▀" in out
    visualization.plot_misclassified(images[..., None], [0, 0, 0], said, path=tmp_path / "wrong.png")
    assert is_picture(tmp_path / "wrong.png")
    with pytest.raises(ShapeError, match="images"):
        visualization.plot_misclassified(images[:2], [0, 0, 0], said)


def test_two_pixels_in_a_character():
    image = np.zeros((3, 60, 3), "uint8")
    image[0] = 255
    lines = half_blocks(image, 30)
    assert [len(line) for line in lines] == [30] and len(half_blocks(image[:, :10], 30)) == 2
    assert "rgb(255,255,255)" in str(lines[0].spans[0].style)


def test_histograms(tmp_path, capsys):
    model = lamella.Sequential([lamella.Input((4,)), layers.Dense(3, name="one"), layers.ReLU(name="two")])
    visualization.plot_weights(model)
    assert "one/kernel" in capsys.readouterr().out
    x = np.ones((2, 4), "float32")
    visualization.plot_activations(model, x)
    out = capsys.readouterr().out
    assert "one" in out and "two" in out and "mean" in out
    visualization.plot_weights(model, path=tmp_path / "weights.png")
    visualization.plot_activations(model, x, path=tmp_path / "activations.png")
    assert is_picture(tmp_path / "weights.png") and is_picture(tmp_path / "activations.png")
    with pytest.raises(ArgumentError, match="no weights"):
        visualization.plot_weights(layers.ReLU())
