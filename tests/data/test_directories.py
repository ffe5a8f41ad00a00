"""Image files beside Keras; data sets made of directories."""

import wave

import keras
import numpy as np
import pytest

from lamella import preprocessing, utils
from lamella.errors import ArgumentError, DataError

Image = pytest.importorskip("PIL.Image")
RNG = np.random.default_rng(0)


@pytest.fixture
def images(tmp_path):
    for name in "ba":
        (tmp_path / name).mkdir()
        for i in range(3):
            pixels = RNG.integers(0, 255, (9 + i, 14, 3)).astype("uint8")
            Image.fromarray(pixels).save(tmp_path / name / f"{i}.png")
    (tmp_path / "a" / "notes.txt").write_text("no image")
    return tmp_path


@pytest.mark.parametrize("color_mode", ["rgb", "rgba", "grayscale"])
@pytest.mark.parametrize("options", [{}, {"target_size": (5, 6)}, {"target_size": (5, 6), "keep_aspect_ratio": True}])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "lanczos"])
def test_loading_is_that_of_keras(images, color_mode, options, interpolation):
    path = images / "a" / "0.png"
    loaded = [m.load_img(path, color_mode, interpolation=interpolation, **options) for m in (utils, keras.utils)]
    arrays = [m.img_to_array(img) for m, img in zip((utils, keras.utils), loaded)]
    np.testing.assert_array_equal(*arrays)
    assert arrays[0].dtype == arrays[1].dtype


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_arrays_become_the_images_of_keras(channels, data_format, tmp_path):
    shape = (5, 4, channels) if data_format == "channels_last" else (channels, 5, 4)
    x = RNG.normal(size=shape)
    ours, theirs = (np.asarray(m.array_to_img(x, data_format)) for m in (utils, keras.utils))
    np.testing.assert_array_equal(ours, theirs)
    utils.save_img(tmp_path / "x.png", x, data_format)
    with Image.open(tmp_path / "x.png") as written:
        np.testing.assert_array_equal(np.asarray(written), ours)
    utils.save_img(tmp_path / "x.jpg", x, data_format)
    with Image.open(tmp_path / "x.jpg") as written:
        assert written.size == (4, 5)


def test_smart_resizing_is_that_of_keras():
    x = RNG.normal(size=(9, 14, 3)).astype("float32")
    ours, theirs = (m.image.smart_resize(x, (5, 6)) for m in (preprocessing, keras.preprocessing))
    np.testing.assert_allclose(ours, np.asarray(theirs), atol=1e-5)
    assert isinstance(ours, np.ndarray)


def test_images_and_labels_of_folders(images):
    made = utils.image_dataset_from_directory(images, image_size=(4, 5), shuffle=False, batch_size=4, verbose=False)
    (first, labels), (rest, others) = made
    assert first.shape == (4, 4, 5, 3) and first.dtype == "float32" and rest.shape == (2, 4, 5, 3)
    assert labels.tolist() == [0, 0, 0, 1] and others.tolist() == [1, 1] and labels.dtype == "int32"
    assert made.class_names == ["a", "b"] and [p[-7:] for p in made.file_paths[:2]] == ["a/0.png", "a/1.png"]
    pixels = utils.img_to_array(utils.load_img(made.file_paths[0]))
    same = utils.image_dataset_from_directory(
        images, None, image_size=pixels.shape[:2], shuffle=False, batch_size=None, verbose=False
    )
    np.testing.assert_array_equal(next(iter(same)), pixels)


