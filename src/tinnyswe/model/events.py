"""What happens in a run, in order. Terminal, page and evidence writer read the same stream (design §2)."""

from __future__ import annotations

import msgspec

from tinnyswe.model.base import Record
from tinnyswe.model.failure import Failure
from tinnyswe.model.verdict import Outcome


class Event(Record, frozen=True, kw_only=True, tag_field="event"):
    """at: seconds since the run began."""

    at: float


class EngineUsed(Record, frozen=True, kw_only=True):
    """One engine of a run, as it will stand in the receipt."""

    role: str
    kind: str
    version: str
    level: str  # real | lite | contract
    binary_sha256: str = ""


class RunStarted(Event, frozen=True, kw_only=True, tag="run-started"):
    lab: str
    seed: int
    practice: bool
    checks: tuple[str, ...]
    tier: str


class EngineReady(Event, frozen=True, kw_only=True, tag="engine-ready"):
    engine: EngineUsed
    seconds: float


class CopyReady(Event, frozen=True, kw_only=True, tag="copy-ready"):
    """A copy of the learner's program answers."""

    copy: str
    seconds: float


class CheckStarted(Event, frozen=True, kw_only=True, tag="check-started"):
    check: str
    title: str


class FaultDone(Event, frozen=True, kw_only=True, tag="fault"):
    """A fault was injected. kind as in FaultNote, plus "release", "restart", "freeze", "thaw"."""

    check: str
    kind: str
    target: str = ""
    position: int | None = None
    request: str = ""
    detail: str = ""


class RequestSeen(Event, frozen=True, kw_only=True, tag="request"):
    """A request between a copy and an engine (or between the grader and a copy: role "http")."""

    check: str
    copy: str
    role: str
    text: str
    position: int | None = None


class Note(Event, frozen=True, kw_only=True, tag="note"):
    """One sentence a reader of the timeline wants: a cap reached, a position repeated."""

    check: str
    text: str


class CheckResult(Record, frozen=True, kw_only=True):
    check: str
    outcome: Outcome
    seconds: float = 0.0
    failures: tuple[Failure, ...] = ()
    reason: str = ""  # why not_run, or what broke when it is our error
    self_reported: tuple[str, ...] = ()  # figures counted inside the sandbox


class CheckFinished(Event, frozen=True, kw_only=True, tag="check-finished"):
    result: CheckResult


class WorldKept(Event, frozen=True, kw_only=True, tag="world-kept"):
    """The checks are over and the world stays up, as asked for, until the reader wants the next event.

    urls: of each copy that runs. What the copies were started with is in `KEPT` in the scratch folder: it has secrets.
    """

    urls: dict[str, str]


KEPT = "kept.json"


class RunFinished(Event, frozen=True, kw_only=True, tag="run-finished"):
    outcome: Outcome
    reason: str = ""


AnyEvent = (
    RunStarted
    | EngineReady
    | CopyReady
    | CheckStarted
    | FaultDone
    | RequestSeen
    | Note
    | CheckFinished
    | WorldKept
    | RunFinished
)

_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def decode_event(line: bytes) -> AnyEvent:
    """Decode one line of events.jsonl; raises msgspec.ValidationError on an event of a newer build."""
    return _decoder.decode(line)
