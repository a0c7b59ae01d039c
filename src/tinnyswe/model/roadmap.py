"""A roadmap file as parsed, and how its items match the catalogue's boxes (design §5.1)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tinnyswe.model.base import Record


class Item(Record, frozen=True, kw_only=True):
    """One task-list item.

    line: 0-based line of its marker. offset: byte offset in the file of the character between the brackets.
    depth: nesting level, 0 for the outermost list. parent: index in Roadmap.items, or None.
    text: the item's own first paragraph without markup, pins or children. raw: the same, as written.
    pin: box or topic id from a `<!-- tinny: ID -->` comment on its line, else "".
    """

    index: int
    line: int
    offset: int
    checked: bool
    depth: int
    parent: int | None
    text: str
    raw: str
    pin: str = ""
    section: str = ""  # nearest heading above it, plain text


class Roadmap(Record, frozen=True, kw_only=True):
    """path: the file. content: its bytes when parsed. items: in file order."""

    path: Path
    content: bytes
    items: tuple[Item, ...]


How = Literal["pin", "ledger", "exact", "alias", "fuzzy", "ambiguous", "unknown"]


class Match(Record, frozen=True, kw_only=True):
    """What one item is. target: topic id or topic/box id, "" when ambiguous or unknown."""

    item: int
    how: How
    target: str = ""
    candidates: tuple[str, ...] = ()  # best first, when ambiguous (or the near misses of an unknown)
    score: float = 0.0
