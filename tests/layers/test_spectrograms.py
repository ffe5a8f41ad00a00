"""Spectrograms: what the table of `contracts/layer_cases.py` cannot say."""

import json

import numpy as np
import pytest

import lamella
from lamella import layers
from lamella.errors import ArgumentError, DTypeError, ShapeError

SIGNAL = np.random.default_rng(7).uniform(-1, 1, (2, 40, 1)).astype("float32")
SMALL = {"frame_length": 8, "frame_step": 4}
MEL = {"fft_length": 32, "sequence_stride": 16, "num_mel_bins": 4}


@pytest.fixture(autouse=True)
def on_numpy():
    with lamella.backend.use("numpy"):
        yield


def test_transform_is_that_of_the_windowed_frames():
    frames = np.stack([SIGNAL[:, t : t + 8, 0] for t in range(0, 33, 4)], axis=1)
    spectrum = np.fft.rfft(frames, 16)
    out = layers.STFTSpectrogram("stft", **SMALL, fft_length=16, window=None)(SIGNAL)
    np.testing.assert_allclose(out, np.concatenate([spectrum.real, spectrum.imag], -1), atol=1e-5)


def test_power_of_all_frequencies_is_that_of_the_frame():
    """Parseval: the sum over both sides of the spectrum is n times that over the samples."""
    frames = np.stack([SIGNAL[:, t : t + 8, 0] for t in range(0, 33, 4)], axis=1)
    out = layers.STFTSpectrogram("psd", **SMALL, window=None)(SIGNAL)
    np.testing.assert_allclose(np.sum(out, -1), 8 * np.sum(frames**2, -1), rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "phase"}, "mode"),
        ({"frame_length": 0}, "frame_length"),
        ({"frame_step": 0}, "frame_step"),
        ({"frame_length": 8, "frame_step": 9}, "frame_step"),
        ({"frame_length": 8, "fft_length": 4}, "fft_length"),
        ({"window": "triangular?"}, "window"),
        ({"scaling": "power"}, "scaling"),
        ({"padding": "causal"}, "Padding"),
        ({"data_format": "last"}, "data_format"),
    ],
)
def test_options_that_do_not_exist_are_refused(options, message):
    with pytest.raises(ArgumentError, match=message):
        layers.STFTSpectrogram(**options)


def test_lengths_that_are_slow_are_told():
    with pytest.warns(UserWarning, match="power of two"):
        layers.STFTSpectrogram(frame_length=8, fft_length=12)


def test_inputs_that_have_no_spectrum_are_refused():
    with pytest.raises(DTypeError, match="float16"):
        layers.STFTSpectrogram(**SMALL)(SIGNAL.astype("int32"))
    with pytest.raises(ValueError, match="ndim=3"):
        layers.STFTSpectrogram(**SMALL)(SIGNAL[0])
    with pytest.raises(ShapeError, match="window"):
        layers.STFTSpectrogram(**SMALL, window=np.ones(5))(SIGNAL)


@pytest.mark.parametrize(
    "options", [{"fft_length": 8, "sequence_length": 9}, {"fft_length": 0}, {"sequence_stride": 0}, {"num_mel_bins": 0}]
)
def test_sizes_of_mel_spectrograms_that_do_not_fit_are_refused(options):
    with pytest.raises(ArgumentError, match=next(iter(options))):
        layers.MelSpectrogram(**options)


@pytest.mark.parametrize("make", [layers.STFTSpectrogram, layers.MelSpectrogram])
def test_a_window_that_is_an_array_is_part_of_the_configuration(make):
    size = {"frame_length": 8} if make is layers.STFTSpectrogram else {**MEL, "sequence_length": 8}
    layer = make(**size, window=np.hanning(8))
    again = layers.deserialize(json.loads(json.dumps(layers.serialize(layer))))
    signal = SIGNAL if make is layers.STFTSpectrogram else SIGNAL[..., 0]
    np.testing.assert_allclose(again(signal), layer(signal), atol=1e-6)


def test_a_tone_is_loudest_in_the_band_that_holds_it():
    t = np.arange(4000) / 8000
    layer = layers.MelSpectrogram(fft_length=512, sequence_stride=256, sampling_rate=8000, num_mel_bins=20)
    band = int(np.argmax(np.mean(layer(np.sin(2 * np.pi * 1000 * t).astype("float32")), -1)))
    edges = 700 * (10 ** (np.linspace(*(2595 * np.log10(1 + np.array([20.0, 4000.0]) / 700)), 22) / 2595) - 1)
    assert edges[band] < 1000 < edges[band + 2]


def test_one_signal_and_a_batch_agree():
    layer = layers.MelSpectrogram(**MEL, power_to_db=False)
    batch = layer(SIGNAL[..., 0])
    np.testing.assert_allclose(layer(SIGNAL[0, :, 0]), batch[0], rtol=1e-5)
