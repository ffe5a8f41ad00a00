"""The command line: `lamella run FILE [ARGS...]`, `inspect`, `diff`, `convert`, `lamella --version`."""

from lamella.cli._app import main

__all__ = ["main"]
