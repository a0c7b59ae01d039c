"""States, ticks, held ticks and advice, from a file, a ledger and a small catalogue."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tinnyswe.catalog.matching import match
from tinnyswe.model.evidence import LedgerEntry
from tinnyswe.model.lab import Box, Catalog, CheckSpec, Entry, Lab, Topic
from tinnyswe.model.progress import BoxProgress, Progress
from tinnyswe.progress import progress, unticked_by_hand
from tinnyswe.roadmap import parse_bytes

NOW = datetime(2026, 5, 1, tzinfo=UTC)
FILE = """\
- [ ] **Caching**
  - [ ] Keys
  - [ ] Eviction
- [ ] **Queues**
  - [ ] Jobs
  - [ ] Retries
"""


def a_lab(id: str, box: str, *, revision: int = 1, needs: tuple[str, ...] = ()) -> Lab:
    return Lab(
        root=Path(id),
        topic=id.split("/")[0],
        id=id,
        title=id,
        kind="build",
        box=box,
        minutes=20,
        revision=revision,
        level="real",
        core=True,
        prerequisites=needs,
        entries=(Entry(type="files"),),
        checks=(CheckSpec(id="C1", title="works"),),
        digest="d",
    )


def a_catalog(**changed: Lab | None) -> Catalog:
    """Caching: keys (two core labs, one depth), eviction (one). Queues: jobs (one), retries (not shipped)."""
    boxes = (
        Box(id="caching/keys", topic="caching", title="Keys", core=("caching/a", "caching/b"), depth=("caching/deep",)),
        Box(id="caching/eviction", topic="caching", title="Eviction", core=("caching/c",)),
        Box(id="mq/jobs", topic="mq", title="Jobs", core=("mq/d",)),
        Box(id="mq/retries", topic="mq", title="Retries", core=("mq/unwritten",)),
    )
    topics = {
        id: Topic(id=id, title=title, boxes=tuple(box for box in boxes if box.topic == id), root=Path(id))
        for id, title in (("caching", "Caching"), ("mq", "Queues"))
    }
    labs = {
        "a": a_lab("caching/a", "caching/keys"),
        "b": a_lab("caching/b", "caching/keys"),
        "deep": a_lab("caching/deep", "caching/keys"),
        "c": a_lab("caching/c", "caching/eviction"),
        "d": a_lab("mq/d", "mq/jobs"),
        **changed,
    }
    shipped = {lab.id: lab for lab in labs.values() if lab is not None}
    return Catalog(topics=topics, boxes={box.id: box for box in boxes}, labs=shipped)


def entry(kind: str, day: int, **body: Any) -> LedgerEntry:
    return LedgerEntry(kind=kind, at=f"2026-04-{day:02}T12:00:00Z", prev="", body=body)


def passed(lab: str, day: int = 1, **more: Any) -> LedgerEntry:
    return entry("receipt", day, **{"lab": lab, "revision": 1, "verdict": "passed", "level": "real", **more})


def look(*entries: LedgerEntry, file: str = FILE, catalog: Catalog | None = None, **options: Any) -> Progress:
    catalog = catalog or a_catalog()
    roadmap = parse_bytes(file.encode(), Path("roadmap.md"))
    return progress(roadmap, match(roadmap, catalog, {}), catalog, entries, NOW, **options)


def box(result: Progress, id: str) -> BoxProgress:
    return next(box for topic in result.topics for box in topic.boxes if box.box == id)


def states(result: Progress) -> dict[str, str]:
    return {box.box.split("/")[1]: box.state for topic in result.topics for box in topic.boxes}


KEYS = (passed("caching/a"), passed("caching/b", 2))
CACHING = (*KEYS, passed("caching/c", 3))


def test_nothing_done_yet() -> None:
    result = look()
    assert states(result) == {"keys": "open", "eviction": "open", "jobs": "open", "retries": "not provable yet"}
    assert (result.ticks, result.held) == ((), ())
    assert box(result, "caching/keys").minutes_left == 40


def test_a_box_is_proven_by_all_its_core_labs() -> None:
    assert states(look(passed("caching/a")))["keys"] == "open"
    result = look(*KEYS)
    assert states(result)["keys"] == "proven"
    assert result.ticks == (1,)
    assert box(result, "caching/keys").minutes_left == 0
    assert [lab.lab for lab in box(result, "caching/keys").labs if lab.proven] == ["caching/a", "caching/b"]


def test_the_order_of_entries_does_not_matter() -> None:
    entries = [*CACHING, entry("untick", 9, box="caching/keys"), passed("caching/a", 10), passed("mq/d", 4)]
    expected = look(*entries)
    for seed in range(5):
        random.Random(seed).shuffle(entries)
        assert look(*entries) == expected


def test_only_passed_receipts_of_a_known_format_count() -> None:
    result = look(
        passed("caching/a", verdict="failed"),
        passed("caching/b", format=2),
        entry("receipt", 1, lab="caching/c"),
        entry("applause", 1, lab="caching/c"),
        LedgerEntry(kind="receipt", at="yesterday", prev="", body=passed("caching/c").body),
    )
    assert set(states(result).values()) == {"open", "not provable yet"}
    assert result.ticks == ()


def test_a_box_ticked_by_hand_is_claimed_and_does_not_count_for_its_topic() -> None:
    file = FILE.replace("[ ] Eviction", "[x] Eviction").replace("[ ] Retries", "[X] Retries")
    result = look(*KEYS, file=file)
    assert states(result) == {"keys": "proven", "eviction": "claimed", "jobs": "open", "retries": "claimed"}
    assert result.ticks == (1,)


def test_the_topics_own_box_follows_its_boxes() -> None:
    assert look(*CACHING).ticks == (0, 1, 2)
    assert look(*CACHING, file=FILE.replace("  - [ ] Eviction\n", "")).ticks == (0, 1)


def test_an_open_line_of_the_learners_own_keeps_the_topic_open() -> None:
    own = FILE.replace("  - [ ] Eviction", "  - [ ] Read the book about it\n  - [ ] Eviction")
    assert look(*CACHING, file=own).ticks == (1, 3)
    assert look(*CACHING, file=own.replace("[ ] Read", "[x] Read")).ticks == (0, 1, 3)


def test_a_topic_with_a_box_that_cannot_be_proven_stays_open() -> None:
    assert look(passed("mq/d")).ticks == (4,)


def test_a_newer_revision_makes_the_box_due_and_keeps_its_tick() -> None:
    newer = a_catalog(c=a_lab("caching/c", "caching/eviction", revision=2))
    result = look(*CACHING, catalog=newer, file=FILE.replace("[ ]", "[x]"))
    eviction = box(result, "caching/eviction")
    assert (eviction.state, eviction.ticked, eviction.level) == ("due", True, "real")
    assert eviction.labs[0].due
    assert result.ticks == result.held == ()
    assert look(*CACHING, catalog=newer).ticks == (1,), "a due box is not ticked anew, nor its topic"
    assert states(look(*CACHING, passed("caching/c", revision=2), catalog=newer))["eviction"] == "proven"


def test_a_receipt_of_a_later_build_still_proves() -> None:
    assert states(look(passed("mq/d", revision=7)))["jobs"] == "proven"


def test_a_proof_grows_old_by_interval_or_by_entry() -> None:
    assert states(look(passed("mq/d", 1), interval=timedelta(days=10)))["jobs"] == "due"
    assert states(look(passed("mq/d", 28), interval=timedelta(days=10)))["jobs"] == "proven"
    for body in ({"lab": "mq/d"}, {"box": "mq/jobs"}):
        assert states(look(passed("mq/d", 1), entry("due", 2, **body)))["jobs"] == "due"
        assert states(look(passed("mq/d", 3), entry("due", 2, **body)))["jobs"] == "proven"


def test_a_missing_lab_of_a_due_box_makes_it_open_again() -> None:
    newer = a_catalog(a=a_lab("caching/a", "caching/keys", revision=2))
    assert states(look(passed("caching/a"), catalog=newer))["keys"] == "open"


def test_the_weakest_level_speaks_for_the_box() -> None:
    levels = (passed("caching/a", level="lite"), passed("caching/b", level="contract"))
    assert box(look(*levels), "caching/keys").level == "contract"
    assert box(look(*levels, passed("caching/b", level="real")), "caching/keys").level == "lite"
    assert box(look(passed("caching/a")), "caching/keys").level == ""


def test_a_tick_taken_away_by_hand_stays_away() -> None:
    untick = entry("untick", 9, box="caching/keys", after="digest")
    result = look(*CACHING, untick)
    assert states(result)["keys"] == "proven"
    assert result.held == (1,)
    assert result.ticks == (2,), "the topic does not follow while one of its boxes is held"
    assert look(*CACHING, passed("caching/b", 9), untick).held == (1,), "the proof of the same second was seen"
    assert look(*CACHING, untick, force=True).ticks == (0, 1, 2)
    assert look(*CACHING, untick, force=True).held == ()


def test_proving_again_ticks_again_until_it_is_taken_away_again() -> None:
    history = [*CACHING, entry("untick", 9, box="caching/keys"), passed("caching/b", 10)]
    assert look(*history).ticks == (0, 1, 2)
    history.append(entry("untick", 11, box="caching/keys"))
    assert look(*history).held == (1,)
    assert look(*history, passed("caching/c", 12)).held == (1,), "another box's proof does not count"


def test_a_topics_own_tick_can_be_taken_away_too() -> None:
    file = FILE.replace("[ ] Keys", "[x] Keys").replace("[ ] Eviction", "[x] Eviction")
    untick = entry("untick", 9, box="caching")
    result = look(*CACHING, untick, file=file)
    assert (result.ticks, result.held) == ((), (0,))
    assert look(*CACHING, untick, passed("caching/c", 10), file=file).ticks == (0,)


def test_what_was_ticked_before_and_would_be_again_was_unticked_by_hand() -> None:
    result = look(*CACHING)
    assert unticked_by_hand(result, {"caching", "caching/keys", "mq/jobs"}) == ("caching", "caching/keys")
    assert unticked_by_hand(look(*CACHING, entry("untick", 9, box="caching/keys")), {"caching/keys"}) == ()


def test_boxes_that_are_not_in_the_file_come_last_and_are_never_ticked() -> None:
    result = look(*CACHING, passed("mq/d"), file="- [ ] **Queues**\n  - [ ] Jobs\n")
    assert [topic.topic for topic in result.topics] == ["mq", "caching"]
    assert result.ticks == (1,)
    assert (box(result, "caching/keys").state, box(result, "caching/keys").item) == ("proven", None)


@pytest.mark.parametrize(
    ("entries", "lab", "words"),
    [
        ((), "caching/a", '"Keys" in Caching'),
        ((passed("caching/a"),), "caching/b", 'You have begun Caching; this lab is missing for "Keys"'),
        ((passed("mq/d"),), "caching/a", "next open box"),
        ((entry("hint", 1, lab="mq/d", rung=1),), "mq/d", "You have begun Queues"),
        (CACHING, "mq/d", '"Jobs" in Queues'),
        ((*CACHING, passed("mq/d")), "caching/deep", "goes deeper"),
        ((*CACHING, passed("mq/d"), passed("caching/deep")), "", ""),
        ((*CACHING, entry("due", 9, box="caching/eviction")), "caching/c", "due again"),
    ],
)
def test_the_next_lab_and_why(entries: tuple[LedgerEntry, ...], lab: str, words: str) -> None:
    result = look(*entries)
    assert result.next_lab == lab
    assert words in result.next_why


def test_advice_follows_the_learners_own_order() -> None:
    assert look(file="- [ ] Queues\n  - [ ] Jobs\n- [ ] Caching\n  - [ ] Keys\n").next_lab == "mq/d"


def test_what_a_lab_builds_on_comes_first() -> None:
    catalog = a_catalog(a=a_lab("caching/a", "caching/keys", needs=("mq/d", "not/shipped")))
    assert look(catalog=catalog).next_lab == "mq/d"
    assert "caching/a builds on it" in look(catalog=catalog).next_why
    assert look(passed("mq/d"), entry("hint", 1, lab="caching/a"), catalog=catalog).next_lab == "caching/a"


def test_prerequisites_in_a_circle_do_not_hang() -> None:
    catalog = a_catalog(
        a=a_lab("caching/a", "caching/keys", needs=("caching/b",)),
        b=a_lab("caching/b", "caching/keys", needs=("caching/a",)),
    )
    assert look(catalog=catalog).next_lab in ("caching/a", "caching/b")


def test_hand_made_ticks_are_proposed_after_open_boxes() -> None:
    file = FILE.replace("[ ]", "[x]").replace("[x] Jobs", "[ ] Jobs")
    assert look(file=file).next_lab == "mq/d"
    result = look(passed("mq/d"), file=file)
    assert result.next_lab == "caching/a"
    assert "ticked by hand" in result.next_why
