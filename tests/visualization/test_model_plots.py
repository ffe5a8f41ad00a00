"""`plot_model` and `model_to_dot`: what is shown, where it stands, and in which files."""

import itertools
import random
import xml.etree.ElementTree

import numpy as np
import pytest

import lamella
from lamella import layers
from lamella.errors import ArgumentError, BackendError, MissingPackageError, NotBuiltError
from lamella.utils import model_to_dot, plot_model
from lamella.visualization._layout import lay_out
from lamella.visualization._model_graph import Shown, graph_of_model


@pytest.fixture(autouse=True)
def on_numpy(monkeypatch):
    monkeypatch.setenv("PATH", "")  # Graphviz is not there
    with lamella.backend.use("numpy"):
        yield


def chain():
    parts = [layers.Dense(2, activation="relu", name="first"), layers.Dense(3, name="second", trainable=False)]
    return lamella.Sequential([lamella.Input((4,)), *parts], name="chain")


def branched():
    a, b = lamella.Input((4,), name="a"), lamella.Input((4,), name="b")
    total = layers.Add(name="add")([a, b])
    hidden = chain()(total)
    joined = layers.Concatenate(name="cat")([hidden, total])
    return lamella.Model([a, b], [layers.Dense(1, name="out")(hidden), joined], name="branched")


# ---- what is shown -----------------------------------------------------------------------------------


def test_arrows_are_those_of_the_graph():
    graph = graph_of_model(branched())
    assert [box.key for box in graph.boxes()] == ["a", "b", "add", "chain", "out", "cat"]
    wanted = [("a", "add"), ("b", "add"), ("add", "chain"), ("chain", "out"), ("chain", "cat"), ("add", "cat")]
    assert sorted(graph.arrows) == sorted(wanted)


def test_nested_models_open_and_arrows_lead_to_the_layers_inside():
    graph = graph_of_model(branched(), Shown(nested=True))
    assert {"chain/first", "chain/second"} <= {box.key for box in graph.boxes()}
    assert {("add", "chain/first"), ("chain/second", "out")} <= set(graph.arrows)


def test_layers_used_twice_and_ops_are_boxes_too():
    shared = layers.Dense(4, name="shared")
    x = lamella.Input((4,), name="x")
    graph = graph_of_model(lamella.Model(x, lamella.ops.sin(shared(shared(x)))), Shown(shapes=True))
    assert [box.type for box in graph.boxes()] == ["InputLayer", "Dense", "Sin"]
    assert ("shared", "shared") in graph.arrows


def test_the_text_shows_what_is_asked_for():
    text = model_to_dot(
        branched(), show_shapes=True, show_dtype=True, show_layer_activations=True, show_trainable=True
    ).to_string()
    for part in (
        "<b>add</b> (Add)",
        "Input shape: <b>[(None, 4), (None, 4)]</b>",
        "Output dtype: <b>float32</b>",
        "Activation: <b>linear</b>",
        "<b>Trainable</b>",
        "add -> cat [penwidth=2];",
        "rankdir=TB;",
    ):
        assert part in text
    assert "<b>Dense</b>" in str(model_to_dot(chain(), show_layer_names=False, rankdir="LR"))
    assert "Non-trainable" in str(model_to_dot(chain(), show_trainable=True))


def test_a_part_of_a_drawing():
    text = model_to_dot(chain(), subgraph=True).to_string()
    assert text.startswith("subgraph cluster_chain {") and "first -> second" in text


def test_a_model_whose_call_is_python_is_one_box():
    class Own(lamella.Model):
        def __init__(self):
            super().__init__(name="own")
            self.dense = layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    model = Own()
    with pytest.raises(NotBuiltError, match="not yet been built"):
        plot_model(model)
    model(np.zeros((1, 4), "float32"))
    assert [box.name for box in graph_of_model(model).boxes()] == ["own"]


