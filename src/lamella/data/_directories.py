"""Data sets made of the files in a directory: images, texts, sounds; a folder for each class."""

import os
import wave
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamella.backend import _dtypes
from lamella.data import _images
from lamella.data._dataset import Dataset, stacked
from lamella.data._sequences import check_format
from lamella.errors import ArgumentError, DataError, MissingPathError

_IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
_READERS = min(8, os.cpu_count() or 1)


@dataclass(frozen=True)
class Files:
    """The files of a data set and their labels.

    Attributes:
        paths: of the files.
        labels: an index for each, or None.
        class_names: the names that the labels stand for.
    """

    paths: list[str]
    labels: list[int] | None
    class_names: list[str]

    def part(self, which: slice) -> "Files":
        """Some of the files."""
        return Files(self.paths[which], None if self.labels is None else self.labels[which], self.class_names)


def image_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Batches of images from a directory with a folder for each class.

    Args:
        directory: with a folder of images (`.jpeg`, `.jpg`, `.png`, `.bmp`, `.gif`; of films the first picture) for each
            class; without regard to folders where `labels` are given or None.
        labels: "inferred" from the folders, None for none, or a list of integers in the order of the sorted paths.
        label_mode: "int"; "categorical" for one-hot rows; "binary" for 0.0 and 1.0; None for no labels.
        class_names: the folders in the order of their labels; sorted by default.
        color_mode: "grayscale", "rgb" or "rgba": 1, 3 or 4 channels.
        batch_size: images in a batch; None for single images.
        image_size: `(height, width)` that images are resized to.
        shuffle: draw the images in a new order each time; False for the order of the sorted paths.
        seed: of that order, and of the split.
        validation_split: the fraction of the files, in (0, 1), that is kept for validation.
        subset: "training", "validation" or "both" (a pair of data sets), with `validation_split`.
        interpolation: "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian" or "mitchellcubic".
        follow_links: whether to visit folders that are links.
        crop_to_aspect_ratio: cut around the centre rather than distort.
        pad_to_aspect_ratio: put black beside the image rather than distort.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.
        format: "tf" or "grain"; both return lamella's own data set, which needs neither library.
        verbose: print how many files and classes were found.

    Returns:
        A data set of float32 images `(batch, height, width, channels)` with values in [0, 255], and labels where there
        are any. It has `class_names` and `file_paths`.

    Raises:
        ArgumentError: for arguments that do not fit each other.
        DataError: when there are no images, or classes that were named are not there.
    """
    check_format(format)
    if color_mode not in _images.CHANNELS:
        raise ArgumentError(f'`color_mode` must be one of {{"rgb", "rgba", "grayscale"}}. Received: {color_mode}')
    if interpolation not in _images.INTERPOLATIONS:
        raise ArgumentError(f"`interpolation` must be one of {_images.INTERPOLATIONS}. Received: {interpolation}")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ArgumentError("Only one of `pad_to_aspect_ratio` and `crop_to_aspect_ratio` can be set to `True`.")
    first = _dtypes.standardize_data_format(data_format) == "channels_first"

    def read(path: str) -> np.ndarray:
        pixels = _images.read_image(
            path, color_mode, image_size, interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio
        )
        return pixels.transpose(2, 0, 1) if first else pixels

    return _datasets(
        "image", _IMAGES, read, stacked, directory, labels, label_mode, class_names, batch_size, shuffle, seed,
        validation_split, subset, follow_links, verbose,
    )  # fmt: skip


def text_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Batches of texts from a directory of `.txt` files with a folder for each class.

    Args:
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset, follow_links,
            format, verbose: as in `image_dataset_from_directory`.
        max_length: characters after which a text is cut; None for all of it.

    Returns:
        A data set of arrays of strings `(batch,)`, and labels where there are any.

    Raises:
        ArgumentError: for arguments that do not fit each other.
        DataError: when there are no files, or classes that were named are not there.
    """
    check_format(format)

    def read(path: str) -> str:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read() if max_length is None else file.read(max_length)

    def gather(texts: list[str]) -> np.ndarray:
        return np.array(texts, dtype=object)

    return _datasets(
        "text", (".txt",), read, gather, directory, labels, label_mode, class_names, batch_size, shuffle, seed,
        validation_split, subset, follow_links, verbose,
    )  # fmt: skip


