"""Where curricula lie, and which lab a person means."""

from __future__ import annotations

import os
from pathlib import Path

import tinnyswe
from tinnyswe.catalog.misfits import nearest
from tinnyswe.model.errors import TinnyError, UsageError
from tinnyswe.model.lab import Catalog, Lab

VARIABLE = "TINNY_CURRICULUM"


def curriculum_root() -> Path:
    """Return the folder of the shipped curriculum: $TINNY_CURRICULUM, or the checkout this build runs from."""
    said = os.environ.get(VARIABLE, "")
    if said:
        root = Path(said).expanduser().absolute()
        if not root.is_dir():
            next_step = f"set {VARIABLE} to a folder of topics, or unset it"
            raise UsageError("no such folder", where=f"{VARIABLE}={said}", next_step=next_step, code="no-curriculum")
        return root
    checkout = Path(tinnyswe.__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file() and (checkout / "curriculum").is_dir():
        return checkout / "curriculum"
    next_step = f"set {VARIABLE} to the curriculum folder of a checkout"
    raise TinnyError("this build carries no curriculum", next_step=next_step, code="no-curriculum")


def find(catalog: Catalog, name: str, cwd: Path) -> Lab:
    """Return the lab meant by `topic/lab`, a unique end of it, a path ending in it, or "" = the one `cwd` lies in.

    Raises UsageError (code "no-lab" or "ambiguous-lab") naming the three nearest.
    """
    wanted = name.strip().strip("/")
    if not wanted:
        return _around(catalog, cwd)
    if wanted in catalog.labs:
        return catalog.labs[wanted]
    for ends in (f"/{wanted}", wanted):
        found = [lab for lab in catalog.labs.values() if lab.id.endswith(ends)]
        if len(found) == 1:
            return found[0]
        if found:
            listed = ", ".join(lab.id for lab in found)
            raise UsageError(f"{wanted!r} could be {listed}", next_step="write more of it", code="ambiguous-lab")
    last = "/".join(Path(wanted).parts[-2:])
    if last in catalog.labs:
        return catalog.labs[last]
    raise _unknown(catalog, wanted)


def _around(catalog: Catalog, cwd: Path) -> Lab:
    """Find <topic>/<lab> in the folders above, the deepest first."""
    parts = cwd.absolute().parts
    planned = _planned(catalog)
    for end in range(len(parts), 1, -1):
        name = "/".join(parts[end - 2 : end])
        if name in catalog.labs:
            return catalog.labs[name]
        if name in planned:
            raise _unknown(catalog, name)
    next_step = "name one (topic/lab), or go into work/<topic>/<lab>; `tinny status` lists them"
    raise UsageError("this folder belongs to no lab", where=str(cwd), next_step=next_step, code="no-lab")


def _planned(catalog: Catalog) -> set[str]:
    """Labs that topic.toml names and the catalogue lacks: not made yet, or set aside as broken."""
    return {lab for box in catalog.boxes.values() for lab in (*box.core, *box.depth)} - set(catalog.labs)


def _unknown(catalog: Catalog, wanted: str) -> UsageError:
    meant = next((lab for lab in sorted(_planned(catalog)) if lab == wanted or lab.endswith(f"/{wanted}")), "")
    if meant:
        broken = next((said for said in catalog.problems if f"{meant}/" in said), "")
        what = f"{meant} is broken: {broken}" if broken else f"{meant} is planned, but not part of this build"
        return UsageError(what, next_step="`tinny status` lists the labs that are here", code="no-lab")
    by_end = {lab.rpartition("/")[2]: lab for lab in catalog.labs}
    close = nearest(wanted, catalog.labs) if "/" in wanted else [by_end[end] for end in nearest(wanted, by_end)]
    close = (close + [lab for lab in nearest(wanted, catalog.labs) if lab not in close])[:3]
    next_step = f"did you mean {', '.join(close)}?" if close else "`tinny status` lists the labs"
    return UsageError(f"no lab is called {wanted!r}", next_step=next_step, code="no-lab")
