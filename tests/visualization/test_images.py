"""Boxes and masks painted on images, and galleries: beside those of Keras where it needs nothing that is not installed."""

import matplotlib
import numpy as np
import pytest

import lamella
from lamella import visualization as ours
from lamella.errors import ArgumentError, DTypeError, MissingPackageError, ShapeError

matplotlib.use("Agg")
import matplotlib.pyplot as plt

keras = pytest.importorskip("keras")
theirs = keras.visualization

DRAW = np.random.default_rng(3)
IMAGES = DRAW.uniform(0, 255, (5, 12, 10, 3)).astype("float32")
MASKS = DRAW.integers(-1, 5, (5, 12, 10, 1))
BOXES = {"boxes": np.array([[[2, 3, 7, 8], [1, 1, 9, 4]]] * 5, "float32"), "labels": np.array([[0, -1]] * 5)}


@pytest.fixture(autouse=True)
def on_numpy():
    with lamella.backend.use("numpy"):
        yield
    plt.close("all")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_classes": 3},
        {"num_classes": 9, "alpha": 0.3},
        {"blend": False},
        {"ignore_index": 1},
        {"color_mapping": {c: (c, 2 * c, 255 - c) for c in range(5)}, "num_classes": 5},
    ],
    ids=str,
)
def test_masks_are_painted_as_by_keras(options):
    for images in (IMAGES, IMAGES.astype("uint8"), IMAGES * 2 - 100):
        actual = ours.draw_segmentation_masks(images, MASKS, **options)
        expected = np.asarray(theirs.draw_segmentation_masks(images, MASKS, **options))
        assert actual.dtype == expected.dtype
        np.testing.assert_array_equal(actual, expected)


def test_masks_without_a_last_axis_and_with_channels_first():
    wanted = ours.draw_segmentation_masks(IMAGES, MASKS)
    np.testing.assert_array_equal(ours.draw_segmentation_masks(IMAGES, MASKS[..., 0]), wanted)
    first = [x.transpose(0, 3, 1, 2) for x in (IMAGES, MASKS)]
    np.testing.assert_array_equal(ours.draw_segmentation_masks(*first, data_format="channels_first"), wanted)


def painted(thickness):
    """Where the line of a box from (4, 5) to (9, 10) is, as text."""
    box = {"boxes": np.array([[[4, 5, 9, 10]]]), "labels": np.array([[1]])}
    image = ours.draw_bounding_boxes(np.zeros((1, 15, 15, 1)), box, "xyxy", line_thickness=thickness)
    return ["".join(".#"[int(v > 0)] for v in row) for row in image[0, :, :, 0]]


def test_lines_of_boxes():
    """The pixels that OpenCV paints, which Keras draws with."""
    thin, thick = painted(1), painted(2)
    assert thin[5] == "....######....." and thin[6] == "....#....#....." and thin[4] == "." * 15
    assert thick[4] == "....######....." and thick[5] == "...########...." and thick[7] == "...###..###...."


def test_boxes_outside_and_labels_of_minus_one():
    boxes = {"boxes": np.array([[[-20, -20, 40, 40], [0, 0, 3, 3]]]), "labels": np.array([[0, -1]])}
    assert not ours.draw_bounding_boxes(np.zeros((1, 9, 9, 3)), boxes, "xyxy").any()


def test_values_of_images_become_bytes():
    boxes = {"boxes": np.zeros((1, 0, 4)), "labels": np.zeros((1, 0))}
    for value, wanted in ((0.5, 127), (1.0, 255), (100.7, 100), (300.0, 255), (-3.0, 0)):
        out = ours.draw_bounding_boxes(np.full((1, 2, 2, 3), value), boxes, "xyxy")
        assert out.dtype == np.uint8 and (out == wanted).all()


