"""A person's lines are found again however they are changed, and other people's lines are left alone."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinnyswe.catalog import load
from tinnyswe.catalog.matching import match, normalise
from tinnyswe.model.lab import Catalog
from tinnyswe.model.roadmap import Match, Roadmap
from tinnyswe.roadmap import default_roadmap, parse, parse_bytes

REPOSITORY = Path(__file__).parents[3]
FIXTURE = REPOSITORY / "tests/fixtures/roadmaps/study.md"
SHARED = REPOSITORY.parent / "shared/roadmap.md"
TOPICS, BOXES = 15, 66


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load([REPOSITORY / "curriculum"])


def read(text: str) -> Roadmap:
    return parse_bytes(text.encode(), Path("roadmap.md"))


def found(text: str, catalog: Catalog, remembered: dict[str, str] | None = None) -> dict[str, Match]:
    """Matches by the text of their items."""
    roadmap = read(text)
    return {roadmap.items[one.item].text: one for one in match(roadmap, catalog, remembered or {})}


def targets(text: str, catalog: Catalog) -> Counter[str]:
    return Counter(one.target for one in match(read(text), catalog, {}))


def everything(catalog: Catalog) -> Counter[str]:
    return Counter([*catalog.topics, *catalog.boxes])


@pytest.mark.parametrize(
    "path",
    [FIXTURE, pytest.param(SHARED, marks=pytest.mark.skipif(not SHARED.exists(), reason="a copy is in fixtures"))],
    ids=["fixture", "shared"],
)
def test_the_roadmap_is_recognised_without_any_help(path: Path, catalog: Catalog) -> None:
    roadmap = parse(path)
    matches = match(roadmap, catalog, {})
    assert {one.how for one in matches} == {"exact"}
    assert Counter(one.target for one in matches) == everything(catalog)
    assert sum(one.target in catalog.topics for one in matches) == TOPICS
    assert sum(one.target in catalog.boxes for one in matches) == BOXES
    for one in matches:
        parent = roadmap.items[one.item].parent
        assert parent is None or matches[parent].target == one.target.split("/")[0]


def test_the_default_roadmap_is_recognised_too(catalog: Catalog) -> None:
    assert targets(default_roadmap(catalog).decode(), catalog) == everything(catalog)


def blocks(text: str) -> list[list[str]]:
    """The topics with their boxes, without what stands between them."""
    result: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("- ["):
            result.append([line])
        elif line.startswith("  - ["):
            result[-1].append(line)
    return result


def recased(line: str, rng: random.Random) -> str:
    return rng.choice([line, line.upper(), line.lower(), line.title()])


def repunctuated(line: str, rng: random.Random) -> str:
    marker, text = re.fullmatch(r"(\s*- \[.\] )(.*)", line, re.DOTALL).groups()  # type: ignore[union-attr]
    text = re.sub(r"[*`]", "", text)
    text = re.sub(r"[,.;:()/&+-]", lambda sign: rng.choice([sign[0], f" {sign[0]} "]), text)
    text = rng.choice(
        ["{}", "{}.", "**{}**", "_{}_", "\U0001f4e6 {}", "\uf8ff\u00fc\u00ec\u00b6 {}", "3. {} \u2705"]
    ).format(text)
    return marker + text.replace("&", rng.choice(["&", "and", "&amp;"]))


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=False), st.data())
def test_moved_recased_reindented_lines_are_found_again(rng: random.Random, data: st.DataObject) -> None:
    catalog = load_once()
    topics = blocks(FIXTURE.read_text())
    if data.draw(st.booleans(), label="topics in another order"):
        rng.shuffle(topics)
    if data.draw(st.booleans(), label="boxes in another order"):
        topics = [[topic, *rng.sample(boxes, len(boxes))] for topic, *boxes in topics]
    if data.draw(st.booleans(), label="boxes below other topics"):
        moved = [topics[at].pop(rng.randrange(1, len(topics[at]))) for at in rng.sample(range(len(topics)), 5)]
        for line in moved:
            rng.choice(topics).append(line)
    lines = [line for block in topics for line in block]
    if data.draw(st.booleans(), label="case"):
        lines = [recased(line, rng) for line in lines]
    if data.draw(st.booleans(), label="punctuation"):
        lines = [repunctuated(line, rng) for line in lines]
    indent = data.draw(st.sampled_from(["  ", "    ", "\t", "   ", "", "> "]), label="indentation")
    lines = [re.sub("^  ", indent, line) for line in lines]
    assert targets("\n".join(lines), catalog) == everything(catalog)


_loaded: list[Catalog] = []


def load_once() -> Catalog:
    """For hypothesis, which repeats a test within one fixture."""
    _loaded.extend([load([REPOSITORY / "curriculum"])] if not _loaded else [])
    return _loaded[0]


REWORDED = [
    ("Docker", "Containers vs VMs", "docker/containers-vs-vms"),
    ("Docker", "Multi-service setups with docker compose", "docker/compose"),
    ("Docker", "Optimise Docker images: layers and base images", "docker/image-optimization"),
    ("Caching (Redis)", "Key-value fundamentals", "caching/key-value-basics"),
    ("Caching", "Sessions & query caching with Redis", "caching/sessions-and-query-caching"),
    ("Caching", "Data structures: sets, lists, hashes, pub-sub", "caching/data-structures"),
    ("Database Internals", "Know the ACID properties", "dbi/acid"),
    ("Database Internals", "Indexes: hash & B-Trees", "dbi/indexes"),
    ("DDIA", "Stream vs. batch processing", "ddia/batch-vs-stream"),
    ("Data Streaming", "Know the differences between stream and batch", "streaming/batch-vs-stream"),
    ("Message Queue", "Retries, backpressure and DLQs", "mq/retries-backpressure-dlq"),
    ("Learn Kubernetes", "Helm charts for templates", "kubernetes/helm"),
    ("DSA", "Sorting algorithms: quick, merge, heap", "dsa/sorting"),
    ("Microservices", "The CAP theorem and its trade-offs", "microservices/cap"),
]


@pytest.mark.parametrize(("topic", "text", "target"), REWORDED)
def test_reworded_lines_are_found_again(topic: str, text: str, target: str, catalog: Catalog) -> None:
    assert found(f"- [ ] {topic}\n  - [ ] {text}\n", catalog)[text].target == target


FOREIGN = {
    "Docker": [
        "Install Docker",
        "Docker Swarm",
        "Push images to a registry",
        "Docker security scanning",
        "Container registries",
    ],
    "Caching": ["Redis Cluster", "Lua scripts", "CDN caching", "Memcached vs Redis", "HTTP caching headers"],
    "Database Internals": [
        "Write-ahead log",
        "Learn SQL joins",
        "Backups",
        "Connection pooling",
        "Database migrations",
    ],
    "DSA": ["Dynamic programming", "Greedy algorithms", "Segment trees", "Topological sort", "String algorithms"],
    "Kubernetes": ["Ingress", "RBAC", "Operators", "Service mesh", "Persistent volumes", "Jobs and CronJobs"],
    "Message Queues": ["Install RabbitMQ", "NATS", "Ordering guarantees", "Idempotent consumers"],
    "Data Streaming": ["Flink", "Spark Streaming", "Kafka Connect", "Watermarks"],
    "DDIA": ["Data models", "Encoding and evolution", "Storage and retrieval", "Consensus", "Stream vs table"],
    "Async (Python asyncio)": ["async generators", "asyncio.Queue", "uvloop", "asyncio streams"],
    "Terraform": ["Terraform Cloud", "Providers", "Workspaces", "Variables and outputs"],
}


@pytest.mark.parametrize(("topic", "text"), [(topic, text) for topic, texts in FOREIGN.items() for text in texts])
def test_other_matter_of_the_same_topic_is_not_taken(topic: str, text: str, catalog: Catalog) -> None:
    result = found(f"- [ ] {topic}\n  - [ ] {text}\n", catalog)
    assert result[topic].target
    assert result[text].target == ""


def test_anybodys_check_list_stays_unknown(catalog: Catalog) -> None:
    text = """\
