"""Model.summary(), beside that of Keras."""

import io
import logging
import os
import re
import subprocess
import sys

import numpy as np
import pytest

import lamella
from lamella.errors import ArgumentError
from lamella.models._summary import readable_size

keras = pytest.importorskip("keras")


def text_of(model, **options):
    told = []
    model.summary(print_fn=told.append, **options)
    (text,) = told
    return text


def table_of(text):
    """The cells of the table, rows wrapped over several lines joined, without blanks."""
    rows, current = [], None
    for line in text.splitlines():
        if line[:1] in "┃│":
            cells = [re.sub(r"\s", "", cell) for cell in re.split("[┃│]", line)[1:-1]]
            current = cells if current is None else [a + b for a, b in zip(current, cells)]
        elif line[:1] in "┏┡├└" and current is not None:
            rows.append(current)
            current = None
    return rows


def totals_of(text):
    return [line.strip() for line in text.splitlines() if "params:" in line]


# ---- models, drawn with either library ---------------------------------------------------------------


def stack(keras):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.2),
            layers.BatchNormalization(),
            layers.Dense(10),
        ]
    )


def frozen_stack(keras):
    model = stack(keras)
    model.layers[1].trainable = False
    return model


def compiled_stack(keras):
    model = stack(keras)
    model.compile("adam", "mse")
    model.fit(np.zeros((2, 28, 28)), np.zeros((2, 10)), verbose=0)
    return model


def undetermined_stack(keras):
    return keras.Sequential([keras.layers.Dense(3), keras.layers.Dense(4)])


def chain(keras):
    x = keras.Input((2,))
    return keras.Model(x, keras.layers.Dense(1)(keras.layers.Dense(2)(x)))


def residual(keras):
    x = keras.Input((2,))
    return keras.Model(x, keras.layers.Add()([x, keras.layers.Dense(2)(x)]))


def graph(keras):
    layers = keras.layers
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    both = layers.Concatenate()([layers.Dense(5)(a), layers.Dense(5)(b)])
    inner = keras.Sequential([layers.Dense(4), layers.Dense(3)], name="inner")(both)
    shared = layers.Dense(2, name="shared")
    late = shared(layers.Dense(3)(inner))
    return keras.Model([a, b], [shared(inner), late, keras.ops.relu(late) + 1])


def nested(keras):
    x, y = keras.Input((2,)), keras.Input((2,))
    deepest = keras.Model(x, keras.layers.Dense(1)(x), name="deepest")
    inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2), deepest], name="inner")
    return keras.Model(y, keras.layers.Dense(2)(inner(y)))


def half_precision(keras):
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((2,)), layers.Dense(1, dtype="float16"), layers.Dense(1, dtype="mixed_bfloat16")]
    )


def many_outputs(keras):
    class Several(keras.layers.Layer):
        def call(self, x):
            return {"a": x, "b": [x, x]}

    x = keras.Input((2,), batch_size=3)
    return keras.Model(x, Several()(x))


def subclass(keras):
    class Pair(keras.Model):
        def __init__(self):
            super().__init__(name="pair")
            self.first, self.second = keras.layers.Dense(3), keras.layers.Dense(2)

        def call(self, x):
            return self.second(self.first(x))

    return Pair()


def called_subclass(keras):
    model = subclass(keras)
    model(np.ones((2, 4), "float32"))
    return model


MODELS = [
    stack, frozen_stack, compiled_stack, undetermined_stack, chain, residual, graph, nested, half_precision,
    many_outputs, subclass, called_subclass,
]  # fmt: skip


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_the_cells_and_sums_are_those_of_keras(make):
    tables, sums = [], []
    for library in (lamella, keras):
        library.utils.clear_session()
        model = make(library)
        for options in ({}, {"show_trainable": True}, {"expand_nested": True}):
            # Keras cuts what does not fit its line; give it room, and mend the heading it cuts even so.
            with wide_terminal():
                text = text_of(model, line_length=190, **options)
            tables.append(sorted([[re.sub("^Tr.*", "Trainable", c) for c in row] for row in table_of(text)]))
            sums.append(totals_of(text))
            assert text.startswith(f'Model: "{model.name}"\n') and text.endswith("\n")
    half = len(tables) // 2
    assert tables[:half] == tables[half:]
    assert sums[:half] == sums[half:]


class wide_terminal:
    def __enter__(self):
        self.before = os.environ.get("COLUMNS")
        os.environ["COLUMNS"] = "200"

    def __exit__(self, *exc):
        if self.before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = self.before


