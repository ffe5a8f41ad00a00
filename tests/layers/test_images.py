"""Layers that change images, their boxes, labels and masks, beside those of Keras.

Keras draws; both libraries then apply what it drew, so that the images can be compared to rounding.
"""

import json

import numpy as np
import pytest
from contracts.arguments import own_arguments

import lamella
from lamella import layers
from lamella.errors import ArgumentError, ShapeError

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64")  # by Keras

IMAGES = (np.random.default_rng(0).uniform(size=(3, 6, 8, 3)) * 255).astype("float32")

RANDOM = [
    ("RandomBrightness", {"factor": 0.3}),
    ("RandomBrightness", {"factor": (0.1, 0.4), "value_range": (0.0, 1.0)}),
    ("RandomContrast", {"factor": 0.3}),
    ("RandomContrast", {"factor": (0.2, 0.5)}),
    ("RandomColorDegeneration", {"factor": 0.3}),
    ("RandomHue", {"factor": (0.2, 1.0)}),
    ("RandomSaturation", {"factor": (0.1, 0.4)}),
    ("RandomGrayscale", {"factor": 0.5}),
    ("RandomInvert", {"factor": 0.5}),
    ("RandomPosterization", {"factor": 4}),
    ("RandomPosterization", {"factor": (3, 3)}),
    ("RandomSharpness", {"factor": (0.5, 1.0)}),
    ("RandomErasing", {}),
    ("RandomGaussianBlur", {"factor": (1.0, 1.0), "kernel_size": (5, 3), "sigma": (0.5, 2.0)}),
    ("Solarization", {"addition_factor": 0.3, "threshold_factor": 0.4}),
    ("RandomFlip", {}),
    ("RandomFlip", {"mode": "vertical"}),
    ("RandomRotation", {"factor": 0.3}),
    ("RandomRotation", {"factor": (0.1, 0.2), "fill_mode": "constant", "interpolation": "nearest", "fill_value": 3.0}),
    ("RandomTranslation", {"height_factor": 0.2, "width_factor": 0.3}),
    ("RandomTranslation", {"height_factor": (0.1, 0.2), "width_factor": 0.0, "fill_mode": "wrap"}),
    ("RandomZoom", {"height_factor": 0.2}),
    ("RandomZoom", {"height_factor": 0.2, "width_factor": 0.3, "fill_mode": "constant"}),
    ("RandomShear", {"x_factor": 0.3, "y_factor": 0.2}),
    ("RandomPerspective", {"factor": (1.0, 1.0), "scale": 0.3}),
    ("RandomElasticTransform", {"factor": (1.0, 1.0), "scale": (0.5, 1.0)}),
    ("RandomCrop", {"height": 3, "width": 4}),
    ("MixUp", {}),
    ("MixUp", {"alpha": 0.7}),
    ("CutMix", {}),
    ("CutMix", {"factor": 0.4}),
    ("RandAugment", {}),
    ("RandAugment", {"num_ops": 3, "factor": 0.5, "interpolation": "nearest", "value_range": (0, 300)}),
    ("AugMix", {}),
    ("AugMix", {"num_chains": 2, "chain_depth": 2, "factor": 0.4, "alpha": 0.5, "all_ops": False}),
    ("AugMix", {"interpolation": "nearest", "value_range": (0, 255), "factor": (0.1, 0.3)}),
    *(
        (name, {"factor": (0.4, 0.5), "value_range": (0, 300)})  # above it Keras's saturations leave their range
        for name in ("RandomContrast", "RandomColorDegeneration", "RandomHue", "RandomSaturation", "RandomSharpness")
    ),
    ("RandomInvert", {"factor": (1.0, 1.0), "value_range": (0, 200)}),
    ("RandomPosterization", {"factor": (2, 5), "value_range": (0, 300)}),
    ("RandomGaussianBlur", {"factor": (1.0, 1.0), "kernel_size": 3, "sigma": 1.0, "value_range": (0, 300)}),
    ("RandomErasing", {"factor": (1.0, 1.0), "scale": (0.1, 0.3), "fill_value": 7.0, "value_range": (0, 300)}),
    ("RandomTranslation", {"height_factor": 0.4, "width_factor": 0.3, "fill_mode": "constant", "fill_value": 9.0}),
    ("RandomTranslation", {"height_factor": 0.4, "width_factor": 0.3, "interpolation": "nearest"}),
    ("RandomZoom", {"height_factor": (0.3, 0.5), "fill_mode": "constant", "fill_value": 9.0}),
    ("RandomZoom", {"height_factor": 0.4, "interpolation": "nearest", "fill_mode": "nearest"}),
    ("RandomShear", {"x_factor": 0.5, "fill_mode": "constant", "fill_value": 9.0}),
    ("RandomShear", {"x_factor": 0.5, "y_factor": 0.4, "interpolation": "nearest", "fill_mode": "wrap"}),
    ("RandomPerspective", {"factor": (1.0, 1.0), "fill_value": 9.0}),
    ("RandomPerspective", {"factor": (1.0, 1.0), "interpolation": "nearest"}),
    (
        "RandomElasticTransform",
        {"factor": (1.0, 1.0), "fill_mode": "constant", "fill_value": 9.0, "value_range": (0, 300)},
    ),
    ("RandomElasticTransform", {"factor": (1.0, 1.0), "interpolation": "nearest"}),
]
# Where both draw the same numbers from the same seed.
SAME_DRAWS = {
    "RandomBrightness", "RandomContrast", "RandomColorDegeneration", "RandomHue", "RandomSaturation", "RandomGrayscale",
    "RandomInvert", "RandomPosterization", "RandomSharpness", "RandomGaussianBlur", "Solarization", "RandomFlip",
    "RandomRotation", "RandomTranslation", "RandomZoom", "RandomShear", "RandomPerspective", "RandomElasticTransform",
    "RandomErasing", "RandomCrop",
}  # fmt: skip
DRAWN_IN_FULL = {"RandomErasing", "RandomPerspective"}  # under every policy, and by Keras in the dtype of the policy


