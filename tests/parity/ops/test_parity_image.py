"""Images: values, dtypes and errors, on every backend and drawn, against Keras."""

from parity.ops._runner import Arr, Case, OpParity, Refusal

from lamella.errors import ArgumentError, DTypeError, ShapeError

ONE, MANY, FIRST = Arr((5, 6, 3), low=0, high=1), Arr((2, 5, 6, 3), low=0, high=1), Arr((2, 3, 5, 6), low=0, high=1)
BYTES = Arr((1, 4, 5, 3), "uint8", low=0, high=255)
KINDS = ("float16", "bfloat16", "uint8", "int32")
METHODS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")


def image(op, *args, **kwargs):
    return Case(f"image.{op}", *args, reference=False, **kwargs)


def refused(op, *args, **kwargs):
    return Refusal(f"image.{op}", *args, **kwargs)


class TestResize(OpParity):
    cases = (
        *(image("resize", Arr((1, 5, 6, 2)), s, m) for m in METHODS for s in ((8, 9), (3, 4), (5, 6))),
        *(image("resize", Arr((1, 5, 6, 2)), (3, 9), m, antialias=True) for m in METHODS),
        *(image("resize", Arr((1, 5, 6, 2)), (4, 9), m, grad=True) for m in ("bilinear", "bicubic")),
        image("resize", ONE, (3, 4)),
        image("resize", FIRST, (3, 4), data_format="channels_first"),
        # A half that rounding decides falls either way, with the order of the sum.
        *(
            image("resize", Arr((1, 4, 5, 3), d, low=0, high=200), (3, 7), m, atol=1 if "int" in d else None)
            for d in KINDS
            for m in METHODS[:2]
        ),
        image("resize", BYTES, (7, 8), "bicubic", atol=1),
        image("resize", BYTES, (2, 2), "lanczos3", antialias=True, atol=1),
        *(image("resize", MANY, s, crop_to_aspect_ratio=True) for s in ((4, 4), (8, 3), (3, 12))),
        *(image("resize", MANY, s, pad_to_aspect_ratio=True) for s in ((4, 4), (8, 3), (3, 12))),
        image("resize", ONE, (8, 4), pad_to_aspect_ratio=True, fill_mode="constant", fill_value=0.5),
        image("resize", FIRST, (8, 4), pad_to_aspect_ratio=True, fill_value=2.0, data_format="channels_first"),
        image("resize", FIRST, (8, 4), crop_to_aspect_ratio=True, data_format="channels_first"),
        *(
            image("scale_and_translate", ONE, (4, 7, 3), Arr((2,), values=[0.7, 1.3]), Arr((2,), values=t), (0, 1), m)
            for m in ("linear", "cubic", "lanczos3")
            for t in ([0.5, -1.0], [3.0, 0.25])
        ),
        image(
            "scale_and_translate",
            ONE,
            (4, 7, 3),
            Arr((2,), values=[0.7, 1.3]),
            Arr((2,), values=[0.5, 0]),
            (0, 1),
            "linear",
            antialias=False,
        ),
    )
    refusals = (
        refused("resize", Arr((5, 6)), (3, 4), error=ShapeError, match="(5, 6)"),
        refused("resize", ONE, (3, 4), interpolation="other", error=ArgumentError, match="other"),
        refused("resize", ONE, (3, 4, 5), error=ArgumentError, match="(3, 4, 5)"),
        refused(
            "resize",
            ONE,
            (3, 4),
            crop_to_aspect_ratio=True,
            pad_to_aspect_ratio=True,
            error=ArgumentError,
            match="Only one",
        ),
        refused("resize", ONE, (3, 4), pad_to_aspect_ratio=True, fill_mode="other", error=ArgumentError, match="other"),
    )


class TestColours(OpParity):
    cases = (
        *(image("rgb_to_grayscale", x) for x in (ONE, MANY, Arr((2, 5, 6, 1)))),
        image("rgb_to_grayscale", FIRST, data_format="channels_first"),
        *(image("rgb_to_grayscale", Arr((2, 2, 3), d, low=0, high=120)) for d in KINDS),
        *(image(op, x, grad=True) for op in ("rgb_to_hsv", "hsv_to_rgb") for x in (ONE, MANY)),
        *(image(op, FIRST, data_format="channels_first") for op in ("rgb_to_hsv", "hsv_to_rgb")),
        *(
            image(op, Arr((2, 2, 3), d, low=0, high=1), atol=0.02)
            for op in ("rgb_to_hsv", "hsv_to_rgb")
            for d in KINDS[:2]
        ),
        image("rgb_to_hsv", Arr((2, 2, 3), values=[0, 0, 0, 1, 1, 1, 1, 0, 1, 0.5, 0.5, 0.2])),
        image("hsv_to_rgb", Arr((2, 2, 3), values=[0, 0, 0, 1, 1, 1, 0.5, 0, 1, 0.5, 1, 0.2])),
    )
    refusals = (
        refused("rgb_to_grayscale", Arr((5, 6)), error=ShapeError, match="(5, 6)"),
        refused("rgb_to_grayscale", Arr((5, 6, 2)), error=ShapeError, match="2"),
        *(refused(op, Arr((2, 2, 3), "int32"), error=DTypeError, match="int32") for op in ("rgb_to_hsv", "hsv_to_rgb")),
        *(refused(op, Arr((2, 3)), error=ShapeError, match="(2, 3)") for op in ("rgb_to_hsv", "hsv_to_rgb")),
    )