def audio_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """Batches of sounds from a directory of `.wav` files with a folder for each class.

    Args:
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset, follow_links,
            verbose: as in `image_dataset_from_directory`.
        sampling_rate: samples a second that sounds are resampled to (by SciPy); None leaves theirs.
        output_sequence_length: samples that sounds are cut or padded to; None for the longest of each batch.
        ragged: let each sound have its own length: batches are arrays of objects.

    Returns:
        A data set of float32 sounds `(batch, samples, channels)` with values in [-1, 1), and labels where there are any.

    Raises:
        ArgumentError: for arguments that do not fit each other.
        DataError: when there are no files, or classes that were named are not there.
    """
    if ragged and output_sequence_length is not None:
        raise ArgumentError("Cannot set both `ragged` and `output_sequence_length`")
    for name, value in (("sampling_rate", sampling_rate), ("output_sequence_length", output_sequence_length)):
        if value is not None and (not isinstance(value, int) or value <= 0):
            raise ArgumentError(f"`{name}` should be a positive integer. Received: {name}={value}")

    def read(path: str) -> np.ndarray:
        return read_wave(path, sampling_rate, output_sequence_length)

    def gather(sounds: list[np.ndarray]) -> np.ndarray:
        if ragged:
            out = np.empty(len(sounds), dtype=object)
            out[:] = sounds
            return out
        longest = max(len(sound) for sound in sounds)
        return np.stack([np.pad(sound, ((0, longest - len(sound)), (0, 0))) for sound in sounds])

    return _datasets(
        "audio", (".wav",), read, gather, directory, labels, label_mode, class_names, batch_size, shuffle, seed,
        validation_split, subset, follow_links, verbose,
    )  # fmt: skip


def read_wave(path: str, sampling_rate: int | None = None, length: int | None = None) -> np.ndarray:
    """A `.wav` file as float32 `(samples, channels)` in [-1, 1), resampled and cut or padded where asked for."""
    try:
        with wave.open(path, "rb") as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise DataError(f"{path} is no sound in a PCM format: {error}") from error
    if width == 3:  # 24 bits: as the upper ones of 32
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        samples = wide.view("<i4")[:, 0] / np.float32(2**31)
    elif width == 1:
        samples = (np.frombuffer(data, np.uint8).astype("float32") - 128) / 128
    else:
        samples = np.frombuffer(data, f"<i{width}") / np.float32(2 ** (8 * width - 1))
    sound = samples.astype("float32").reshape(-1, channels)
    if sampling_rate is not None and sampling_rate != rate:
        from scipy.signal import resample_poly

        sound = np.asarray(resample_poly(sound, sampling_rate, rate, axis=0), dtype="float32")
    if length is not None:
        sound = np.pad(sound[:length], ((0, max(length - len(sound), 0)), (0, 0)))
    return sound


# ---- what they share -----------------------------------------------------------------------------


def _datasets(
    what: str, endings: tuple[str, ...], read: Callable, gather: Callable, directory: Any, labels: Any,
    label_mode: str | None, class_names: Any, batch_size: int | None, shuffle: bool, seed: int | None,
    validation_split: float | None, subset: str | None, follow_links: bool, verbose: bool,
) -> Any:  # fmt: skip
    """The data set, or a pair of them."""
    if labels not in ("inferred", None) and not isinstance(labels, (list, tuple)):
        raise ArgumentError(
            "`labels` argument should be a list/tuple of integer labels, of the same size as the number of "
            f"{what} files in the target directory. If you wish to infer the labels from the subdirectory names, pass "
            f'`labels="inferred"`; for no labels pass `labels=None`. Received: labels={labels}'
        )
    if class_names and labels != "inferred":
        raise ArgumentError(f'You can only pass `class_names` if `labels="inferred"`. Received: labels={labels}')
    if label_mode not in ("int", "categorical", "binary", None):
        raise ArgumentError(
            '`label_mode` argument must be one of "int", "categorical", "binary", or None. Received: '
            f"label_mode={label_mode}"
        )
    _check_split(validation_split, subset, shuffle, seed)
    if labels is None:
        label_mode = None
    seed = int(np.random.randint(1_000_000)) if seed is None else seed
    files = _found(what, os.fspath(directory), labels, endings, class_names, follow_links, shuffle, seed, verbose)
    if label_mode == "binary" and len(files.class_names) != 2:
        raise ArgumentError(
            'When passing `label_mode="binary"`, there must be exactly 2 class_names. Received: '
            f"class_names={files.class_names}"
        )
    if not files.paths:
        raise DataError(f"No {what} files found in directory {directory}. Allowed formats: {', '.join(endings)}")
    held = int((validation_split or 0) * len(files.paths))
    parts = {
        "training": files.part(slice(0, len(files.paths) - held)),
        "validation": files.part(slice(len(files.paths) - held, None)),
    }
    wanted = ["training", "validation"] if subset == "both" else [subset] if subset else []
    if verbose and wanted:
        print("\n".join(f"Using {len(parts[name].paths)} files for {name}." for name in wanted))
    made = []
    for part in [parts[name] for name in wanted] or [files]:
        if not part.paths:
            raise DataError(
                f"A part of the {len(files.paths)} {what} files in {directory} is empty with "
                f"validation_split={validation_split}."
            )
        made.append(_dataset(part, label_mode, read, gather, batch_size, shuffle, seed))
    return tuple(made) if subset == "both" else made[0]