@pytest.fixture(autouse=True)
def on_numpy(request):
    """Most tests run on NumPy, where nothing is compiled; draws are the same."""
    if "compiled" in request.node.name:
        yield
    else:
        with lamella.backend.use("numpy"):
            yield


def pair(name, options, **more):
    return [getattr(library.layers, name)(**options, **more) for library in (keras, lamella)]


def drawn(value):
    """The arrays of a transformation."""
    if isinstance(value, dict):
        return [a for key in sorted(value) for a in drawn(value[key])]
    if isinstance(value, (list, tuple)):
        return [a for item in value for a in drawn(item)]
    return [np.asarray(value)] if hasattr(value, "shape") else []


def on_host(value):
    """A transformation with NumPy arrays."""
    if isinstance(value, dict):
        return {key: on_host(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [on_host(item) for item in value]
    return np.asarray(value) if hasattr(value, "shape") else value


@pytest.mark.parametrize("name, options", RANDOM, ids=str)
def test_images_are_those_of_keras(name, options):
    theirs, ours = pair(name, options, seed=7)
    transformation = theirs.get_random_transformation(IMAGES, training=True)
    mine = ours.get_random_transformation(IMAGES, training=True)
    if name in SAME_DRAWS:
        for a, b in zip(drawn(mine), drawn(transformation), strict=True):
            np.testing.assert_allclose(np.asarray(a, "float64"), np.asarray(b, "float64"), atol=2e-3)
    if isinstance(transformation, dict) and "seed" in transformation:
        transformation["seed"] = 5
    expected = np.asarray(theirs.transform_images(IMAGES, transformation, training=True))
    actual = np.asarray(ours.transform_images(IMAGES, on_host(transformation), training=True))
    assert (actual.shape, actual.dtype) == (expected.shape, expected.dtype)
    if name == "AugMix":  # its steps round: a value between two of them may go either way in the last bit
        assert np.mean(np.abs(actual - expected) > 5e-3) < 0.03 and np.abs(actual - expected).max() < 2
    else:
        np.testing.assert_allclose(actual, expected, atol=5e-3)


@pytest.mark.parametrize(
    "name, options",
    [("MixUp", {}), ("CutMix", {}), ("CutMix", {"factor": (0.2, 0.4)}), ("RandAugment", {"num_ops": 3})],
    ids=str,
)
def test_layers_that_shuffle_draw_as_keras(name, options):
    """On JAX, whose draws from the beta distribution Keras has."""
    with lamella.backend.use("jax"):
        theirs, ours = (layer.get_random_transformation(IMAGES) for layer in pair(name, options, seed=7))
    for a, b in zip(drawn(ours), drawn(theirs), strict=True):
        np.testing.assert_allclose(np.asarray(a, "float64"), np.asarray(b, "float64"), atol=2e-3)


@pytest.mark.parametrize("value_range", [(0, 255), (0, 300), (-100, 300)])
def test_solarization_of_a_range_is_that_of_keras(value_range):
    options = {"addition_factor": 0.3, "threshold_factor": 0.4, "value_range": value_range, "seed": 7}
    theirs, ours = pair("Solarization", options)
    np.testing.assert_allclose(ours(IMAGES, training=True), theirs(IMAGES, training=True), atol=5e-3)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name, options", [r for r in RANDOM if r[0] in SAME_DRAWS - DRAWN_IN_FULL], ids=str)
def test_draws_under_another_policy_are_those_of_keras(name, options, dtype):
    theirs, ours = pair(name, options, seed=7, dtype=dtype)
    expected = drawn(theirs.get_random_transformation(IMAGES, training=True))
    actual = drawn(ours.get_random_transformation(IMAGES, training=True))
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(np.asarray(a, "float64"), np.asarray(b, "float64"), rtol=1e-2, atol=1e-2)


def test_bounds_of_factors_come_in_either_order():
    assert layers.RandomZoom((0.4, -0.2)).get_random_transformation(IMAGES)["height_zoom"].shape == (3, 1)
    assert layers.RandomRotation((0.5, 0.2)).factor == (0.2, 0.5)


def test_rectangles_of_no_size_erase_nothing():
    np.testing.assert_array_equal(layers.RandomErasing(factor=(1.0, 1.0), scale=0)(IMAGES, training=True), IMAGES)


def test_a_policy_of_no_layers_changes_nothing():
    np.testing.assert_array_equal(layers.RandAugment(num_ops=0)(IMAGES, training=True), IMAGES)


@pytest.mark.parametrize("name, options", [r for r in RANDOM if r[0] != "RandomCrop"], ids=str)
def test_nothing_changes_when_not_training(name, options):
    layer = getattr(layers, name)(**options)
    np.testing.assert_allclose(layer(IMAGES, training=False), IMAGES, atol=1e-3)


@pytest.mark.parametrize("name, options", RANDOM, ids=str)
def test_one_image_and_channels_first(name, options):
    if name in ("MixUp", "CutMix"):
        pytest.skip("they need several images")
    layer = getattr(layers, name)(**options, seed=1)
    size = (options.get("height", 6), options.get("width", 8))
    assert layer(IMAGES[0], training=True).shape == (*size, 3)
    first = getattr(layers, name)(**options, seed=1, data_format="channels_first")
    out = first(IMAGES.transpose(0, 3, 1, 2), training=True)
    assert out.shape == (3, 3, *size)
    last = getattr(layers, name)(**options, seed=1)(IMAGES, training=True)
    if name not in ("RandomErasing", "RandomPerspective"):
        np.testing.assert_allclose(np.transpose(out, (0, 2, 3, 1)), last, atol=5e-3)


LEFT = {"Solarization": {"value_range"}}  # Keras draws for the range (0, 255) and rescales: by itself, above


def test_every_argument_is_given_by_a_row():
    """But those that all of them have, which the tests of the table give."""
    tested = {name: set(LEFT.get(name, ())) for name, _ in RANDOM + FIXED}
    for name, options in RANDOM + FIXED:
        tested[name] |= set(options)
    for name in tested:
        assert own_arguments(getattr(layers, name), "seed", "data_format", "name") - tested[name] == set(), name


FIXED = [
    ("AutoContrast", {}),
    ("AutoContrast", {"value_range": (0, 300)}),
    ("Equalization", {"bins": 16}),
    ("Equalization", {"value_range": (0, 300)}),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"value_range": (0, 300)}),
    *(
        ("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": grid, "clip_limit": limit})
        for grid, limit in (((1, 1), 1000.0), ((2, 2), 4.0), ((4, 3), 2.0), ((8, 8), 4.0), ((2, 4), 0.0))
    ),
    ("CenterCrop", {"height": 3, "width": 4}),
    ("CenterCrop", {"height": 10, "width": 4}),
    ("Resizing", {"height": 3, "width": 4}),
    ("Resizing", {"height": 10, "width": 4, "crop_to_aspect_ratio": True}),
    ("Resizing", {"height": 5, "width": 12, "pad_to_aspect_ratio": True, "fill_value": 3.0}),
    ("Resizing", {"height": 5, "width": 12, "pad_to_aspect_ratio": True, "fill_mode": "constant"}),
    ("Resizing", {"height": 3, "width": 3, "interpolation": "bicubic", "antialias": True}),
]


