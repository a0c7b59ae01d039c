"""`tinny engines`, `doctor`, `clean` and `uninstall`."""

from __future__ import annotations

import click
from rich.table import Table

from tinnyswe.cli.options import Place, Surface, common
from tinnyswe.cli.render_text import Paragraph, field, safe_line
from tinnyswe.model.errors import UsageError
from tinnyswe.usecases import clean_up, engines_here, look_around
from tinnyswe.usecases.tools import open_catalog

_MARKS = {"fine": ("✓", "green"), "missing": ("○", ""), "broken": ("!", "red")}


@click.group()
def engines() -> None:
    """The real servers that labs run against."""


@engines.command("list")
@common
def list_(surface: Surface, place: Place) -> None:
    """Which engines there are, and which are installed here."""
    rows = engines_here.list_engines(open_catalog(), surface.tools())
    table = Table.grid(padding=(0, 2, 0, 0))
    for row in rows:
        where = f"{row.version}, {row.mb:g} MB" if row.installed else f"tinny engines install {row.id}"
        table.add_row("✓" if row.installed else "○", row.id, row.title, row.level, where)
    surface.say(table)
    surface.data({"engines": rows})


@engines.command()
@click.argument("names", nargs=-1, required=True)
@common
def install(names: tuple[str, ...], surface: Surface, place: Place) -> None:
    """Fetch engines before the first lab needs them."""
    for installed in engines_here.install_engines(names, surface.tools()):
        surface.say(f"✓ {installed.engine} {installed.version} from {installed.source}")
        surface.data(installed)


@engines.command()
@click.argument("name")
@click.option("--run", default="", help="Of this run instead of the newest.")
@common
def logs(name: str, run: str, surface: Surface, place: Place) -> None:
    """What an engine wrote in the newest run."""
    found = engines_here.engine_logs(place.workspace, name, run)
    if not found:
        surface.say(f"The run kept no log of {name}.")
    for file, lines in found:
        surface.say(f"{file}:")
        for line in lines:
            surface.say(f"  {safe_line(line)}")
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


def _report(cleaned: clean_up.Cleaned, surface: Surface) -> None:
    for folder in cleaned.removed:
        surface.say(f"✓ removed {folder}")
    surface.say(f"{cleaned.mb:g} MB freed" if cleaned.removed else "There was nothing to remove.")
    surface.data(cleaned)