def _check_split(validation_split: float | None, subset: str | None, shuffle: bool, seed: int | None) -> None:
    if validation_split and not 0 < validation_split < 1:
        raise ArgumentError(f"`validation_split` must be between 0 and 1, received: {validation_split}")
    if bool(validation_split) != bool(subset):
        raise ArgumentError(
            "If `subset` is set, `validation_split` must be set, and inversely. Received: "
            f"validation_split={validation_split}, subset={subset!r}"
        )
    if subset not in ("training", "validation", "both", None):
        raise ArgumentError(f'`subset` must be either "training", "validation" or "both", received: {subset}')
    if validation_split and shuffle and seed is None:
        raise ArgumentError(
            "If using `validation_split` and shuffling the data, you must provide a `seed` argument, to make sure that "
            "there is no overlap between the training and validation subset."
        )


def _found(
    what: str, directory: str, labels: Any, endings: tuple[str, ...], class_names: Any, follow_links: bool,
    shuffle: bool, seed: int, verbose: bool,
) -> Files:  # fmt: skip
    if not os.path.isdir(directory):
        raise MissingPathError(f"There is no directory {directory!r} to look for {what} files in.")
    if labels == "inferred":
        folders = sorted(e.name for e in os.scandir(directory) if e.is_dir() and not e.name.startswith("."))
        names = list(class_names) if class_names else folders
        if set(names) != set(folders):
            raise DataError(
                "The `class_names` passed did not match the names of the subdirectories of the target directory. "
                f"Expected: {folders}, but received: {class_names}"
            )
        paths, indices = [], []
        for folder in folders:
            inside = _files_below(os.path.join(directory, folder), endings, follow_links)
            paths += inside
            indices += [names.index(folder)] * len(inside)
    else:
        names = [] if labels is None else sorted(set(labels))
        paths = _files_below(directory, endings, follow_links)
        indices = None if labels is None else [names.index(label) for label in labels]
        if indices is not None and len(indices) != len(paths):
            raise ArgumentError(
                "Expected the lengths of `labels` to match the number of files in the target directory. len(labels) is "
                f"{len(indices)} while we found {len(paths)} files in directory {directory}."
            )
        names = [str(name) for name in names]
    if verbose:
        classes = f" belonging to {len(names)} classes" if labels == "inferred" else ""
        print(f"Found {len(paths)} files{classes}.")
    if shuffle:
        order = np.arange(len(paths))
        np.random.RandomState(seed).shuffle(order)
        paths = [paths[i] for i in order]
        indices = None if indices is None else [indices[i] for i in order]
    return Files(paths, indices, names)


def _files_below(directory: str, endings: tuple[str, ...], follow_links: bool) -> list[str]:
    walk = sorted(os.walk(directory, followlinks=follow_links), key=lambda found: found[0])
    return [
        os.path.join(root, name) for root, _, names in walk for name in sorted(names) if name.lower().endswith(endings)
    ]


def _dataset(
    files: Files,
    label_mode: str | None,
    read: Callable,
    gather: Callable,
    batch_size: int | None,
    shuffle: bool,
    seed: int,
) -> Dataset:
    labels = _encoded(files, label_mode)
    random = np.random.default_rng(seed)

    def elements() -> Iterator[Any]:
        order = random.permutation(len(files.paths)) if shuffle else np.arange(len(files.paths))
        size = batch_size or 1
        groups = [order[i : i + size] for i in range(0, len(order), size)]
        with ThreadPoolExecutor(_READERS) as pool:

            def begin(group: np.ndarray) -> list[Any]:
                return [pool.submit(read, files.paths[i]) for i in group]

            under_way = [begin(group) for group in groups[:1]]
            for at, group in enumerate(groups):
                if at + 1 < len(groups):
                    under_way.append(begin(groups[at + 1]))  # files are read while the batch before is used
                values = [future.result() for future in under_way.pop(0)]
                if batch_size is None:
                    yield values[0] if labels is None else (values[0], labels[group[0]])
                else:
                    yield gather(values) if labels is None else (gather(values), labels[group])

    count = len(files.paths)
    dataset = Dataset(elements, count if batch_size is None else -(-count // batch_size))
    dataset.class_names, dataset.file_paths = files.class_names, files.paths
    return dataset


def _encoded(files: Files, label_mode: str | None) -> np.ndarray | None:
    if label_mode is None or files.labels is None:
        return None
    indices = np.asarray(files.labels, dtype="int32")
    if label_mode == "binary":
        return indices.astype("float32")[:, None]
    if label_mode == "categorical":
        return np.eye(len(files.class_names), dtype="float32")[indices]
    return indices


__all__ = ["audio_dataset_from_directory", "image_dataset_from_directory", "text_dataset_from_directory"]
