"""The version, read by the build and by `lamella.__version__`."""

__version__ = "0.1.0"
