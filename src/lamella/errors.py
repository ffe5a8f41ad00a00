"""Every exception that lamella raises.

LamellaError
├── ShapeError (TypeError, ValueError) a shape or rank that the operation cannot take
├── OutOfRangeError (IndexError, ValueError) an index that no element has
├── DTypeError (TypeError, ValueError) a dtype that the operation cannot take
├── ArgumentError (ValueError)         any other unusable argument
│   ├── UnknownNameError               a string identifier that names nothing here
│   │   └── MissingKeyError (KeyError) a key that a dictionary of data lacks
│   ├── ArgumentTypeError (TypeError)  an argument of a type that cannot be used
│   ├── NotOfferedError (NotImplementedError) an argument of Keras that asks for what lamella does not do
│   └── DataError                      training data that cannot be used
│       └── MissingPathError (FileNotFoundError) a file or directory that is not there
├── NotBuiltError (ValueError)         a layer or model used before its variables exist
│   └── UnsetAttributeError (AttributeError) an attribute that is set when the layer is built
├── NotDrawnError (AttributeError)     the symbolic input or output of something never called on symbolic tensors
├── NotCompiledError (ValueError)      `fit` and its kin before `compile`
├── BackendError (RuntimeError)        an array library that is missing or cannot do what is asked
├── MissingPackageError (ImportError)  a package of an extra that is not installed
├── DownloadError (OSError)            a file that could not be fetched or failed its checksum
├── CheckpointError (OSError)          a directory for the state of training that cannot be used
├── SerializationError (TypeError, ValueError) a configuration or file that cannot be turned into an object
└── MissingNameError (AttributeError)  a public name that lamella does not have

Each subclasses the builtin that users of Keras catch, so `except ValueError` keeps working.
"""

import difflib
from collections.abc import Iterable


class LamellaError(Exception):
    """Base of every exception of lamella."""


class ShapeError(LamellaError, TypeError, ValueError):
    """A shape or rank that the operation cannot take: a TypeError to JAX, and else a ValueError."""


class OutOfRangeError(LamellaError, IndexError, ValueError):
    """An index that no element has."""


class DTypeError(LamellaError, TypeError, ValueError):
    """A dtype that the operation cannot take."""


class ArgumentError(LamellaError, ValueError):
    """An unusable argument."""


class UnknownNameError(ArgumentError):
    """A string identifier that names nothing."""


class MissingKeyError(UnknownNameError, KeyError):
    """A key that a dictionary of data lacks."""

    __str__ = Exception.__str__  # that of KeyError quotes the message


class ArgumentTypeError(ArgumentError, TypeError):
    """An argument of a type that cannot be used."""


class NotOfferedError(ArgumentError, NotImplementedError):
    """An argument of Keras that asks for what lamella does not do."""


class DataError(ArgumentError):
    """Training data that cannot be used."""


class MissingPathError(DataError, FileNotFoundError):
    """A file or directory that is not there."""


class NotBuiltError(LamellaError, ValueError):
    """A layer or model used before its variables exist."""


class UnsetAttributeError(NotBuiltError, AttributeError):
    """An attribute that is set when the layer is built, and was asked for before."""


class NotDrawnError(LamellaError, AttributeError):
    """The symbolic input or output of an operation that was never called on symbolic tensors."""


class NotCompiledError(LamellaError, ValueError):
    """Training or evaluation asked of a model that was not compiled."""


class BackendError(LamellaError, RuntimeError):
    """An array library that is missing, or cannot do what is asked."""


class MissingPackageError(LamellaError, ImportError):
    """A package that an optional part needs, and that is not installed."""


class DownloadError(LamellaError, OSError):
    """A file that could not be fetched, or failed its checksum."""


class CheckpointError(LamellaError, OSError):
    """A directory for the state of training that cannot be written, is in use, or holds nothing that can be read."""


class SerializationError(LamellaError, TypeError, ValueError):
    """A configuration or file that cannot be turned into an object."""


class MissingNameError(LamellaError, AttributeError):
    """A public name that lamella does not have."""


def missing_package(what: str, package: str, extra: str) -> MissingPackageError:
    """The error for a part of lamella (`what`) whose package is not installed, and how to install it."""
    return MissingPackageError(f"{what} needs {package}. Run `pip install 'lamella[{extra}]'`.")


def nearest_names(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Up to `count` of `known` that look most like `name`, best first, ignoring case."""
    by_folded = {k.lower(): k for k in sorted(known)}
    return [by_folded[m] for m in difflib.get_close_matches(str(name).lower(), by_folded, n=count, cutoff=0.5)]


def unknown_name(kind: str, name: object, known: Iterable[str]) -> UnknownNameError:
    """The error for a string that should have named a `kind` (a loss, a layer, ...)."""
    known = sorted(set(known))
    near = nearest_names(str(name), known)
    hint = f"Did you mean {' or '.join(repr(n) for n in near)}? " if near else ""
    return UnknownNameError(f"Unknown {kind}: {name!r}. {hint}Known: {', '.join(known)}.")
