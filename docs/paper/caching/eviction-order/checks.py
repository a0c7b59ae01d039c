"""The checks of caching/eviction-order, on paper: written against labkit, not run.

An experiment declares how a question's parameters are drawn, how its truth is measured, and how each wrong belief
answers; labkit's kit (K8) does the rest: draw a pool, pick until every belief is wrong twice, ask, measure again.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from tinnyswe.labkit import Answers, EngineHandle, Expect, Experiment, Question

POLICIES = ("allkeys-lru", "volatile-lru", "volatile-ttl")
KEYS = 40
NEW = 12

experiment = Experiment(questions=8)  # as lab.toml says; the catalogue compares the two


def table(rng: random.Random) -> list[dict[str, Any]]:
    """Forty keys with distinct idle times (s), counters and TTLs (s); every third has no TTL, the oldest has none."""
    idle, ttl = rng.sample(range(100, 4000, 37), KEYS), rng.sample(range(500, 9000, 61), KEYS)
    rows: list[dict[str, Any]] = [
        {"key": f"k{i}", "idle": idle[i], "freq": rng.randrange(1, 200), "ttl": 0 if i % 3 == 0 else ttl[i]}
        for i in range(KEYS)
    ]
    max(rows, key=lambda row: row["idle"])["ttl"] = 0
    return rows


@experiment.question("victims", pool=60)
def victims(rng: random.Random) -> Question:
    """Which key does the server evict first?"""
    policy = rng.choice(POLICIES)
    return Question(
        ask=f"Under {policy}: which of these keys goes first?",
        parameters={"policy": policy, "rows": table(rng)},
        answer="name",
    )


@experiment.question("newcomer", pool=20)
def newcomer(rng: random.Random) -> Question:
    """How many of twelve new keys are still there under LFU?"""
    return Question(
        ask=f"Under allkeys-lfu, after {NEW} new keys: how many of them are left?",
        parameters={"policy": "allkeys-lfu", "rows": table(rng)},
        answer="number",
        tolerance=1,
    )


@experiment.question("full", pool=20)
def full(rng: random.Random) -> Question:
    """What does SET answer when nothing may be evicted?"""
    rows = [{**row, "ttl": 0} for row in table(rng)]
    return Question(
        ask="Under volatile-lru, no key has a TTL, memory is full: SET answers OK or OOM?",
        parameters={"policy": "volatile-lru", "rows": rows},
        answer="name",
    )


@experiment.truth
def measure(kind: str, parameters: Mapping[str, Any], valkey: EngineHandle) -> str | int:
    """Plant the table on the real server, press, and look. Two fresh runs must agree, or the question is dropped."""
    client = valkey.fresh().client()  # K9: another process of the same role, inside one check
    plant(client, parameters["rows"])
    client.config_set("maxmemory-policy", parameters["policy"])
    client.config_set("maxmemory", used(client))
    answers = [said(client, f"new{i}") for i in range(NEW)]
    left = {key.decode() for key in client.scan_iter()}
    if kind == "full":
        return answers[0]
    if kind == "newcomer":
        return sum(f"new{i}" in left for i in range(NEW))
    gone = [row["key"] for row in in_order(parameters) if row["key"] not in left]
    return str(gone[0]) if gone else "none"


@experiment.belief("M1")
def every_key(kind: str, parameters: Mapping[str, Any]) -> str | int | None:
    """volatile-lru looks at every key; None = answers like the truth."""
    if kind != "victims" or parameters["policy"] != "volatile-lru":
        return None
    return str(max(parameters["rows"], key=lambda row: row["idle"])["key"])


@experiment.belief("M2")
def newcomers_stay(kind: str, parameters: Mapping[str, Any]) -> str | int | None:
    """LFU keeps newcomers."""
    return NEW if kind == "newcomer" else None


@experiment.belief("M3")
def longest_first(kind: str, parameters: Mapping[str, Any]) -> str | int | None:
    """volatile-ttl takes the one that lives longest."""
    if kind != "victims" or parameters["policy"] != "volatile-ttl":
        return None
    return str(max(parameters["rows"], key=lambda row: row["ttl"])["key"])


@experiment.belief("M4")
def still_writes(kind: str, parameters: Mapping[str, Any]) -> str | int | None:
    """A full server with nothing to evict still writes."""
    return "OK" if kind == "full" else None


def test_c1_all_but_one(answers: Answers, expect: Expect) -> None:
    """Answer all but one of the questions as the real server does."""
    for question in answers.compared:  # truth measured again in this run; dropped ones are not in it
        expect.note(question.id, question.given, question.measured)  # K10: shown, also when the check passes
    wrong = [question.id for question in answers.compared if not question.right]
    expect(
        len(wrong),
        code="too-many-wrong",
        why=f"At most {answers.wrong_allowed} of {len(answers.compared)} may differ from the server.",
    ).at_most(answers.wrong_allowed)


def plant(client: Any, rows: list[dict[str, Any]]) -> None:
    client.flushall()
    client.set("pattern", b"x" * 512)
    dump = client.dump("pattern")
    client.delete("pattern")
    for row in rows:
        client.restore(row["key"], row["ttl"] * 1000, dump, idletime=row["idle"])


def used(client: Any) -> int:
    return int(client.info("memory")["used_memory"]) + 256


def said(client: Any, key: str) -> str:
    try:
        client.set(key, b"x" * 512)
    except Exception as refused:  # the client's own error class is not known to a check that imports no client
        return str(refused).split(" ", 1)[0]
    return "OK"


def in_order(parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    by = "ttl" if parameters["policy"] == "volatile-ttl" else "idle"
    return sorted(parameters["rows"], key=lambda row: row[by], reverse=by == "idle")
