"""Encodings, losses on probabilities, normalisation: on every backend and drawn, against Keras."""

import numpy as np
import pytest
from parity.ops._runner import INF, NAN, REALS, Arr, Case, OpParity, Refusal

from lamella import ops
from lamella.errors import ArgumentError, NotOfferedError, ShapeError

P = Arr((2, 3), low=0.05, high=0.95)
ONE_HOT = Arr((2, 3), values=[0, 1, 0, 1, 0, 0])
LOGITS = Arr((2, 3), seed=4)
CLASSES = Arr((2,), "int32", [2, 0])


class TestEncodings(OpParity):
    cases = (
        *(Case("one_hot", Arr((2, 3), d, low=0, high=3), 4) for d in ("int8", "uint8", "int32")),
        Case("one_hot", Arr((2, 3), low=0, high=3), 4, oracle=False),
        *(Case("one_hot", Arr((2, 3), "int32", [0, 2, 5, -1]), 3, axis=a) for a in (-1, 0, 1, 2, -2)),
        *(Case("one_hot", CLASSES, num_classes=3, dtype=d) for d in REALS),
        Case("one_hot", 2, 3),
        Case("one_hot", [1, 0], 3),
        Case("one_hot", Arr((0,), "int32"), 3),
        *(Case("multi_hot", Arr((2, 3), "int32", [0, 2, 5, -1]), 4, dtype=d) for d in ("float32", "int32", "bool")),
        Case("multi_hot", Arr((3,), "int32", [0, 2, 2]), num_classes=4),
        Case("multi_hot", Arr((2, 3, 2), "int32", [0, 1, 2, 3]), num_classes=4),
        Case("multi_hot", Arr((2, 3), "int32", [0, 1, 2, 3]), num_tokens=4),
    )
    refusals = (
        Refusal("multi_hot", CLASSES, error=ArgumentError, match="num_classes"),
        Refusal("one_hot", CLASSES, 3, axis=4, error=ShapeError, match="4"),
    )


class TestCrossEntropies(OpParity):
    cases = (
        Case("binary_crossentropy", ONE_HOT, P, grad=True),
        Case("binary_crossentropy", P, Arr((2, 3), low=0.1, high=0.9, seed=1)),
        Case("binary_crossentropy", ONE_HOT, LOGITS, from_logits=True, grad=True),
        Case("binary_crossentropy", ONE_HOT, Arr((2, 3), values=[0, 1, 2, -1])),
        Case("binary_crossentropy", ONE_HOT, Arr((2, 3), values=[1e4, -1e4, 100, -100]), from_logits=True),
        Case("binary_crossentropy", Arr((2,), values=[NAN, 1]), Arr((2,), values=[0.5, NAN])),
        Case("categorical_crossentropy", ONE_HOT, P, grad=True),
        Case("categorical_crossentropy", ONE_HOT, LOGITS, from_logits=True, grad=True),
        Case("categorical_crossentropy", P, P, axis=0, grad=True),
        Case("categorical_crossentropy", ONE_HOT, LOGITS, from_logits=True, axis=0),
        Case("categorical_crossentropy", Arr((3,)), Arr((3,), low=0.1, high=1)),
        Case("categorical_crossentropy", ONE_HOT, Arr((2, 3), values=[0.0, 0.0, 1.0])),
        Case("categorical_crossentropy", ONE_HOT, Arr((2, 3), values=[0.0])),
        Case("categorical_crossentropy", ONE_HOT, Arr((2, 3), values=[1e4, -1e4, INF]), from_logits=True),
        Case("sparse_categorical_crossentropy", CLASSES, P, grad=True),
        Case("sparse_categorical_crossentropy", Arr((2, 1), "int32", [2, 0]), P),
        Case("sparse_categorical_crossentropy", CLASSES, LOGITS, from_logits=True, grad=True),
        Case("sparse_categorical_crossentropy", Arr((2,), "int32", [3, -1]), P),
        Case("sparse_categorical_crossentropy", Arr((2, 3), "int32", [0, 1]), Arr((2, 3, 3), low=0.1, high=1)),
        Case("sparse_categorical_crossentropy", Arr((), "int32", [1]), Arr((3,), low=0.1, high=1)),
        Case("sparse_categorical_crossentropy", Arr((2, 3), "int32", [0, 1]), Arr((2, 3, 3)), True, 1),
        Case("sparse_categorical_crossentropy", Arr((2,), values=[1.0, 2.0]), P),
        *(
            Case(
                name,
                Arr((2, 3), a, low=0, high=1),
                Arr((2, 3), b, low=0.1, high=0.9),
                from_logits=True,
                oracle=(name, b) != ("categorical_crossentropy", "int8"),
            )
            for name in ("binary_crossentropy", "categorical_crossentropy")
            for a, b in (
                ("float32", "float16"),
                ("bfloat16", "bfloat16"),
                ("float16", "float32"),
                ("int32", "float16"),
                ("bool", "bfloat16"),
                ("int8", "int8"),
            )
        ),
        *(
            Case("sparse_categorical_crossentropy", CLASSES, Arr((2, 3), d, low=0.1, high=0.9), from_logits=f)
            for d in ("float16", "bfloat16")
            for f in (True, False)
        ),
    )
    refusals = (
        Refusal("binary_crossentropy", P, Arr((2, 4)), error=ShapeError, match="(2, 4)"),
        Refusal("categorical_crossentropy", P, Arr((2, 4)), error=ShapeError, match="(2, 4)"),
        Refusal("categorical_crossentropy", Arr(()), Arr(()), error=ShapeError, match="scalars"),
        Refusal("categorical_crossentropy", P, P, axis=2, error=ShapeError, match="2"),
        Refusal("sparse_categorical_crossentropy", Arr((3,), "int32"), P, error=ShapeError, match="(3,)"),
        Refusal("sparse_categorical_crossentropy", Arr((), "int32"), Arr(()), error=ShapeError, match="scalar"),
    )


