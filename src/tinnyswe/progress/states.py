"""The state of every box, and which bytes of the roadmap should be ticks now (design §1, §5.1)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from tinnyswe.model.evidence import LedgerEntry
from tinnyswe.model.lab import Box, Catalog, Topic
from tinnyswe.model.progress import BoxProgress, BoxState, LabProgress, Progress, TopicProgress
from tinnyswe.model.roadmap import Match, Roadmap
from tinnyswe.progress.advice import next_lab
from tinnyswe.progress.facts import Facts, Proof, facts

_LEVELS = ("contract", "lite", "real")  # weakest first


def progress(
    roadmap: Roadmap,
    matches: Sequence[Match],
    catalog: Catalog,
    entries: Sequence[LedgerEntry],
    now: datetime,
    *,
    force: bool = False,
    interval: timedelta | None = None,
) -> Progress:
    """Compute everything shown of the learner's progress; touches nothing.

    matches: of this roadmap with this catalogue. entries: the ledger, in any order. now: with a time zone.
    force: tick proven boxes that were unticked by hand too. interval: proofs older than this are due; None = never.

    A lab is proven by a passed receipt of its present revision (or a later one, from a machine with a newer build),
    unless it or its box was called due after that (ledger entry "due", body {"lab": id} or {"box": id}) or the
    interval has run out; then, and when only older revisions were passed, it is due.

    A box is, the first that holds:
        proven             every core lab is proven
        due                every core lab is proven or due; its tick stays
        claimed            ticked, without the above: the learner's word
        not provable yet   a core lab is not shipped, or there is none
        open               otherwise

    ticks: items of proven boxes whose byte is not set. A topic's own item follows when all boxes the catalogue gives
    it are proven, none is held, and no item directly below it that is not one of these boxes is still open.

    held: proven, but unticked by hand. The caller appends a ledger entry "untick", body {"box": box or topic id,
    "after": digest of the newest receipt}, when it sees it (see `unticked_by_hand`); from then on the box is left
    alone until a core lab of it is passed again, later than that entry, or `force`. A later hand-made untick is a
    new entry. For a topic's own item the same holds, with any core lab of the topic.
    """
    known = facts(entries)
    items = {match.target: match.item for match in matches if match.target}
    topics = tuple(
        _topic(topic, roadmap, items, catalog, known, now, interval)
        for topic in sorted(catalog.topics.values(), key=lambda topic: _place(topic, items))
    )
    ticks: list[int] = []
    held: list[int] = []
    for topic in topics:
        for target, item in _deserved(topic, roadmap):
            is_held = _held(target, _core(catalog, target), known)
            (held if is_held and not force else ticks).append(item)
        if topic.item in ticks and not force and any(box.item in held for box in topic.boxes):
            ticks.remove(topic.item)
    lab, why = next_lab(topics, catalog, known)
    return Progress(topics=topics, ticks=tuple(sorted(ticks)), held=tuple(sorted(held)), next_lab=lab, next_why=why)


def unticked_by_hand(progress: Progress, ticked_before: Collection[str]) -> tuple[str, ...]:
    """Boxes and topics the tool ticked before whose tick is gone now: the caller enters each as "untick".

    ticked_before: ids of boxes and topics whose tick the caller has set or seen set. Only what would be ticked again
    is returned, so what is held already, not proven, or no longer in the file is not.
    """
    again = set(progress.ticks)
    return tuple(
        id
        for topic in progress.topics
        for id, item in ((topic.topic, topic.item), *((box.box, box.item) for box in topic.boxes))
        if item in again and id in ticked_before
    )


def _topic(
    topic: Topic,
    roadmap: Roadmap,
    items: dict[str, int],
    catalog: Catalog,
    known: Facts,
    now: datetime,
    interval: timedelta | None,
) -> TopicProgress:
    boxes = [
        _box(box, items.get(box.id), roadmap, catalog, known, now - interval if interval else None)
        for box in topic.boxes
    ]
    boxes.sort(key=lambda box: len(roadmap.items) if box.item is None else box.item)
    item = items.get(topic.id)
    ticked = item is not None and roadmap.items[item].checked
    return TopicProgress(topic=topic.id, item=item, ticked=ticked, boxes=tuple(boxes))


def _box(
    box: Box, item: int | None, roadmap: Roadmap, catalog: Catalog, known: Facts, oldest: datetime | None
) -> BoxProgress:
    labs = tuple(_lab(lab, box, catalog, known, oldest) for lab in (*box.core, *box.depth))
    core = labs[: len(box.core)]
    ticked = item is not None and roadmap.items[item].checked
    state = _state(core, ticked)
    levels = [lab.level for lab in core if lab.level]
    return BoxProgress(
        box=box.id,
        state=state,
        ticked=ticked,
        item=item,
        labs=labs,
        level=min(levels, key=_strength, default="") if state in ("proven", "due") else "",
        minutes_left=sum(catalog.labs[lab.lab].minutes for lab in core if lab.shipped and not lab.proven),
    )


def _state(core: Sequence[LabProgress], ticked: bool) -> BoxState:
    if core and all(lab.proven for lab in core):
        return "proven"
    if core and all(lab.proven or lab.due for lab in core):
        return "due"
    if ticked:
        return "claimed"
    return "open" if core and all(lab.shipped for lab in core) else "not provable yet"


def _lab(id: str, box: Box, catalog: Catalog, known: Facts, oldest: datetime | None) -> LabProgress:
    lab = catalog.labs.get(id)
    if lab is None:
        return LabProgress(lab=id, shipped=False)
    proofs = known.proofs.get(id, ())
    called = [known.due[key] for key in (id, box.id) if key in known.due]
    if oldest is not None:
        called.append(oldest)
    good = [proof for proof in proofs if proof.revision >= lab.revision and all(proof.at > time for time in called)]
    return LabProgress(
        lab=id,
        shipped=True,
        proven=bool(good),
        due=bool(proofs) and not good,
        level=_best_level(good or proofs),
    )


def _best_level(proofs: Iterable[Proof]) -> str:
    return max((proof.level for proof in proofs), key=_strength, default="")


def _strength(level: str) -> int:
    return _LEVELS.index(level) if level in _LEVELS else -1


def _place(topic: Topic, items: dict[str, int]) -> float:
    """Where the topic begins in the learner's file; topics that are not in it come last, in the catalogue's order."""
    return min((items[id] for id in (topic.id, *(box.id for box in topic.boxes)) if id in items), default=float("inf"))


def _deserved(topic: TopicProgress, roadmap: Roadmap) -> list[tuple[str, int]]:
    """Ids and items that are proven and not ticked, before asking whether a person took the tick away."""
    found = [
        (box.box, box.item) for box in topic.boxes if box.item is not None and box.state == "proven" and not box.ticked
    ]
    if topic.item is None or topic.ticked or not topic.boxes or any(box.state != "proven" for box in topic.boxes):
        return found
    own = {box.item for box in topic.boxes}
    below = (item for item in roadmap.items if item.parent == topic.item and item.index not in own)
    if all(item.checked for item in below):
        found.append((topic.topic, topic.item))
    return found


def _core(catalog: Catalog, target: str) -> tuple[str, ...]:
    """The core labs of a box, or of all boxes of a topic."""
    boxes = catalog.topics[target].boxes if target in catalog.topics else (catalog.boxes[target],)
    return tuple(lab for box in boxes for lab in box.core)


def _held(target: str, core: Iterable[str], known: Facts) -> bool:
    """True when the tick was taken away by hand and nothing was proved since."""
    unticked = known.unticked.get(target)
    if unticked is None:
        return False
    proved = known.last_proof(core)
    return proved is None or proved <= unticked
