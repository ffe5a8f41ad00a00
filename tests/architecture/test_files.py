"""The form of the source files: facades without logic, a docstring in each, none too long."""

import ast

import pytest
from architecture.sources import PACKAGE, files, parsed

MAX_LINES = 900


def is_facade_statement(node: ast.stmt) -> bool:
    """Whether a statement only says where names come from, or which are public."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    if not isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)) or node.value is None:
        return False
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    names = [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
    if any(name in ("__getattr__", "__dir__") for name in names):  # attach(...) and missing(...) make them
        return isinstance(node.value, ast.Call)
    if isinstance(node.value, ast.Name):  # another name of the same thing
        return True
    # __all__, and private tables of names
    return all(name.startswith("_") for name in names) and all(isinstance(n, _TABLE) for n in ast.walk(node.value))


_TABLE = (
    ast.List, ast.Tuple, ast.Dict, ast.Set, ast.Constant, ast.Name, ast.Attribute, ast.Starred, ast.BinOp, ast.Add,
    ast.Load, ast.Call, ast.DictComp, ast.JoinedStr, ast.FormattedValue, ast.comprehension, ast.Store,
)  # fmt: skip


def version_is_all(node: ast.stmt) -> bool:
    """The root has one function, `version()`, as Keras has."""
    return isinstance(node, ast.FunctionDef) and node.name == "version"


@pytest.mark.parametrize("file", [f for f in files() if f.endswith("__init__.py")])
def test_a_facade_holds_no_logic(file):
    logic = [
        f"{file}:{node.lineno}: {ast.unparse(node).splitlines()[0]}"
        for node in parsed(file).body
        if not is_facade_statement(node) and not (file == "__init__.py" and version_is_all(node))
    ]
    assert not logic, "\n".join(logic)


@pytest.mark.parametrize(
    "line, allowed",
    [
        ("from lamella.ops._core import cast", True),
        ("'''A docstring.'''", True),
        ("__all__ = ['a', *_NAMES]", True),
        ("__getattr__ = missing(__name__)", True),
        ("__getattr__, __dir__ = attach(__name__, {'a': 'lamella.b'})", True),
        ("def f(): pass", False),
        ("if True: x = 1", False),
        ("l1 = L1", True),
        ("public = 3", False),
        ("_x = [n for n in range(3)]", False),
        ("register()", False),
    ],
)
def test_what_counts_as_logic(line, allowed):
    assert is_facade_statement(ast.parse(line).body[0]) is allowed


def test_every_module_has_a_docstring():
    missing = [file for file in files() if not (ast.get_docstring(parsed(file)) or is_empty(file))]
    assert not missing, missing


def is_empty(file: str) -> bool:
    return not parsed(file).body


def test_no_file_is_too_long():
    lengths = {file: (PACKAGE / file).read_text(encoding="utf-8").count("\n") for file in files()}
    long = {file: n for file, n in lengths.items() if n > MAX_LINES}
    assert not long, f"more than {MAX_LINES} lines; give a concern a module of its own: {long}"


def test_private_modules_say_what_is_public():
    """A module that a facade takes names from with `*` has an `__all__`."""
    starred = {
        node.module.removeprefix("lamella.").replace(".", "/") + ".py"
        for file in files()
        if file.endswith("__init__.py")
        for node in parsed(file).body
        if isinstance(node, ast.ImportFrom) and node.module and any(a.name == "*" for a in node.names)
    }
    for file in starred:
        names = {
            t.id for n in parsed(file).body if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)
        }
        assert "__all__" in names, file