X = Arr((2, 3, 4))
S = Arr((4,), low=0.5, high=2)
T = Arr((4,), seed=3)


class TestNormalisation(OpParity):
    cases = (
        *(Case("moments", X, axes=a, grad=True) for a in (0, [0, 2], (0, 1, 2))),
        Case("moments", X, axes=-1, keepdims=True),
        Case("moments", X, axes=None),
        *(Case("moments", Arr((2, 3), d), axes=[1]) for d in REALS),
        Case("moments", Arr((2, 4), "float16", [6e4, 100.0]), axes=1),
        Case("moments", Arr((2, 3), values=[1e4, 1e4 + 1, 1e4 + 2]), axes=1, rtol=1e-3),
        Case("moments", Arr((2, 0)), axes=0),
        *(Case("normalize", X, axis=a, order=o, grad=True) for a, o in ((-1, 2), (0, 1), (1, 3))),
        Case("normalize", X, axis=(0, 1)),
        Case("normalize", X, axis=None),
        Case("normalize", Arr((2, 3), values=[0.0])),
        Case("normalize", Arr((2, 3), values=[1e-9, 0.0]), epsilon=1e-3),
        *(Case("normalize", Arr((2, 3), d), oracle="float" in d) for d in REALS),
        Case("normalize", Arr((3,), values=[3e30, 1, 2])),
        Case("batch_normalization", X, T, S, -1, grad=True),
        Case("batch_normalization", X, T, S, axis=2, offset=T, scale=S, epsilon=0.1, grad=True),
        Case("batch_normalization", X, Arr((3,)), Arr((3,), low=0.5, high=2), 1, offset=Arr((3,), seed=1)),
        *(
            Case("batch_normalization", Arr((2, 4), d), Arr((4,), e), Arr((4,), e, low=1, high=2), -1)
            for d, e in (
                ("float16", "float32"),
                ("float16", "float16"),
                ("bfloat16", "bfloat16"),
                ("float32", "bfloat16"),
                ("int32", "float32"),
            )
        ),
        Case("layer_normalization", X, grad=True),
        Case("layer_normalization", X, S, T, grad=True),
        Case("layer_normalization", X, gamma=S, axis=-1, epsilon=0.1),
        Case("layer_normalization", X, beta=T),
        Case("layer_normalization", X, axis=(1, 2), gamma=Arr((3, 4)), beta=Arr((3, 4), seed=1), grad=True),
        Case("layer_normalization", X, axis=0),
        *(Case("layer_normalization", Arr((2, 4), d), S, T) for d in REALS if d != "uint8"),
        *(Case("layer_normalization", Arr((2, 4), d), Arr((4,), d)) for d in ("float16", "bfloat16")),
        Case(
            "layer_normalization", Arr((2, 3), values=[5.0]), atol=1e-3
        ),  # rounding of the mean, times 1 / sqrt(epsilon)
        Case("rms_normalization", X, grad=True),
        Case("rms_normalization", X, S, grad=True),
        Case("rms_normalization", X, scale=Arr((3, 1)), axis=(1, 2), epsilon=0.1),
        Case("rms_normalization", X, axis=0),
        *(Case("rms_normalization", Arr((2, 4), d), S) for d in REALS),
        *(Case("rms_normalization", Arr((2, 4), d), Arr((4,), d)) for d in ("float16", "bfloat16")),
        Case("rms_normalization", Arr((2, 4), "float16", [6e4, 100.0])),
        Case("rms_normalization", Arr((2, 3), values=[0.0])),
    )
    refusals = (
        Refusal("normalize", X, order=0, error=ArgumentError, match="0"),
        Refusal("normalize", X, axis=3, error=ShapeError, match="3"),
        Refusal("moments", X, axes=3, error=ShapeError, match="3"),
        Refusal("batch_normalization", X, Arr((3,)), S, -1, error=ShapeError, match="(4,)"),
        Refusal("batch_normalization", X, T, S, 3, error=ShapeError, match="3"),
        Refusal("batch_normalization", X, T, S, -1, scale=Arr((2, 2)), error=ShapeError, match="scale"),
        Refusal("layer_normalization", X, Arr((3,)), error=ShapeError, match="gamma"),
        Refusal("layer_normalization", X, axis=3, error=ShapeError, match="3"),
        Refusal("rms_normalization", X, Arr((3,)), error=ShapeError, match="(3,)"),
        Refusal("rms_normalization", X, axis=3, error=ShapeError, match="3"),
    )


