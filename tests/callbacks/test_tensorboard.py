"""Event files: their records, their numbers, and what a run writes; read by a decoder of this test's own."""

import json
import struct
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

import lamella
from lamella.callbacks._event_file import histogram_value, masked_crc32c
from lamella.errors import ArgumentError

X = np.arange(24, dtype="float32").reshape(8, 3) / 24
Y = X.sum(1)


def fields(data):
    """The fields of a message: [(number, value)], nested messages as bytes."""
    at, out = 0, []

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = varint()
        kind = key & 7
        if kind == 0:
            value = varint()
        else:
            size = varint() if kind == 2 else {1: 8, 5: 4}[kind]
            value = data[at : at + size]
            at += size
            if kind != 2:
                value = struct.unpack("<d" if kind == 1 else "<f", value)[0]
        out.append((key >> 3, value))
    return out


def events(directory):
    out = []
    for path in sorted(directory.glob("events.out.tfevents.*")):
        data, at = path.read_bytes(), 0
        while at < len(data):
            (size,) = struct.unpack_from("<Q", data, at)
            assert struct.unpack_from("<I", data, at + 8)[0] == masked_crc32c(data[at : at + 8])
            record = data[at + 12 : at + 12 + size]
            assert struct.unpack_from("<I", data, at + 12 + size)[0] == masked_crc32c(record)
            out.append(dict(fields(record)))
            at += size + 16
    return out


def scalars(directory):
    """tag -> [(step, value)]"""
    found = {}
    for event in events(directory):
        for _, value in fields(event.get(5, b"")):
            entry = dict(fields(value))
            if 2 in entry:
                found.setdefault(entry[1].decode(), []).append((event.get(2, 0), entry[2]))
    return found


def tags(directory, kind):
    return {
        dict(fields(value))[1].decode()
        for event in events(directory)
        for _, value in fields(event.get(5, b""))
        if kind in dict(fields(value))
    }


def fit(callback, epochs=2, **options):
    lamella.utils.set_random_seed(0)
    model = lamella.Sequential(
        [lamella.Input((3,)), lamella.layers.Dense(2, name="d"), lamella.layers.Dense(1, name="e")]
    )
    model.compile("sgd", "mse", metrics=["mae"])
    history = model.fit(X, Y, batch_size=4, epochs=epochs, verbose=0, callbacks=[callback], **options)
    return model, history


def test_the_checksum_is_that_of_the_format():
    unmasked = (masked_crc32c(b"123456789") - 0xA282EAD8) & 0xFFFFFFFF
    assert (unmasked << 15 | unmasked >> 17) & 0xFFFFFFFF == 0xE3069283  # the check value of CRC-32C


def test_scalars_of_epochs_are_those_of_the_history(tmp_path):
    _, history = fit(lamella.callbacks.TensorBoard(tmp_path), validation_data=(X, Y))
    assert events(tmp_path / "train")[0][3] == b"brain.Event:2"
    train, validation = scalars(tmp_path / "train"), scalars(tmp_path / "validation")
    assert set(train) == {"epoch_loss", "epoch_mae", "epoch_learning_rate"}
    for found, prefix in ((train, ""), (validation, "val_")):
        for name in ("loss", "mae"):
            assert [step for step, _ in found[f"epoch_{name}"]] == [0, 1]
            np.testing.assert_allclose(
                [v for _, v in found[f"epoch_{name}"]], history.history[prefix + name], rtol=1e-6
            )
    assert [step for step, _ in validation["evaluation_loss_vs_iterations"]] == [2, 4]


def test_batches_are_written_without_cutting_the_epoch(tmp_path):
    model, _ = fit(lamella.callbacks.TensorBoard(tmp_path, update_freq=1, write_steps_per_second=True))
    found = scalars(tmp_path / "train")
    assert [step for step, _ in found["batch_loss"]] == [1, 2, 3, 4]
    assert len(found["epoch_steps_per_second"]) == 2
    assert "nobody listens to single steps" in model.training_plan()


def test_weights_as_histograms_and_images(tmp_path):
    pytest.importorskip("PIL")
    fit(lamella.callbacks.TensorBoard(tmp_path, histogram_freq=1, write_images=True))
    assert {tag.rpartition("/")[2] for tag in tags(tmp_path / "train", 5)} == {"histogram"}
    assert len(tags(tmp_path / "train", 5)) == 4
    assert any("kernel/image/0" in tag for tag in tags(tmp_path / "train", 4))


def test_a_histogram_counts_every_finite_value():
    values = np.array([0.0, 1.0, 2.0, np.nan, 2.0])
    content = dict(fields(dict(fields(histogram_value("h", values)))[5]))
    assert (content[1], content[2], content[3], content[4], content[5]) == (0.0, 2.0, 4.0, 5.0, 9.0)
    counts = struct.unpack(f"<{len(content[7]) // 8}d", content[7])
    assert sum(counts) == 4 and counts[-1] == 2
    assert len(content[6]) == len(content[7])


def test_the_graph_has_the_layers_and_their_inputs(tmp_path):
    fit(lamella.callbacks.TensorBoard(tmp_path))
    (graph,) = [event[4] for event in events(tmp_path / "train") if 4 in event]
    nodes = [fields(value) for number, value in fields(graph) if number == 1]
    assert [(dict(n)[1], dict(n)[2], [v for k, v in n if k == 3]) for n in nodes] == [
        (b"d", b"Dense", []),
        (b"e", b"Dense", [b"d"]),
    ]