# Moving house
- [ ] Kitchen
  - [ ] Pack the stack of plates
  - [x] Sort the queue of parcels (heap!)
- [ ] Learn French
  - [ ] Basics
  - [ ] \u6c34\u3092\u98f2\u3080
- [ ] \U0001f4e6
- [ ] Frontend
  - [ ] React hooks and state management
  - [ ] Testing & deployment
  - [ ] Understand the event delegation model
"""
    assert {one.how for one in match(read(text), catalog, {})} == {"unknown"}


BATCH_DDIA, BATCH_STREAMING = "Batch vs stream processing", "Learn difference between batch vs stream"
WORDINGS = {
    "ddia/batch-vs-stream": [
        BATCH_DDIA,
        "BATCH VS. STREAM PROCESSING",
        "Batch versus stream processing",
        "Stream vs batch processing",
        "Batch & stream processing",
        "Understand batch and stream processing",
    ],
    "streaming/batch-vs-stream": [
        BATCH_STREAMING,
        "learn difference between Batch vs. Stream!",
        "Difference between batch and stream",
        "Know the differences between stream and batch",
        "Batch vs stream: the difference",
    ],
}


@pytest.mark.parametrize("place", ["Data Streaming", "DDIA", "Microservices", "My own list"])
@pytest.mark.parametrize(("target", "text"), [(target, text) for target, texts in WORDINGS.items() for text in texts])
def test_batch_vs_stream_is_never_taken_for_its_twin(place: str, target: str, text: str, catalog: Catalog) -> None:
    twin = ({*WORDINGS} - {target}).pop()
    alone = found(f"- [ ] {place}\n  - [ ] {text}\n", catalog)[text]
    beside = found(f"- [ ] {place}\n  - [ ] {text}\n  - [ ] {WORDINGS[twin][0]}\n", catalog)
    assert alone.target in (target, "")
    assert beside[text].target in (target, "")
    assert beside[WORDINGS[twin][0]].target == twin
    if normalise(text) == normalise(WORDINGS[target][0]):
        assert alone.target == target, "the exact text is found wherever it stands"


def test_the_twins_swapped_are_both_found(catalog: Catalog) -> None:
    text = f"- [ ] **Data Streaming**\n  - [ ] {BATCH_DDIA}\n- [ ] **DDIA**\n  - [ ] {BATCH_STREAMING}\n"
    result = found(text, catalog)
    assert result[BATCH_DDIA].target == "ddia/batch-vs-stream"
    assert result[BATCH_STREAMING].target == "streaming/batch-vs-stream"


def test_a_translated_line_is_found_by_its_pin(catalog: Catalog) -> None:
    result = found(
        "- [ ] Zwischenspeicher <!-- tinny: caching -->\n"
        "  - [ ] Grundlagen <!-- tinny: caching/key-value-basics -->\n"
        "  - [ ] Learn data structures: lists, sets, pub/sub\n",
        catalog,
    )
    assert [(one.how, one.target) for one in result.values()] == [
        ("pin", "caching"),
        ("pin", "caching/key-value-basics"),
        ("exact", "caching/data-structures"),
    ]


def test_a_pin_is_stronger_than_the_text(catalog: Catalog) -> None:
    result = found(
        "- [ ] Learn ACID properties <!-- tinny: dbi/mvcc -->\n- [ ] Learn MVCC (Postgres concurrency)\n", catalog
    )
    first, second = result.values()
    assert (first.how, first.target) == ("pin", "dbi/mvcc")
    assert (second.how, second.target, second.candidates) == ("unknown", "", ("dbi/mvcc",))


def test_a_mistyped_pin_is_reported_with_what_is_near(catalog: Catalog) -> None:
    (one,) = found("- [ ] Learn ACID properties <!-- tinny: dbi/acdi -->\n", catalog).values()
    assert (one.how, one.target) == ("unknown", "")
    assert one.candidates[0] == "dbi/acid"


def test_an_answer_in_the_ledger_is_remembered_whatever_the_markup(catalog: Catalog) -> None:
    remembered = {
        normalise("Grundlagen"): "caching/key-value-basics",
        normalise("Helm"): "",
        normalise("x"): "gone/box",
    }
    result = found("- [ ] **Grundlagen!**\n- [ ] Kubernetes\n  - [ ] Helm\n  - [ ] x\n", catalog, remembered)
    assert (result["Grundlagen!"].how, result["Grundlagen!"].target) == ("ledger", "caching/key-value-basics")
    assert (result["Helm"].how, result["Helm"].candidates) == ("unknown", ()), "answered with none: not asked again"
    assert result["x"].how == "unknown"


def test_of_two_remembered_lines_the_one_in_its_own_topic_is_meant(catalog: Catalog) -> None:
    remembered = {normalise("Grundlagen"): "caching/key-value-basics"}
    text = "- [ ] Docker\n  - [ ] Grundlagen\n- [ ] Caching\n  - [ ] Grundlagen\n"
    assert [one.target for one in match(read(text), catalog, remembered)] == [
        "docker",
        "",
        "caching",
        "caching/key-value-basics",
    ]


def test_what_is_less_than_clear_is_asked(catalog: Catalog) -> None:
    one = found("- [ ] Database Internals\n  - [ ] Isolation levels\n", catalog)["Isolation levels"]
    assert (one.how, one.target, one.candidates[0]) == ("ambiguous", "", "dbi/isolation")


def test_two_equal_lines_are_both_asked_about(catalog: Catalog) -> None:
    matches = match(read("- [ ] DBs\n  - [ ] Learn ACID properties\n  - [ ] learn acid properties\n"), catalog, {})
    assert [(one.how, one.candidates) for one in matches[1:]] == [("ambiguous", ("dbi/acid",))] * 2


def test_the_line_in_its_own_topic_wins_over_a_copy_elsewhere(catalog: Catalog) -> None:
    text = "- [ ] Today\n  - [ ] Learn ACID properties\n- [ ] Database Internals\n  - [ ] Learn ACID properties\n"
    matches = match(read(text), catalog, {})
    assert [one.target for one in matches] == ["", "", "dbi", "dbi/acid"]


def test_of_two_alike_lines_the_clearly_better_one_is_taken(catalog: Catalog) -> None:
    clear = found("- [ ] DDIA\n  - [ ] Replication & partitioning\n  - [ ] Replication and partitions\n", catalog)
    assert clear["Replication & partitioning"].target == "ddia/replication-and-partitioning"
    assert clear["Replication and partitions"].target == ""
    unclear = found("- [ ] Docker\n  - [ ] Volumes, networks, logs\n  - [ ] logs + networks + volumes\n", catalog)
    assert [one.how for one in unclear.values()] == ["exact", "ambiguous", "ambiguous"]


def test_boxes_below_a_heading_or_in_a_flat_list_are_found(catalog: Catalog) -> None:
    text = "## Caching (Redis)\n- [ ] Key-value fundamentals!\n\n## Other\n- [ ] Learn ACID properties\n- [ ] Big O\n"
    assert [one.target for one in found(text, catalog).values()] == [
        "caching/key-value-basics",
        "dbi/acid",
        "dsa/big-o",
    ]


def test_a_topic_one_level_down_is_found(catalog: Catalog) -> None:
    text = "- [ ] Backend\n  - [ ] **Caching (Redis)**\n    - [ ] Learn key-value basics\n  - [ ] Docker\n"
    result = found(text, catalog)
    assert result["Caching (Redis)"].target == "caching"
    assert result["Learn key-value basics"].target == "caching/key-value-basics"
    assert result["Docker"].target == "", "a line with nothing below it, below another, is no topic"


def test_no_target_is_given_twice_however_lines_repeat(catalog: Catalog) -> None:
    text = FIXTURE.read_text()
    given = Counter(one.target for one in match(read(text + "\n" + text), catalog, {}) if one.target)
    assert not given or max(given.values()) == 1


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("\U0001f433 **Docker**", "docker"),
        ("\u201a\u00fa\u00d6 Done", "done"),  # a check mark, UTF-8 read as Mac Roman
        ("\u00f0\u0178\u201c\u00a6 Docker", "docker"),  # a parcel, UTF-8 read as Windows-1252
        ("Learn [ACID](https://example.org) properties \u2705 2024-05-01", "learn acid properties"),
        ("Use `docker-compose`", "use docker compose"),
        ("Replication &amp; partitioning", "replication and partitioning"),
        ("2. Don\u2019t panic", "dont panic"),
        ("Caf\u00e9 / cafe\u0301", "cafe cafe"),
        ("C++ and C#", "c++ and c#"),
        (
            "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440!",
            "\u043f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440",
        ),
        ("stra\u00dfe <!-- tinny: a/b --> STRASSE", "strasse strasse"),
        ("\U0001f4e6 !", ""),
        ("", ""),
    ],
)
def test_normalise(text: str, normal: str) -> None:
    assert normalise(text) == normal


@given(st.text(max_size=40))
def test_what_is_left_of_any_text_are_words(text: str) -> None:
    assert re.fullmatch(r"(?:\w+(?:\+\+|#)?(?: |$))*", normalise(text))


def test_time_grows_with_the_lines_and_no_faster(catalog: Catalog) -> None:
    """20,000 foreign lines took 0.7 s on the machine it was written on."""

    def seconds(start: int, lines: int) -> float:  # no line twice: normalised texts are remembered
        own = (
            f"- [ ] topic {at}\n  - [ ] thing {at} of the list\n  - [ ] more {at}" for at in range(start, start + lines)
        )
        roadmap = read("- [ ] **Docker**\n  - [ ] Swarm\n" + "\n".join(own))
        before = time.process_time()
        match(roadmap, catalog, {})
        return time.process_time() - before

    assert seconds(10_000, 7_000) < 40 * min(seconds(start, 700) for start in (0, 1_000, 2_000))
