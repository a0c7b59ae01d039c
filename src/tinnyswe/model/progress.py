"""States computed from roadmap, ledger and catalogue; nothing else decides a tick."""

from __future__ import annotations

from typing import Literal

from tinnyswe.model.base import Record

BoxState = Literal["open", "claimed", "proven", "due", "not provable yet"]


class LabProgress(Record, frozen=True, kw_only=True):
    lab: str
    shipped: bool
    proven: bool = False  # a receipt of the lab's present revision exists
    due: bool = False  # a receipt of an older revision exists, none of the present one
    level: str = ""


class BoxProgress(Record, frozen=True, kw_only=True):
    box: str
    state: BoxState
    ticked: bool  # in the file; False also when the box is not in it
    item: int | None  # index of the item, None when the roadmap lacks the box
    labs: tuple[LabProgress, ...]
    level: str = ""  # weakest evidence level of its proofs
    minutes_left: int = 0


class TopicProgress(Record, frozen=True, kw_only=True):
    topic: str
    item: int | None
    ticked: bool
    boxes: tuple[BoxProgress, ...]


class Progress(Record, frozen=True, kw_only=True):
    topics: tuple[TopicProgress, ...]
    ticks: tuple[int, ...] = ()  # items whose byte should be set now, in file order
    held: tuple[int, ...] = ()  # proven, but unticked by hand: left alone until proved again or forced
    next_lab: str = ""
    next_why: str = ""
