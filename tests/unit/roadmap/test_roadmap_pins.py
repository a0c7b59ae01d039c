"""Pins are added at line ends; everything else of the file stays."""

from __future__ import annotations

import contextlib
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinnyswe.model.errors import UsageError
from tinnyswe.model.lab import Box, Catalog, Topic
from tinnyswe.roadmap import default_roadmap, parse, parse_bytes, write_pins


def a_file(folder: Path, content: bytes) -> Path:
    path = folder / "roadmap.md"
    path.write_bytes(content)
    return path


def test_a_pin_keeps_line_ends_blanks_and_the_rest(tmp_path: Path) -> None:
    path = a_file(tmp_path, b"# \xff\r\n- [x] **A**  \r\n  goes on\r\n- [ ] b\r  * [ ] c <!-- mine -->\n- [ ] end")
    inode = path.stat().st_ino
    after = write_pins(path, {0: "docker", 1: "docker/compose", 3: "dbi/acid"})
    assert path.read_bytes() == (
        b"# \xff\r\n- [x] **A** <!-- tinny: docker -->  \r\n  goes on\r\n- [ ] b <!-- tinny: docker/compose -->\r"
        b"  * [ ] c <!-- mine -->\n- [ ] end <!-- tinny: dbi/acid -->"
    )
    assert after == parse(path)
    assert [item.pin for item in after.items] == ["docker", "docker/compose", "", "dbi/acid"]
    assert path.stat().st_ino == inode
    assert [entry.name for entry in tmp_path.iterdir()] == ["roadmap.md"]


def test_an_earlier_pin_is_replaced_by_a_shorter_one(tmp_path: Path) -> None:
    path = a_file(tmp_path, b"- [ ] a <!-- tinny: caching/expiration-and-eviction --> <!-- mine -->\n- [ ] b\n")
    write_pins(path, {0: "mq"})
    assert path.read_bytes() == b"- [ ] a <!-- mine --> <!-- tinny: mq -->\n- [ ] b\n"


def test_the_same_pin_again_changes_nothing(tmp_path: Path) -> None:
    path = a_file(tmp_path, b"- [ ] a <!-- tinny: mq -->  \n")
    before = path.stat().st_mtime_ns
    write_pins(path, {0: "mq"})
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("text", ["- [ ] a `code\n  span` b\n", "- [ ] hard break\\\n  b\n"])
def test_a_line_that_a_comment_would_spoil_is_refused(tmp_path: Path, text: str) -> None:
    path = a_file(tmp_path, text.encode())
    with pytest.raises(UsageError) as caught:
        write_pins(path, {0: "mq"})
    assert caught.value.code == "cannot-pin"
    assert caught.value.where.endswith("roadmap.md:1")
    assert path.read_bytes() == text.encode()


def test_a_link_over_two_lines_carries_a_pin(tmp_path: Path) -> None:
    path = a_file(tmp_path, b"- [ ] [link\n  text](x)\n")
    (item,) = write_pins(path, {0: "mq"}).items
    assert (item.text, item.pin) == ("link text", "mq")


@pytest.mark.parametrize("id", ["", "no id", "a/b/c", "x -->", "A"])
def test_what_is_no_id_is_refused(tmp_path: Path, id: str) -> None:
    path = a_file(tmp_path, b"- [ ] a\n")
    with pytest.raises(UsageError) as caught:
        write_pins(path, {0: id})
    assert caught.value.code == "bad-pin"
    assert path.read_bytes() == b"- [ ] a\n"


def test_the_copy_of_an_interrupted_pin_is_never_overwritten(tmp_path: Path) -> None:
    path = a_file(tmp_path, b"- [ ] a\n")
    backup = tmp_path / "roadmap.md.before-pin"
    backup.write_bytes(b"the whole file")
    with pytest.raises(UsageError) as caught:
        write_pins(path, {0: "mq"})
    assert caught.value.code == "pin-interrupted"
    assert caught.value.where == str(backup)
    assert (path.read_bytes(), backup.read_bytes()) == (b"- [ ] a\n", b"the whole file")


def test_a_read_only_file_is_named(tmp_path: Path) -> None:
    path = a_file(tmp_path, b"- [ ] a\n")
    path.chmod(0o444)
    with pytest.raises(UsageError) as caught:
        write_pins(path, {0: "mq"})
    assert caught.value.code == "read-only"
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert [entry.name for entry in tmp_path.iterdir()] == ["roadmap.md"]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.text("ab \t`*", max_size=6), st.sampled_from(["\n", "\r\n", "\r"])), min_size=1, max_size=6)
)
def test_without_its_comments_the_file_is_the_old_one(tmp_path_factory: pytest.TempPathFactory, lines: list) -> None:
    content = "".join(f"- [ ] x{text}{end}" for text, end in lines).encode()
    path = a_file(tmp_path_factory.getbasetemp(), content)
    roadmap = parse_bytes(content, path)
    with contextlib.suppress(UsageError):  # code spans and hard breaks
        write_pins(path, {item.index: "dbi/acid" for item in roadmap.items})
    assert path.read_bytes().replace(b" <!-- tinny: dbi/acid -->", b"") == content


def test_the_default_roadmap_lists_every_topic_and_box() -> None:
    def topic(id: str, section: str) -> Topic:
        box = Box(id=f"{id}/one", topic=id, title=f"Learn `{id}`")
        return Topic(id=id, title=id.upper(), boxes=(box,), root=Path(id), section=section)

    topics = {id: topic(id, section) for id, section in [("a", "First"), ("b", "First"), ("c", "Second")]}
    catalog = Catalog(topics=topics, boxes={box.id: box for one in topics.values() for box in one.boxes}, labs={})
    content = default_roadmap(catalog)
    roadmap = parse_bytes(content, Path("roadmap.md"))
    assert [(item.text, item.section, item.parent) for item in roadmap.items] == [
        ("A", "First", None),
        ("Learn a", "First", 0),
        ("B", "First", None),
        ("Learn b", "First", 2),
        ("C", "Second", None),
        ("Learn c", "Second", 4),
    ]
    assert not any(item.checked for item in roadmap.items)
