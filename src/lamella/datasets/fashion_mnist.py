"""Fashion-MNIST: 70,000 pictures of clothes in the shape of MNIST."""

import gzip

import numpy as np

from lamella._lazy import missing as _missing
from lamella.datasets._source import PUBLIC, dataset_file
from lamella.errors import DataError

__all__ = ["load_data"]

__getattr__ = _missing(__name__)

# The authors' own MD5 sums and repository: https://github.com/zalandoresearch/fashion-mnist
_AUTHORS = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"
_AUTHORS_S3 = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_MD5 = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}


def load_data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The Fashion-MNIST pictures, downloaded at the first call (about 30 MB).

    Xiao, Rasul and Vollgraf (2017), arXiv:1708.07747. Licence: MIT.

    The classes: 0 T-shirt/top, 1 Trouser, 2 Pullover, 3 Dress, 4 Coat, 5 Sandal, 6 Shirt, 7 Sneaker, 8 Bag,
    9 Ankle boot.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, uint8: images `(60000, 28, 28)` and `(10000, 28, 28)`, grey
        levels from 0 to 255; labels `(60000,)` and `(10000,)` in 0 to 9.

    Raises:
        DownloadError: a file could not be fetched. Says how to place it by hand.
    """
    train, test = (
        (_read_idx(f"{part}-images-idx3-ubyte.gz"), _read_idx(f"{part}-labels-idx1-ubyte.gz"))
        for part in ("train", "t10k")
    )
    return train, test


def _read_idx(name: str) -> np.ndarray:
    """The uint8 array of a gzipped IDX file: type 8 and the rank, the sizes as big-endian int32, the data."""
    urls = [PUBLIC + name, _AUTHORS + name, _AUTHORS_S3 + name]
    path = dataset_file(name, urls, "md5:" + _MD5[name], folder="datasets/fashion-mnist")
    content = bytearray(gzip.decompress(path.read_bytes()))  # a bytearray, so that the array can be written to
    rank = content[3]
    header = 4 + 4 * rank
    shape = [int(size) for size in np.frombuffer(content, ">i4", count=rank, offset=4)]
    if content[:3] != b"\0\0\x08" or len(content) != header + np.prod(shape):
        raise DataError(f"{path} is not a file of bytes in IDX format. Delete it and let it be downloaded again.")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
