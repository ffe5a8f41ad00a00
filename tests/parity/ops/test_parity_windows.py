"""Convolution and pooling: on every backend and drawn, against Keras."""

from parity.ops._runner import INF, NAN, REALS, Arr, Case, OpParity, Refusal

from lamella.errors import ArgumentError, ShapeError

LINE, PLANE, CUBE = Arr((2, 7, 4)), Arr((2, 5, 7, 4)), Arr((1, 4, 5, 3, 2))
FIRST = Arr((2, 4, 5, 7))


def kernel(*shape, dtype="float32"):
    """A kernel, whose window is always known."""
    return Arr(shape, dtype, known=True)


K1, K2, K3 = kernel(3, 4, 6), kernel(3, 2, 4, 6), kernel(2, 2, 2, 2, 3)


class TestConvolution(OpParity):
    cases = (
        *(Case("conv", LINE, K1, s, p, dilation_rate=d) for s in (1, 2) for p, d in (("valid", 2), ("same", 1))),
        Case("conv", LINE, K1, padding="causal", dilation_rate=2, grad=True, oracle=False),
        Case("conv", LINE, K1, padding="causal", strides=2, oracle=False),
        Case("conv", PLANE, K2, grad=True),
        Case("conv", PLANE, K2, (2, 1), "same", grad=True),
        Case("conv", PLANE, K2, strides=[2, 3], padding="SAME"),
        Case("conv", PLANE, K2, dilation_rate=(2, 1), padding="same"),
        Case("conv", FIRST, K2, 2, "same", "channels_first", grad=True),
        Case("conv", PLANE, kernel(3, 2, 2, 6), grad=True),
        Case("conv", PLANE, kernel(3, 2, 1, 4), padding="same"),
        Case("conv", FIRST, kernel(3, 2, 2, 6), data_format="channels_first"),
        Case("conv", CUBE, K3, grad=True),
        Case("conv", CUBE, K3, 2, "same"),
        *(Case("conv", Arr((1, 4, 2), d), kernel(2, 2, 3, dtype=d)) for d in REALS),
        *(
            Case("conv", Arr((1, 4, 2), a), kernel(2, 2, 3, dtype=b))
            for a, b in (("float16", "float32"), ("int8", "float32"), ("int8", "int32"))
        ),
        Case("conv", Arr((1, 4, 1), values=[1, INF, NAN, 2]), kernel(2, 1, 1)),
        Case("depthwise_conv", PLANE, kernel(3, 2, 4, 2), grad=True),
        Case("depthwise_conv", PLANE, kernel(3, 2, 4, 1), strides=2, padding="same"),
        Case("depthwise_conv", PLANE, kernel(3, 2, 4, 1), dilation_rate=2),
        Case("depthwise_conv", FIRST, kernel(3, 2, 4, 2), padding="same", data_format="channels_first"),
        Case("depthwise_conv", LINE, kernel(3, 4, 2), padding="same", grad=True),
        *(
            Case("depthwise_conv", Arr((1, 4, 2), d), kernel(2, 2, 3, dtype=d))
            for d in ("float16", "bfloat16", "int32")
        ),
        Case("separable_conv", PLANE, kernel(3, 2, 4, 2), kernel(1, 1, 8, 3), grad=True),
        Case("separable_conv", PLANE, kernel(3, 2, 4, 1), kernel(1, 1, 4, 3), 2, "same"),
        Case("separable_conv", FIRST, kernel(3, 2, 4, 1), kernel(1, 1, 4, 3), data_format="channels_first"),
        Case("separable_conv", LINE, kernel(3, 4, 2), kernel(1, 8, 3), padding="same", dilation_rate=2),
    )
    refusals = (
        Refusal("conv", LINE, K2, error=ShapeError, match="(2, 7, 4)"),
        Refusal("conv", Arr((7, 4)), Arr((3, 4)), error=ShapeError, match="(7, 4)"),
        Refusal("conv", LINE, Arr((3, 3, 6)), error=ShapeError, match="(3, 3, 6)"),
        Refusal("conv", LINE, Arr((9, 4, 6)), error=ShapeError, match="(2, 7, 4)"),
        Refusal("conv", PLANE, K2, padding="causal", error=ArgumentError, match="causal"),
        Refusal("conv", PLANE, K2, strides=(1, 2, 3), error=ArgumentError, match="(1, 2, 3)"),
        Refusal("conv", PLANE, K2, strides=0, error=ArgumentError, match="0"),
        *(Refusal("conv", PLANE, K2, strides=s, error=TypeError, match=repr(s)) for s in (1.5, "2", None, (1, "2"))),
        Refusal("conv", PLANE, K2, dilation_rate=0, error=ArgumentError, match="0"),
        Refusal("depthwise_conv", PLANE, Arr((3, 2, 3, 2)), error=ShapeError, match="(3, 2, 3, 2)"),
        Refusal("separable_conv", PLANE, Arr((3, 2, 3, 2)), Arr((1, 1, 6, 3)), error=ShapeError),
    )


