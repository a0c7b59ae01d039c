"""Options every command has, and what a command is handed."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from tinnyswe.cli.render_text import make_console
from tinnyswe.model.lab import Catalog, Lab
from tinnyswe.usecases.tools import Tools, Workspace, find_lab, open_catalog, open_workspace, tidy

F = TypeVar("F", bound=Callable[..., Any])


class Surface:
    """Where a command speaks: rich text for people, one JSON value for programs, never both."""

    def __init__(self, *, json: bool, color: bool, offline: bool) -> None:
        self.json = json
        self.offline = offline
        self.console = make_console(sys.stdout, color=color)
        self.errors = make_console(sys.stderr, color=color)

    @property
    def terminal(self) -> bool:
        return self.console.is_terminal and not self.json

    def say(self, thing: Any = "", **options: Any) -> None:
        """Print for a person; nothing with --json."""
        if not self.json:
            self.console.print(thing, **options)

    def data(self, value: Any) -> None:
        """Print for a program; nothing without --json."""
        if self.json:
            plain = msgspec.to_builtins(value, enc_hook=str)
            sys.stdout.write(json.dumps(plain, ensure_ascii=False) + "\n")
            sys.stdout.flush()

    def tools(self) -> Tools:
        """This computer; leftovers of crashed runs are swept on the way, by every command."""
        from tinnyswe.cli.progress import progress_of

        tools = Tools(offline=self.offline, progress=progress_of(self))
        for sentence in tidy(tools):
            if not self.json:
                self.errors.print(f"cleaned up after an interrupted run: {sentence}", style="dim")
        return tools


class Place:
    """The workspace and catalogue of the folder a command was typed in, each read once."""

    @functools.cached_property
    def workspace(self) -> Workspace:
        return open_workspace(Path.cwd())

    @functools.cached_property
    def catalog(self) -> Catalog:
        return open_catalog(self.workspace)

    def lab(self, name: str) -> Lab:
        return find_lab(self.catalog, name, Path.cwd())


def now() -> datetime:
    return datetime.now(UTC)


def common(command: F) -> F:
    """Add --json, --no-color and --offline, and hand the command a `surface` and a `place`."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
    @click.option("--no-color", is_flag=True, help="Print without colours.")
    @click.option("--offline", is_flag=True, help="Use no network, also not to install what is missing.")
    @functools.wraps(command)
    def wrapped(*args: Any, as_json: bool, no_color: bool, offline: bool, **kwargs: Any) -> Any:
        surface = Surface(json=as_json, color=not no_color, offline=offline)
        return command(*args, surface=surface, place=Place(), **kwargs)

    return wrapped  # type: ignore[return-value]  # wraps keeps the command's own signature