class TestFilters(OpParity):
    cases = (
        *(image("gaussian_blur", x) for x in (ONE, MANY)),
        *(image("gaussian_blur", x, (5, 5), (1.5, 1.5), data_format="channels_last") for x in (ONE, MANY)),
        image("gaussian_blur", MANY, kernel_size=(3, 5), sigma=(0.7, 2.0), data_format="channels_last", grad=True),
        image("gaussian_blur", MANY, kernel_size=(4, 2), sigma=(1.0, 0.8), data_format="channels_last"),
        image("gaussian_blur", FIRST, (4, 3), (0.8, 1.2), data_format="channels_first"),
        image("gaussian_blur", FIRST, data_format="channels_first"),
        *(image("gaussian_blur", Arr((4, 4, 1), d, low=0, high=100)) for d in KINDS),
        image("sobel_edges", MANY, grad=True),
        image("sobel_edges", ONE, oracle=False),
        image("sobel_edges", FIRST, data_format="channels_first"),
        *(image("sobel_edges", Arr((1, 4, 4, 1), d, low=0, high=9), oracle="float" in d) for d in KINDS),
        image("ssim", Arr((2, 12, 13, 2), low=0, high=1), Arr((2, 12, 13, 2), low=0, high=1, seed=1), atol=1e-4),
        image(
            "ssim", Arr((12, 13, 1), low=0, high=1), Arr((12, 13, 1), low=0, high=1, seed=1), 2.0, 7, 1.0, 0.02, 0.05
        ),
        image(
            "ssim", Arr((2, 12, 12, 1), "uint8", low=0, high=255), Arr((2, 12, 12, 1), "uint8", low=9, high=255), 255.0
        ),
        image("ssim", Arr((2, 1, 12, 12)), Arr((2, 1, 12, 12), seed=1), data_format="channels_first", atol=1e-4),
    )
    refusals = (
        *(refused(op, Arr((5, 6)), error=ShapeError, match="(5, 6)") for op in ("gaussian_blur", "sobel_edges")),
        refused("ssim", ONE, ONE, error=ShapeError, match="11"),
        refused("ssim", Arr((12, 12, 1)), Arr((12, 12, 2)), error=ShapeError, match="(12, 12, 2)"),
    )


class TestLayout(OpParity):
    cases = (
        image("pad_images", ONE, 1, 2, 3, 4),
        image("pad_images", MANY, 1, 2, target_height=8, target_width=9),
        image("pad_images", MANY, bottom_padding=1, right_padding=0, target_height=8, target_width=9, grad=True),
        image("pad_images", FIRST, 1, 2, 3, 4, data_format="channels_first"),
        image("crop_images", ONE, 1, 2, 1, 0),
        image("crop_images", MANY, 1, 2, target_height=3, target_width=2),
        image("crop_images", MANY, bottom_cropping=1, right_cropping=0, target_height=2, target_width=3, grad=True),
        image("crop_images", FIRST, 1, 2, 1, 0, data_format="channels_first"),
        *(image("pad_images", Arr((2, 2, 1), d), 1, 1, 1, 1) for d in KINDS),
        *(image("crop_images", Arr((3, 3, 1), d), 1, 1, 1, 1) for d in KINDS),
        image("extract_patches", MANY, 2, grad=True),
        image("extract_patches", MANY, (3, 2), strides=(1, 2), padding="same"),
        image("extract_patches", MANY, size=[2, 2], strides=1, dilation_rate=2),
        image("extract_patches", ONE, (2, 3), padding="same"),
        image("extract_patches", FIRST, (3, 2), strides=1, data_format="channels_first"),
        image("extract_patches_3d", Arr((2, 4, 4, 5, 2)), 2, grad=True),
        image("extract_patches_3d", Arr((1, 4, 4, 5, 2)), (2, 3, 2), strides=(1, 2, 2), padding="same"),
        image("extract_patches_3d", Arr((4, 4, 5, 2)), 2, strides=1),
        image("extract_patches_3d", Arr((1, 2, 4, 4, 5)), 2, data_format="channels_first"),
        *(image("extract_patches", Arr((1, 4, 4, 2), d), 2) for d in ("float16", "bfloat16")),
    )
    refusals = (
        refused("pad_images", ONE, 1, 2, 3, error=ArgumentError, match="left_padding"),
        refused("pad_images", ONE, 1, 2, target_height=3, target_width=9, error=ArgumentError, match="negative"),
        refused("crop_images", ONE, 1, 2, 3, 4, 5, 6, error=ArgumentError, match="top_cropping"),
        refused("crop_images", Arr((5, 6)), 1, 2, 1, 0, error=ShapeError, match="(5, 6)"),
        refused("extract_patches", Arr((5, 6)), 2, error=ShapeError, match="(5, 6)"),
        *(
            refused("extract_patches", ONE, s, error=TypeError, match=repr(s))
            for s in ("5", 1.5, None, (2,), (2, "2"), -1)
        ),
        refused("extract_patches", ONE, 2, strides=1.5, error=TypeError, match="1.5"),
        refused("extract_patches_3d", Arr((4, 4, 5, 2)), (2, 2), error=TypeError, match="(2, 2)"),
    )


