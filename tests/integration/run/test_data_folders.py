"""`folders` of an entry: data that outlives a copy's death and ends with its world."""

from __future__ import annotations

import os

import pytest

from integration.run.throwaway import SERVE, run
from tinnyswe.model.lab import CheckSpec
from tinnyswe.model.verdict import Outcome
from tinnyswe.processes import learner_identity

# POST /VARIABLE/name keeps the body in that folder; GET reads it, GET /VARIABLE tells who may do what there.
KEEPER = (
    SERVE
    + """
def answer(method, path, body):
    parts = path.strip("/").split("/")
    folder = os.environ.get(parts[0], "")
    if not folder:
        return ok()
    if len(parts) == 1:
        about = os.stat(folder)
        return ok(f"{about.st_uid} {about.st_mode & 0o777:o} {sorted(os.listdir(folder))} {folder}")
    file = os.path.join(folder, parts[1])
    if method == "POST":
        open(file, "wb").write(body)
        return ok()
    return ok(open(file).read()) if os.path.exists(file) else ok(status="404 Not Found")
serve(answer)
"""
)
ENTRY = {"copies": 2, "folders": {"DATA": "own", "POOL": "shared"}}
SPECS = (
    CheckSpec(id="C1", title="one"),
    CheckSpec(id="C2", title="two", shares_world=True),
    CheckSpec(id="C3", title="3"),
)
CHECKS = """
def is_(expect, reply, text):
    expect(reply.text, code="wrong", why="As it was kept.").equals(text)

def test_c1_own_and_shared(app, expect):
    app.a.post("/DATA/x", "a's")
    app.a.post("/POOL/x", "everybody's")
    expect(app.b.get("/DATA/x").status, code="seen", why="It is a's own.").equals(404)
    is_(expect, app.b.get("/POOL/x"), '"everybody\\'s"')
    app.a.kill()
    app.a.start()
    is_(expect, app.a.get("/DATA/x"), '"a\\'s"')
    app.a.restart()
    is_(expect, app.a.get("/DATA/x"), '"a\\'s"')

def test_c2_same_world(app, expect):
    is_(expect, app.a.get("/DATA/x"), '"a\\'s"')

def test_c3_fresh_world(app, expect):
    for copy in (app.a, app.b):
        for variable in ("DATA", "POOL"):
            expect(copy.get(f"/{variable}/x").status, code="stale", why="A fresh world is empty.").equals(404)
"""


def test_own_folders_shared_folders_and_fresh_ones() -> None:
    came_to = run(KEEPER, CHECKS, entry=ENTRY, specs=SPECS)
    assert came_to.outcomes == dict.fromkeys(["C1", "C2", "C3"], Outcome.PASSED), came_to.results


TELLS = """
def test_c1_tells(app, expect):
    expect([app.a.get("/DATA").text, app.b.get("/DATA").text], code="told", why="Told.").equals([])
"""


def test_a_folder_is_private_to_whom_the_program_runs_as() -> None:
    observed = run(KEEPER, TELLS, entry=ENTRY).failure().observed
    who = learner_identity()
    uid = who.uid if who else os.getuid()
    assert [line.split()[:3] for line in observed] == [[str(uid), "700", "[]"]] * 2
    folders = [line.split()[3] for line in observed]
    assert [folder.rpartition("/scratch/")[2] for folder in folders] == ["data/copy-a/data", "data/copy-b/data"]


@pytest.mark.parametrize(
    "deed", ["os.chmod(folder, 0)", "os.mkdir(folder + '/x', 0)", "os.symlink('/etc', folder + '/x')"]
)
def test_whatever_a_program_leaves_there_is_cleared(deed: str) -> None:
    program = SERVE + f"folder = os.environ['DATA']\nif not os.listdir(folder):\n    {deed}\nserve()"
    checks = """
def test_c1_leaves(app):
    app.a.get("/")

def test_c3_fresh_world(app):
    app.a.get("/")
"""
    specs = (CheckSpec(id="C1", title="one"), CheckSpec(id="C3", title="three"))
    came_to = run(program, checks, entry={"folders": {"DATA": "own"}}, specs=specs)
    assert came_to.finished.outcome is Outcome.PASSED
    assert os.path.isdir("/etc")
