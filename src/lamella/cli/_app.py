"""The `lamella` command and its subcommands."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from lamella._version import __version__
from lamella.cli import _files
from lamella.cli._run import run

if TYPE_CHECKING:
    import typer


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says.

    Args:
        arguments: the words after `lamella`; those of `sys.argv` if None.

    Returns:
        The exit code: 0, or 1 if the program of `run` failed, 2 for a command line that cannot be followed or a file
        that cannot be read, 130 if Ctrl-C ended the program.

    Raises:
        SystemExit: the program of `run`, or typer at the end of another command, asked for an exit.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    # `run` goes past typer. Importing typer takes 60 to 110 ms, five times what Python needs to start, and a
    # program's own flags must reach it as they are.
    if words[:1] == ["run"] and words[1:] and words[1] not in ("--help", "-h"):
        return run(words[1:])
    return _app()(args=words, prog_name="lamella", standalone_mode=True) or 0


def _app() -> "typer.Typer":
    import typer

    app = typer.Typer(
        name="lamella",
        help="The Keras 3 API on an engine that compiles whole epochs.",
        no_args_is_help=True,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode=None,
    )

    def show_version(asked: bool) -> None:
        if asked:
            typer.echo(f"lamella {__version__}")
            raise typer.Exit

    @app.callback()
    def root(
        version: Annotated[
            bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version.")
        ] = False,
    ) -> None: ...

    @app.command("run")
    def run_command(
        file: Annotated[str, typer.Argument(help="A Python program, or -m MODULE.")],
        args: Annotated[list[str] | None, typer.Argument(help="Its own arguments, passed on as they are.")] = None,
    ) -> None:
        """Run a program whose `import keras` (or `tensorflow.keras`) means lamella."""
        raise AssertionError("main() handles `run` with arguments itself; this one is there for --help")

    @app.command("inspect")
    def inspect_command(
        file: Annotated[str, typer.Argument(help="A model, weights, a state of training or an artifact.")],
    ) -> None:
        """Print what stands in a file: layers, shapes, versions, sizes, and what loading it needs. Nothing of it is run."""
        raise typer.Exit(_files.inspect(file))

    @app.command("diff")
    def diff_command(
        first: Annotated[str, typer.Argument(help="A file.")], second: Annotated[str, typer.Argument(help="Another.")]
    ) -> None:
        """Print how two files differ, in architecture and in weights. Exits with 1 if they do."""
        raise typer.Exit(_files.diff(first, second))

    @app.command("convert")
    def convert_command(
        source: Annotated[str, typer.Argument(help="A model, or weights.")],
        target: Annotated[str, typer.Argument(help="The new file; its ending says the format.")],
        unsafe: Annotated[
            bool, typer.Option("--unsafe", help="Run code that the file carries: for files of people you trust.")
        ] = False,
    ) -> None:
        """Write a model or weights in another format: .keras, .h5, a directory; .weights.h5, .weights.json, .npz, .safetensors."""
        raise typer.Exit(_files.convert(source, target, unsafe))

    return app