class TestBlocks(OpParity):
    cases = (
        *(
            Case(op, Arr(shape), b, f)
            for op, shape, b, f in (
                ("space_to_depth", (2, 4, 6, 3), 2, "channels_last"),
                ("space_to_depth", (2, 3, 4, 6), 2, "channels_first"),
                ("space_to_depth", (1, 6, 3, 1), 3, "channels_last"),
                ("depth_to_space", (2, 4, 3, 8), 2, "channels_last"),
                ("depth_to_space", (2, 8, 4, 3), 2, "channels_first"),
                ("depth_to_space", (1, 2, 1, 9), 3, "channels_last"),
            )
        ),
        *(Case(op, Arr((1, 2, 2, 4), d), 2) for op in ("space_to_depth", "depth_to_space") for d in REALS),
        Case("space_to_depth", Arr((2, 4, 6, 3)), block_size=2, grad=True),
        Case("depth_to_space", Arr((2, 4, 6, 4)), block_size=2, grad=True),
    )
    refusals = (
        Refusal("space_to_depth", Arr((2, 5, 6, 3)), 2, error=ShapeError, match="5"),
        Refusal("space_to_depth", Arr((4, 6, 3)), 2, error=ShapeError, match="(4, 6, 3)"),
        Refusal("space_to_depth", Arr((2, 4, 6, 3)), 1, error=ArgumentError, match="1"),
        Refusal("depth_to_space", Arr((2, 4, 6, 3)), 2, error=ShapeError, match="3"),
        Refusal("depth_to_space", Arr((2, 4, 6, 4)), 2, "other", error=ArgumentError, match="other", id="format"),
    )


class TestSmall(OpParity):
    cases = (
        Case("psnr", P, Arr((2, 3), low=0.1, high=0.9, seed=1), 1.0, grad=True),
        Case("psnr", P, P, max_val=1.0),
        *(Case("psnr", Arr((2, 3), d), Arr((2, 3), d, seed=1), max_val=100) for d in REALS if d != "bool"),
        Case("polar", P, LOGITS),
        Case("polar", Arr((2,), "float32"), Arr((2,), "int32")),
        Case("polar", 2.0, 1.0),
        *(Case("polar", Arr((2,), d), Arr((2,), d, seed=1), oracle=False) for d in ("float16", "bfloat16")),
        Case("polar", Arr((2,), "int32"), Arr((2,), "int32", seed=1)),
    )
    refusals = (
        Refusal("psnr", P, Arr((2, 4)), 1.0, error=ShapeError, match="(2, 4)"),
        Refusal("polar", Arr((2,)), Arr((3,)), error=ShapeError, match="(3,)"),
    )


def test_moments_over_replicas_are_refused():
    with pytest.raises(NotOfferedError, match="synchronized"):
        ops.moments(np.ones((2, 2), "float32"), axes=0, synchronized=True)
