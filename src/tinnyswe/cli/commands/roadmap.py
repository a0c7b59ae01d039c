"""`tinny init`, `pin`, `status` and `sync`."""

from __future__ import annotations

from pathlib import Path

import click

from tinnyswe.cli import render, render_roadmap
from tinnyswe.cli.options import Place, Surface, common, from_here, now
from tinnyswe.cli.render_text import Paragraph
from tinnyswe.model.errors import UsageError
from tinnyswe.model.lab import Catalog
from tinnyswe.usecases import open_roadmap
from tinnyswe.usecases.standing import Standing, stand
from tinnyswe.usecases.sync_roadmap import sync as sync_roadmap
from tinnyswe.usecases.tools import Workspace, open_catalog


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@common
def init(file: Path | None, surface: Surface, place: Place) -> None:
    """Recognise a roadmap and make its folder a workspace. Without FILE: roadmap.md here, written if there is none."""
    catalog = open_catalog()
    opened = open_roadmap.init(Path.cwd(), file, catalog, now())
    if surface.terminal:
        _ask(opened.standing, catalog, Workspace(opened.workspace))
    surface.say(render_roadmap.opened(opened, catalog))
    surface.data(render_roadmap.opened_json(opened))


def _ask(standing: Standing, catalog: Catalog, workspace: Workspace) -> None:
    """Ask what the ambiguous items are; Enter leaves one open. Never guesses."""
    for match in standing.matches:
        if match.how != "ambiguous":
            continue
        item = standing.roadmap.items[match.item]
        click.echo(f"\nLine {item.line + 1}: {render.safe_line(item.text)}\n  could be:")
        for number, candidate in enumerate(match.candidates, start=1):
            click.echo(f"  {number}  {render_roadmap.title(catalog, candidate)}  ({candidate})")
        choice = click.prompt(
            "  which one? (Enter: none)",
            type=click.IntRange(0, len(match.candidates)),
            default=0,
            show_default=False,
        )
        if choice:
            open_roadmap.remember(workspace, item.text, match.candidates[choice - 1], now())


@click.command()
@click.argument("line", required=False, type=click.IntRange(min=1))
@click.argument("target", required=False)
@common
def pin(line: int | None, target: str | None, surface: Surface, place: Place) -> None:
    """Write what an item is into the roadmap, as a comment at its end: it is found again in any wording.

    Without arguments every recognised item is pinned; with LINE and TARGET (topic, or topic/box) that one.
    """
    if line is not None and not target:
        raise UsageError(
            f"what is line {line}? A topic, or a box of one",
            where="tinny pin LINE TARGET",
            next_step=f"e.g. tinny pin {line} caching/key-value-basics",
            code="no-target",
        )
    pinned = open_roadmap.pin(place.workspace, place.catalog, now(), line=line or 0, target=target or "")
    if pinned:
        count = "1 item is" if len(pinned) == 1 else f"{len(pinned)} items are"
        surface.say(Paragraph(f"{count} now pinned in {from_here(place.workspace.roadmap())}", indent=2, first="✓ "))
    else:
        surface.say("Nothing to do: every recognised item has its pin.")
    surface.data({"pinned": pinned})


@click.command()
@click.argument("what", default="", metavar="[TOPIC|BOX]")
@common
def status(what: str, surface: Surface, place: Place) -> None:
    """What is proven, what is open, and what is next; of everything, one topic, or one box."""
    standing = stand(place.workspace, place.catalog, now())
    progress, catalog = standing.progress, place.catalog
    if not what:
        surface.say(render.status(progress, catalog))
        surface.say(render_roadmap.unplaced(standing))
    elif what in catalog.topics:
        surface.say(render.topic_status(progress, catalog, what))
    else:
        surface.say(render.box_status(progress, catalog, render_roadmap.box_named(catalog, what)))
    for note in standing.notes:
        surface.say(Paragraph(render.safe_line(note), indent=2, first="! "))
    surface.data({**render.status_json(progress, catalog), "matches": standing.matches, "notes": standing.notes})


@click.command()
@click.option("--force", is_flag=True, help="Also tick proven boxes that you have unticked by hand.")
@common
def sync(force: bool, surface: Surface, place: Place) -> None:
    """Set every tick that the ledger proves. One byte a box; nothing is ever unticked."""
    ticked, standing = sync_roadmap(place.workspace, place.catalog, now(), force=force)
    surface.say(render_roadmap.ticks(ticked, standing))
    for note in standing.notes:
        surface.say(Paragraph(render.safe_line(note), indent=2, first="! "))
    surface.data({"ticked": ticked.items, "held": ticked.held, "lines": ticked.lines, "notes": standing.notes})
