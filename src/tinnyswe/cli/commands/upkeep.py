"""`tinny engines`, `doctor`, `clean` and `uninstall`."""

from __future__ import annotations

import click
from rich.text import Text

from tinnyswe.cli.options import Place, Surface, common
from tinnyswe.cli.render_text import Paragraph, Rows, field, safe_line
from tinnyswe.model.errors import UsageError
from tinnyswe.usecases import clean_up, engines_here, look_around
from tinnyswe.usecases.tools import open_catalog

_MARKS = {"fine": ("✓", "green"), "missing": ("○", ""), "broken": ("!", "red")}


@click.group(invoke_without_command=True)
@click.pass_context
@common
def engines(context: click.Context, surface: Surface, place: Place) -> None:
    """The real servers that labs run against; without a command they are listed."""
    if context.invoked_subcommand is None:
        _list(surface)


@engines.command("list")
@common
def list_(surface: Surface, place: Place) -> None:
    """Which engines there are, and which are installed here."""
    _list(surface)


def _list(surface: Surface) -> None:
    rows = engines_here.list_engines(open_catalog(), surface.tools())
    cells = []
    for row in rows:
        labs = f"{len(row.labs)} {'lab' if len(row.labs) == 1 else 'labs'}"
        where = f"{row.version}, {row.mb:g} MB" if row.installed else "not installed"
        level = "" if row.level == "real" else row.level
        cells.append(("✓" if row.installed else "○", row.id, row.title, where, level, labs))
    surface.say(Rows(cells, wraps=2))
    if missing := [row.id for row in rows if not row.installed]:
        surface.say(field("Install", f"`tinny engines install {' '.join(missing)}`, or leave it to the first lab"))
    surface.data({"engines": rows})


@engines.command()
@click.argument("names", nargs=-1, required=True, metavar="ENGINE...")
@common
def install(names: tuple[str, ...], surface: Surface, place: Place) -> None:
    """Fetch engines before the first lab needs them."""
    installed = engines_here.install_engines(names, surface.tools())
    for engine in installed:
        surface.say(f"✓ {engine.engine} {engine.version} is installed ({engine.source})")
    surface.data({"installed": installed})


@engines.command()
@click.argument("name", metavar="ENGINE")
@click.option("--run", default="", help="Of this run instead of the newest.")
@common
def logs(name: str, run: str, surface: Surface, place: Place) -> None:
    """What an engine wrote in the newest run."""
    found = engines_here.engine_logs(place.workspace, name, run)
    if not found:
        surface.say(f"The run kept no log of {name}.")
    for file, lines in found:
        surface.say(Text(file, "bold"))
        for line in lines:
            surface.quote(f"  {line}")
    surface.data({"logs": dict(found)})


@click.command()
@common
def doctor(surface: Surface, place: Place) -> int:
    """What this computer has, what is missing, and the line that mends it."""
    try:
        workspace = place.workspace
    except UsageError:
        workspace = None
    found = look_around.doctor(surface.tools(), workspace, open_catalog(workspace))
    for finding in found:
        mark, style = _MARKS[finding.state]
        surface.say(Paragraph(safe_line(finding.what), indent=2, first=f"{mark} "), style=style or None)
        if finding.mend:
            surface.say(field("Mend", finding.mend))
    surface.data({"findings": found})
    return 3 if any(finding.state == "broken" for finding in found) else 0


@click.command()
@common
def clean(surface: Surface, place: Place) -> None:
    """Remove engines and environments from the cache; they come back when a lab needs them."""
    _report(clean_up.clean(surface.tools()), surface)


@click.command()
@common
def uninstall(surface: Surface, place: Place) -> None:
    """Remove everything tinnySWE keeps outside your folder. Roadmap, proofs and work are yours, and stay."""
    _report(clean_up.uninstall(surface.tools()), surface)
    surface.say("Your roadmap, .tinny, work and notes were not touched; the program itself goes as it came.")


def _report(cleaned: clean_up.Cleaned, surface: Surface) -> None:
    for folder in cleaned.removed:
        surface.say(f"✓ Removed {folder}")
    surface.say(f"{cleaned.mb:g} MB freed" if cleaned.removed else "There was nothing to remove.")
    surface.data(cleaned)
