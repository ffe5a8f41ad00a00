"""Files of every format, changed at random: their bytes, and what stands in them.

Each format has a table of places: a function takes the file apart into pieces that have a form of their own (the members of an
archive, the header of a file of tensors) and puts it together again, with right checksums and lengths, so that a change
reaches the reader behind them.
"""

import contextlib
import io
import json
import struct
import zipfile

import h5py
from hypothesis import strategies as st

import lamella as keras

FORMATS = (
    "m.keras", "v.keras", "m.h5", "m.json", "w.weights.h5", "w.weights.json", "w.npz", "w.safetensors", "t.state",
)  # fmt: skip


def write_all(folder):
    """A small model, its weights, and a state of training, in every format."""
    layers = keras.layers
    x = keras.Input((4,), name="x")
    inner = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, "relu", kernel_regularizer="l2", name="d")], name="inner"
    )
    y = layers.Concatenate(name="c")([inner(x), layers.Normalization(mean=0.0, variance=1.0, name="n")(x)])
    model = keras.Model(x, layers.Reshape((7, 1), name="r")(y) + 1.0, name="m")
    model.compile("sgd", keras.losses.MeanSquaredError(), metrics=["mae"])
    for name in ("m.keras", "m.h5"):
        model.save(folder / name)
    (folder / "m.json").write_text(model.to_json())
    for name in FORMATS[4:-1]:
        model.save_weights(folder / name, **({"max_shard_size": 1} if name.endswith("json") else {}))
    _model_of_words().save(folder / "v.keras")
    from lamella.saving._state_file import pack_state, write_state
    from lamella.training._position import Position

    state = {"process": "x", "position": Position(model, [keras.callbacks.History()]).get_state()}
    write_state(folder / "t.state", pack_state(state))
    return model


def _model_of_words():
    """A model with what the other lacks: a vocabulary, a nested cell, half precision."""
    layers = keras.layers
    words = keras.Input((3,), dtype="string", name="words")
    x = layers.StringLookup(vocabulary=["a", "b", "c"], name="lookup")(words)
    x = layers.RNN(layers.GRUCell(2), name="rnn")(layers.Embedding(4, 2, name="e")(x))
    return keras.Model(words, layers.Dense(2, dtype="bfloat16", name="half")(x), name="v")


# ---- changes -----------------------------------------------------------------------------------------

_NUMBERS = st.sampled_from([0, 1, -1, 2, 255, 256, 2**31, 2**32 - 1, 2**62, -(2**63), 10**30])
_WORDS = st.sampled_from(
    ["", "Dense", "x", "Sequential", "function", "type", "__lambda__", "__tuple__", "__numpy__", "__tensor__", "__keras_tensor__",
     "__bytes__", "__slice__", "float64", "string", "../x", "keras", "builtins", "keras.layers", "shared_object_id", "n" * 300, "\0", "é"]
)  # fmt: skip
_VALUES = st.one_of(
    st.none(), st.booleans(), _NUMBERS, st.floats(), _WORDS, st.just([]), st.just({}), st.lists(_NUMBERS, max_size=3)
)
BYTE_EDITS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "set", "insert", "delete", "cut", "repeat"]),
        st.floats(0, 1),
        st.integers(0, 2**16),
        st.binary(max_size=8),
    ),
    min_size=1,
    max_size=3,
)
TREE_EDITS = st.lists(
    st.tuples(
        st.sampled_from(["replace", "drop", "copy", "rename"]), st.integers(0, 2**20), st.integers(0, 2**20), _VALUES
    ),
    min_size=1,
    max_size=3,
)


def change_bytes(data, edits):
    """`data` with each of the edits (what, where, how much, new bytes) done in turn."""
    data = bytearray(data)
    for what, place, number, new in edits:
        at = int(place * max(len(data) - 1, 0))
        if what == "flip" and data:
            data[at] ^= 1 << (number % 8)
        elif what == "set" and data:
            data[at : at + len(new)] = new[: len(data) - at]
        elif what == "insert":
            data[at:at] = new
        elif what == "delete":
            del data[at : at + 1 + number % 64]
        elif what == "cut":
            del data[at:]
        elif what == "repeat":
            data[at:at] = data[at : at + number % 1024]
    return bytes(data)


def change_tree(tree, edits):
    """A tree of JSON with each of the edits (what, which node, which other node, new value) done in turn."""
    tree = json.loads(json.dumps(tree))
    for what, first, second, value in edits:
        nodes = list(_nodes(tree))
        if not nodes:
            return tree
        holder, key = nodes[first % len(nodes)]
        if what == "replace":
            holder[key] = value
        elif what == "drop":
            del holder[key]
        elif what == "copy":
            other, there = nodes[second % len(nodes)]
            holder[key] = json.loads(json.dumps(other[there]))
        elif isinstance(holder, dict):
            holder[str(value)] = holder.pop(key)
    return tree


def _nodes(tree):
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in list(pairs):
        yield tree, key
        yield from _nodes(value)


# ---- where they are made -----------------------------------------------------------------------------


def change_structure(name, data, which, tree_edits, byte_edits):
    """A file whose piece number `which` is changed, and the rest made to fit."""
    if name.endswith(".safetensors"):
        (length,) = struct.unpack("<Q", data[:8])
        header = json.dumps(change_tree(json.loads(data[8 : 8 + length]), tree_edits)).encode()
        return struct.pack("<Q", len(header)) + header + data[8 + length :]
    if name.endswith(".json"):
        return json.dumps(change_tree(json.loads(data), tree_edits)).encode()
    if name.endswith(".h5"):
        return _change_hdf5(data, tree_edits, which)
    return _change_archive(data, which, tree_edits, byte_edits)


def _change_archive(data, which, tree_edits, byte_edits):
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        members = old.namelist()
        chosen = members[which % len(members)]
        for member in members:
            content = old.read(member)
            if member == chosen and member.endswith(".json"):
                content = json.dumps(change_tree(json.loads(content), tree_edits)).encode()
            elif member == chosen and member.endswith(".h5"):
                content = _change_hdf5(content, tree_edits, which) if which % 2 else change_bytes(content, byte_edits)
            elif member == chosen:
                content = change_bytes(content, byte_edits)
            new.writestr(member, content)
    return out.getvalue()


def _change_hdf5(data, edits, which):
    """Attributes changed as trees where they are JSON, else replaced; groups and arrays dropped, moved and replaced."""
    file = io.BytesIO(data)
    with h5py.File(file, "r+") as h5:
        things = [h5]
        h5.visititems(lambda _, thing: things.append(thing))
        thing = things[which % len(things)]
        for edit in edits:
            with contextlib.suppress(ValueError, RuntimeError, KeyError, OSError, TypeError):  # what HDF5 does not do
                _change_thing(h5, things, thing, edit)
    return file.getvalue()


def _change_thing(h5, things, thing, edit):
    what, first, second, value = edit
    names = sorted(thing.attrs)
    if names and first % 2:
        _change_attribute(thing, names[first % len(names)], edit)
    elif what == "drop" and thing.name != "/":
        del h5[thing.name]
    elif what == "copy":
        h5.copy(things[second % len(things)], f"copy{first}")
    elif thing.name != "/":
        name = thing.name
        del h5[name]
        h5[name] = value


def _change_attribute(thing, name, edit):
    what, _, _, value = edit
    old = thing.attrs[name]
    if isinstance(old, str) and old.startswith("{"):
        thing.attrs[name] = json.dumps(change_tree(json.loads(old), [edit]))
    elif what == "drop":
        del thing.attrs[name]
    else:
        thing.attrs[name] = value
