"""`tinny demo`."""

from __future__ import annotations

import difflib

import click
from rich.text import Text

from tinnyswe.cli.commands.grading import outcome_json, report
from tinnyswe.cli.options import Place, Surface, common, now
from tinnyswe.cli.render_text import Paragraph, safe_line
from tinnyswe.model.verdict import Outcome
from tinnyswe.usecases.demo import Demo
from tinnyswe.usecases.demo import demo as make_demo
from tinnyswe.usecases.tools import open_catalog


@click.command()
@common
def demo(surface: Surface, place: Place) -> int:
    """See the whole loop once, in a temporary folder, on a real engine.

    A wrong solution is refused and its belief named, a right one passes, and the roadmap's box is ticked.
    """
    with make_demo(open_catalog(), surface.tools(), now) as steps:
        return _show(steps, surface)


def _show(steps: Demo, surface: Surface) -> int:
    lab = steps.lab
    _headline(surface, 1, "A roadmap is a Markdown file of check boxes. This one is small:")
    for line in steps.before.splitlines():
        surface.say(f"    {line}")
    _headline(surface, 2, f"Each box has labs. This one proves the first box: “{lab.title}”.")
    steps.start()
    belief = steps.mutant.belief.rstrip(".")
    _headline(surface, 3, f"Here is a program by somebody who believes: “{belief}”.")
    refused = report(steps.try_wrong(), lab, surface, advice=False)
    _headline(surface, 4, "And here is a program that is right. Any method would do, if it keeps the rules:")
    passed = report(steps.try_right(), lab, surface, advice=False)
    _headline(surface, 5, "What changed in the roadmap, one byte:")
    _difference(steps, surface)
    surface.data(
        {
            "wrong": outcome_json(refused, lab),
            "right": outcome_json(passed, lab),
            "before": steps.before,
            "after": steps.after(),
        }
    )
    if (refused.verdict.outcome, passed.verdict.outcome) != (Outcome.FAILED, Outcome.PASSED):
        return 3  # the demo promises both; anything else is our fault
    surface.say("\nYour turn: `tinny init ROADMAP.md` in the folder of your own roadmap, then `tinny status`.")
    return 0


def _headline(surface: Surface, number: int, text: str) -> None:
    surface.say()
    surface.say(Paragraph(Text(text, "bold"), indent=3, first=f"{number}. "))


def _difference(steps: Demo, surface: Surface) -> None:
    before, after = steps.before.splitlines(), steps.after().splitlines()
    for line in difflib.unified_diff(before, after, "roadmap.md", "roadmap.md", lineterm="", n=1):
        style = {"+": "green", "-": "red"}.get(line[:1], "dim")
        surface.say(Text(f"    {safe_line(line)}", style))