@pytest.mark.parametrize("name, options", FIXED, ids=str)
def test_layers_that_do_not_draw(name, options):
    theirs, ours = pair(name, options)
    np.testing.assert_allclose(ours(IMAGES, training=True), theirs(IMAGES, training=True), atol=2e-3)
    assert ours.compute_output_shape((None, 6, 8, 3)) == tuple(theirs.compute_output_shape((None, 6, 8, 3)))


@pytest.mark.parametrize("name, options", RANDOM + FIXED, ids=str)
def test_configurations_make_the_layer_again(name, options):
    layer = getattr(layers, name)(**options, name="l")
    config = layer.get_config()
    again = type(layer).from_config(json.loads(json.dumps(config)))
    assert json.loads(json.dumps(again.get_config())) == json.loads(json.dumps(config))


# ---- what belongs to images --------------------------------------------------------------------------

BOXES = {"boxes": np.array([[[1.0, 2.0, 5.0, 4.0], [0.0, 0.0, 8.0, 6.0]]] * 3, "float32"), "labels": np.ones((3, 2))}
DATA = {
    "images": IMAGES,
    "labels": np.eye(3, dtype="float32"),
    "bounding_boxes": BOXES,
    "segmentation_masks": np.round(IMAGES[..., :1] / 80),
}
XYXY = {"bounding_box_format": "xyxy"}
MOVING = ("RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom", "RandomShear", "RandomPerspective")


