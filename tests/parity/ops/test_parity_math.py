"""Sums of exponentials, special functions, ranks, segments, distances, signals, CTC: against Keras."""

import numpy as np
import pytest
from parity.ops._runner import FLOATS, INF, NAN, REALS, Arr, Case, OpParity, Refusal

from lamella import ops
from lamella.errors import ArgumentError, DTypeError, ShapeError

special = pytest.importorskip("scipy.special")
X = Arr((2, 3, 4))


class TestFunctions(OpParity):
    cases = (
        *(Case("logsumexp", X, axis=a, grad=True, reference=special.logsumexp) for a in (None, 1, (0, -1))),
        Case("logsumexp", X, axis=-1, keepdims=True),
        *(Case("logsumexp", Arr((3,), values=v)) for v in ([1e30, 0, -1e30], [-INF], [INF, 1, 2], [NAN, 1, 2])),
        *(Case("logsumexp", Arr((2, 3), d)) for d in REALS),
        *(Case(op, X, grad=True, reference=getattr(special, op)) for op in ("erf", "erfc")),
        Case("erfinv", Arr((2, 3), low=-0.95, high=0.95), grad=True, reference=special.erfinv),
        *(Case(op, Arr((6,), values=[-INF, -10, -0.0, 1e-30, INF, NAN])) for op in ("erf", "erfc")),
        Case("erfinv", Arr((6,), values=[-1, 1, 2, -0.0, NAN, 1e-10])),
        *(
            Case(op, Arr((3,), d, low=0, high=0.9), oracle=d in FLOATS or op != "erf")  # Keras refuses integers
            for op in ("erf", "erfc", "erfinv")
            for d in REALS
        ),
        Case("rsqrt", Arr((2, 3), low=0.5, high=4), grad=True, reference=lambda x: 1 / np.sqrt(x)),
        Case("rsqrt", Arr((5,), values=[0.0, -0.0, -1.0, INF, NAN])),
        *(Case("rsqrt", Arr((3,), d, low=1, high=9), oracle=d in FLOATS) for d in REALS),
    )
    refusals = (
        Refusal("logsumexp", X, axis=3, error=ShapeError, match="3"),
        Refusal("logsumexp", X, axis=(0, 0), error=ShapeError, match="(0, 0)"),
    )


class TestRanks(OpParity):
    cases = (
        Case("top_k", Arr((3, 5)), 2, grad=True),
        Case("top_k", Arr((3, 5)), k=5),
        Case("top_k", Arr((6,), values=[1.0, 3.0, 3.0, 2.0, 3.0, 0.0]), 4),
        Case("top_k", Arr((4,), values=[NAN, 1.0, INF, -INF]), 2),
        *(Case("top_k", Arr((2, 4), d), 3) for d in REALS[:-1]),
        Case("top_k", Arr((2, 4)), 0),
        *(Case("in_top_k", Arr((4,), "int32", [0, 1, 2, 1]), Arr((4, 3), seed=5), k) for k in (1, 2, 3)),
        Case("in_top_k", Arr((3,), "int32", [0, 1, 2]), Arr((3, 3), values=[1.0]), k=1),
        Case("in_top_k", Arr((3,), "int32", [0, 1, 2]), Arr((3, 3), values=[1.0, NAN, 2.0]), k=1),
        Case("in_top_k", Arr((2,), "int32", [0, 1]), Arr((2, 3), values=[INF, 1.0, INF]), k=2),
        Case("in_top_k", Arr((2,), "int32", [5, -1]), Arr((2, 3)), k=2),
        *(Case("in_top_k", Arr((2,), "int32", [0, 1]), Arr((2, 3), d), 2) for d in ("float16", "bfloat16")),
    )
    refusals = (
        Refusal("top_k", Arr((2, 3)), 4, error=ShapeError, match="4"),
        Refusal("top_k", Arr(()), 1, error=ShapeError, match="()"),
        Refusal("in_top_k", Arr((2,), "int32"), Arr((3, 3)), 2, error=ShapeError, match="(3, 3)"),
    )


