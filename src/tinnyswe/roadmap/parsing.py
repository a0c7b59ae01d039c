"""Markdown bytes to task-list items, by source line map (design §5.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tinnyswe.model.errors import FormatError, UsageError
from tinnyswe.model.roadmap import Item, Roadmap
from tinnyswe.roadmap.files import read_bytes

WHAT_A_BOX_IS = 'Write a box as a list item that begins with "[ ]", for example: - [ ] Learn ACID properties'

_LINE_END = re.compile(rb"\r\n|\r|\n")  # the line breaks markdown-it counts, and no others
_BOX = re.compile(r"\[[ xX]\][ \t\n\v\f\r]")  # GFM task list item marker
_MARKUP = re.compile(r"[\\`*_~\[\]!<&\n]")  # what begins anything inline in CommonMark with strike-through
_PIN = re.compile(r"<!--\s*tinny:\s*(\S+?)\s*-->")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK = "\ufeff"
_DEEPEST = 200  # levels of nesting, two for each list


def parse(path: Path) -> Roadmap:
    """Read a Markdown file and return its task-list items.

    Raises UsageError when the file is missing, unreadable or holds no box, FormatError when it is not
    ASCII-compatible text.
    """
    return parse_bytes(read_bytes(path), path)


def parse_bytes(content: bytes, path: Path) -> Roadmap:
    """Return the task-list items of this Markdown text; `path` only names it. Raises as `parse` does."""
    if content.startswith(_UTF16_MARKS) or b"\0" in content:
        raise FormatError(
            "This is not plain text: it is UTF-16, or holds NUL bytes.",
            where=str(path),
            next_step="Save it as UTF-8 in your editor, then try again.",
            code="not-plain-text",
        )
    items = tuple(_items(content))
    if not items:
        raise UsageError("There is no check box in this file.", where=str(path), next_step=WHAT_A_BOX_IS, code="no-box")
    return Roadmap(path=path, content=content, items=items)


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    # mdit-py-plugins' task-list rule finds the same boxes (a test compares them), but walks back over all earlier
    # tokens for each: 20,000 items took half a minute. So the block parse is used as it is, and only the inline
    # content of items and headings is parsed, once.
    return MarkdownIt("commonmark", {"maxNesting": _DEEPEST}).enable("strikethrough")


def _items(content: bytes) -> Iterator[Item]:
    """Yield the items in file order."""
    lines = _Lines(content)
    markdown = _markdown()
    env: dict[str, Any] = {}
    depth = -1
    section = ""
    open_items: list[int | None] = []  # for each list item around the token: its index when it has a box
    tokens = _block_tokens(markdown, lines.text, env)
    count = 0
    for position, token in enumerate(tokens):
        if token.type in ("bullet_list_open", "ordered_list_open"):
            depth += 1
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            depth -= 1
        elif token.type == "list_item_open":
            open_items.append(None)
        elif token.type == "list_item_close":
            open_items.pop()
        elif token.type == "heading_open":
            section = _plain(_inline(markdown, tokens[position + 1].content, env))
        elif token.type == "inline" and _is_box(tokens, position) and token.map:
            offset = lines.box_offset(token.map[0], token.content)
            if offset is None:
                continue
            raw = token.content[3:].strip()
            children = _inline(markdown, raw, env)
            yield Item(
                index=count,
                line=token.map[0],
                offset=offset,
                checked=content[offset : offset + 1] != b" ",
                depth=depth,
                parent=next((index for index in reversed(open_items) if index is not None), None),
                text=_plain(children),
                raw=_showable(raw),
                pin=_showable(_pin(children)),
                section=section,
            )
            open_items[-1] = count
            count += 1


def _block_tokens(markdown: MarkdownIt, text: str, env: dict[str, Any]) -> list[Token]:
    with markdown.reset_rules():
        markdown.disable(["inline", "text_join"])
        return markdown.parse(text, env)


def _is_box(tokens: list[Token], position: int) -> bool:
    """A box is the first paragraph of a list item, beginning with [ ], [x] or [X] and white space."""
    return (
        position >= 2
        and tokens[position - 1].type == "paragraph_open"
        and tokens[position - 2].type == "list_item_open"
        and _BOX.match(tokens[position].content) is not None
    )


def _inline(markdown: MarkdownIt, content: str, env: dict[str, Any]) -> list[Token]:
    if not _MARKUP.search(content):
        return [Token("text", "", 0, content=content)]  # most lines: a third of the time of a long file
    (token,) = markdown.parseInline(content, env)
    return token.children or []


def _plain(tokens: list[Token]) -> str:
    """The words a reader sees: no markup, no comments, one line."""
    parts: list[str] = []
    for token in tokens:
        if token.type in ("text", "code_inline"):
            parts.append(token.content)
        elif token.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif token.type == "image":
            parts.append(_plain(token.children or []))
    return _showable(" ".join("".join(parts).split()))


def _showable(text: str) -> str:
    """Text that can be printed and stored: bytes that are no UTF-8 read as cp1252, control characters dropped."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        bytes([ord(char) - 0xDC00]).decode("cp1252", "replace") if "\udc80" <= char <= "\udcff" else char
        for char in text
        if (char >= " " and char != "\x7f") or char == "\n"
    )


def _pin(tokens: list[Token]) -> str:
    """The id in the first pin comment. Only real comments count: one quoted as code is text."""
    found = [match[1] for token in tokens if token.type == "html_inline" and (match := _PIN.fullmatch(token.content))]
    return found[0] if found else ""


class _Lines:
    """The source by line, in bytes for offsets and as text for the parser."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        ends = [(match.start(), match.end()) for match in _LINE_END.finditer(content)]
        self._spans = [*zip([0, *(end for _, end in ends)], [start for start, _ in ends], strict=False)]
        self._spans.append((ends[-1][1] if ends else 0, len(content)))
        # A byte order mark is no text: without this the first line could not be a list item.
        self.text = content.decode("utf-8", "surrogateescape").removeprefix(_UTF8_MARK)

    def box_offset(self, line: int, paragraph: str) -> int | None:
        """Byte offset of the character between the brackets; None when the source does not show them there.

        markdown-it cuts block markers and indentation from the left of a line, so the paragraph's first line is
        the end of the source line.
        """
        start, end = self._spans[line]
        source = self._content[start:end].decode("utf-8", "surrogateescape").rstrip()
        first = paragraph.split("\n", 1)[0].rstrip()
        if not source.endswith(first):
            return None
        before = source[: len(source) - len(first)]
        offset = start + len(before.encode("utf-8", "surrogateescape"))
        found = self._content[offset : offset + 3] in (b"[ ]", b"[x]", b"[X]")
        return offset + 1 if found else None