# ---- which layers ------------------------------------------------------------------------------------


def names_of(text):
    return [row[0].partition("(")[0] for row in table_of(text)[1:]]


@pytest.mark.parametrize(
    "layer_range, names",
    [
        (["dense", "dense"], ["dense", "dropout", "batch_normalization", "dense_1"]),
        (["dropout", "batch.*"], ["dropout", "batch_normalization"]),
        (("flatten", "dense$"), ["flatten", "dense"]),
        (["dense_1", "dropout"], ["dropout", "batch_normalization", "dense_1"]),
    ],
)
def test_a_range_of_layers(layer_range, names):
    lamella.utils.clear_session()
    assert names_of(text_of(stack(lamella), layer_range=layer_range)) == names


def test_what_is_no_range_is_refused():
    model = chain(lamella)
    for unusable in (["a"], "ab", ("a", "b", "c")):
        with pytest.raises(ArgumentError, match="two names"):
            model.summary(layer_range=unusable)
    with pytest.raises(ArgumentError, match=r"matches \['nope'\] of `layer_range`; it has \["):
        model.summary(layer_range=["nope", "dense.*"])


# ---- the form ----------------------------------------------------------------------------------------


def test_lines_have_the_length_that_is_asked_for():
    for length in (60, 100, 140):
        lines = text_of(stack(lamella), line_length=length).splitlines()
        assert {len(line) for line in lines if line[:1] in "┏┃┡│├└"} == {length}


def test_positions_are_parts_of_the_line_or_characters():
    for positions in ([0.5, 0.75, 1.0], [50, 75, 100]):
        top = text_of(stack(lamella), line_length=101, positions=positions).splitlines()[1]
        assert [m.start() for m in re.finditer("[┳┓]", top)] == [50, 75, 100]
    with pytest.raises(ArgumentError, match="3 columns"):
        stack(lamella).summary(positions=[0.5, 1.0])


def test_nothing_is_lost_where_the_columns_are_narrow():
    model = graph(lamella)
    narrow = text_of(model, line_length=60, show_trainable=True)
    assert table_of(narrow) == table_of(text_of(model, line_length=190, show_trainable=True))


def test_names_are_not_read_as_markup():
    model = lamella.Sequential([lamella.Input((3,)), lamella.layers.Dense(1, name="x[bold]y")], name="[red]m")
    text = text_of(model)
    assert 'Model: "[red]m"' in text and "x[bold]y (Dense)" in text


def test_without_a_print_fn_the_same_text_goes_to_standard_output(capsys):
    model = graph(lamella)
    assert model.summary() is None
    assert capsys.readouterr().out == text_of(model)


def test_without_interactive_logging_it_goes_to_the_log(capsys, caplog):
    lamella.config.disable_interactive_logging()
    try:
        with caplog.at_level(logging.INFO, logger="lamella"):
            stack(lamella).summary()
    finally:
        lamella.config.enable_interactive_logging()
    assert capsys.readouterr().out == ""
    assert "Total params: 102,282" in caplog.text


def test_it_is_silent_where_there_is_no_standard_output(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    stack(lamella).summary()


@pytest.mark.parametrize("encoding, mark", [("ascii", "   - dense"), ("utf-8", "   └ dense")])
def test_on_a_dumb_terminal(encoding, mark):
    code = (
        "import lamella as keras\n"
        "inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)], name='inner')\n"
        "keras.Sequential([keras.Input((2,)), inner]).summary(expand_nested=True)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "TERM": "dumb"}
    environment["PYTHONIOENCODING"] = encoding
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environment)
    text = run.stdout.decode(encoding)
    assert mark in text and "Total params: 6 (24.00 B)" in text and "\x1b" not in text


def test_colours_on_a_terminal(monkeypatch):
    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stack(lamella).summary()
    coloured = terminal.getvalue()
    assert "\x1b[" in coloured
    assert totals_of(re.sub(r"\x1b\[[\d;]*m", "", coloured))[0] == "Total params: 102,282 (399.54 KB)"


@pytest.mark.parametrize(
    "size, text",
    [
        (0, "0.00 B"),
        (1023, "1023.00 B"),
        (1024, "1.00 KB"),
        (1536, "1.50 KB"),
        (1024**2, "1.00 MB"),
        (3 * 2**40, "3.00 TB"),
    ],
)
def test_sizes_in_steps_of_1024(size, text):
    assert readable_size(size) == text