SEGMENTS = ("segment_sum", "segment_prod", "segment_max", "segment_min")
IDS = Arr((6,), "int32", [0, 2, 1, 2, 0, 2])


class TestSegments(OpParity):
    cases = (
        *(
            Case(op, Arr((6, 2)), IDS, grad=True, compiles=False, sized=False, oracle=False)  # Keras wants num_segments
            for op in ("segment_sum", "segment_max", "segment_min")
        ),
        Case("segment_prod", Arr((6, 2)), IDS, compiles=False, sized=False, oracle=False),
        *(Case(op, Arr((6,)), IDS, num_segments=5) for op in SEGMENTS),
        *(Case(op, Arr((6,)), IDS, num_segments=2) for op in SEGMENTS),
        *(Case(op, Arr((6,)), Arr((6,), "int32", [0, 0, 1, 1, 3, 3]), 4, sorted=True) for op in SEGMENTS),
        *(Case(op, Arr((6,)), Arr((6,), "int32", [-1, 0, 1, 7, 0, 1]), 3) for op in SEGMENTS),
        *(Case(op, Arr((6,), d), IDS, 4) for op in SEGMENTS for d in REALS[:-1]),
    )
    refusals = (
        *(Refusal(op, Arr((6,)), Arr((5,), "int32"), 3, error=ShapeError, match="(5,)") for op in SEGMENTS),
        *(Refusal(op, Arr((6,)), Arr((6, 1), "int32"), 3, error=ShapeError, match="(6, 1)") for op in SEGMENTS),
    )


class TestDistances(OpParity):
    cases = (
        Case("cdist", Arr((4, 3)), Arr((5, 3), seed=1), grad=True, unknown=False),
        Case("cdist", Arr((2, 4, 3)), Arr((2, 5, 3), seed=1)),
        Case("cdist", Arr((3, 3)), Arr((3, 3)), rtol=1e-3, atol=3e-3),
        *(Case("cdist", Arr((4, 3), d), Arr((5, 3), d, seed=1), unknown=False, oracle=d != "bool") for d in REALS),
        Case("logdet", Arr((3, 3), values=[2.0, 0.1, 0.0, 0.1, 3.0, 0.2, 0.0, 0.2, 1.0]), grad=True),
    )
    refusals = (Refusal("cdist", Arr((4, 3)), Arr((5, 2)), error=ShapeError, match="(5, 2)"),)


SIGNAL = Arr((2, 16))
HANN = Arr((4,), values=[0.1, 0.5, 1.0, 0.5])


