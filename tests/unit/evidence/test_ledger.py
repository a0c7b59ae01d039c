from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from tinnyswe.evidence.ledger import Ledger, LedgerView, read_ledger

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger", "m1")


def filled(ledger: Ledger, count: int = 3) -> list[bytes]:
    for number in range(count):
        ledger.append("hint", {"n": number}, NOON + timedelta(seconds=number))
    return ledger.path.read_bytes().splitlines()


def numbers(view: LedgerView) -> list[int]:
    return [entry.body["n"] for entry in view.entries]


def test_each_line_names_the_digest_of_the_one_before(ledger: Ledger) -> None:
    lines = filled(ledger)
    chain = [json.loads(line)["prev"] for line in lines]
    assert chain == ["", hashlib.sha256(lines[0]).hexdigest(), hashlib.sha256(lines[1]).hexdigest()]
    assert numbers(ledger.read()) == [0, 1, 2]
    assert ledger.read().notes == ()


def test_time_is_kept_in_utc(ledger: Ledger) -> None:
    entry = ledger.append("hint", {}, datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2))))
    assert entry.at == "2026-03-01T12:00:00.000000Z"


def test_no_folder_is_an_empty_ledger(tmp_path: Path) -> None:
    assert read_ledger(tmp_path / "none") == LedgerView()


def test_long_lines_are_chained_too(ledger: Ledger) -> None:
    """The last line is found from the end of the file, over any number of blocks."""
    for number in range(3):
        ledger.append("answers", {"n": number, "text": "x" * 200_000}, NOON)
    assert numbers(ledger.read()) == [0, 1, 2]
    assert ledger.read().notes == ()


@pytest.mark.parametrize("cut", [1, 2, 40, "all but the newline"])
def test_a_torn_last_line_is_closed_and_noted(ledger: Ledger, cut: int | str) -> None:
    lines = filled(ledger)
    whole = b"\n".join(lines[:2]) + b"\n"
    part = lines[2] if isinstance(cut, str) else lines[2][:cut]
    ledger.path.write_bytes(whole + part)
    before = ledger.read()
    ledger.append("hint", {"n": 9}, NOON + timedelta(seconds=9))
    after = ledger.read()
    assert ledger.path.read_bytes().startswith(whole + part + b"\n")
    if isinstance(cut, str):  # every byte of the entry is there, so it counts
        assert (numbers(before), numbers(after), after.notes) == ([0, 1, 2], [0, 1, 2, 9], ())
        return
    assert (numbers(before), numbers(after)) == ([0, 1], [0, 1, 9])
    note = ".tinny/ledger/m1.jsonl, line 3: not whole: cut off while it was written, or edited; set aside"
    assert before.notes == after.notes == (note,)


def test_an_edited_line_is_named_and_what_follows_still_counts(ledger: Ledger) -> None:
    lines = filled(ledger)
    ledger.path.write_bytes(b"\n".join([lines[0], lines[1].replace(b'"n":1', b'"n":7'), lines[2], b""]))
    view = ledger.read()
    assert numbers(view) == [0, 7, 2]
    assert view.notes == (
        ".tinny/ledger/m1.jsonl, line 3: does not follow from line 2: that line was edited, or a line between them "
        "was removed. Both still count; `git log -p` of the file shows what changed",
    )


def test_a_removed_line_and_a_removed_beginning_are_noted(ledger: Ledger) -> None:
    lines = filled(ledger, 4)
    ledger.path.write_bytes(b"\n".join([lines[1], lines[3], b""]))
    view = ledger.read()
    assert numbers(view) == [1, 3]
    assert [note.partition(": ")[0] for note in view.notes] == [
        ".tinny/ledger/m1.jsonl, line 1",
        ".tinny/ledger/m1.jsonl, line 2",
    ]
    assert "lines before this one are missing" in view.notes[0]


def test_the_union_counts_each_entry_once_in_order_of_time(tmp_path: Path) -> None:
    one, two = Ledger(tmp_path, "m1"), Ledger(tmp_path, "m2")
    for number, ledger in enumerate([one, two, one, two]):
        ledger.append("hint", {"n": number}, NOON + timedelta(seconds=number))
    (tmp_path / "m1 (copy).jsonl").write_bytes(one.path.read_bytes())
    (tmp_path / "readme.txt").write_text("not a ledger")
    assert numbers(read_ledger(tmp_path)) == [0, 1, 2, 3]


def test_equal_times_are_ordered_by_file_and_line(tmp_path: Path) -> None:
    for machine, number in [("m2", 2), ("m1", 0), ("m1", 1)]:
        Ledger(tmp_path, machine).append("hint", {"n": number}, NOON)
    assert numbers(read_ledger(tmp_path)) == [0, 1, 2]


def test_two_clones_joined_by_git_lose_nothing(ledger: Ledger) -> None:
    """`merge=union` puts the lines both clones appended one after the other."""
    lines = filled(ledger, 1)
    base = ledger.path.read_bytes()
    sides = []
    for number in (1, 2):
        ledger.path.write_bytes(base)
        ledger.append("hint", {"n": number}, NOON + timedelta(seconds=number))
        sides.append(ledger.path.read_bytes().splitlines()[1])
    ledger.path.write_bytes(b"\n".join([*lines, *sides, b""]))
    view = ledger.read()
    assert numbers(view) == [0, 1, 2]
    assert view.notes == (
        ".tinny/ledger/m1.jsonl, line 3: written beside line 2, not after it (two copies of this file were joined); "
        "both count",
    )


def test_unknown_kinds_are_kept(ledger: Ledger) -> None:
    ledger.append("badge", {"n": 1}, NOON)
    assert [entry.kind for entry in ledger.read().entries] == ["badge"]
    assert ledger.read().notes == ()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"format":2,"kind":"hint","who":"a newer one"}', "written by a newer tinnySWE (format 2, this one reads up"),
        (b'{"format":1,"kind":"hint"}', "not a ledger entry (Object missing required field `at`); set aside"),
        (b'{"format":1,"kind":"hint","at":"soon","prev":"","body":{}}', "its time `at` is not a time; set aside"),
        (b"<<<<<<< HEAD", "a git conflict marker. Keep the lines of both sides"),
        (b"", "not whole"),
        (b"\xff\xfe", "not whole"),
    ],
)
def test_a_line_that_cannot_be_read_is_set_aside_and_named(ledger: Ledger, line: bytes, said: str) -> None:
    lines = filled(ledger)
    ledger.path.write_bytes(b"\n".join([*lines[:2], line, lines[2], b""]))
    view = ledger.read()
    assert numbers(view) == [0, 1, 2]
    assert view.notes[0].startswith(f".tinny/ledger/m1.jsonl, line 3: {said}")


def test_a_receipt_of_a_newer_format_is_kept_and_named(ledger: Ledger) -> None:
    ledger.append("receipt", {"format": 2, "lab": "caching/x"}, NOON)
    view = ledger.read()
    assert len(view.entries) == 1
    assert "a receipt of a newer tinnySWE (format 2)" in view.notes[0]
