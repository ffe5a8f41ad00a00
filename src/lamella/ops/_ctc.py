"""Connectionist temporal classification: sequences of labels from sequences of frames.

Graves, Fernández, Gomez and Schmidhuber (2006), "Connectionist temporal classification: labelling unsegmented sequence
data with recurrent neural networks". A path names a class or the blank at every frame; it spells the labels that are
left when repeats are merged and then blanks removed.
"""

from typing import Any

from lamella.backend import _registry
from lamella.core._arrays import arrays, cast, dtype_of, promote_float
from lamella.core._operation import op
from lamella.errors import ArgumentError, ShapeError
from lamella.ops._activations import log_softmax
from lamella.ops._nn import one_hot
from lamella.typing import Array, ArrayLike

__all__ = ["ctc_decode", "ctc_loss"]

_IMPOSSIBLE = -1e5  # stands for log(0); finite, so that gradients are


@op
def ctc_loss(
    target: ArrayLike, output: ArrayLike, target_length: ArrayLike, output_length: ArrayLike, mask_index: int = 0
) -> Array:
    """Minus the logarithm of the probability of all paths that spell the target.

    By the forward recursion of section 4.1 of the paper, in logarithms; a state for every label and one for the blank
    before each.

    Args:
        target: labels, integers `(batch, labels)`.
        output: logits, `(batch, frames, classes)`.
        target_length: how many labels count, `(batch,)`.
        output_length: how many frames count, `(batch,)`.
        mask_index: the class of the blank.

    Returns:
        An array `(batch,)`, at least float32. Where no path spells the target it is about 1e5.

    Raises:
        ShapeError: for another number of axes, or batches of different sizes.

    Example:
        >>> from lamella import ops
        >>> round(float(ops.ctc_loss([[1]], [[[0.0, 0.0]]], [1], [1])[0]), 4)
        0.6931
    """
    xp, target, target_length, output_length = arrays(target, target_length, output_length)
    output = _wide(output)
    _check("ctc_loss", target=(target, 2), output=(output, 3), target_length=(target_length, 1))
    _check("ctc_loss", output=(output, 3), output_length=(output_length, 1))
    batch, frames, classes = output.shape
    labels = target.shape[1]
    scores = log_softmax(output)
    dtype = _registry.active().dtype(scores)
    blank_scores = scores[..., mask_index : mask_index + 1]  # (batch, frames, 1)
    chosen = one_hot(target, classes, dtype=dtype)
    label_scores = xp.matmul(scores, xp.matrix_transpose(chosen))  # (batch, frames, labels)
    repeats = cast(target[:, 1:] == target[:, :-1], dtype)
    repeats = xp.concat([repeats, xp.zeros((batch, min(1, labels)), dtype=scores.dtype)], axis=1)
    padding = cast(xp.arange(frames)[None, :] >= output_length[:, None], dtype)  # (batch, frames)

    def into_blanks(blanks: Array, added: Array) -> Array:
        return xp.concat([blanks[:, :1], xp.logaddexp(blanks[:, 1:], added)], axis=1)

    def step(state: tuple, frame: tuple) -> tuple:
        blanks, emitted = state  # (batch, labels + 1) before each label and at the end, (batch, labels)
        blank_score, label_score, padded = frame
        # A different label may follow at once; the same one only after a blank.
        ready = into_blanks(blanks, emitted + _IMPOSSIBLE * repeats)
        next_emitted = xp.logaddexp(ready[:, :-1], emitted) + label_score
        next_blanks = into_blanks(ready + blank_score, emitted + blank_score + _IMPOSSIBLE * (1.0 - repeats))
        padded = padded[:, None]
        return (
            padded * blanks + (1.0 - padded) * next_blanks,
            padded * emitted + (1.0 - padded) * next_emitted,
        ), None

    start = xp.full((batch, labels), _IMPOSSIBLE, dtype=scores.dtype)
    blanks = xp.concat([xp.zeros((batch, 1), dtype=scores.dtype), start], axis=1)
    over_frames = (
        xp.moveaxis(blank_scores, 1, 0),
        xp.moveaxis(label_scores, 1, 0),
        xp.permute_dims(padding, (1, 0)),
    )
    (blanks, emitted), _ = _registry.active().scan(step, (blanks, start), over_frames, frames, False, 1)
    ends = into_blanks(blanks, emitted)  # (batch, labels + 1)
    return -xp.sum(ends * one_hot(target_length, labels + 1, dtype=dtype), axis=1)


