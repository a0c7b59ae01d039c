"""A tick changes one byte of the file and nothing else, or nothing at all."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tinnyswe.model.errors import TinnyError, UsageError
from tinnyswe.model.roadmap import Roadmap
from tinnyswe.roadmap import parse, parse_bytes, tick, tick_items

DOCUMENTS = 10_000 if os.environ.get("TINNY_LONG") else 1_000

prose = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20).map(str.encode)
junk = st.binary(max_size=8).map(lambda raw: raw.replace(b"\0", b""))
prefixes = st.sampled_from(
    [b"- ", b"* ", b"+ ", b"1. ", b"12) ", b"> ", b"> - ", b"  - ", b"\t- ", b"    * ", b"# ", b"``` ", b"", b"| "]
)
boxes = st.sampled_from([b"[ ] ", b"[ ] ", b"[ ] ", b"[x] ", b"[X] ", b"[ ]\t", b"[ ]", b"[] ", b"\\[ ] "])
endings = st.sampled_from([b"\n", b"\n", b"\r\n", b"\r", b"\n\n", b"  \n", b""])
lines = st.tuples(prefixes, boxes, prose | junk, endings).map(b"".join)
documents = st.tuples(st.sampled_from([b"", b"", b"\xef\xbb\xbf"]), st.lists(lines, max_size=15).map(b"".join))


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "roadmap.md"


@settings(max_examples=DOCUMENTS, deadline=None)
@given(documents.map(b"".join), st.data())
def test_only_the_ticked_bytes_change(place: Path, content: bytes, data: st.DataObject) -> None:
    try:
        roadmap = parse_bytes(content, place)
    except UsageError:
        assume(False)
    place.write_bytes(content)
    chosen = data.draw(st.lists(st.sampled_from(range(len(roadmap.items))), unique=True), label="items")

    written = tick(roadmap, chosen)

    after = place.read_bytes()
    assert len(after) == len(content)
    changed = {offset for offset, (old, new) in enumerate(zip(content, after, strict=True)) if old != new}
    assert changed == {roadmap.items[index].offset for index in chosen if not roadmap.items[index].checked}
    assert all(content[offset : offset + 1] == b" " and after[offset : offset + 1] == b"x" for offset in changed)
    assert written == parse(place)
    assert [item.text for item in written.items] == [item.text for item in roadmap.items]


def a_file(folder: Path, text: str = "- [ ] a\n- [x] b\n- [ ] c\n") -> Path:
    path = folder / "roadmap.md"
    path.write_text(text)
    return path


def test_inode_mode_and_hard_link_survive(tmp_path: Path) -> None:
    path = a_file(tmp_path)
    path.chmod(0o640)
    (tmp_path / "hard").hardlink_to(path)
    before = path.stat()
    tick(parse(path), [0])
    after = path.stat()
    assert (after.st_ino, after.st_mode, after.st_nlink) == (before.st_ino, before.st_mode, 2)
    assert (tmp_path / "hard").read_text() == "- [x] a\n- [x] b\n- [ ] c\n"


def test_a_symlink_is_followed_and_stays_one(tmp_path: Path) -> None:
    path = a_file(tmp_path)
    link = tmp_path / "link.md"
    link.symlink_to(path.name)
    tick(parse(link), [2])
    assert link.is_symlink()
    assert path.read_text() == "- [ ] a\n- [x] b\n- [x] c\n"


def test_nothing_to_set_leaves_the_file_untouched(tmp_path: Path) -> None:
    path = a_file(tmp_path)
    os.utime(path, ns=(1, 1))
    roadmap = parse(path)
    assert tick(roadmap, [1]) is roadmap
    assert tick(roadmap, []) is roadmap
    assert path.stat().st_mtime_ns == 1


def test_a_tick_shows_in_the_modification_time(tmp_path: Path) -> None:
    path = a_file(tmp_path)
    os.utime(path, ns=(1, 1))
    tick(parse(path), [0])
    assert path.stat().st_mtime_ns > 1


@pytest.mark.parametrize("edited", ["- [ ] a\n- [x] b\n- [ ] d\n", "x- [ ] a\n- [x] b\n- [ ] c\n", ""])
def test_a_file_changed_meanwhile_is_left_alone(tmp_path: Path, edited: str) -> None:
    path = a_file(tmp_path)
    roadmap = parse(path)
    path.write_text(edited)
    with pytest.raises(TinnyError) as caught:
        tick(roadmap, [0])
    assert caught.value.code == "roadmap-changed"
    assert path.read_text() == edited


def test_a_file_replaced_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = a_file(tmp_path)
    roadmap = parse(path)
    other = tmp_path / "new"
    other.write_text("# saved by renaming\n- [ ] a\n")
    other.rename(path)
    with pytest.raises(TinnyError) as caught:
        tick(roadmap, [0])
    assert caught.value.code == "roadmap-changed"


def test_an_editor_that_renames_during_the_write_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, other = a_file(tmp_path), tmp_path / "saved"
    other.write_text("- [ ] a\n- [ ] saved by the editor\n")
    flush = os.fsync

    def save_just_now(handle: int) -> None:
        flush(handle)
        if other.exists():
            other.rename(path)

    monkeypatch.setattr(os, "fsync", save_just_now)
    written = tick_items(path, lambda roadmap: [0])
    assert path.read_text() == "- [x] a\n- [ ] saved by the editor\n"
    assert written == parse(path)


def test_tick_items_parses_again_after_an_edit(tmp_path: Path) -> None:
    path = a_file(tmp_path)
    seen: list[int] = []

    def resolve(roadmap: Roadmap) -> list[int]:
        seen.append(len(roadmap.items))
        if len(seen) == 1:
            path.write_text("- [ ] new on top\n" + path.read_text())
        return [item.index for item in roadmap.items if item.text == "c"]

    written = tick_items(path, resolve)
    assert seen == [3, 4]
    assert path.read_text() == "- [ ] new on top\n- [ ] a\n- [x] b\n- [x] c\n"
    assert written == parse(path)


def test_tick_items_gives_up_in_the_end(tmp_path: Path) -> None:
    path = a_file(tmp_path)
    calls: list[bytes] = []

    def resolve(roadmap: Roadmap) -> list[int]:
        calls.append(roadmap.content)
        path.write_bytes(roadmap.content + b"- [ ] again\n")
        return [0]

    with pytest.raises(TinnyError) as caught:
        tick_items(path, resolve)
    assert caught.value.code == "roadmap-changed"
    assert 1 < len(calls) < 20
    assert b"- [x] a" not in path.read_bytes()


def test_a_read_only_file_is_named(tmp_path: Path) -> None:
    path = a_file(tmp_path)
    path.chmod(0o444)
    roadmap = parse(path)
    with pytest.raises(UsageError) as caught:
        tick(roadmap, [0])
    assert caught.value.code == "read-only"
    assert caught.value.where == str(path)
    assert "chmod u+w" in caught.value.next_step
    assert "tinny sync" in caught.value.next_step
    assert path.read_bytes() == roadmap.content
    assert stat.S_IMODE(path.stat().st_mode) == 0o444


def test_a_file_deleted_meanwhile_is_named(tmp_path: Path) -> None:
    path = a_file(tmp_path)
    roadmap = parse(path)
    path.unlink()
    with pytest.raises(UsageError) as caught:
        tick(roadmap, [0])
    assert caught.value.code == "roadmap-missing"
    assert not path.exists()
