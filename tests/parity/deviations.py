"""Where lamella knowingly differs from Keras or from NumPy, each with its reason.

`DEVIATIONS` maps a pattern (as in `fnmatch`) to a reason. It is matched against "check/case", where `check` is
the name of a test without "test_" and `case` the id of the case, both as pytest prints them: a test
`test_like_keras[mod-int32-zero]` is "like_keras/mod-int32-zero". What matches is expected to fail, strictly:
once it passes, its line has to go.
"""

_UP_TO_SIGN = (
    "TensorFlow (Eigen) picks other signs and orders than LAPACK; tests/backend/test_tensorflow.py checks the laws"
)

DEVIATIONS: dict[str, str] = {
    "on_tensorflow/linalg.svd-*full_matrices=*": _UP_TO_SIGN,
    "on_tensorflow/linalg.eigh-2x2*v": _UP_TO_SIGN,
    "on_tensorflow/linalg.eig-*3x3float32v": _UP_TO_SIGN,
    "like_keras/sparsemax-*": "those of Keras 3.15 on JAX do not sum to 1: [0, 2, 2] gives [0, 0, 0]",
    "like_keras/image.ssim-*uint8*": "Keras gives the similarity of integer images as an integer",
    "like_keras/istft-*window=None": "Keras 3.15 on JAX takes the window to be 1 over the whole transform, padding included",
    "like_keras/image.gaussian_blur-*[!t]": "Keras 3.15 on JAX takes no integers and, without a `data_format`, channels first",
}