def test_mistakes_are_told(tmp_path):
    with pytest.raises(NotBuiltError):
        model_to_dot(lamella.Sequential([layers.Dense(2)]))
    with pytest.raises(ArgumentError, match="Unrecognized"):
        model_to_dot(chain(), colour="red")
    with pytest.raises(ArgumentError, match="rankdir"):
        plot_model(chain(), rankdir="up")
    with pytest.raises(ArgumentError, match="splines"):
        plot_model(chain(), splines="straight")
    with pytest.raises(ArgumentError, match="docx"):
        plot_model(chain(), tmp_path / "model.docx")
    with pytest.raises(BackendError, match="Graphviz"):
        model_to_dot(chain()).create_png()


def test_without_a_library_the_text_is_still_written(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    plot_model(chain(), tmp_path / "model.dot")
    assert "first -> second" in (tmp_path / "model.dot").read_text()
    with pytest.raises(MissingPackageError, match="matplotlib"):
        plot_model(chain(), tmp_path / "model.png")


# ---- where it stands ---------------------------------------------------------------------------------


def drawing(seed: int):
    draw = random.Random(seed)
    count = draw.randint(2, 14)
    arrows = {(draw.randrange(b), b) for b in range(1, count)}
    arrows |= {tuple(sorted(draw.sample(range(count), 2))) for _ in range(draw.randint(0, 8))}
    if draw.random() < 0.3:
        arrows |= {(max(a), min(a)) for a in draw.sample(sorted(arrows), 1)}  # a layer that is used again
    sizes = [(draw.uniform(40, 200), draw.uniform(20, 80)) for _ in range(count)]
    return sizes, sorted(arrows), lay_out(sizes, sorted(arrows), [(None, None)] * len(arrows))


@pytest.mark.parametrize("seed", range(40))
def test_boxes_stand_apart_and_arrows_go_around_them(seed):
    sizes, arrows, layout = drawing(seed)
    boxes = [(x - w / 2, y - h / 2, x + w / 2, y + h / 2) for (x, y), (w, h) in zip(layout.places, sizes)]
    for a, b in itertools.combinations(boxes, 2):
        assert a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]
    for (a, b), route in zip(arrows, layout.routes):
        (x0, y0), (x1, y1) = route[0], route[-1]
        assert boxes[a][0] <= x0 <= boxes[a][2] and boxes[b][0] <= x1 <= boxes[b][2]
        assert min(abs(y0 - boxes[a][1]), abs(y0 - boxes[a][3])) < 1e-6
        assert min(abs(y1 - boxes[b][1]), abs(y1 - boxes[b][3])) < 1e-6
        for (p, q), (r, s) in itertools.pairwise(route):
            assert abs(p - r) < 0.6 or abs(q - s) < 0.6, "a right angle"
            for i, (left, top, right, bottom) in enumerate(boxes):
                if i not in (a, b):
                    apart = max(p, r) < left or min(p, r) > right or max(q, s) <= top or min(q, s) >= bottom
                    assert apart, f"{a} -> {b} runs through {i}"


def test_a_chain_beside_a_long_arrow_stays_straight():
    sizes = [(100.0, 30.0), (140.0, 30.0), (60.0, 30.0), (180.0, 30.0)]
    arrows = [(0, 1), (1, 2), (2, 3), (0, 3)]
    layout = lay_out(sizes, arrows, [(None, None)] * 4)
    assert np.ptp([x for x, _ in layout.places]) < 0.1
    assert [len(route) for route in layout.routes] == [2, 2, 2, 6]


# ---- files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rankdir", ["TB", "LR", "BT", "RL"])
def test_pictures_are_written_in_every_direction(tmp_path, rankdir):
    from PIL import Image

    for splines in ("ortho", "curved", "line"):
        file = tmp_path / f"{splines}.png"
        plot_model(branched(), file, rankdir=rankdir, splines=splines, expand_nested=True, show_shapes=True, dpi=50)
        with Image.open(file) as picture:
            assert (picture.height > picture.width) == (rankdir in ("TB", "BT"))
            assert np.unique(np.asarray(picture)).size > 20


def test_an_svg_is_the_same_each_time(tmp_path):
    for name in ("one.svg", "two.svg"):
        plot_model(chain(), tmp_path / name, show_layer_names=True, show_trainable=True)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    root = xml.etree.ElementTree.parse(tmp_path / "one.svg").getroot()
    assert root.tag.endswith("svg")
