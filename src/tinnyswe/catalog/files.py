"""The records of the two TOML files an author writes, key by key (format = 1)."""

from __future__ import annotations

from typing import Any

import msgspec

from tinnyswe.model.base import Record
from tinnyswe.model.lab import (
    CheckSpec,
    EngineNeed,
    Entry,
    Experiment,
    Kind,
    Level,
    Limits,
    MutantSpec,
    SinkNeed,
    Sittings,
)


class LabFile(Record, frozen=True, kw_only=True):
    """lab.toml. Tables called [x-...] are free and reach the checks unread."""

    format: int  # 1
    id: str  # topic/lab, the names of its two folders
    title: str  # what the learner sees; never gives the mechanism away
    kind: Kind  # pedagogy; how a check reaches the work is the entry's type
    box: str  # topic/box it proves something of
    minutes: int  # a learner's time, thinking included
    revision: int  # raised only when what a pass means has changed; receipts of older ones become due
    labkit: int  # version of the author's API checks.py is written for: 1
    level: Level = "real"  # best evidence this lab can give
    prerequisites: tuple[str, ...] = ()  # labs worth doing first; a hint to the learner, not a lock
    platforms: tuple[str, ...] = ("linux", "macos")  # where it can run at all
    links: tuple[str, ...] = ()  # further reading shown after a pass: a title, a URL, or both
    entry: tuple[Entry, ...]  # [[entry]]
    engine: dict[str, EngineNeed] = {}  # [engine.<role>]
    sink: dict[str, SinkNeed] = {}  # [sink.<name>]
    experiment: Experiment = msgspec.field(default_factory=Experiment)  # [experiment]
    sittings: Sittings = msgspec.field(default_factory=Sittings)  # [sittings]
    limits: Limits = msgspec.field(default_factory=Limits)  # [limits]
    check: tuple[CheckSpec, ...]  # [[check]]
    mutant: tuple[MutantSpec, ...] = ()  # [[mutant]]


class BoxFile(Record, frozen=True, kw_only=True):
    """One [[box]] of topic.toml: a check box of the roadmap. The only authority on what its tick needs."""

    id: str  # topic/box; frozen, receipts carry it
    title: str  # the default roadmap's wording, without markup
    aliases: tuple[str, ...] = ()  # other wordings people use for exactly this box
    facets: tuple[str, ...] = ()  # the words of the box; each check says which of them it tests
    core: tuple[str, ...] = ()  # labs that must all have passed, as topic/lab
    depth: tuple[str, ...] = ()  # labs that are never required


class TopicFile(Record, frozen=True, kw_only=True):
    """topic.toml."""

    format: int  # 1
    id: str  # the folder's name; frozen, receipts carry it
    title: str  # the default roadmap's wording, without markup
    order: int  # place in the default roadmap, from 1
    section: str = ""  # heading above it in the default roadmap
    aliases: tuple[str, ...] = ()  # other wordings people use for this topic
    box: tuple[BoxFile, ...]  # [[box]]


def free_tables(data: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split a decoded lab.toml into what LabFile declares and the free x- tables."""
    free = {key: value for key, value in data.items() if key.startswith("x-")}
    return {key: value for key, value in data.items() if key not in free}, free