class TestTransposedConvolution(OpParity):
    cases = (
        *(
            Case("conv_transpose", Arr((2, 4, 3)), kernel(k, 2, 3), s, p, output_padding=o, dilation_rate=d)
            for k, s, p, o, d in (
                (3, 1, "valid", None, 1),
                (3, 2, "valid", None, 1),
                (2, 3, "valid", None, 1),
                (3, 2, "same", None, 1),
                (4, 2, "same", None, 1),
                (1, 2, "same", None, 1),
                (3, 2, "same", 1, 1),
                (4, 3, "same", 0, 1),
                (3, 2, "valid", 1, 1),
                (3, 1, "valid", None, 2),
                (3, 1, "same", None, 2),
                (2, 1, "same", 0, 1),
            )
        ),
        Case("conv_transpose", Arr((2, 3, 4, 3)), kernel(3, 2, 2, 3), (2, 1), "same", grad=True),
        Case("conv_transpose", Arr((2, 3, 4, 3)), kernel(3, 3, 2, 3), 2, "valid", (1, 0), grad=True),
        Case("conv_transpose", Arr((2, 3, 4, 3)), kernel(3, 2, 2, 3), 2, "same", data_format="channels_first"),
        Case("conv_transpose", Arr((1, 2, 3, 2, 2)), kernel(2, 3, 2, 1, 2), 2, "same"),
        *(
            Case("conv_transpose", Arr((1, 4, 2), d), kernel(2, 3, 2, dtype=d), 2)
            for d in ("float16", "bfloat16", "int32")
        ),
    )
    refusals = (
        Refusal("conv_transpose", Arr((2, 4, 3)), Arr((3, 2, 4)), error=ShapeError, match="(3, 2, 4)"),
        Refusal(
            "conv_transpose", Arr((2, 4, 3)), Arr((3, 2, 3)), padding="causal", error=ArgumentError, match="causal"
        ),
    )


class TestPooling(OpParity):
    cases = (
        *(
            Case(op, PLANE, (2, 3), strides=s, padding=p, grad=True)
            for op in ("max_pool", "average_pool")
            for s, p in (((2, 3), "valid"), (1, "same"), ((2, 1), "same"))
        ),
        *(Case(op, PLANE, 2, oracle=False) for op in ("max_pool", "average_pool")),  # Keras asks for strides here
        *(Case(op, LINE, 3, 2, p) for op in ("max_pool", "average_pool") for p in ("valid", "same")),
        *(Case(op, CUBE, 2, 2, padding="same") for op in ("max_pool", "average_pool")),
        *(Case(op, FIRST, 2, 2, data_format="channels_first") for op in ("max_pool", "average_pool")),
        *(Case(op, Arr((1, 4, 2), d), 2, 2) for op in ("max_pool", "average_pool") for d in REALS[:-1]),
        Case("max_pool", Arr((1, 4, 1), values=[NAN, 1, -INF, -INF]), 2, 2),
        Case("max_pool", Arr((1, 3, 1), values=[-5.0]), 2, 2, padding="same"),
        Case("average_pool", Arr((1, 3, 1), values=[3.0]), 2, 2, padding="same"),
        *(
            Case(op, Arr(shape), size, grad=True)
            for op in ("adaptive_max_pool", "adaptive_average_pool")
            for shape, size in (((2, 7, 4), 3), ((2, 5, 7, 3), (2, 3)))
        ),
        *(
            Case(op, Arr(shape), size, data_format=f)
            for op in ("adaptive_max_pool", "adaptive_average_pool")
            for shape, size, f in (
                ((1, 4, 5, 3, 2), 2, None),
                ((2, 3, 5, 7), 2, "channels_first"),
                ((2, 3, 4, 1), (5, 4), None),
                ((2, 4, 4, 1), 1, None),
            )
        ),
        *(
            Case(op, Arr((1, 5, 2), d), 2)
            for op in ("adaptive_max_pool", "adaptive_average_pool")
            for d in ("float16", "bfloat16", "int32")
        ),
    )
    refusals = (
        *(Refusal(op, Arr((4, 2)), 2, error=ShapeError, match="(4, 2)") for op in ("max_pool", "average_pool")),
        *(Refusal(op, LINE, 8, error=ShapeError, match="(2, 7, 4)") for op in ("max_pool", "average_pool")),
        *(Refusal(op, LINE, 2, padding="causal", error=ArgumentError, match="causal") for op in ("max_pool",)),
        *(Refusal(op, LINE, (2, 2), error=ArgumentError, match="(2, 2)") for op in ("max_pool", "average_pool")),
        *(
            Refusal(op, Arr((4, 2)), 2, error=ShapeError, match="(4, 2)")
            for op in ("adaptive_max_pool", "adaptive_average_pool")
        ),
        Refusal("adaptive_max_pool", LINE, (2, 2), error=ArgumentError, match="(2, 2)"),
    )


class TestBlocksOfColumns(OpParity):
    cases = (
        *(
            Case("unfold", Arr((2, 3, 5, 6)), k, dilation=d, padding=p, stride=s, grad=True)
            for k, d, p, s in ((2, 1, 0, 1), ((2, 3), 1, 1, 2), (2, (2, 1), (0, 1), (1, 2)))
        ),
        Case("fold", Arr((2, 12, 20)), (5, 6), 2, grad=True),
        Case("fold", Arr((2, 6, 9)), (5, 6), (2, 3), padding=1, stride=2),
        Case("fold", Arr((1, 4, 9)), 4, 2),
        *(Case("unfold", Arr((1, 1, 3, 3), d), 2) for d in ("float16", "bfloat16", "int32")),
        *(Case("fold", Arr((1, 4, 4), d), 3, 2) for d in ("float16", "bfloat16", "int32")),
    )
    refusals = (
        Refusal("unfold", LINE, 2, error=ShapeError, match="(2, 7, 4)"),
        Refusal("unfold", PLANE, 9, error=ShapeError),
        Refusal("fold", Arr((2, 12, 19)), (5, 6), 2, error=ShapeError, match="19"),
        Refusal("fold", Arr((2, 11, 20)), (5, 6), 2, error=ShapeError, match="11"),
    )
