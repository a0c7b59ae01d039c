"""`tinny lab new` and `tinny lab audit`."""

from __future__ import annotations

from pathlib import Path

import click

from tinnyswe.cli import render
from tinnyswe.cli.options import Place, Surface, common, from_here
from tinnyswe.cli.render_text import Paragraph, field
from tinnyswe.model.lab import Lab
from tinnyswe.usecases import new_lab
from tinnyswe.usecases.audit_file import read_audit
from tinnyswe.usecases.audit_lab import Audit, AuditOptions, audit_lab, changed
from tinnyswe.usecases.tools import find_lab, open_authoring, shipped_curriculum


@click.group()
def lab() -> None:
    """For authors: make and audit labs."""


@lab.command()
@click.argument("name", metavar="TOPIC/LAB")
@click.option("--box", required=True, help="The box it proves something of, e.g. caching/key-value-basics.")
@click.option("--into", type=click.Path(path_type=Path), help="A curriculum folder of your own.")
@common
def new(name: str, box: str, into: Path | None, surface: Surface, place: Place) -> None:
    """Write a small lab that works, to be made into yours."""
    root = into if into is not None else shipped_curriculum()
    made = new_lab.new_lab(open_authoring([]), root, name, box)
    surface.say(f"✓ {made.id} in {made.folder}")
    for file in made.files:
        surface.say(f"    {file}")
    if into is None:
        surface.say(
            field(
                "First", f'add "{made.id}" to core or depth of {box} in {from_here(made.folder.parent / "topic.toml")}'
            )
        )
    other = "" if into is None else f" --from {from_here(into)}"
    surface.say(field("Next", f"`tinny lab audit --record{other} {made.id}`, then make it yours"))
    surface.data(made)


@lab.command()
@click.argument("names", nargs=-1, metavar="[LAB]...")
@click.option("--from", "roots", multiple=True, type=click.Path(path_type=Path), help="Further curriculum folders.")
@click.option("--program", "programs", multiple=True, help="Only this program: starter, reference, M1 ...")
@click.option("--seeds", default=3, show_default=True, help="Seeds each reference must pass.")
@click.option("--repeats", default=3, show_default=True, help="Runs of the reference that must agree.")
@click.option("--jobs", default=1, show_default=True, help="Programs graded at the same time.")
@click.option("--record", is_flag=True, help="Write goldens and audit.json from what is seen now.")
@click.option("--changed", "only_changed", is_flag=True, help="Only labs whose last full audit was of another build.")
@common
def audit(
    names: tuple[str, ...],
    roots: tuple[Path, ...],
    programs: tuple[str, ...],
    seeds: int,
    repeats: int,
    jobs: int,
    record: bool,
    only_changed: bool,
    surface: Surface,
    place: Place,
) -> int:
    """Grade labs: every wrong program must be refused as promised, every right one must pass."""
    catalog = open_authoring(roots)
    for problem in catalog.problems:
        surface.say(Paragraph(render.safe_line(problem), indent=2, first="✗ "))
    options = AuditOptions(seeds=seeds, repeats=repeats, jobs=jobs, record=record, only=programs)
    labs = [find_lab(catalog, name, Path.cwd()) for name in names] or list(catalog.labs.values())
    if only_changed:
        labs = changed(labs, read_audit)
    audits = [_audit(found, options, surface) for found in labs]
    surface.data({"problems": catalog.problems, "audits": [render.audit_json(audit) for audit in audits]})
    return 0 if not catalog.problems and all(audit.green for audit in audits) else 1


def _audit(lab: Lab, options: AuditOptions, surface: Surface) -> Audit:
    surface.say(f"\n{lab.id}")
    auditor = audit_lab(lab, options, surface.tools())
    for row in auditor.rows():
        surface.say(render.row_view(row))
    done = auditor.conclude()
    surface.say(render.audit_view(done))
    return done
