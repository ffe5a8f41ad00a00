"""`lamella inspect`, `lamella diff` and `lamella convert`: files of models and weights, without a program."""

import math
import sys
from collections.abc import Callable
from typing import Any

from lamella.errors import LamellaError


def inspect(file: str) -> int:
    """Print what stands in a file; returns the exit code, 2 for a file that cannot be read."""
    from lamella.saving._content import opened

    def show() -> int:
        with opened(file) as content:
            print(_printable("\n".join(_description(content))))
        return 0

    return _guarded("inspect", show)


def diff(first: str, second: str) -> int:
    """Print how two files differ; returns 0 where they do not, 1 where they do, 2 where one cannot be read."""
    from lamella.saving._comparison import differences
    from lamella.saving._content import opened

    def show() -> int:
        with opened(first) as a, opened(second) as b:
            lines = list(differences(a, b))
            if lines:
                print(_printable("\n".join(lines)))
            elif a.config is None or b.config is None:
                print(f"The same: {_count(len(a.arrays), 'array')}.")
            else:
                print(f"The same: architecture, and {_count(len(a.arrays), 'array')}.")
        return 1 if lines else 0

    return _guarded("diff", show)


def convert(source: str, target: str, unsafe: bool = False) -> int:
    """Write a file in another format; returns the exit code, 2 where that cannot be done."""
    from lamella.saving._conversion import convert

    def do() -> int:
        print(convert(source, target, safe_mode=not unsafe) + ".")
        return 0

    return _guarded("convert", do)


def _guarded(command: str, do: Callable[[], int]) -> int:
    try:
        return do()
    except (LamellaError, OSError) as error:
        hint = " On the command line that is --unsafe." if "safe_mode" in str(error) else ""
        print(_printable(f"lamella {command}: {error}{hint}"), file=sys.stderr)
        return 2


def _printable(text: str) -> str:
    """`text` without what would command the terminal, for names in a file are anybody's."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def _description(content: Any) -> list[str]:
    from lamella.saving._content import is_of_optimizer, parameters

    lines = [f"{content.path}: {content.format}, {_bytes(content.size)}"]
    if content.versions:
        lines.append("written by: " + ", ".join(f"{name} {value}" for name, value in content.versions.items()))
    if content.config is not None:
        inner = content.config.get("config")
        name = inner.get("name") if isinstance(inner, dict) else None
        lines.append(f"model: {content.config.get('class_name')} {name!r}")
        lines.append(f"compiled: {_compiled(content.compiled)}")
        code = any(need.startswith("code") for need in content.needs)
        lines.append(f"needs code: {'yes, so it is loaded with safe_mode=False only' if code else 'no'}")
        lines += [f"needs {need}" for need in content.needs]
    lines += content.notes
    if content.layers:
        rows = [
            ("  " * line.depth + line.name, line.class_name, _shape(line.shape), f"{parameters(content, line):,}")
            for line in content.layers
        ]
        lines += ["", *_table(("layer", "class", "input", "parameters"), rows)]
    if content.arrays:
        rows = [(k, _shape(e.shape), e.dtype.name, _bytes(e.nbytes)) for k, e in content.arrays.items()]
        lines += ["", *_table(("array", "shape", "dtype", "size"), rows)]
        of_optimizer = [is_of_optimizer(key) for key in content.arrays]
        counts = [math.prod(e.shape) for e in content.arrays.values()]
        state = sum(n for n, its in zip(counts, of_optimizer) if its)
        lines.append(
            f"{_count(len(counts), 'array')}, {sum(counts):,} values ({state:,} of the optimizer), "
            f"{_bytes(sum(e.nbytes for e in content.arrays.values()))}"
        )
    return lines


def _compiled(compiled: Any) -> str:
    if not isinstance(compiled, dict):
        return "no"
    optimizer = compiled.get("optimizer", compiled.get("optimizer_config"))
    if optimizer is None and compiled.get("loss") is None:  # so Keras writes a model that was not compiled
        return "no"
    parts = [_name(optimizer), f"loss {_name(compiled.get('loss'))}"]
    return ", ".join([*parts, f"metrics {_name(compiled['metrics'])}"] if compiled.get("metrics") else parts)


def _name(config: Any) -> str:
    if isinstance(config, dict) and "class_name" in config:
        return str(config["config"]) if config["class_name"] == "function" else str(config["class_name"])
    if isinstance(config, list):
        return ", ".join(map(_name, config))
    if isinstance(config, dict):
        return ", ".join(f"{key}: {_name(value)}" for key, value in config.items())
    return str(config)


def _shape(shape: Any) -> str:
    if isinstance(shape, (list, tuple)):
        return f"({', '.join('any' if n is None else _shape(n) for n in shape)})"
    return "" if shape is None else str(shape)


def _bytes(size: float) -> str:
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1000
    raise AssertionError


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def _table(head: tuple, rows: list[tuple]) -> list[str]:
    widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]
    aligned = [
        "".join(str(cell).ljust(width + 2) for cell, width in zip(row, widths)).rstrip() for row in [head, *rows]
    ]
    return [aligned[0], "-" * max(map(len, aligned)), *aligned[1:]]