@pytest.mark.parametrize("name, options", [r for r in RANDOM if r[0] in MOVING], ids=str)
def test_boxes_move_with_the_images(name, options):
    """A white box on black, moved as an image and as a box: the white pixels fill the moved box."""
    black = np.zeros((4, 40, 40, 1), "float32")
    black[:, 15:25, 12:28] = 1.0
    boxes = {"boxes": np.array([[[12.0, 15.0, 28.0, 25.0]]] * 4), "labels": np.zeros((4, 1))}
    options = {k: v for k, v in options.items() if k != "fill_value"} | {"seed": 3}
    options |= {"fill_mode": "constant"} if name not in ("RandomFlip", "RandomPerspective") else {}
    layer = getattr(layers, name)(**options, bounding_box_format="xyxy")
    out = layer({"images": black, "bounding_boxes": boxes}, training=True)
    for image, box in zip(np.asarray(out["images"]), np.asarray(out["bounding_boxes"]["boxes"])[:, 0]):
        rows, columns = np.nonzero(image[..., 0] > 0.5)
        if len(rows) and image[0].max() == image[-1].max() == image[:, 0].max() == image[:, -1].max() == 0:
            seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(box, seen, atol=2.5)


MOVED = [
    ("RandomRotation", {"factor": (0.1, 0.1)}),
    ("RandomRotation", {"factor": (0.25, 0.25)}),
    ("RandomZoom", {"height_factor": (0.9, 0.9)}),
    ("RandomZoom", {"height_factor": (-0.6, -0.6), "width_factor": (0.2, 0.2)}),
    ("RandomTranslation", {"height_factor": (0.5, 0.5), "width_factor": (-0.4, -0.4)}),
    ("CenterCrop", {"height": 3, "width": 4}),
    ("CenterCrop", {"height": 10, "width": 7}),
    ("Resizing", {"height": 10, "width": 4, "crop_to_aspect_ratio": True}),
    ("Resizing", {"height": 10, "width": 12, "crop_to_aspect_ratio": True}),
]


