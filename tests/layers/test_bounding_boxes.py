"""`utils.bounding_boxes`, beside that of Keras where it takes the arguments."""

import numpy as np
import pytest

import lamella
from lamella.errors import ArgumentError, ShapeError
from lamella.layers._bounding_boxes import FORMATS
from lamella.utils import bounding_boxes as ours

keras = pytest.importorskip("keras")
theirs = keras.utils.bounding_boxes

SIZE = {"height": 100, "width": 80}
SHAPE = (100, 80, 3)
BOXES = np.array([[10, 20, 30, 40], [5, 6, 70, 28], [-4, -3, -2, -1], [0, 0, 0, 0]], "float32")
OTHERS = np.array([[12, 18, 33, 39], [0, 0, 10, 90], [-4, -3, -2, -1], [7, 7, 9, 9]], "float32")


@pytest.fixture(autouse=True)
def on_numpy():
    with lamella.backend.use("numpy"):
        yield


def same(name, *args, **kwargs):
    """What ours returns, after it was found equal to what Keras does."""
    actual, expected = getattr(ours, name)(*args, **kwargs), getattr(theirs, name)(*args, **kwargs)
    pairs = [(actual[k], expected[k]) for k in expected] if isinstance(expected, dict) else [(actual, expected)]
    for a, e in pairs:
        assert (a.shape, a.dtype.kind) == (e.shape, e.dtype.kind)
        scale = max(1.0, float(np.max(np.abs(e), initial=0)))
        np.testing.assert_allclose(np.asarray(a), np.asarray(e), rtol=0, atol=4e-6 * scale, err_msg=name)
    return actual


@pytest.mark.parametrize("source", FORMATS)
def test_formats_are_those_of_keras(source):
    for target in FORMATS:
        boxes = BOXES / 100 if source.startswith("rel_") else BOXES
        out = same("convert_format", boxes, source.upper(), target, **SIZE)
        back = ours.convert_format(out, target, source, **SIZE)
        np.testing.assert_allclose(back, boxes, atol=1e-4)


def test_dictionaries_are_converted_and_left_alone():
    boxes = {"boxes": BOXES, "labels": np.arange(4), "scores": 1}
    out = ours.convert_format(boxes, "xyxy", "xywh")
    assert out["scores"] == 1 and boxes["boxes"] is BOXES
    np.testing.assert_array_equal(out["boxes"], ours.convert_format(BOXES, "xyxy", "xywh"))
    same("convert_format", BOXES, "xyxy", "center_xywh", dtype="float16")
    same("convert_format", BOXES, "xyxy", "center_xywh", dtype="int32")


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_boxes_are_clipped_padded_and_cropped_as_by_keras(dtype):
    boxes = BOXES.astype(dtype)
    both = {"boxes": boxes, "labels": np.arange(4, dtype="int32")}
    same("clip_to_image_size", both, 25, 20)
    same("clip_to_image_size", {"boxes": boxes}, 25, 20)
    same("pad", boxes, 3, 2, 100, 80)
    same("crop", boxes, 3, 2, 20, 30)
    same("crop", boxes, 3, 2, None, None)


def test_shares_are_clipped_to_one():
    same(
        "clip_to_image_size",
        {"boxes": BOXES / 30, "labels": np.arange(4, dtype="int32")},
        bounding_box_format="rel_xyxy",
    )


@pytest.mark.parametrize("fmt", ["yxyx", "xywh", "center_xywh", "center_yxhw"])
def test_every_format_in_pixels_is_clipped_padded_and_cropped(fmt):
    other = ours.convert_format(BOXES, "xyxy", fmt)
    for name, options in (("pad", (3, 2)), ("crop", (3, 2, 20, 30))):
        wanted = getattr(ours, name)(BOXES, *options)
        found = getattr(ours, name)(other, *options, bounding_box_format=fmt)
        np.testing.assert_allclose(ours.convert_format(found, fmt, "xyxy"), wanted, atol=1e-4)
    wanted = ours.clip_to_image_size({"boxes": BOXES, "labels": np.arange(4)}, 25, 20)
    found = ours.clip_to_image_size({"boxes": other, "labels": np.arange(4)}, 25, 20, fmt)
    np.testing.assert_allclose(ours.convert_format(found["boxes"], fmt, "xyxy"), wanted["boxes"], atol=1e-4)
    np.testing.assert_array_equal(found["labels"], wanted["labels"])


@pytest.mark.parametrize("fmt", FORMATS)
def test_overlaps_are_those_of_keras(fmt):
    a, b = (ours.convert_format(x, "xyxy", fmt, **SIZE) for x in (BOXES, OTHERS))
    same("compute_iou", a, b, fmt, image_shape=SHAPE)
    same("compute_iou", a, b[:3], fmt, True, -5, image_shape=SHAPE)
    if fmt.startswith("rel_"):  # which Keras refuses
        np.testing.assert_allclose(
            ours.compute_ciou(a, b, fmt, SHAPE), ours.compute_ciou(BOXES, OTHERS, "xyxy"), atol=2e-4
        )
    else:
        same("compute_ciou", a, b, fmt)


