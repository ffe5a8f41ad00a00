"""The command line: `lamella run FILE [ARGS...]`, `lamella --version`."""

from lamella.cli._app import main

__all__ = ["main"]