class TestSignals(OpParity):
    cases = (
        *(Case(op, (Arr((3, 4)), Arr((3, 4), seed=1)), grad=True, reference=False) for op in ("fft", "fft2", "ifft2")),
        *(Case(op, (Arr((2, 3, 5)), Arr((2, 3, 5), seed=1)), reference=False) for op in ("fft", "fft2", "ifft2")),
        *(Case("rfft", Arr((2, 7)), n, grad=True) for n in (None, 4, 9)),
        *(Case("irfft", (Arr((2, 5)), Arr((2, 5), seed=1)), n, atol=1e-5) for n in (None, 6, 9)),
        Case("irfft", (Arr((2, 5)), Arr((2, 5), seed=1)), fft_length=8, grad=True),
        *(Case("extract_sequences", Arr((2, 9)), n, s, grad=True) for n, s in ((3, 2), (4, 4), (9, 1))),
        *(Case("extract_sequences", Arr((9,), d), 3, 2) for d in REALS),
        *(Case("stft", SIGNAL, 4, 2, n, center=c, atol=1e-5) for n in (4, 8) for c in (True, False)),
        *(Case("stft", SIGNAL, 4, 3, 8, window=w, atol=1e-5) for w in ("hamming", None)),
        Case("stft", SIGNAL, 4, 3, 8, window=HANN, atol=1e-5, draw=False, compiles=False),  # its values are needed
        Case("stft", Arr((16,)), 5, 2, 8, grad=True, atol=1e-5),
        *(
            Case("istft", (Arr((2, 9, 5)), Arr((2, 9, 5), seed=1)), 4, 2, 8, length=n, center=c, atol=1e-5)
            for n in (None, 14)
            for c in (True, False)
        ),
        *(Case("istft", (Arr((9, 5)), Arr((9, 5), seed=1)), 4, 2, 8, window=w, atol=1e-5) for w in ("hamming", None)),
        Case("istft", (Arr((9, 5)), Arr((9, 5), seed=1)), 4, 2, 8, window=HANN, atol=1e-5, draw=False, compiles=False),
        Case("istft", (Arr((6, 5)), Arr((6, 5), seed=1)), 6, 3, 8, grad=True, atol=1e-5),
    )
    refusals = (
        *(Refusal(op, (Arr((3, 4)), Arr((4, 3))), error=ShapeError, match="(4, 3)") for op in ("fft", "fft2", "ifft2")),
        *(Refusal(op, (Arr((3,), "int32"),) * 2, error=DTypeError, match="int32") for op in ("fft", "irfft")),
        *(Refusal(op, Arr((3,)), error=ArgumentError, match="pair") for op in ("fft", "irfft")),
        Refusal("rfft", Arr(()), error=ShapeError, match="scalar"),
        Refusal("extract_sequences", SIGNAL, 0, 1, error=ArgumentError, match="0"),
        Refusal("extract_sequences", Arr(()), 2, 1, error=ShapeError, match="()"),
        Refusal("stft", SIGNAL, 8, 2, 4, error=ArgumentError, match="8"),
        Refusal("stft", SIGNAL, 4, 2, 4, window="other", error=ArgumentError, match="other"),
        Refusal("stft", Arr((9,), "int32"), 4, 2, 4, error=DTypeError, match="int32"),
        Refusal("istft", Arr((3, 5)), 4, 2, 8, error=ArgumentError, match="pair"),
    )


LABELS = Arr((2, 3), "int32", [1, 2, 2, 3, 1, 0])
FRAMES = Arr((2, 8, 4), low=-2, high=2)
COUNTS = Arr((2,), "int32", [3, 2]), Arr((2,), "int32", [8, 6])


class TestCTC(OpParity):
    cases = (
        Case("ctc_loss", LABELS, FRAMES, *COUNTS, grad=True, rtol=1e-4),
        Case("ctc_loss", Arr((2, 3), "int32", [0, 1, 1, 2, 0, 3]), FRAMES, *COUNTS, mask_index=3, rtol=1e-4),
        Case("ctc_loss", LABELS, FRAMES, Arr((2,), "int32", [0, 1]), COUNTS[1], rtol=1e-4),
        *(Case("ctc_loss", LABELS, Arr((2, 8, 4), d), *COUNTS, rtol=2e-2) for d in ("float16", "bfloat16")),
        *(
            Case("ctc_decode", FRAMES, COUNTS[1], merge_repeated=m, mask_index=i, rtol=1e-4)
            for m in (True, False)
            for i in (0, 3)
        ),
        *(
            Case("ctc_decode", FRAMES, COUNTS[1], "beam_search", beam_width=w, top_paths=n, rtol=1e-4, unknown=False)
            for w, n in ((4, 1), (20, 3))
        ),
    )
    refusals = (
        Refusal("ctc_loss", LABELS, Arr((2, 8)), *COUNTS, error=ShapeError, match="(2, 8)"),
        Refusal("ctc_loss", LABELS, Arr((3, 8, 4)), *COUNTS, error=ShapeError, match="(3, 8, 4)"),
        Refusal("ctc_decode", Arr((2, 8)), COUNTS[1], error=ShapeError, match="(2, 8)"),
        Refusal("ctc_decode", FRAMES, COUNTS[1], "other", error=ArgumentError, match="other"),
    )


def test_the_spectrum_gives_the_signal_back():
    signal = np.random.default_rng(0).normal(size=(2, 64)).astype("float32")
    for window in ("hann", "hamming"):
        back = ops.istft(ops.stft(signal, 16, 4, 16, window), 16, 4, 16, window=window)
        np.testing.assert_allclose(np.asarray(back), signal, atol=1e-5)
