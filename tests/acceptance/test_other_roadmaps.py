"""The same proof, in roadmaps that look different; and lists that are not ours at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from acceptance.newcomer import Desk, changed_bytes, line_at

LINE = b"  - [ ] Learn key-value basics\n"
TOPIC = b"- [ ] **Caching (Redis)**\n"
Change = Callable[[bytes], bytes]


def reworded(text: bytes) -> bytes:
    return text.replace(LINE, "  - [ ] learn the **Key/Value** basics 🔑\n".encode())


def moved(text: bytes) -> bytes:
    """The whole topic to the end of the file."""
    at = text.index(TOPIC)
    end = text.index(b"\n\n", at) + 1
    return text[:at] + text[end:] + b"\n# Later\n\n" + text[at:end]


def indented(text: bytes) -> bytes:
    return text.replace(b"\n  - [", b"\n\t* [")


def windows(text: bytes) -> bytes:
    return text.replace(b"\n", b"\r\n")


def edited(text: bytes) -> bytes:
    """Other lines come and go around it."""
    gone = text.replace(b"  - [ ] Use Redis for sessions and query caching\n", b"")
    return b"# My own words\n\nSome prose.\n\n" + gone.replace(LINE, b"  - [ ] buy a book about Redis\n" + LINE)


def translated(text: bytes) -> bytes:
    return text.replace(LINE, "  - [ ] Grundlagen: Schlüssel <!-- tinny: caching/key-value-basics -->\n".encode())


@pytest.mark.parametrize("change", [reworded, moved, indented, windows, edited, translated])
def test_the_box_is_found_again(proven: Desk, roadmap: bytes, change: Change) -> None:
    before = change(roadmap)
    assert before != roadmap
    proven.roadmap.write_bytes(before)
    assert proven.box()["item"] is not None
    said = proven.tinny("sync", "--force")
    assert said.code == 0
    after = proven.roadmap.read_bytes()
    [(at, _, new)] = changed_bytes(before, after)
    assert new == b"x"
    assert any(word in line_at(after, at) for word in ("asics", "Schlüssel"))


def test_pinned_lines_are_found_in_any_wording(proven: Desk, roadmap: bytes) -> None:
    said = proven.tinny("pin")
    assert "81 items are now pinned" in said.text
    pinned = proven.roadmap.read_bytes()
    assert pinned.replace(b"[x] Learn", b"[ ] Learn").count(b"<!-- tinny: ") == 81
    assert "Nothing to do" in proven.tinny("pin").text
    proven.roadmap.write_bytes(pinned.replace(b"Learn key-value basics", b"Zzz"))
    assert proven.box()["state"] == "proven"


def test_a_line_can_be_pinned_by_number(desk: Desk) -> None:
    desk.roadmap.write_bytes(b"- [ ] Caching\n  - [ ] the thing with the keys\n")
    desk.tinny("init")
    assert desk.box()["item"] is None
    assert desk.tinny("pin", "2", "caching/key-value-basics").code == 0
    assert b"the thing with the keys <!-- tinny: caching/key-value-basics -->" in desk.roadmap.read_bytes()
    assert desk.box()["item"] == 1
    wrong = desk.tinny("pin", "2", "caching/key-value-basix")
    assert wrong.code == 2
    assert "caching/key-value-basics" in wrong.text
    nowhere = desk.tinny("pin", "77", "caching")
    assert nowhere.code == 2
    assert "the nearest is line 2" in nowhere.text
    assert desk.tinny("pin", "2").code == 2


def test_a_list_of_other_things_is_read_and_left_alone(desk: Desk) -> None:
    text = b"# Shopping\n\n- [ ] milk\n- [x] bread\n- [ ] a longer thing, such as a birthday present\n"
    desk.roadmap.write_bytes(text)
    said = desk.tinny("init")
    assert said.code == 0
    assert "Matched 0 topics and 0 boxes" in said.text
    assert "line 3: milk" in said.text
    assert desk.tinny("sync").code == 0
    assert desk.tinny("status").code == 0
    assert desk.roadmap.read_bytes() == text


def test_near_twins_of_two_topics_are_told_apart(desk: Desk) -> None:
    desk.tinny("init")
    assert desk.box("ddia/batch-vs-stream")["item"] != desk.box("streaming/batch-vs-stream")["item"]


def test_twenty_thousand_lines_are_read(desk: Desk, roadmap: bytes) -> None:
    filler = b"".join(b"- [ ] errand number %d\n" % number for number in range(20_000))
    desk.roadmap.write_bytes(roadmap + b"\n# Errands\n\n" + filler)
    said = desk.tinny("init")
    assert said.code == 0
    assert "Matched 15 topics and 66 boxes" in said.text
    assert "more" in said.text
