"""`tinny start`, `brief`, `hint`, `reset` and `run`."""

from __future__ import annotations

import time
from pathlib import Path

import click

from tinnyswe.cli import render_audit
from tinnyswe.cli.options import Place, Surface, common, from_here, now
from tinnyswe.cli.render_text import Paragraph, field, lines_below
from tinnyswe.model.errors import UsageError
from tinnyswe.model.lab import Lab
from tinnyswe.usecases import start_lab
from tinnyswe.usecases.audit_file import read_audit
from tinnyswe.usecases.start_lab import Started
from tinnyswe.usecases.try_lab import Tryout, try_lab

_POLL = 0.2  # s between looks at the logs of a program that is tried


@click.command()
@click.argument("lab", default="")
@common
def start(lab: str, surface: Surface, place: Place) -> None:
    """Open a lab: its starter files in work/<topic>/<lab>, its engines and packages ready."""
    if not lab and not place.workspace.lab_at(Path.cwd()):
        following = start_lab.next_lab(place.workspace, place.catalog, now())
        step = f"tinny start {following}" if following else "`tinny status` shows the labs there are"
        raise UsageError("which lab?", where="tinny start LAB", next_step=step, code="no-lab")
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
    folder = from_here(started.folder)
    if started.moved_to is not None:
        surface.say(Paragraph(f"Your work is now in {from_here(started.moved_to)}", indent=2, first="✓ "))
    surface.say(f"{lab.title}  ({lab.id}, about {lab.minutes} minutes)")
    if started.fresh:
        surface.say(lines_below(f"In {folder}:", ("brief.md", *started.files), ""))
    else:
        surface.say(Paragraph(f"{folder} has your work already; it was left alone.", indent=2))
    audit = read_audit(lab)
    if audit is not None:
        surface.say(field("Graded by", render_audit.trust(audit, len(lab.checks))))
    here = "" if folder in ("", ".") else f"`cd {folder}`, then "
    surface.say(field("Next", f"{here}read brief.md (or `tinny brief`) and edit"))
    surface.say(field("Then", "`tinny check` grades once, `tinny watch` on every save, `tinny run` only runs it"))
    surface.data({**{name: getattr(started, name) for name in started.__struct_fields__}, "title": lab.title})


@click.command()
@click.argument("lab", default="")
@common
def brief(lab: str, surface: Surface, place: Place) -> None:
    """Read a lab's brief."""
    found = place.lab(lab)
    text = start_lab.brief(found)
    surface.page(text)
    surface.data({"lab": found.id, "brief": text})


@click.command()
@click.argument("lab", default="")
@common
def hint(lab: str, surface: Surface, place: Place) -> None:
    """The next hint of a lab. It is recorded, and never held against you."""
    found = place.lab(lab)
    given = start_lab.next_hint(place.workspace, found, now())
    more = given.rungs - given.rung
    surface.say(f"Hint {given.rung} of {given.rungs} for {found.id}\n")
    surface.page(given.text)
    surface.say(f"\n({more} more: `tinny hint {found.id}`)" if more else "\n(That was the last one.)")
    surface.data(given)


@click.command()
@click.argument("lab", default="")
@common
def run(lab: str, surface: Surface, place: Place) -> None:
    """Run your program with its engines, ungraded, until Ctrl-C. Its log is printed."""
    found = place.lab(lab)
    with try_lab(place.workspace, found, surface.tools()) as tryout:
        surface.world(tryout.urls, tryout.environment)
        surface.say("\nCtrl-C ends it. What it prints:\n")
        surface.data({"urls": tryout.urls, "environment": tryout.environment})
        try:
            _follow(tryout, surface)
        except KeyboardInterrupt:
            surface.say("\nEnded.")


def _follow(tryout: Tryout, surface: Surface) -> None:
    """Print what the copies write, until all of them have ended."""
    read = dict.fromkeys(tryout.logs, 0)
    while True:
        for source, path in tryout.logs.items():
            text = path.read_bytes()[read[source] :] if path.exists() else b""
            read[source] += len(text)
            for line in text.decode("utf-8", "backslashreplace").splitlines():
                surface.quote(f"{source} | {line}")
        if len(tryout.ended()) == len(tryout.urls):
            surface.say("Every copy has ended.")
            return
        time.sleep(_POLL)
