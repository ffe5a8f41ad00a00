"""The documentation of public functions and classes: its sections, and its examples, which run."""

import doctest
import importlib
import inspect
import io
import re

import pytest

import lamella

FOLDERS = ("ops", "random", "activations", "initializers", "losses", "metrics")
SUBMODULES = {"ops": ("ops.image", "ops.linalg")}


def public(folder: str) -> dict[str, object]:
    """The public functions and classes of a folder by their first name."""
    found: dict[int, tuple[str, object]] = {}
    for path in (folder, *SUBMODULES.get(folder, ())):
        module = importlib.import_module(f"lamella.{path}")
        for name in sorted(getattr(module, "__all__", None) or dir(module)):
            thing = None if name.startswith("_") else getattr(module, name)
            if inspect.isroutine(thing) or inspect.isclass(thing):
                if (thing.__module__ or "").startswith("lamella."):
                    found.setdefault(id(thing), (f"{path}.{name}", thing))
    return dict(found.values())


def sections(text: str) -> list[str]:
    return re.findall(r"^(Args|Returns|Raises|Example|Attributes):$", text, re.MULTILINE)


def lacking(thing: object) -> list[str]:
    """Which sections the docstring of a function should have and has not."""
    text = inspect.getdoc(thing) or ""
    signature = inspect.signature(thing)  # type: ignore[arg-type]
    wanted = ["Example"] if signature.return_annotation is None else ["Example", "Returns"]
    if signature.parameters:
        wanted.append("Args")
    return [w for w in wanted if w not in sections(text)]


@pytest.mark.parametrize("folder", ("ops", "random"))
def test_functions_say_what_they_take_and_return(folder):
    lacks = {name: lacking(thing) for name, thing in public(folder).items() if inspect.isroutine(thing)}
    lacks = {name: missing for name, missing in lacks.items() if missing}
    assert not lacks, "\n".join(f"{name}: no {', '.join(missing)}" for name, missing in lacks.items())


@pytest.mark.parametrize("folder", FOLDERS)
def test_examples_run(folder):
    parser, failures, examples = doctest.DocTestParser(), [], 0
    for name, thing in public(folder).items():
        test = parser.get_doctest(inspect.getdoc(thing) or "", {}, name, None, None)
        examples += len(test.examples)
        # On NumPy, where nothing is compiled; on JAX what NumPy cannot do, or prints otherwise.
        said = ""
        for backend in ("numpy", "jax"):
            with lamella.backend.use(backend):
                said = run(test)
            if not said:
                break
        failures.append(said)
    assert examples, folder
    assert not any(failures), "".join(failures)


def run(test: doctest.DocTest) -> str:
    """What is wrong with the examples of a docstring; "" for nothing."""
    report = io.StringIO()
    test.globs = {}
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False).run(test, out=report.write)
    return report.getvalue()