def test_names_are_written_above_or_inside(monkeypatch):
    boxes = {"boxes": np.array([[[5, 40, 60, 70]]]), "labels": np.array([[1]]), "confidences": np.array([[0.5]])}

    def rows(top):
        moved = {**boxes, "boxes": boxes["boxes"] - [0, 40 - top, 0, 40 - top]}
        plain = ours.draw_bounding_boxes(np.zeros((1, 90, 90, 3)), moved, "xyxy")
        named = ours.draw_bounding_boxes(np.zeros((1, 90, 90, 3)), moved, "xyxy", class_mapping={1: "cat"})
        return np.nonzero((plain != named).any((0, 2, 3)))[0]

    assert rows(40).min() > 0 and rows(40).max() < 39  # the stroke between name and confidence reaches below the line
    assert rows(2).min() > 4
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(MissingPackageError, match="Pillow"):
        rows(40)


GALLERIES = [
    ("plot_image_gallery", (), {}),
    ("plot_image_gallery", (), {"rows": 2, "cols": 2, "scale": 1, "dpi": 80, "transparent": False}),
    (
        "plot_image_gallery",
        (),
        {"y_true": np.array([0, 1, 0, 1, 2]), "y_pred": np.array([0, 0, 0, 1, 1]), "label_map": {0: "a", 1: "b"}},
    ),
    ("plot_image_gallery", (), {"value_range": (-50, 300), "rows": 2}),
    ("plot_segmentation_mask_gallery", (3,), {"y_true": MASKS, "y_pred": MASKS.astype("float32")}),
]


@pytest.mark.parametrize("name, args, options", GALLERIES, ids=lambda v: str(v)[:40])
def test_galleries_are_those_of_keras(tmp_path, name, args, options):
    files = []
    for library, file in ((ours, tmp_path / "ours.png"), (theirs, tmp_path / "theirs.png")):
        assert getattr(library, name)(IMAGES, *args, path=str(file), **options) is None
        files.append(plt.imread(file))
    np.testing.assert_array_equal(*files)
    assert not plt.get_fignums()


def test_a_gallery_with_boxes_and_a_legend():
    ours.plot_bounding_box_gallery(IMAGES, "xyxy", BOXES, BOXES, legend=True, rows=2, cols=3, show=False)
    figure = plt.gcf()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Ground Truth", "Prediction"]
    assert [len(axes.images) for axes in figure.axes] == [1, 1, 1, 1, 1, 0]
    shown = figure.axes[0].images[0].get_array()
    assert tuple(shown[3, 4]) == (255, 235, 59)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ours.draw_bounding_boxes(IMAGES[0], BOXES, "xyxy"), ShapeError, "batched"),
        (lambda: ours.draw_bounding_boxes(IMAGES, [1], "xyxy"), TypeError, "dict"),
        (lambda: ours.draw_bounding_boxes(IMAGES, {"boxes": 1}, "xyxy"), ArgumentError, "labels"),
        (lambda: ours.draw_bounding_boxes(IMAGES, BOXES, "xxyy"), ArgumentError, "xxyy"),
        (
            lambda: ours.draw_bounding_boxes(IMAGES, {k: v[0] for k, v in BOXES.items()}, "xyxy"),
            ShapeError,
            "batch, boxes, 4",
        ),
        (lambda: ours.draw_segmentation_masks(IMAGES, MASKS * 1.0), DTypeError, "integer"),
        (lambda: ours.draw_segmentation_masks(IMAGES, MASKS[:, :3]), ShapeError, "segmentation_masks"),
        (lambda: ours.draw_segmentation_masks(IMAGES[..., :1], MASKS), ShapeError, "3 channels"),
        (lambda: ours.plot_image_gallery(IMAGES, path="x.png", show=True), ArgumentError, "both"),
        (lambda: ours.plot_image_gallery(IMAGES, y_true=[0] * 5), ArgumentError, "label_map"),
        (
            lambda: ours.plot_bounding_box_gallery(IMAGES, "xyxy", legend=True, legend_handles=[1]),
            ArgumentError,
            "legend",
        ),
    ],
)
def test_mistakes_are_told(call, error, message):
    with pytest.raises(error, match=message):
        call()
