"""Options every command has, and what a command is handed."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from tinnyswe.cli.render_json import FORMAT, dumps
from tinnyswe.cli.render_run import addresses, variables
from tinnyswe.cli.render_text import make_console, safe
from tinnyswe.model.errors import UsageError
from tinnyswe.model.lab import Catalog, Lab
from tinnyswe.usecases.tools import Tools, Workspace, begun, find_lab, open_catalog, open_workspace, tidy

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

    def quote(self, text: str) -> None:
        """Print somebody else's lines (a brief, a log) for a person, made harmless but not wrapped anew."""
        self.say(safe(text), soft_wrap=True)

    def world(self, urls: Mapping[str, str], environment: Mapping[str, str]) -> None:
        """Say how to reach a running world by hand; the lines to paste are not wrapped."""
        self.say(addresses(urls))
        self.say("  To paste into another terminal:")
        for line in variables(urls, environment):
            self.quote(f"    {line}")

    def page(self, markdown: str) -> None:
        """Print a page of Markdown for a person: laid out on a terminal, as it is written elsewhere."""
        if self.terminal:
            from rich.markdown import Markdown

            self.say(Markdown(markdown))
        else:
            self.quote(markdown)

    def data(self, value: Any) -> None:
        """Print for a program; nothing without --json."""
        if self.json:
            sys.stdout.write(dumps({"format": FORMAT, **msgspec.to_builtins(value, enc_hook=str)}) + "\n")
            sys.stdout.flush()

    def tools(self) -> Tools:
        """This computer, as use cases see it."""
        from tinnyswe.cli.progress import progress_of

        return Tools(offline=self.offline, progress=progress_of(self))

    def tidy(self) -> None:
        """Sweep what crashed runs have left, and say so."""
        for sentence in tidy():
            if not self.json:
                self.errors.print(f"Cleaned up after an interrupted run: {safe(sentence)}", style="dim")


class Place:
    """The workspace and catalogue of the folder a command was typed in, each read once."""

    @functools.cached_property
    def workspace(self) -> Workspace:
        return open_workspace(Path.cwd())

    @functools.cached_property
    def catalog(self) -> Catalog:
        return open_catalog(self.workspace)

    def lab(self, name: str) -> Lab:
        """The lab meant by a name or, without one, by the folder; raises UsageError naming what could be meant."""
        if name or self.workspace.lab_at(Path.cwd()):
            return find_lab(self.catalog, name, Path.cwd())
        known = begun(self.workspace, self.catalog)
        raise UsageError(
            "which lab? This folder belongs to none",
            where=str(Path.cwd()),
            next_step=f"name it: {' or '.join(known[:3])}" if known else "`tinny status` says which lab to start",
            code="no-lab",
        )


def from_here(path: Path) -> str:
    """A path as one would type it in this folder."""
    here = Path.cwd().resolve()
    return str(path.resolve().relative_to(here)) if path.resolve().is_relative_to(here) else str(path)


def now() -> datetime:
    return datetime.now(UTC)


def common(command: F) -> F:
    """Add --json, --no-color and --offline, and hand the command a `surface` and a `place`."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
    @click.option("--no-color", is_flag=True, help="Print without colours.")
    @click.option("--offline", is_flag=True, help="Use no network, also not to install what is missing.")
    @functools.wraps(command)
    def wrapped(*args: Any, as_json: bool, no_color: bool, offline: bool, **kwargs: Any) -> Any:
        above = click.get_current_context().parent
        given = above.params if above is not None else {}  # `tinny engines --json list` means it as well
        surface = Surface(
            json=as_json or given.get("as_json", False),
            color=not (no_color or given.get("no_color", False)),
            offline=offline or given.get("offline", False),
        )
        surface.tidy()
        return command(*args, surface=surface, place=Place(), **kwargs)

    return wrapped  # type: ignore[return-value]  # wraps keeps the command's own signature
