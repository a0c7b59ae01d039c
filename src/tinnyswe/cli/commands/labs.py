"""`tinny start`, `brief`, `hint`, `reset` and `run`."""

from __future__ import annotations

import time
from pathlib import Path

import click
from rich.markdown import Markdown

from tinnyswe.cli import render
from tinnyswe.cli.options import Place, Surface, common, now
from tinnyswe.cli.render_text import field, lines_below
from tinnyswe.model.lab import Lab
from tinnyswe.usecases import start_lab
from tinnyswe.usecases.start_lab import Started
from tinnyswe.usecases.try_lab import Tryout, try_lab

_POLL = 0.2  # s between looks at the logs of a program that is tried


@click.command()
@click.argument("lab")
@common
def start(lab: str, surface: Surface, place: Place) -> None:
    """Open a lab: its starter files in work/<topic>/<lab>, its engines and packages ready."""
    found = place.lab(lab)
    _report(start_lab.start_lab(place.workspace, found, surface.tools()), found, surface)


@click.command()
@click.argument("lab", default="")
@common
def reset(lab: str, surface: Surface, place: Place) -> None:
    """Start a lab again from its starter. Your work is moved aside, and where to is said."""
    found = place.lab(lab)
    _report(start_lab.reset_lab(place.workspace, found, surface.tools(), now()), found, surface)


def _report(started: Started, lab: Lab, surface: Surface) -> None:
    folder = _from_here(started.folder)
    if started.moved_to is not None:
        surface.say(f"Your work went to {_from_here(started.moved_to)}")
    surface.say(f"{lab.title}  ({lab.id}, about {lab.minutes} minutes)")
    if started.fresh:
        surface.say(lines_below(f"In {folder}:", ("brief.md", *started.files), ""))
    else:
        surface.say(f"  {folder} has your work already; it was left alone.")
    surface.say(field("Next", f"read {folder}/brief.md, edit, then `tinny check {lab.id}`"))
    surface.data({**{name: getattr(started, name) for name in started.__struct_fields__}, "title": lab.title})


def _from_here(path: Path) -> str:
    here = Path.cwd().resolve()
    return str(path.resolve().relative_to(here)) if path.resolve().is_relative_to(here) else str(path)


@click.command()
@click.argument("lab", default="")
@common
def brief(lab: str, surface: Surface, place: Place) -> None:
    """Read a lab's brief."""
    found = place.lab(lab)
    text = start_lab.brief(found)
    surface.say(Markdown(text) if surface.terminal else text)
    surface.data({"lab": found.id, "brief": text})


@click.command()
@click.argument("lab", default="")
@common
def hint(lab: str, surface: Surface, place: Place) -> None:
    """The next hint of a lab. It is recorded, and never held against you."""
    found = place.lab(lab)
    given = start_lab.next_hint(place.workspace, found, now())
    more = given.rungs - given.rung
    after = f"{more} more: `tinny hint {found.id}`" if more else "that was the last one"
    surface.say(f"Hint {given.rung} of {given.rungs}")
    surface.say(f"\n  {given.text}\n")
    surface.say(f"({after})")
    surface.data(given)


@click.command()
@click.argument("lab", default="")
@common
def run(lab: str, surface: Surface, place: Place) -> None:
    """Run your program with its engines, ungraded, until Ctrl-C. Its log is printed."""
    found = place.lab(lab)
    with try_lab(place.workspace, found, surface.tools()) as tryout:
        addresses = [f"copy {name}  {url}" for name, url in tryout.urls.items()]
        surface.say(lines_below("Your program answers at", addresses, ""))
        variables = [f"{name}={value}" for name, value in tryout.environment.items()]
        surface.say(lines_below("with the engines at", variables, ""))
        surface.say("\nCtrl-C ends it.\n")
        surface.data({"urls": tryout.urls, "environment": tryout.environment})
        try:
            _follow(tryout, surface)
        except KeyboardInterrupt:
            surface.say("\nended")


def _follow(tryout: Tryout, surface: Surface) -> None:
    """Print what the copies write, until all of them have ended."""
    read = dict.fromkeys(tryout.logs, 0)
    while True:
        for source, path in tryout.logs.items():
            text = path.read_bytes()[read[source] :] if path.exists() else b""
            read[source] += len(text)
            for line in text.decode("utf-8", "backslashreplace").splitlines():
                surface.say(f"{source} | {render.safe_line(line)}")
        if len(tryout.ended()) == len(tryout.urls):
            surface.say("every copy has ended")
            return
        time.sleep(_POLL)