@pytest.mark.parametrize("name, options", MOVED, ids=str)
def test_boxes_are_those_of_keras(name, options):
    """Also of boxes with nothing left inside, whose label becomes -1."""
    corners = [[1.0, 2.0, 5.0, 4.0], [0.0, 0.0, 8.0, 6.0], [0.0, 4.0, 1.0, 5.0], [6.0, 0.0, 8.0, 1.0]]
    boxes = {"boxes": np.array([corners] * 3, "float32"), "labels": np.ones((3, 4), "int32")}
    data = {"images": IMAGES, "bounding_boxes": boxes}
    theirs, ours = (layer(data, training=True)["bounding_boxes"] for layer in pair(name, options, **XYXY))
    np.testing.assert_allclose(ours["boxes"], theirs["boxes"], atol=1e-4)
    np.testing.assert_array_equal(ours["labels"], theirs["labels"])


@pytest.mark.parametrize(
    "fmt", ["xyxy", "yxyx", "xywh", "center_xywh", "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh"]
)
def test_box_formats(fmt):
    convert = keras.utils.bounding_boxes.convert_format
    boxes = np.asarray(convert(BOXES["boxes"], "xyxy", fmt, height=6, width=8))
    data = {"images": IMAGES, "bounding_boxes": {"boxes": boxes, "labels": BOXES["labels"]}}
    flipped = layers.RandomFlip("horizontal", seed=7, bounding_box_format=fmt)(data, training=True)
    same = layers.RandomFlip("horizontal", seed=7, bounding_box_format="xyxy")(DATA, training=True)
    expected = convert(np.asarray(same["bounding_boxes"]["boxes"]), "xyxy", fmt, height=6, width=8)
    np.testing.assert_allclose(flipped["bounding_boxes"]["boxes"], expected, atol=1e-4)
    assert float(np.asarray(same["bounding_boxes"]["boxes"])[0, 0, 0]) in (1.0, 3.0)


@pytest.mark.parametrize("name, options", RANDOM + FIXED, ids=str)
def test_dictionaries(name, options):
    layer = getattr(layers, name)(**options, bounding_box_format="xyxy")
    out = layer(DATA, training=True)
    assert set(out) == set(DATA)
    size = (options.get("height", 6), options.get("width", 8))
    assert out["images"].shape == (3, *size, 3)
    assert out["segmentation_masks"].shape == (3, *size, 1)
    assert out["labels"].shape == (3, 3)
    assert out["bounding_boxes"]["boxes"].shape == (3, 4 if name == "MixUp" else 2, 4)