def _check(op_name: str, **given: tuple[Array, int]) -> None:
    shapes = {name: tuple(array.shape) for name, (array, _) in given.items()}
    ranks_fit = all(array.ndim == rank for array, rank in given.values())
    if not ranks_fit or len({shape[0] for shape in shapes.values()}) > 1:
        wanted = ", ".join(f"{name} with {rank} axes" for name, (_, rank) in given.items())
        raise ShapeError(f"`{op_name}` needs {wanted}, all with the same batch first; got {shapes}.")


@op
def ctc_decode(
    inputs: ArrayLike,
    sequence_lengths: ArrayLike,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> tuple[Array, Array]:
    """The labels that frames most probably spell.

    "greedy" spells the best path, the best class at every frame. "beam_search" keeps, frame by frame, the `beam_width`
    most probable beginnings of a labelling (Graves, 2008, "Supervised sequence labelling with recurrent neural
    networks", section 7.5.3; Hannun et al., 2014, arXiv:1408.2873).

    Args:
        inputs: logits, `(batch, frames, classes)`.
        sequence_lengths: how many frames count, integers `(batch,)`.
        strategy: "greedy" or "beam_search".
        beam_width: beginnings kept by the beam search.
        top_paths: labellings returned by the beam search.
        merge_repeated: whether "greedy" merges repeats; the beam search always does.
        mask_index: the class of the blank.

    Returns:
        A pair: labellings, int32 `(top_paths, batch, frames)` (one of them for "greedy"), filled up with -1; and their
        scores, `(batch, top_paths)`, at least float32: for "greedy" minus the sum of the greatest logits, for
        "beam_search" the logarithm of the probability.

    Raises:
        ArgumentError: for another `strategy`.
        ShapeError: for another number of axes, or batches of different sizes.

    Example:
        >>> from lamella import ops
        >>> labels, scores = ops.ctc_decode([[[0.0, 3.0], [0.0, 3.0], [3.0, 0.0], [0.0, 3.0]]], [4])
        >>> ops.convert_to_numpy(labels)[0, 0].tolist()
        [1, 1, -1, -1]
    """
    if strategy not in ("greedy", "beam_search"):
        raise ArgumentError(f"The `strategy` of `ctc_decode` must be 'greedy' or 'beam_search'; got {strategy!r}.")
    xp, lengths = arrays(sequence_lengths)
    logits = _wide(inputs)
    _check("ctc_decode", inputs=(logits, 3), sequence_lengths=(lengths, 1))
    mask_index = mask_index % logits.shape[-1]
    lengths = cast(lengths, "int32")
    if strategy == "greedy":
        return _best_path(xp, logits, lengths, merge_repeated, mask_index)
    scores = log_softmax(logits)
    search = _registry.active().vmap(
        lambda frames, length: _beam_search(frames, length, beam_width, top_paths, mask_index)
    )
    labels, totals = search(scores, lengths)
    return cast(xp.moveaxis(labels, 1, 0), "int32"), totals


def _wide(x: ArrayLike) -> Array:
    """`x` as floats in which sums over many frames keep their digits: half ones become float32."""
    _, x = promote_float(x)
    return cast(x, "float32") if dtype_of(x) in ("float16", "bfloat16") else x


def _best_path(xp: Any, logits: Array, lengths: Array, merge_repeated: bool, blank: int) -> tuple[Array, Array]:
    batch, frames, _ = logits.shape
    counted = xp.arange(frames)[None, :] < lengths[:, None]
    best = xp.argmax(logits, axis=-1)
    top = xp.max(logits, axis=-1)
    score = -xp.sum(xp.where(counted, top, xp.zeros_like(top)), axis=1, keepdims=True)
    kept = xp.logical_and(counted, best != blank)
    if merge_repeated:
        first = xp.ones((batch, min(1, frames)), dtype=xp.bool)
        kept = xp.logical_and(kept, xp.concat([first, best[:, 1:] != best[:, :-1]], axis=1))
    order = xp.argsort(cast(xp.logical_not(kept), "int32"), axis=1, stable=True)  # the kept ones move to the front
    labels = xp.where(kept, best, xp.full_like(best, -1))
    return cast(_registry.active().take_along_axis(labels, order, 1), "int32")[None], score


def _beam_search(scores: Array, length: Array, width: int, paths: int, blank: int) -> tuple[Array, Array]:
    """Labellings `(paths, frames)` and log-probabilities `(paths,)` for log-probabilities `(frames, classes)`.

    A beam is a beginning of a labelling: its labels, how many they are, and the log-probabilities of the paths that
    spell it, those that end in a blank and those that do not apart, for only after a blank can a label come again.
    """
    adapter = _registry.active()
    xp = adapter.xp
    frames, classes = scores.shape
    low = xp.full((width,), _IMPOSSIBLE, dtype=scores.dtype)
    none = low * 10.0  # beams that are not there

    def step(beams: tuple, frame: tuple) -> tuple:
        labels, sizes, ends_blank, ends_label = beams  # (width, frames), (width,), (width,), (width,)
        score, counts = frame  # (classes,), a boolean
        both = xp.logaddexp(ends_blank, ends_label)
        last = adapter.take_along_axis(labels, xp.clip(sizes - 1, 0, frames - 1)[:, None], 1)[:, 0]
        last = xp.where(sizes > 0, last, xp.full_like(last, -1))
        repeated = xp.arange(classes)[None, :] == last[:, None]  # (width, classes)
        grown = score[None, :] + xp.where(repeated, ends_blank[:, None], both[:, None])
        grown = xp.where(xp.arange(classes)[None, :] == blank, xp.full_like(grown, 10.0 * _IMPOSSIBLE), grown)

        # A beam that grows by a label may become one that is there already: then they are the same.
        prefix = xp.arange(frames)[None, :] < (sizes - 1)[:, None]  # of the longer one
        alike = xp.all(xp.logical_or(labels[:, None] == labels[None], xp.logical_not(prefix)[None]), axis=2)
        parent = xp.logical_and(alike, (sizes[:, None] + 1) == sizes[None, :])  # (from, to)
        place = xp.clip(last, 0, classes - 1)
        there = xp.logical_and(last[None, :] >= 0, parent)
        came = xp.where(there, xp.take(grown, place, axis=1), xp.full_like(both, 10.0 * _IMPOSSIBLE)[:, None])
        taken = xp.matmul(cast(there, "float32"), cast(place[:, None] == xp.arange(classes)[None, :], "float32")) > 0
        grown = xp.where(taken, xp.full_like(grown, 10.0 * _IMPOSSIBLE), grown)

        stay_blank = both + score[blank]
        own = xp.take(score, place, axis=0) + ends_label
        stay_label = xp.where(sizes > 0, own, none)
        stay_label = xp.logaddexp(stay_label, _log_sum(xp, came))

        # The best of the beams that stay and those that grow.
        totals = xp.concat([xp.logaddexp(stay_blank, stay_label), xp.reshape(grown, (-1,))], axis=0)
        _, best = adapter.top_k(totals, width)
        grows = best >= width
        source = xp.where(grows, (best - width) // classes, best)
        label = (best - width) % classes
        new_sizes = xp.take(sizes, source, axis=0)
        new_labels = xp.take(labels, source, axis=0)
        at_end = xp.logical_and(xp.arange(frames)[None, :] == new_sizes[:, None], grows[:, None])
        new_labels = xp.where(at_end, cast(label, "int32")[:, None], new_labels)
        new_sizes = new_sizes + cast(grows, "int32")
        kept = xp.where(grows, xp.zeros_like(best), best)
        new_blank = xp.where(grows, none, xp.take(stay_blank, kept, axis=0))
        new_label = xp.where(grows, xp.take(totals, best, axis=0), xp.take(stay_label, kept, axis=0))
        new = (new_labels, new_sizes, new_blank, new_label)
        return tuple(xp.where(counts, after, before) for after, before in zip(new, beams)), None

    start = (
        xp.full((width, frames), -1, dtype=xp.int32),
        xp.zeros((width,), dtype=xp.int32),
        xp.where(xp.arange(width) == 0, xp.zeros_like(low), none),
        none,
    )
    counted = xp.arange(frames) < length
    (labels, _, ends_blank, ends_label), _ = adapter.scan(step, start, (scores, counted), frames, False, 1)
    totals, best = adapter.top_k(xp.logaddexp(ends_blank, ends_label), paths)
    return xp.take(labels, best, axis=0), totals


def _log_sum(xp: Any, x: Array) -> Array:
    """The logarithm of the sum of exponentials over the first axis; every element is finite."""
    highest = xp.max(x, axis=0)
    return xp.log(xp.sum(xp.exp(x - highest[None]), axis=0)) + highest