@pytest.mark.parametrize(
    "interpolation", ["bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"]
)
@pytest.mark.parametrize("how", [{}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}])
def test_a_flat_image_stays_flat(tmp_path, interpolation, how):
    Image.fromarray(np.full((9, 14, 3), 100, "uint8")).save(tmp_path / "x.png")
    for size in ((5, 6), (20, 17)):
        made = utils.image_dataset_from_directory(
            tmp_path, None, image_size=size, interpolation=interpolation, verbose=False, **how
        )
        (batch,) = made
        assert batch.shape == (1, *size, 3)
        middle = batch[0, size[0] // 2, size[1] // 2]
        np.testing.assert_allclose(middle, 100, atol=3 if "pad_to_aspect_ratio" in how else 1e-3)
        if not how:
            np.testing.assert_allclose(batch, 100, atol=1e-3)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos3", "nearest"])
def test_resizing_files_equals_the_op(images, interpolation):
    from lamella import ops

    options = {"interpolation": interpolation, "shuffle": False, "batch_size": None, "verbose": False}
    made = utils.image_dataset_from_directory(images, None, image_size=(6, 20), **options)
    x = utils.img_to_array(utils.load_img(made.file_paths[0]))
    expected = ops.convert_to_numpy(ops.image.resize(x, (6, 20), interpolation=interpolation))
    np.testing.assert_allclose(next(iter(made)), expected, atol=1e-3)


@pytest.mark.parametrize(
    "mode, expected", [("int", [0, 1]), ("binary", [[0.0], [1.0]]), ("categorical", [[1.0, 0.0], [0.0, 1.0]])]
)
def test_label_modes(images, mode, expected):
    made = utils.image_dataset_from_directory(
        images, label_mode=mode, image_size=(2, 2), shuffle=False, batch_size=6, verbose=False, color_mode="grayscale"
    )
    ((batch, labels),) = made
    assert labels[[0, -1]].tolist() == expected and batch.shape == (6, 2, 2, 1)


def test_both_parts_have_no_file_in_common(images, capsys):
    options = {"image_size": (2, 2), "validation_split": 0.4, "seed": 3}
    parts = utils.image_dataset_from_directory(images, subset="both", **options)
    training, validation = (set(part.file_paths) for part in parts)
    assert (len(training), len(validation)) == (4, 2) and not training & validation
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "Found 6 files belonging to 2 classes.",
        "Using 4 files for training.",
        "Using 2 files for validation.",
    ]
    alone = utils.image_dataset_from_directory(images, subset="validation", verbose=False, **options)
    assert set(alone.file_paths) == validation
    orders = [np.concatenate([labels for _, labels in parts[0]]).tolist() for _ in range(8)]
    assert len({tuple(order) for order in orders}) > 1  # drawn anew each time


@pytest.mark.parametrize(
    "options",
    [
        {"label_mode": "x"}, {"labels": "x"}, {"labels": [0]}, {"labels": None, "class_names": ["a", "b"]},
        {"validation_split": 0.2}, {"validation_split": 2.0, "subset": "both", "seed": 1},
        {"validation_split": 0.2, "subset": "training"}, {"color_mode": "cmyk"}, {"interpolation": "x"},
        {"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, {"format": "x"},
    ],
)  # fmt: skip
def test_arguments_that_do_not_fit(images, options):
    with pytest.raises(ArgumentError):
        utils.image_dataset_from_directory(images, verbose=False, **options)


def test_missing_files_and_classes(images, tmp_path):
    with pytest.raises(DataError, match="did not match the names of the subdirectories"):
        utils.image_dataset_from_directory(images, class_names=["a"], verbose=False)
    with pytest.raises(DataError, match=r"No text files found.*Allowed formats: \.txt"):
        utils.text_dataset_from_directory(images / "b", labels=None, verbose=False)
    with pytest.raises(DataError, match="no directory"):
        utils.text_dataset_from_directory(tmp_path / "nowhere", verbose=False)


def test_texts(tmp_path):
    for name, text in (("x", "één"), ("y", "two words")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.txt").write_text(text, encoding="utf-8")
    made = preprocessing.text_dataset_from_directory(tmp_path, shuffle=False, max_length=5, verbose=False)
    ((texts, labels),) = made
    assert texts.tolist() == ["één", "two w"] and labels.tolist() == [0, 1]


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_sounds(tmp_path, width):
    wanted = np.array([[0.0, 0.5], [-0.5, 0.25], [0.75, -1.0]], "float32")
    (tmp_path / "a").mkdir()
    for name, length in (("1", 3), ("2", 2)):
        with wave.open(str(tmp_path / "a" / f"{name}.wav"), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(width)
            file.setframerate(8000)
            whole = np.round(wanted[:length] * 2 ** (8 * width - 1)).astype("int64") + (128 if width == 1 else 0)
            file.writeframes(b"".join(int(v).to_bytes(width, "little", signed=width > 1) for v in whole.ravel()))
    ((sounds, labels),) = utils.audio_dataset_from_directory(tmp_path, shuffle=False, verbose=False)
    np.testing.assert_allclose(sounds[0], wanted, atol=1e-6)
    np.testing.assert_allclose(sounds[1], [*wanted[:2], [0, 0]], atol=1e-6)
    assert labels.tolist() == [0, 0]
    options = {"label_mode": None, "shuffle": False, "verbose": False}
    (cut,) = utils.audio_dataset_from_directory(tmp_path, output_sequence_length=1, **options)
    assert cut.shape == (2, 1, 2)
    (ragged,) = utils.audio_dataset_from_directory(tmp_path, ragged=True, **options)
    assert [len(sound) for sound in ragged] == [3, 2]
    (slower,) = utils.audio_dataset_from_directory(tmp_path, sampling_rate=4000, **options)
    assert slower.shape == (2, 2, 2)