def test_overlaps_of_batches():
    for a, b in (([BOXES] * 2, [OTHERS] * 2), ([BOXES], OTHERS), (BOXES, [OTHERS])):
        same("compute_iou", np.asarray(a), np.asarray(b), "xyxy")
    masked = ours.compute_iou(BOXES[None], OTHERS, "xyxy", use_masking=True)
    np.testing.assert_array_equal(masked[0], ours.compute_iou(BOXES, OTHERS, "xyxy", use_masking=True))
    same("compute_ciou", BOXES[:1], OTHERS, "xyxy")


@pytest.mark.parametrize("encoding", ["center_xywh", "center_yxhw"])
def test_deltas_are_those_of_keras_and_lead_back(encoding):
    for fmt in ("xyxy", "center_yxhw", "rel_xywh"):
        anchors, boxes = (ours.convert_format(x[:2], "xyxy", fmt, **SIZE) for x in (BOXES, OTHERS))
        for variance in (None, [0.1, 0.1, 0.2, 0.2]):
            options = {"variance": variance, "image_shape": SHAPE}
            deltas = same("encode_box_to_deltas", anchors, boxes, fmt, fmt, encoding_format=encoding, **options)
            back = same("decode_deltas_to_boxes", anchors, deltas, fmt, fmt, encoded_format=encoding, **options)
            np.testing.assert_allclose(back, boxes, atol=1e-3)
    same("encode_box_to_deltas", BOXES, np.stack([OTHERS, BOXES]), "xyxy", "xyxy")
    same("encode_box_to_deltas", BOXES[:, ::-1], OTHERS, "xyxy", "xyxy")


def test_deltas_by_level():
    levels = {3: BOXES, 4: OTHERS}
    same("decode_deltas_to_boxes", levels, {3: BOXES / 100, 4: OTHERS / 100}, "xyxy", "xywh")


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"angle": 90.0},
        {"angle": 30.0, "shear_x": 20.0, "shear_y": 10.0, "scale": 1.5},
        {"translate_x": 0.1, "translate_y": -0.2, "scale": 0.5, "angle": -20.0},
        {"shear_y": 15.0, "center_x": 0.2, "center_y": 0.7},
    ],
    ids=str,
)
def test_affine_maps_are_those_of_keras(change):
    still = {"angle": 0.0, "translate_x": 0.0, "translate_y": 0.0, "scale": 1.0, "shear_x": 0.0, "shear_y": 0.0}
    numbers = {**still, **change}
    arrays = {k: np.full(2, v, "float32") for k, v in numbers.items()}
    out = same("affine_transform", np.stack([BOXES, OTHERS]), **arrays, **SIZE)
    np.testing.assert_allclose(ours.affine_transform(BOXES, **numbers, **SIZE), out[0], atol=1e-4)
    relative = ours.convert_format(BOXES, "xyxy", "rel_xywh", **SIZE)
    found = ours.affine_transform(relative, **numbers, **SIZE, bounding_box_format="rel_xywh")
    np.testing.assert_allclose(ours.convert_format(found, "rel_xywh", "xyxy", **SIZE), out[0], atol=1e-3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ours.convert_format(BOXES, "xyxx", "xyxy"), ArgumentError, "xyxx"),
        (lambda: ours.convert_format(BOXES, "xyxy", None), ArgumentError, "None"),
        (lambda: ours.convert_format(BOXES, "xyxy", "rel_xyxy", height=3), ArgumentError, "width=None"),
        (lambda: ours.convert_format(BOXES[:, :3], "xyxy", "xywh"), ShapeError, "dimension of 4"),
        (lambda: ours.clip_to_image_size({"boxes": BOXES}), ArgumentError, "height"),
        (lambda: ours.clip_to_image_size(BOXES, 3, 4), ArgumentError, "dictionary"),
        (lambda: ours.pad(BOXES, 1, 2, bounding_box_format="rel_xyxy"), ArgumentError, "in pixels"),
        (lambda: ours.crop(BOXES[:, :3], 1, 2, 3, 4), ShapeError, "last axis of 4"),
        (lambda: ours.compute_iou(BOXES[0], BOXES, "xyxy"), ShapeError, "boxes1"),
        (lambda: ours.compute_iou(BOXES, BOXES, "rel_xyxy"), ArgumentError, "image_shape"),
        (lambda: ours.encode_box_to_deltas(BOXES, BOXES, "xyxy", "xyxy", "xyxy"), ArgumentError, "encoding_format"),
        (
            lambda: ours.decode_deltas_to_boxes(BOXES, BOXES, "xyxy", "xyxy", variance=[1.0]),
            ArgumentError,
            "length 4",
        ),
    ],
)
def test_mistakes_are_told(call, error, message):
    with pytest.raises(error, match=message):
        call()
