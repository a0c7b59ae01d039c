"""`tinny lab audit`: one line for each program the lab was tried on, and the lab's figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from tinnyswe.cli.render_text import Paragraph, field, safe_line

if TYPE_CHECKING:  # the use case brings the whole bench with it; a view needs only its records' shape
    from tinnyswe.usecases.audit_file import AuditFile
from tinnyswe.usecases.audit_lab import Audit, Row

_NAME = 24


def row_view(row: Row) -> Group:
    """One program: what it must do, whether it did, how long its runs took."""
    good = not row.problems
    mark = Text("✓ ", "green") if good else Text("✗ ", "red")
    seconds = sum(run.seconds for run in row.runs)
    runs = f"{len(row.runs)} runs, " if len(row.runs) > 1 else ""
    text = Text(f"{'' if good else 'must be such that it '}{safe_line(row.must)}")
    text.append(f" ({runs}{seconds:.1f} s)", "dim")
    name = safe_line(row.program)
    lead = [Paragraph(text, indent=_NAME, first=mark + Text(name, "bold"))]
    if len(name) + 3 > _NAME:  # a long name has a line of its own
        lead = [Paragraph(mark + Text(name, "bold")), Paragraph(text, indent=_NAME)]
    return Group(*lead, *(Paragraph(safe_line(problem), indent=6, first="    - ") for problem in row.problems))


def trust(audit: AuditFile, checks: int) -> str:
    """What a lab's last full audit says about its grading, for the one who is about to be graded."""
    figures = audit.figures
    flips = f"{figures.flipped or 'none'} of {figures.reference_runs} right runs was refused"
    return (
        f"{checks} checks, which refuse {figures.killed} of {figures.mutants} known wrong solutions; {flips}; "
        f"a verdict takes about {figures.p50:.0f} s"
    )


def audit_view(audit: Audit) -> Group:
    """The end of an audit: what is wrong with the lab as a whole, and its figures."""
    figures = audit.figures
    parts: list[RenderableType] = [""]
    for problem in audit.problems:
        parts.append(Paragraph(safe_line(problem), indent=2, first=Text("✗ ", "red")))
    parts.append(field("Mutants", f"{figures.killed} of {figures.mutants} rejected by the check that names them"))
    parts.append(field("Flakes", f"{figures.flipped} of {figures.reference_runs} reference runs did not pass"))
    parts.append(field("Times", f"half of the verdicts within {figures.p50:.1f} s, 95 % within {figures.p95:.1f} s"))
    wrong = sum(bool(row.problems) for row in audit.rows) + len(audit.problems)
    if audit.green:
        parts.append(Paragraph(f"{safe_line(audit.lab)} is sound", indent=2, first=Text("✓ ", "green")))
    else:
        count = "1 thing is" if wrong == 1 else f"{wrong} things are"
        parts.append(Paragraph(f"{safe_line(audit.lab)}: {count} wrong, see above", indent=2, first=Text("✗ ", "red")))
    return Group(*parts)
