"""Loading: what becomes a lab, what is set aside, and what its author is told."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tinnyswe.catalog import load, problems
from unit.catalog.small_curriculum import CHECKS, LAB, Curriculum


def test_a_sound_lab_becomes_a_record(curriculum: Curriculum) -> None:
    catalog = load([curriculum.root])
    lab = catalog.labs["shop/counter"]
    assert catalog.problems == ()
    assert (lab.topic, lab.box, lab.core, lab.level) == ("shop", "shop/stock", True, "real")
    assert [check.id for check in lab.checks] == ["C1", "C2"]
    assert lab.mutants[0].folder == "m1-reads-then-writes"
    assert lab.extra == {"x-shop": {"shelves": 3}}
    assert lab.engines["valkey"].version == ">=8"
    assert lab.digest.startswith("sha256:")
    assert catalog.shipped("shop/stock")
    assert not catalog.shipped("shop/till")


BREAKS = [
    # file, old, new, key the message names, what it tells to write
    ("lab.toml", "minutes = 30", "minuets = 30", "minuets", "'minutes'"),
    ("lab.toml", "minutes = 30", "", "minutes", "add minutes ="),
    ("lab.toml", "minutes = 30", 'minutes = "30"', "minutes", "a whole number"),
    ("lab.toml", "minutes = 30", "minutes = 1", "minutes", "between 5 and 480"),
    ("lab.toml", "format = 1", "format = 2", "format", "upgrade"),
    ("lab.toml", "format = 1", "", "format", "format = 1"),
    ("lab.toml", "format = 1", "format = [", "lab.toml", "mend that line"),
    ("lab.toml", 'kind = "build"', 'kind = "biuld"', "kind", "'build'"),
    ("lab.toml", 'id = "shop/counter"', 'id = "shop/other"', "id", 'id = "shop/counter"'),
    ("lab.toml", 'box = "shop/stock"', 'box = "shop/stok"', "box", "'shop/stock'"),
    ("lab.toml", 'box = "shop/stock"', 'box = "shop/till"', "box", 'box = "shop/stock"'),
    ("lab.toml", "revision = 1", "revision = 0", "revision", "revision = 1"),
    ("lab.toml", "labkit = 1", "labkit = 7", "labkit", "labkit = 1"),
    ("lab.toml", "revision = 1", 'revision = 1\nprerequisites = ["shop/countre"]', "prerequisites", "'shop/counter'"),
    ("lab.toml", "revision = 1", 'revision = 1\nplatforms = ["linx"]', "platforms", "'linux'"),
    ("lab.toml", 'title = "The last item"', 'title = ""', "title", "what the learner will see"),
    ("lab.toml", 'type = "http"', 'type = "htpp"', "entry[1].type", "'http'"),
    ("lab.toml", 'type = "http"', 'type = "files"', "entry[app].command", "remove the command"),
    ("lab.toml", 'command = ["python", "app.py"]', "", "entry[app].command", "command ="),
    ("lab.toml", 'command = ["python", "app.py"]', 'command = "python app.py"', "entry[1].command", '["..."'),
    ("lab.toml", '[[entry]]\ntype = "http"', 'entry = "http"\n[x-a]', "entry", "[[entry]]"),
    ("lab.toml", "[engine.valkey]", "[engine.net]", "engine.net", "call it by what it does"),
    ("lab.toml", "[engine.valkey]", "[engine.Val-Key]", "engine.Val-Key", "lower-case"),
    ("lab.toml", 'version = ">=8"', 'instanse = "own"', "engine.valkey.instanse", "'instance'"),
    ("lab.toml", 'version = ">=8"', 'instance = "mine"', "engine.valkey.instance", "own"),
    ("lab.toml", "[engine.valkey]", "[engine.app]", "engine.app", "call it by what it does"),
    ("lab.toml", 'version = ">=8"', 'follows = "valkey"', "engine.valkey.follows", "nothing yet"),
    ("lab.toml", 'version = ">=8"', "nodes = 0", "engine.valkey.nodes", "1 to 9"),
    ("lab.toml", 'version = ">=8"', "optional = true", "check", "engines ="),
    ("lab.toml", "[limits]", '[sink.mail]\nkind = "pop3"\n[limits]', "sink.mail.kind", "smtp"),
    ("lab.toml", "[limits]", "[experiment]\nquestions = 6\n[limits]", "experiment.questions", "another kind"),
    ("lab.toml", 'kind = "build"', 'kind = "experiment"', "experiment.questions", "questions = 10"),
    ("lab.toml", "[limits]", "[sittings]\ncount = 2\n[limits]", "sittings", "hours_between"),
    ("lab.toml", 'needs = ["C1"]', "sitting = 2", "check[C2].sitting", "count in [sittings]"),
    ("lab.toml", 'needs = ["C1"]', 'engines = ["valky"]', "check[C2].engines", "'valkey'"),
    ("lab.toml", 'needs = ["C1"]', 'problems = ["one"]', "check[C2].problems", "p01"),
    ("lab.toml", 'rejected_by = ["C2"]', 'rejected_by = ["C2/p07"]', "mutant[M1].rejected_by", '"C2"'),
    ("lab.toml", "run_seconds = 40", "run_seconds = 4000", "limits.run_seconds", "1 to 600"),
    ("lab.toml", "run_seconds = 40", "run_seconds = 300", "limits.slow", "slow = true"),
    ("lab.toml", "run_seconds = 40", "run_seconds = 5", "limits.run_seconds", "at least 20"),
    ("lab.toml", "run_seconds = 40", "processes = 0", "limits.processes", "1 to 1024"),
    ("lab.toml", 'id = "C2"', 'id = "C1"', "check[C1]", "its own name"),
    ("lab.toml", 'needs = ["C1"]', 'needs = ["C9"]', "check[C2].needs", "C1"),
    ("lab.toml", 'needs = ["C1"]', 'needs = ["C2"]', "check[C2].needs", "remove C2"),
    ("lab.toml", 'needs = ["C1"]', 'entry = "api"', "check[C2].entry", "app"),
    ("lab.toml", 'facets = ["races"]', 'facets = ["race"]', "check[C2].facets", "'races'"),
    ("lab.toml", 'facets = ["races"]', "", "check[C2].facets", "at least one"),
    ("lab.toml", 'rejected_by = ["C2"]', 'rejected_by = ["C3"]', "mutant[M1].rejected_by", "C2"),
    ("lab.toml", 'rejected_by = ["C2"]', 'rejected_by = ["C1"]', "mutant[M1].rejected_by", "later check"),
    ("lab.toml", 'rejected_by = ["C2"]', "rejected_by = []", "mutant[M1].rejected_by", "C2"),
    ("lab.toml", 'code = "oversold"', 'code = ""', "mutant[M1].code", "code"),
    ("lab.toml", 'id = "M1"', 'id = "M2"', "mutant[M2]", "mutants/m2-"),
    ("lab.toml", 'id = "M1"', 'id = "M1"\nfolder = "m1-other"', "mutant[M1]", "mutants/m1-other"),
    ("checks.py", "def test_c2_races", "def test_c3_races", "test_c2_", "def test_c2_..."),
    ("checks.py", "def test_c2_races", "def test_c3_races", "test_c3_", 'id = "C3"'),
    ("checks.py", "def test_c2_races", "def test_races", "test_races", "def test_c2_what_it_asks"),
    ("checks.py", "def test_c2_races", "async def test_c2_races", "test_c2_races", "def test_c2_what_it_asks"),
    ("checks.py", "def test_c2_races", "def test_c1_races", "test_c1_races", "p01"),
    ("checks.py", '"""Two copies sell the last one at the same moment."""', "pass", "test_c2_races", "one sentence"),
    ("checks.py", "def helper():", "def helper(:", "line 5", "mend the syntax"),
    ("topic.toml", 'core = ["shop/counter"]', "core = []", "box[shop/stock]", '"shop/counter" to core'),
    ("topic.toml", 'core = ["shop/counter"]', 'core = ["counter"]', "box[shop/stock].core", '"shop/counter"'),
    ("topic.toml", 'core = ["shop/cash-desk"]', 'core = ["shop/counter"]', "box[shop/till].core", "proves most"),
    ("topic.toml", 'id = "shop/till"', 'id = "till"', "box[till].id", "shop/"),
    ("topic.toml", 'id = "shop"', 'id = "store"', "id", 'id = "shop"'),
    ("topic.toml", 'aliases = ["Retail"]', 'alias = ["Retail"]', "alias", "'aliases'"),
]


@pytest.mark.parametrize(("name", "old", "new", "key", "write"), BREAKS)
def test_a_broken_file_is_set_aside_with_file_key_and_what_to_write(
    curriculum: Curriculum, name: str, old: str, new: str, key: str, write: str
) -> None:
    curriculum.edit(name, old, new)
    catalog = load([curriculum.root])
    said = [line for line in catalog.problems if key in line and write in line]
    assert said, catalog.problems
    assert (curriculum.topic if name == "topic.toml" else curriculum.lab / name).name in said[0]
    assert "shop/counter" not in catalog.labs


@pytest.mark.parametrize("name", ["brief.md", "hints.md", "checks.py", "starter", "reference"])
def test_a_missing_file_is_said_once(curriculum: Curriculum, name: str) -> None:
    path = curriculum.lab / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    (problem,) = load([curriculum.root]).problems
    assert f"{path}: missing" in problem


def test_a_folder_without_its_mutant_is_stray(curriculum: Curriculum) -> None:
    (curriculum.lab / "mutants" / "m7-unknown").mkdir()
    (problem,) = load([curriculum.root]).problems
    assert "m7-unknown" in problem
    assert "add a [[mutant]]" in problem


def test_two_folders_for_one_mutant_are_named(curriculum: Curriculum) -> None:
    (curriculum.lab / "mutants" / "m1-another").mkdir()
    problem = load([curriculum.root]).problems[0]
    assert "m1-another, m1-reads-then-writes" in problem


def test_a_check_cannot_reject_what_its_need_rejects(curriculum: Curriculum) -> None:
    third = '[[check]]\nid = "C3"\ntitle = "Later"\nfacets = ["races"]\nneeds = ["C2"]\n\n[[mutant]]'
    curriculum.edit("lab.toml", "[[mutant]]", third)
    curriculum.edit("lab.toml", 'rejected_by = ["C2"]', 'rejected_by = ["C2", "C3"]')
    curriculum.edit("checks.py", "def test_c2", 'def test_c3_later(app):\n    """Later."""\n\n\ndef test_c2')
    (problem,) = load([curriculum.root]).problems
    assert "C2 rejects it, so C3, which needs C2, is not run" in problem


def test_every_problem_of_a_file_is_said_at_once(curriculum: Curriculum) -> None:
    curriculum.edit("lab.toml", "minutes = 30", "minuets = 30")
    curriculum.edit("lab.toml", 'kind = "build"', 'kind = "biuld"')
    curriculum.edit("lab.toml", 'title = "Never sells twice"', "")
    assert [line.split(": ")[1] for line in problems(curriculum.root)] == [
        "minuets",
        "kind",
        "minutes",
        "check[C2].title",
    ]


def test_a_broken_lab_takes_no_other_down(curriculum: Curriculum) -> None:
    deep = LAB.replace("shop/counter", "shop/counter-deep")
    curriculum.add_lab("shop/counter-deep", deep, CHECKS)
    curriculum.edit("lab.toml", "revision = 1", "revision = 0")
    catalog = load([curriculum.root])
    assert list(catalog.labs) == ["shop/counter-deep"]
    assert not catalog.labs["shop/counter-deep"].core
    assert len(catalog.problems) == 1


def test_a_second_root_adds_labs_to_known_topics_and_never_replaces(
    make_curriculum: Callable[[str], Curriculum],
) -> None:
    ours, theirs = make_curriculum("ours"), make_curriculum("theirs")
    theirs.topic.unlink()
    extra = theirs.add_lab("shop/extra", LAB.replace("shop/counter", "shop/extra"), CHECKS)
    catalog = load([ours.root, theirs.root])
    assert catalog.labs["shop/extra"].root == extra
    assert not catalog.labs["shop/extra"].core
    assert catalog.labs["shop/counter"].root == ours.lab
    (problem,) = catalog.problems
    assert str(theirs.lab) in problem
    assert f"lies in {ours.lab} already" in problem


def test_a_topic_declared_twice_keeps_the_first(make_curriculum: Callable[[str], Curriculum]) -> None:
    ours, theirs = make_curriculum("ours"), make_curriculum("theirs")
    shutil.rmtree(theirs.lab)
    catalog = load([ours.root, theirs.root])
    assert catalog.topics["shop"].root == ours.topic.parent
    assert "is declared in" in catalog.problems[0]


def test_labs_that_wait_for_each_other_are_said(curriculum: Curriculum) -> None:
    deep = LAB.replace("shop/counter", "shop/counter-deep").replace(
        "revision = 1", 'revision = 1\nprerequisites = ["shop/counter"]'
    )
    curriculum.add_lab("shop/counter-deep", deep, CHECKS)
    curriculum.edit("lab.toml", "revision = 1", 'revision = 1\nprerequisites = ["shop/counter-deep"]')
    assert any("nobody can begin" in line for line in load([curriculum.root]).problems)


def test_facets_nothing_tests_are_the_authors_business(curriculum: Curriculum) -> None:
    curriculum.edit("topic.toml", '"races"', '"races", "returns"')
    assert load([curriculum.root]).problems == ()
    (problem,) = problems(curriculum.root)
    assert "returns" in problem
    assert "box[shop/stock].facets" in problem


def test_a_lab_on_paper_needs_only_its_toml(curriculum: Curriculum, tmp_path: Path) -> None:
    paper = tmp_path / "paper"
    (paper / "shop" / "counter").mkdir(parents=True)
    (paper / "shop" / "counter" / "lab.toml").write_text(LAB, "utf-8")
    assert "shop/counter" in load([paper], topics=[curriculum.root], paper=True).labs
    assert "shop/counter" not in load([paper], topics=[curriculum.root]).labs
    (paper / "shop" / "counter" / "checks.py").write_text("", "utf-8")
    assert len(load([paper], topics=[curriculum.root], paper=True).problems) == 2