def test_embeddings_for_the_projector(tmp_path):
    model = lamella.Sequential([lamella.layers.Embedding(5, 2, name="words"), lamella.layers.Flatten()])
    model.compile("sgd", "mse")
    callback = lamella.callbacks.TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata={"words": "names.tsv"})
    model.fit(np.zeros((4, 1), "int32"), np.zeros((4, 2)), epochs=1, verbose=0, callbacks=[callback])
    assert len((tmp_path / "words-0.tsv").read_text().splitlines()) == 5
    assert 'metadata_path: "names.tsv"' in (tmp_path / "projector_config.pbtxt").read_text()


def test_steps_are_profiled(tmp_path):
    fit(lamella.callbacks.TensorBoard(tmp_path, write_graph=False, profile_batch=(2, 3)))
    assert list(tmp_path.rglob("*.xplane.pb"))


@pytest.mark.parametrize("options", [{"update_freq": 0}, {"profile_batch": (3, 1)}, {"profile_batch": -1}])
def test_it_refuses(options):
    with pytest.raises(ArgumentError, match=r"`update_freq` must be|`profile_batch` must be"):
        lamella.callbacks.TensorBoard(**options)


def test_unknown_embeddings_are_named():
    with pytest.raises(ArgumentError, match=r"Unrecognized `Embedding` layer names.*nobody"):
        fit(
            lamella.callbacks.TensorBoard(
                "unused", False, False, embeddings_freq=1, embeddings_metadata={"nobody": "x"}
            )
        )


@pytest.mark.parametrize("as_json", [True, False])
def test_a_server_is_told_the_metrics(as_json):
    heard = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            heard.append((self.path, self.headers["Content-Type"], self.headers["X-Run"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        root = f"http://127.0.0.1:{server.server_port}"
        monitor = lamella.callbacks.RemoteMonitor(root, path="/here", headers={"X-Run": "7"}, send_as_json=as_json)
        _, history = fit(monitor, epochs=1)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    ((path, kind, run, body),) = heard
    assert (path, run) == ("/here", "7")
    if as_json:
        assert kind == "application/json"
        assert json.loads(body) == {"epoch": 0, **{name: values[0] for name, values in history.history.items()}}
    else:
        assert kind == "application/x-www-form-urlencoded" and body.startswith("data=%7B%22epoch%22")


def test_a_server_that_is_away_costs_a_warning():
    with pytest.warns(UserWarning, match="Could not reach RemoteMonitor root server at http://127.0.0.1:9"):
        fit(lamella.callbacks.RemoteMonitor("http://127.0.0.1:9"), epochs=1)


def test_values_of_ones_own(tmp_path):
    pytest.importorskip("PIL")
    callback = lamella.callbacks.TensorBoard(tmp_path)
    callback.summary.scalar("mine", np.float32(0.5), step=3)
    callback.summary.histogram("spread", [0.0, 1.0], buckets=2)
    callback.summary.image("dots", np.ones((5, 2, 2, 3)), step=1)
    assert scalars(tmp_path / "train")["mine"] == [(3, 0.5)]
    assert tags(tmp_path / "train", 5) == {"spread"}
    assert tags(tmp_path / "train", 4) == {f"dots/image/{i}" for i in range(3)}
    with pytest.raises(ArgumentError, match=r"got \(2, 2\)"):
        callback.summary.image("dots", np.ones((2, 2)))
    callback.on_train_end()


def test_tensorboard_reads_what_is_written(tmp_path):
    pytest.importorskip("PIL")
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    tensor_util = pytest.importorskip("tensorboard.util.tensor_util")
    callback = lamella.callbacks.TensorBoard(tmp_path, histogram_freq=1, write_images=True)
    model, history = fit(callback, validation_data=(X, Y))
    everything = dict.fromkeys(accumulator.DEFAULT_SIZE_GUIDANCE, 0)
    train = accumulator.EventAccumulator(str(tmp_path / "train"), everything).Reload()
    tags = train.Tags()
    found = train.Scalars("epoch_loss") if "epoch_loss" in tags["scalars"] else train.Tensors("epoch_loss")
    values = [e.value if hasattr(e, "value") else tensor_util.make_ndarray(e.tensor_proto) for e in found]
    assert [e.step for e in found] == [0, 1]
    np.testing.assert_allclose(values, history.history["loss"], 1e-6)
    assert set(tags["histograms"]) == {f"{v.path}/histogram" for v in model.weights}
    histogram = train.Histograms(f"{model.weights[0].path}/histogram")[-1].histogram_value
    kernel = model.get_weights()[0]
    assert (histogram.num, histogram.min, histogram.max) == (6, kernel.min(), kernel.max())
    assert sum(histogram.bucket) == 6 and histogram.sum == pytest.approx(kernel.sum())
    (picture,) = {e.encoded_image_string[:4] for e in train.Images(f"{model.weights[0].path}/image/0")}
    assert picture == b"\x89PNG"
    assert tags["graph"] and [node.name for node in _graph(train).node] == ["d", "e"]
    validation = accumulator.EventAccumulator(str(tmp_path / "validation"), everything).Reload()
    assert "epoch_mae" in validation.Tags()["scalars"] + validation.Tags()["tensors"]


def _graph(accumulator):
    graph = pytest.importorskip("tensorboard.compat.proto.graph_pb2").GraphDef()
    graph.ParseFromString(accumulator._graph)
    return graph