@pytest.mark.parametrize("name", ["MixUp", "CutMix"])
def test_mixed_labels_are_those_of_keras(name):
    theirs, ours = pair(name, {}, seed=7)
    transformation = theirs.get_random_transformation(DATA, training=True)
    expected = theirs.transform_labels(DATA["labels"], transformation, training=True)
    np.testing.assert_allclose(ours.transform_labels(DATA["labels"], on_host(transformation)), expected, atol=1e-6)


@pytest.mark.parametrize("name, options", [("RandomFlip", {}), ("RandomHue", {"factor": 0.1})], ids=str)
def test_boxes_of_integers_become_floats(name, options):
    def moved(layer):
        boxes = {"boxes": BOXES["boxes"].astype("int64"), "labels": np.ones((3, 2), "int32")}
        return layer({"images": IMAGES, "bounding_boxes": boxes}, training=True)["bounding_boxes"]["boxes"]

    expected, actual = map(moved, pair(name, options, seed=7, **XYXY))
    assert str(actual.dtype) == str(expected.dtype) == "float32"
    np.testing.assert_allclose(actual, expected, atol=1e-5)


ERASED = {"apply_erasing": [True, False, True], "batch_masks": IMAGES > 128, "fill_value": 0}


@pytest.mark.parametrize(
    "name, transformation",
    [
        ("MixUp", {"mix_weight": 0.3, "permutation_order": [2, 0, 1]}),
        ("MixUp", {"mix_weight": [0.3, 1.0, 0.0], "permutation_order": [2, 0, 1]}),
        ("RandomErasing", {key: np.asarray(value) for key, value in ERASED.items()}),
    ],
    ids=str,
)
def test_transformations_of_numbers(name, transformation):
    theirs, ours = pair(name, {})
    expected = theirs.transform_images(IMAGES, transformation)
    np.testing.assert_allclose(ours.transform_images(IMAGES, transformation), expected, atol=1e-3)


def test_one_image_is_a_batch_of_one():
    """Where it is handed to `transform_images` itself, with the transformation of a batch of one."""
    erased = {key: np.asarray(value)[:1] for key, value in ERASED.items() if key != "fill_value"} | {"fill_value": 0}
    for name, given in (("MixUp", {"mix_weight": 1, "permutation_order": [0]}), ("RandomErasing", erased)):
        theirs, ours = (np.asarray(layer.transform_images(IMAGES[0], given)) for layer in pair(name, {}))
        assert ours.shape == theirs.shape == (1, 6, 8, 3)
        np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_erasing_leaves_values_outside_of_the_range():
    theirs, ours = pair("RandomErasing", {"factor": (1.0, 1.0), "value_range": (0, 1)}, seed=7)
    np.testing.assert_allclose(ours(IMAGES, training=True), theirs(IMAGES, training=True), atol=1e-4)


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_grey_images_keep_their_integers(dtype):
    theirs, ours = (layer(IMAGES.astype(dtype), training=True) for layer in pair("RandomGrayscale", {"factor": 1.0}))
    assert str(ours.dtype) == str(theirs.dtype) == dtype
    assert np.abs(np.asarray(ours).astype(int) - np.asarray(theirs).astype(int)).max() <= 1  # where one rounds across


@pytest.mark.parametrize("number", [1, 2, 4])
def test_number_of_boxes(number):
    theirs, ours = pair("MaxNumBoundingBoxes", {"max_number": number}, bounding_box_format="xyxy")
    expected, actual = (layer({"images": IMAGES, "bounding_boxes": BOXES}) for layer in (theirs, ours))
    for key in ("boxes", "labels"):
        np.testing.assert_array_equal(actual["bounding_boxes"][key], expected["bounding_boxes"][key])


# ---- inside models, and mistakes ---------------------------------------------------------------------


