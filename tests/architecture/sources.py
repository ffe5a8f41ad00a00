"""The modules of lamella and what they import, read from their text."""

import ast
import functools
from dataclasses import dataclass
from pathlib import Path

import lamella

PACKAGE = Path(lamella.__file__).parent
COMPUTED = "<computed>"  # stands for the module that `import_module(name)` imports


@dataclass(frozen=True)
class Import:
    """One import: `file` (relative to the package) imports `module` at `line`; `lazily` inside a function."""

    file: str
    line: int
    module: str
    lazily: bool

    @property
    def importer(self) -> str:
        return unit_of_file(self.file)

    @property
    def imported(self) -> str:
        return unit_of_module(self.module)

    def __str__(self) -> str:
        return f"{self.importer} -> {self.imported} ({self.file}:{self.line})"


def unit_of_file(file: str) -> str:
    """The folder, or module at the top, that a file belongs to: `layers/_x.py` -> `layers`, `errors.py` -> `errors`."""
    top = file.partition("/")[0].removesuffix(".py")
    return "lamella" if top == "__init__" else top


def unit_of_module(module: str) -> str:
    """The same of a dotted name: `lamella.layers._x` -> `layers`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


def files(package: Path = PACKAGE) -> list[str]:
    """Every module of the package, relative to it."""
    return sorted(str(p.relative_to(package)) for p in package.rglob("*.py"))


@functools.cache
def parsed(file: str, package: Path = PACKAGE) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse((package / file).read_text(encoding="utf-8"), filename=file)


def imports(package: Path = PACKAGE, name: str = "lamella") -> list[Import]:
    """Every import of every module: statements, and calls of `import_module` with a text."""
    found = []
    for file in files(package):
        tree = parsed(file, package)
        inside = {id(n) for f in ast.walk(tree) if isinstance(f, _FUNCTIONS) for n in ast.walk(f) if n is not f}
        for node in ast.walk(tree):
            for module in _modules(node, package, name):
                found.append(Import(file, node.lineno, module, id(node) in inside))  # type: ignore[attr-defined]
    return found


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def _modules(node: ast.AST, package: Path, name: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        if node.level:
            return ["." * node.level + (node.module or "")]
        if node.module == name:  # `from lamella import layers` imports lamella.layers; `__version__` is the root's own
            return [f"{name}.{a.name}" if _is_module(package, a.name) else name for a in node.names]
        return [node.module or ""]
    if isinstance(node, ast.Call) and node.args:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in ("import_module", "__import__"):
            return [node.args[0].value if isinstance(node.args[0], ast.Constant) else COMPUTED]
    return []


def _is_module(package: Path, name: str) -> bool:
    return (package / name).is_dir() or (package / f"{name}.py").is_file()
