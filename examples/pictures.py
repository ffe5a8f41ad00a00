"""Pictures of a model and of its training: run it, and look at the files it writes.

    python examples/pictures.py [folder]

Without `path=` the same functions show windows, or print characters where there is no screen.
"""

import contextlib
import io
import os
import sys
from pathlib import Path

import matplotlib
import numpy as np
from rich.console import Console
from rich.text import Text

import lamella as keras
from lamella import layers, visualization

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
matplotlib.use("agg")  # as where there is no screen


def in_a_terminal(file, job):
    """A picture of what `job` prints."""
    os.environ["FORCE_COLOR"] = "1"
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        job()
    del os.environ["FORCE_COLOR"]
    text = Text.from_ansi(printed.getvalue().rstrip())
    console = Console(record=True, width=max(map(len, text.plain.splitlines())), file=io.StringIO())
    console.print(text)
    console.save_svg(str(folder / file), title="lamella")


(x, y), (x_test, y_test) = keras.datasets.mnist.load_data()
x, y, x_test, y_test = x[:6000], y[:6000], x_test[:1000], y_test[:1000]

inputs = keras.Input((28, 28, 1), name="image")
stem = layers.Rescaling(1 / 255, name="scale")(inputs)
stem = layers.Conv2D(8, 3, strides=2, activation="relu", padding="same", name="stem")(stem)
branch = layers.Conv2D(8, 3, padding="same", name="conv")(stem)
branch = layers.BatchNormalization(name="norm")(branch)
merged = layers.ReLU(name="relu")(layers.Add(name="add")([stem, branch]))
merged = layers.Flatten(name="flat")(layers.MaxPooling2D(name="pool")(merged))
model = keras.Model(inputs, layers.Dense(10, activation="softmax", name="digit")(merged))
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x[..., None], y, validation_data=(x_test[..., None], y_test), epochs=8, batch_size=64, verbose=0)

keras.utils.plot_model(
    model, folder / "model.png", show_shapes=True, show_layer_names=True, show_layer_activations=True, dpi=66
)
in_a_terminal("summary.svg", lambda: model.summary(costs=64))
history.plot(path=folder / "history.png")
in_a_terminal("history.svg", history.plot)
predictions = model.predict(x_test[..., None], verbose=0)
visualization.plot_confusion_matrix(y_test, predictions, path=folder / "confusion.png")
visualization.plot_misclassified(x_test, y_test, predictions, path=folder / "misclassified.png")
visualization.plot_weights(model, path=folder / "weights.png")
visualization.plot_activations(model, x_test[:100, :, :, None], path=folder / "activations.png")

scene = np.full((1, 120, 160, 3), 235, "uint8")
scene[0, 40:95, 20:75] = (70, 130, 180)
scene[0, 25:80, 95:140] = (200, 120, 70)
boxes = {"boxes": np.array([[[20, 40, 75, 95], [95, 25, 140, 80]]]), "labels": np.array([[0, 1]])}
found = {"boxes": np.array([[[24, 44, 80, 99], [90, 28, 138, 84]]]), "labels": np.array([[0, 1]])}
visualization.plot_bounding_box_gallery(
    scene, "xyxy", boxes, found, class_mapping={0: "sea", 1: "clay"}, font_scale=0.5, text_thickness=1, scale=4,
    path=folder / "boxes.png", transparent=False, legend=True,
)  # fmt: skip
masks = (scene[..., 0] < 100) * 1 + (scene[..., 2] < 100) * 2
visualization.plot_segmentation_mask_gallery(
    scene, 3, y_true=masks, color_mapping={1: (30, 78, 140), 2: (217, 118, 43)}, ignore_index=0, alpha=0.6,
    path=folder / "masks.png", transparent=False, scale=3, dpi=80,
)  # fmt: skip
visualization.plot_image_gallery(
    x_test[:12, :, :, None], y_true=y_test[:12], y_pred=predictions[:12].argmax(-1),
    label_map=dict(enumerate("0123456789")), rows=2, cols=6, scale=1.5, dpi=80, path=folder / "gallery.png",
    transparent=False,
)  # fmt: skip