FILLS = ("constant", "nearest", "wrap", "mirror", "reflect")
GRID = Arr((2, 7), low=-4, high=9, known=True)
TURN = Arr((8,), values=[0.8, 0.6, 1.0, -0.6, 0.8, 2.0, 0.0, 0.0])
CORNERS = Arr((4, 2), values=[0.0, 0.0, 0.0, 4.0, 5.0, 0.0, 5.0, 4.0])
MOVED = Arr((4, 2), values=[0.5, 0.2, -0.3, 4.4, 4.5, 0.1, 5.2, 3.6])


class TestWarps(OpParity):
    cases = (
        *(image("map_coordinates", Arr((5, 6)), GRID, o, f) for o in (0, 1) for f in FILLS),
        image("map_coordinates", Arr((5, 6)), GRID, order=1, fill_mode="constant", fill_value=7),
        image("map_coordinates", Arr((3, 4, 5)), Arr((3, 2, 2), low=0, high=3, known=True), 1, "nearest", grad=True),
        image("map_coordinates", Arr((7,)), Arr((1, 4), low=0, high=6), 1),
        image("map_coordinates", Arr((7,)), Arr((1, 4), values=[0.5, 1.5, 2.5, -0.5]), 0, "nearest"),
        *(image("map_coordinates", Arr((5,), d), Arr((1, 4), low=-1, high=6), 1) for d in KINDS),
        image(
            "map_coordinates", Arr((5,), "int32", values=[1, 2, 3, -4, -5]), Arr((1, 4), values=[0.5, 1.5, 2.5, 3.5]), 1
        ),
        *(image("map_coordinates", Arr((5,), d), Arr((1, 4), "int32", low=-1, high=6), 0) for d in KINDS),
        *(image("affine_transform", ONE, TURN, i, f, atol=1e-4) for i in ("bilinear", "nearest") for f in FILLS),
        image("affine_transform", MANY, Arr((2, 8), values=[0.8, 0.6, 1.0, -0.6, 0.8, 2.0, 0.0, 0.0]), fill_value=3.0),
        image("affine_transform", FIRST, TURN, data_format="channels_first", unknown=False, oracle=False),
        *(image("affine_transform", Arr((4, 4, 1), d, low=0, high=99), TURN) for d in KINDS),
        *(
            image("perspective_transform", x, CORNERS, MOVED, i, atol=1e-3, oracle=x is ONE)  # Keras: corners for each
            for i in ("bilinear", "nearest")
            for x in (ONE, MANY)
        ),
        image(
            "perspective_transform",
            FIRST,
            CORNERS,
            MOVED,
            fill_value=2.0,
            data_format="channels_first",
            atol=1e-3,
            oracle=False,
        ),
        *(  # places some hundred pixels away, whose fractions have lost two of their digits
            image("elastic_transform", x, seed=3, oracle=False, unknown=False, rtol=1e-4, atol=1e-4)
            for x in (Arr((8, 9, 2)), Arr((2, 8, 9, 2)), Arr((8, 9, 1), "uint8"))
        ),
    )
    refusals = (
        refused("map_coordinates", Arr((5, 6)), Arr((3, 7)), 1, error=ShapeError, match="(3, 7)"),
        refused("map_coordinates", Arr((5, 6)), GRID, 2, error=ArgumentError, match="2"),
        refused("map_coordinates", Arr((5, 6)), GRID, 1, "other", error=ArgumentError, match="other"),
        refused("affine_transform", ONE, Arr((6,)), error=ShapeError, match="(6,)"),
        refused("affine_transform", ONE, TURN, "other", error=ArgumentError, match="other"),
        refused("affine_transform", Arr((5, 6)), TURN, error=ShapeError, match="(5, 6)"),
        refused("perspective_transform", ONE, Arr((3, 2)), MOVED, error=ShapeError, match="(3, 2)"),
        refused("elastic_transform", Arr((5, 6)), error=ShapeError, match="(5, 6)"),
    )
