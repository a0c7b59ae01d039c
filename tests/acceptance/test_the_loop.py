"""The main road: a roadmap, a lab, a wrong program, a right one, a tick."""

from __future__ import annotations

import shutil

from acceptance.newcomer import BOX, LAB, LAB_FOLDER, Desk, Said, changed_bytes, line_at


def test_init_recognises_everything_and_touches_nothing(desk: Desk, roadmap: bytes) -> None:
    said = desk.tinny("init", "roadmap.md")
    assert said.code == 0
    assert "Matched 15 topics and 66 boxes" in said.text
    assert f"tinny start {LAB}" in said.text
    assert desk.roadmap.read_bytes() == roadmap
    again = desk.tinny("init", "--json").json
    assert not again["created"]
    matches = again["matches"]
    assert {match["how"] for match in matches} == {"exact"}
    assert len({match["target"] for match in matches}) == len(matches) == 81


def test_what_was_ticked_by_hand_is_claimed_and_stays(desk: Desk) -> None:
    desk.tinny("init")
    status = desk.tinny("status", "--json").json
    states = {topic["topic"]: {box["state"] for box in topic["boxes"]} for topic in status["topics"]}
    assert states.pop("docker") == {"claimed"}
    assert "claimed" not in set.union(*states.values())
    assert desk.tinny("sync").text.startswith("Nothing to do: no box is proven yet.")
    text = desk.tinny("status").text
    assert "ticked by hand; its labs would prove it" in text
    assert "Proven 0 of 66 boxes" in text


def test_without_a_roadmap_one_is_written(desk: Desk) -> None:
    desk.roadmap.unlink()
    said = desk.tinny("init")
    assert said.code == 0
    assert "Wrote" in said.text
    assert "Matched 15 topics and 66 boxes" in said.text


def test_start_lays_out_the_lab(begun: Desk) -> None:
    files = {path.name for path in begun.work().iterdir()}
    assert files == {"brief.md", ".venv"} | {path.name for path in (LAB_FOLDER / "starter").iterdir()}
    assert (begun.work() / ".venv" / "bin" / "python").exists()
    (begun.work() / "box_office.py").write_text("# mine\n")
    said = begun.tinny("start", "atomic-counters")
    assert "has your work already; it was left alone" in said.text
    assert (begun.work() / "box_office.py").read_text() == "# mine\n"


def test_the_starter_is_refused_with_reasons(begun: Desk, roadmap: bytes) -> None:
    said = begun.tinny("check", at=f"work/{LAB}")  # inside its folder, the lab need not be named
    assert said.code == 1
    for words in ("✗ C2 failed", "Rule", "Expected at most", "Observed", "While copy a was held before its request"):
        assert words in said.text
    assert said.text.count("What led to it") == 1  # one story is enough; `tinny show` has them all
    assert f"tinny hint {LAB}" in said.text
    assert begun.roadmap.read_bytes() == roadmap
    assert begun.box()["state"] == "open"
    shown = begun.tinny("show")
    assert shown.code == 0
    assert shown.text.count("What led to it") > 1
    run = begun.tinny("show", "--json").json
    assert run["verdict"]["outcome"] == "failed"
    assert run["events"][-1]["event"] == "run-finished"
    logs = begun.tinny("engines", "logs", "valkey")
    assert logs.code == 0
    assert "Ready to accept connections" in logs.out


def test_a_right_program_costs_the_roadmap_one_byte(proven: Desk, first_pass: Said, roadmap: bytes) -> None:
    assert first_pass.code == 0, first_pass.out
    assert "Proof kept for caching/key-value-basics, against the real engine" in first_pass.text
    assert "Ticked “Learn key-value basics” in your roadmap" in first_pass.text
    assert "Next `tinny start dbi/doctors-on-call`" in first_pass.text
    assert "What your solution got right where others go wrong:" in first_pass.text
    after = proven.roadmap.read_bytes()
    [(at, old, new)] = changed_bytes(roadmap, after)
    assert (old, new) == (b" ", b"x")
    assert line_at(after, at) == "  - [x] Learn key-value basics"
    assert proven.box()["state"] == "proven"
    assert "every proven box is ticked" in proven.tinny("sync").text
    assert "✓ Learn key-value basics proven (real)" in proven.tinny("status", "caching").text