def test_images_inside_compiled_models():
    model = lamella.Sequential(
        [
            lamella.Input((6, 8, 3)),
            layers.RandomFlip(seed=1),
            layers.RandomRotation(0.1, seed=2),
            layers.RandomBrightness(0.1, seed=3),
            layers.RandomErasing(seed=4),
            layers.CenterCrop(4, 4),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    history = model.fit(IMAGES, np.ones((3, 1)), epochs=2, batch_size=3, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    np.testing.assert_allclose(model.predict(IMAGES, verbose=0), model(IMAGES, training=False), rtol=1e-4, atol=1e-4)


def test_layers_that_choose_inside_compiled_programs():
    def layers_of_one_seed():
        return layers.AugMix(seed=3, factor=0.9, chain_depth=2), layers.RandomElasticTransform(seed=4)

    class Augmented(lamella.Model):
        def __init__(self):
            super().__init__()
            self.steps = layers_of_one_seed()

        def call(self, x, training=None):
            for step in self.steps:
                x = step(x, training=True)
            return x

    model = Augmented()
    model.compile("sgd", "mse")
    compiled = model.predict(IMAGES, verbose=0)
    expected = IMAGES
    for step in layers_of_one_seed():
        expected = step(expected, training=True)
    np.testing.assert_allclose(compiled, expected, atol=5e-3)
    assert np.abs(compiled - IMAGES).max() > 1


def test_a_part_at_random_is_cut_by_compiled_code():
    part = layers.RandomCrop(3, 4, seed=1)
    drawn = [int(n) for n in part.get_random_transformation(IMAGES)]
    again = layers.RandomCrop(3, 4, seed=1)(IMAGES, training=True)
    np.testing.assert_array_equal(again, IMAGES[:, drawn[0] : drawn[0] + 3, drawn[1] : drawn[1] + 4])


COLORS = ["RandomBrightness", "RandomContrast", "RandomColorDegeneration", "RandomColorJitter", "RandomHue"]
COLORS += ["RandomSaturation", "RandomGrayscale", "RandomInvert", "RandomPosterization", "Equalization", "MixUp"]
COLORS += ["RandomCrop", "Solarization", "RandomFlip", "RandomErasing"]
OPTIONS = {"RandomCrop": {"height": 3, "width": 4}, "RandomPosterization": {"factor": 4}}
OPTIONS |= {name: {} for name in ("RandomColorJitter", "Equalization", "MixUp", "Solarization", "RandomFlip")}


@pytest.mark.parametrize("training", [False, None])
@pytest.mark.parametrize("name", COLORS)
def test_integer_images_when_not_training(name, training):
    whole = IMAGES.astype("uint8")
    theirs, ours = pair(name, OPTIONS.get(name, {"factor": 0.5}))
    expected, actual = np.asarray(theirs(whole, training=training)), ours(whole, training=training)
    assert (actual.shape, str(actual.dtype)) == (expected.shape, str(expected.dtype))
    np.testing.assert_array_equal(actual, expected)


def test_hue_of_grey_images_when_not_training():
    for name in ("RandomHue", "RandomSaturation", "RandomColorJitter"):
        layer = getattr(layers, name)(**OPTIONS.get(name, {"factor": 0.5}))
        np.testing.assert_array_equal(layer(IMAGES[..., :1], training=False), IMAGES[..., :1])


MOVED = [r for r in RANDOM if r[0] in ("RandomRotation", "RandomTranslation", "RandomZoom", "RandomShear")]
MOVED += [("RandomPerspective", {"scale": 0.3}), ("Resizing", {"height": 3, "width": 4})]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name, options", MOVED, ids=str)
def test_masks_keep_their_integers(name, options, training):
    layer = getattr(layers, name)(**options)
    out = layer({"images": IMAGES, "segmentation_masks": IMAGES[..., :1].astype("uint8")}, training=training)
    assert str(out["segmentation_masks"].dtype) == "uint8"
    assert str(out["images"].dtype) == "float32"


@pytest.mark.parametrize("name, options", [r for r in RANDOM if r[0] not in ("MixUp", "AugMix")], ids=str)
def test_a_policy_of_integers(name, options):
    layer = getattr(layers, name)(**options, dtype="uint8")
    assert str(layer(IMAGES, training=True).dtype) == "uint8"


@pytest.mark.parametrize("name", ["RandomColorDegeneration", "RandomBrightness", "RandomSharpness"])
def test_a_policy_of_integers_computes_in_floats(name):
    whole, exact = (getattr(layers, name)((0.5, 0.5), dtype=dtype) for dtype in ("uint8", "float32"))
    images = np.floor(IMAGES)
    np.testing.assert_allclose(whole(images, training=True), exact(images, training=True), atol=1)


def test_resizing_integers():
    for options in ({"interpolation": "nearest"}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}):
        theirs, ours = pair("Resizing", {"height": 4, "width": 5, **options})
        expected, actual = np.asarray(theirs(IMAGES.astype("uint8"))), ours(IMAGES.astype("uint8"))
        assert str(actual.dtype) == "uint8"
        np.testing.assert_array_equal(actual, expected)


WRONG = [
    ("RandomBrightness", {"factor": 2.0}, "factor"),
    ("RandomContrast", {"factor": -0.1}, "factor"),
    ("RandomHue", {"factor": (0.5, 1.2)}, "factor"),
    ("RandomGrayscale", {"factor": 1.5}, "factor"),
    ("RandomInvert", {"value_range": (1, 0)}, "value_range"),
    ("RandomFlip", {"mode": "sideways"}, "mode"),
    ("RandomRotation", {"factor": "a"}, "factor"),
    ("RandomZoom", {"height_factor": 0.1, "fill_mode": "other"}, "fill_mode"),
    ("RandomShear", {"interpolation": "other"}, "interpolation"),
    ("RandomPerspective", {"scale": 2.0}, "scale"),
    ("RandomCrop", {"height": 0, "width": 1}, "height"),
    ("RandomGaussianBlur", {"kernel_size": 2}, "odd"),
    ("Resizing", {"height": 1, "width": 1, "crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "Only one"),
    ("Resizing", {"height": 1, "width": 1, "interpolation": "other"}, "interpolation"),
    ("MixUp", {"alpha": 2.0}, "alpha"),
    ("AugMix", {"alpha": 0.0}, "alpha"),
    ("MaxNumBoundingBoxes", {"max_number": 0}, "max_number"),
]


@pytest.mark.parametrize("name, options, what", WRONG)
def test_wrong_arguments_are_named(name, options, what):
    with pytest.raises(ArgumentError, match=what):
        getattr(layers, name)(**options)


def test_wrong_data_is_named():
    with pytest.raises(ShapeError, match="three axes"):
        layers.RandomFlip()(np.ones((2, 3)), training=True)
    with pytest.raises(ArgumentError, match="bounding_box_format"):
        layers.RandomFlip()(DATA, training=True)
    with pytest.raises(ArgumentError, match="'boxes' and 'labels'"):
        layers.RandomFlip(bounding_box_format="xyxy")(
            {"images": IMAGES, "bounding_boxes": BOXES["boxes"]}, training=True
        )
    with pytest.raises(ArgumentError, match="must be one of"):
        layers.RandomFlip(bounding_box_format="abcd")(DATA, training=True)
    three = {"boxes": BOXES["boxes"][..., :3], "labels": BOXES["labels"]}
    for layer in (layers.RandomFlip(bounding_box_format="xyxy"), layers.MaxNumBoundingBoxes(1)):
        with pytest.raises(ShapeError, match="four numbers"):
            layer({"images": IMAGES, "bounding_boxes": three}, training=True)
    with pytest.raises(ArgumentError, match="'boxes' and 'labels'"):
        layers.MaxNumBoundingBoxes(1)({"images": IMAGES, "bounding_boxes": {"boxes": BOXES["boxes"]}})
    for layer in (layers.AutoContrast(), layers.RandomColorJitter()):
        with pytest.raises(ShapeError, match="three axes"):
            layer(np.ones((1, 1, 2, 2, 3), "float32"))
