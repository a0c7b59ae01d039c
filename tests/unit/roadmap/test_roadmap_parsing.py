"""Which lines are boxes, where their byte is, and what is refused."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from mdit_py_plugins.tasklists import tasklists_plugin

from tinnyswe.model.errors import FormatError, UsageError
from tinnyswe.model.roadmap import Roadmap
from tinnyswe.roadmap import parse, parse_bytes

HERE = Path("roadmap.md")


def read(text: str | bytes) -> Roadmap:
    return parse_bytes(text if isinstance(text, bytes) else text.encode(), HERE)


def test_an_item_says_where_its_byte_is() -> None:
    content = b"# Plan\n\n- [x] **Docker**\n  - [ ] Use `docker-compose` for\n    [many](http://x) ~~old~~ services\n"
    topic, box = read(content).items
    assert (topic.index, topic.line, topic.checked, topic.depth, topic.parent, topic.text) == (
        (0, 2, True, 0, None, "Docker")
    )
    assert (box.index, box.line, box.checked, box.depth, box.parent) == (1, 3, False, 1, 0)
    assert box.text == "Use docker-compose for many old services"
    assert box.raw.startswith("Use `docker-compose` for\n[many]")
    assert box.section == "Plan"
    assert content[topic.offset : topic.offset + 1] == b"x"
    assert content[box.offset - 1 : box.offset + 2] == b"[ ]"


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ("- [ ] a\n", [" "]),
        ("* [ ] a\n+ [x] b\n", [" ", "x"]),
        ("1. [ ] a\n2) [X] b\n", [" ", "X"]),
        ("-\t[ ] tab\n\t- [x] nested by a tab\n", [" ", "x"]),
        ("- [ ]\ttab behind the box\n", [" "]),
        ("> - [ ] quoted\n>   - [x] nested\nlazy\n> > 1. [ ] deeper\n", [" ", "x", " "]),
        ("- 1. - [ ] three markers on one line\n", [" "]),
        ("- [ ] a\r\n- [x] b\r\n", [" ", "x"]),
        ("- [ ] old Mac\r- [x] line ends\r", [" ", "x"]),
        ("- [ ] no newline at the end", [" "]),
        ("\ufeff- [ ] after a byte order mark\n", [" "]),
        ("<details>\n\n- [ ] inside HTML\n\n</details>\n", [" "]),
        ("- [ ] \u00e4\u00f6 [ ] twice [x]\n", [" "]),
        ("[x]: /a-link\n\n- [x] not the link\n", ["x"]),
        ("- [ ] a\n\n  second [ ] paragraph\n", [" "]),
        ("- plain\n  - [ ] below a plain item\n", [" "]),
        ("- [ ]   \n  the text is on the next line\n", [" "]),
    ],
)
def test_what_is_a_box(text: str, boxes: list[str]) -> None:
    roadmap = read(text)
    assert [chr(roadmap.content[item.offset]) for item in roadmap.items] == boxes


@pytest.mark.parametrize(
    "text",
    [
        "```\n- [ ] fenced\n```\n",
        "~~~\n- [ ] fenced\n",
        "- a\n\n  ```\n  - [ ] fenced in an item\n  ```\n",
        "text\n\n    - [ ] indented code\n",
        "<!--\n- [ ] commented out\n-->\n",
        "[ ] no list\n",
        "- [] empty\n- [y] other\n- [  ] two\n- [ ]glued\n- \\[ ] escaped\n- [\u00a0] no space\n",
        "- [ ]\n",
        "- text [ ] later\n",
        "- # [ ] heading\n",
        "",
        "\n\n",
    ],
)
def test_what_is_no_box(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(text)
    assert caught.value.code == "no-box"
    assert "- [ ]" in caught.value.next_step


def test_depth_and_parents_follow_the_nesting() -> None:
    roadmap = read("- [ ] a\n  - plain\n    - [ ] b\n  - [ ] c\n\ntext\n\n1. [ ] d\n")
    assert [(item.text, item.depth, item.parent) for item in roadmap.items] == [
        ("a", 0, None),
        ("b", 2, 0),
        ("c", 1, 0),
        ("d", 0, None),
    ]


def test_pins_are_comments_of_the_item_itself() -> None:
    roadmap = read(
        "- [ ] Transaktionen <!-- tinny: dbi/acid -->\n"
        "  - [ ] child <!--tinny:dbi/mvcc--> <!-- other -->\n"
        "- [ ] code `<!-- tinny: dbi/planner -->`\n"
    )
    assert [item.pin for item in roadmap.items] == ["dbi/acid", "dbi/mvcc", ""]
    assert [item.text for item in roadmap.items][:2] == ["Transaktionen", "child"]


def test_bytes_that_are_no_utf8_stay_readable_and_printable() -> None:
    content = "- [ ] Verst\u00e4ndnis \u2026\x1b[31m\n".encode("cp1252")
    (item,) = read(content).items
    assert item.text == "Verst\u00e4ndnis \u2026[31m"
    assert content[item.offset - 1 : item.offset + 2] == b"[ ]"


@pytest.mark.parametrize(
    "content",
    [
        "- [ ] a\n".encode("utf-16"),
        "- [ ] a\n".encode("utf-16-be"),
        "- [ ] a\n".encode("utf-32"),
        b"\xff\xfe",
        b"- [ ] a\0\n",
    ],
)
def test_what_is_no_plain_text_is_refused(content: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        read(content)
    assert caught.value.where == "roadmap.md"
    assert "UTF-8" in caught.value.next_step


def test_a_missing_file_names_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no roadmap") as caught:
        parse(tmp_path / "roadmap.md")
    assert "tinny init" in caught.value.next_step
    assert str(tmp_path) in caught.value.where


def test_a_folder_is_no_roadmap(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        parse(tmp_path)
    assert caught.value.code == "not-a-file"


@pytest.mark.parametrize("shape", ["flat", "nested", "quoted"])
def test_time_grows_with_the_lines_and_no_faster(shape: str) -> None:
    """20,000 lines took 1.3 s on the machine it was written on; as a ratio, so that a busy machine does not matter."""
    line = {"flat": "- [ ] item **{}** `code`\n", "nested": "  - [ ] sub {}\n", "quoted": "> - [ ] item {}\n"}[shape]

    def seconds(lines: int) -> float:
        text = "- [ ] top\n" * (shape == "nested") + "".join(line.format(number) for number in range(lines))
        before = time.process_time()
        assert len(read(text).items) >= lines
        return time.process_time() - before

    assert seconds(20_000) < 40 * min(seconds(2_000) for _ in range(3))  # 10 when linear, 100 when quadratic


def test_deep_nesting_is_followed_or_left_alone() -> None:
    roadmap = read("".join("  " * depth + f"- [ ] {depth}\n" for depth in range(300)))
    assert len(roadmap.items) >= 60
    assert [item.depth for item in roadmap.items] == list(range(len(roadmap.items)))


words = st.text(alphabet="ab[] x`*\u00e4\t", max_size=12)
markers = st.sampled_from(
    ["- [ ] ", "- [x] ", "1. [X] ", "* [ ]", "> ", "> - [ ] ", "    ", "  ", "\t", "```", "- ", "", "# "]
)
documents = st.lists(st.tuples(markers, markers, words).map("".join), max_size=12).map("\n".join)


@settings(max_examples=300, deadline=None)
@given(documents)
def test_the_task_list_plugin_finds_the_same_boxes(text: str) -> None:
    """The plugin is the oracle; it is not used because its time is quadratic."""
    tokens = MarkdownIt("commonmark").use(tasklists_plugin).parse(text)
    expected = [
        tokens[position + 2].map[0]
        for position, token in enumerate(tokens)
        if token.type == "list_item_open" and "task-list-item" in str(token.attrGet("class"))
    ]
    try:
        found = [item.line for item in read(text).items]
    except UsageError:
        found = []
    assert found == expected