def test_a_pass_as_json_is_one_document(begun: Desk) -> None:
    begun.hand_in(LAB_FOLDER / "reference")
    said = begun.tinny("check", LAB, "--json", "--only", "C1", "--seed", "7")
    assert said.code == 0
    document = said.json
    assert (document["outcome"], document["practice"], document["proof"]) == ("not_run", True, None)
    assert [check["outcome"] for check in document["checks"]] == ["passed"] + ["not_run"] * 8


def test_a_tick_taken_back_by_hand_stays_away(proven: Desk, roadmap: bytes) -> None:
    ticked = proven.roadmap.read_bytes()
    proven.roadmap.write_bytes(roadmap)
    for _ in range(2):
        said = proven.tinny("sync")
        assert "tinny sync --force" in said.text
        assert proven.roadmap.read_bytes() == roadmap
    assert "Unticked" in proven.tinny("status").text
    forced = proven.tinny("sync", "--force")
    assert "+ - [x] Learn key-value basics" in forced.text
    assert proven.roadmap.read_bytes() == ticked
    assert proven.box()["state"] == "proven"


def test_hints_come_one_by_one_and_cost_nothing(begun: Desk) -> None:
    rungs = [begun.tinny("hint", LAB, "--json").json for _ in range(4)]
    assert [rung["rung"] for rung in rungs] == [1, 2, 3, 3]
    assert len({rung["text"] for rung in rungs}) == 3
    assert "Hint 3 of 3" in begun.tinny("hint", LAB).text


def test_reset_moves_the_work_aside_and_says_where_to(begun: Desk) -> None:
    (begun.work() / "box_office.py").write_text("# mine\n")
    old = begun.tinny("reset", LAB, "--json").json["moved_to"]
    assert (begun.folder / old / "box_office.py").read_text() == "# mine\n"
    starter = (LAB_FOLDER / "starter" / "box_office.py").read_bytes()
    assert (begun.work() / "box_office.py").read_bytes() == starter


def test_reset_without_work_is_a_start(begun: Desk) -> None:
    shutil.rmtree(begun.work())
    assert begun.tinny("reset", LAB, "--json").json["moved_to"] is None
    assert (begun.work() / "app.py").exists()


def test_brief_is_the_file(begun: Desk) -> None:
    brief = (LAB_FOLDER / "brief.md").read_text()
    assert begun.tinny("brief", LAB).out == brief + "\n"
    assert begun.tinny("brief", LAB, "--json").json["brief"] == brief


def test_the_demo_shows_the_whole_loop(desk: Desk) -> None:
    before = sorted(desk.folder.iterdir())
    said = desk.tinny("demo")
    assert said.code == 0, said.out
    for words in (
        "Here is a program by somebody who believes",
        "✗ failed",
        "✓ passed",
        "Ticked",
        "+ - [x]",
        "Your turn",
    ):
        assert words in said.text
    assert sorted(desk.folder.iterdir()) == before


def test_everything_else_speaks_json_too(proven: Desk) -> None:
    commands = (
        ["status"],
        ["status", "caching"],
        ["status", BOX],
        ["sync"],
        ["show"],
        ["start", LAB],
        ["engines"],
        ["engines", "list"],
        ["engines", "logs", "valkey"],
        ["engines", "install", "valkey"],
        ["doctor"],
        ["pin"],
    )
    for command in commands:
        said = proven.tinny(*command, "--json")
        assert (said.code, said.json["format"]) == (0, 1), command
