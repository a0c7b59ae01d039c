"""The world a check drives: the learner's program, the network between it and its engines, and the engines.

These are Protocols. `tinnyswe.run` implements them; a check sees them as fixtures.
"""

from __future__ import annotations

import json as jsonlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, Protocol, TypeVar

import msgspec

T = TypeVar("T")

Settled = Literal["answered", "blocked", "polling", "idle", "clock"]
Doing = Literal["run", "kill", "warp", "cut"]
Positions = Literal["requests", "rows"]


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP answer of a copy. status 0 = no answer came (`unknown`): under a fault that is not a wrong answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}
    seconds: float = 0.0
    problem: str = ""  # why no answer came: "connection closed", "no answer in 5 s"

    @property
    def unknown(self) -> bool:
        return self.status == 0

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON; None when it is not JSON (compare it with `expect`, which then names the body)."""
        try:
            return jsonlib.loads(self.body)
        except (ValueError, RecursionError):  # the second for ten thousand brackets
            return None


class Copy(Protocol):
    """One running copy of the learner's program."""

    @property
    def name(self) -> str:
        """ "a", "b", ..."""

    @property
    def url(self) -> str:
        """Base URL, e.g. http://127.0.0.1:40123; a relay of the bench, so it survives a restart of the copy."""

    def request(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Reply:
        """Send one request and wait for its answer, at most `timeout` s (default: what is left of the check).

        Raises NoAnswer (verdict failed, code `no-answer`) when no fault is active and nothing came back;
        under an active fault it returns a Reply that is `unknown`.
        """

    def get(self, path: str, **options: Any) -> Reply:
        """`request("GET", ...)`; options are its headers and timeout."""

    def post(self, path: str, json: Any = None, **options: Any) -> Reply:
        """`request("POST", ...)`."""

    def put(self, path: str, json: Any = None, **options: Any) -> Reply:
        """`request("PUT", ...)`."""

    def delete(self, path: str, **options: Any) -> Reply:
        """`request("DELETE", ...)`."""

    def start(self) -> None:
        """Start it and wait until it serves; a no-op when it runs."""

    def kill(self) -> None:
        """SIGKILL its whole process tree."""

    def restart(self) -> None:
        """Kill it, start it again, wait until it serves."""

    def freeze(self) -> None:
        """Stop every process of its tree."""

    def thaw(self) -> None:
        """Let a frozen tree run again."""

    def log(self, lines: int = 20) -> tuple[str, ...]:
        """The last lines it wrote to stdout and stderr."""


class App(Protocol):
    """The copies of the learner's program: `app.a`, `app.b`, `app["c"]`. A copy starts when first asked for."""

    @property
    def a(self) -> Copy:
        """The first copy."""

    @property
    def b(self) -> Copy:
        """The second copy."""

    @property
    def url(self) -> str:
        """Base URL of copy a."""

    def __getitem__(self, name: str) -> Copy:
        """The copy of this name; KeyError beyond the entry's `copies`."""

    def together(self, calls: Mapping[str, list[Callable[[Copy], T]]], *, per_copy: int = 8) -> list[T]:
        """Run the calls for each copy at once, at most `per_copy` in flight on each; results in the order given."""


class Pending(Protocol):
    """A request that was sent and may not have answered yet."""

    @property
    def reply(self) -> Reply:
        """The answer; waits for it. An unknown reply when it never came under the fault."""

    @property
    def answered(self) -> bool:
        """True once the answer is there."""

    @property
    def settled(self) -> Settled:
        """How it came to rest while the other copy was held."""

    @property
    def waited(self) -> bool:
        """True when it provably waited for the held copy: blocked in the engine, or the clock ran out."""

    @property
    def requests(self) -> int:
        """Engine requests its copy sent from the start of this call until it settled."""


class Race(Protocol):
    """One position of a race: A held before its k-th engine request (or row event)."""

    @property
    def k(self) -> int:
        """The position; 0 in the opening run of a series."""

    @property
    def hit(self) -> bool:
        """True when A is held at a position; False in the two sequential runs that open and close a series."""

    def fresh(self, make: Callable[[], T]) -> T:
        """Make this position's world (a new show, a new shift) and return what `make` returned."""

    def park(self, call: Callable[[Copy], Reply]) -> Pending:
        """Send A's request and hold A before position k; then do the series' thing (kill, warp, cut), if any."""

    def settle(self, call: Callable[[Copy], Reply]) -> Pending:
        """Send B's request and wait until it has answered, waits in the engine, polls, or is idle."""

    def probe(self, call: Callable[[Copy], Reply]) -> Reply:
        """Ask the copy that is not held, and wait for the answer."""

    def release(self) -> None:
        """Let A go on and wait until both have answered. A killed copy is running again afterwards."""


class Net(Protocol):
    """The network between the copies and their engines."""

    def races(
        self,
        role: str,
        *,
        first: str = "a",
        second: str = "b",
        do: Doing = "run",
        at: Positions = "requests",
        limit: int = 30,
    ) -> Iterator[Race]:
        """Yield one Race per position k = 1, 2, ... of copy `first`, until it answers without being held.

        do: "run" only holds A · "kill" kills A at the position · "warp" lets every TTL run out while A is held ·
        "cut" drops the reply of A's k-th request. at="rows": positions are A's row events inside its statements
        (gate triggers). The series opens with "B alone, then A" (which calibrates silence) and closes with
        "A alone, then B"; assertions must hold there too. A request that has not ended after `limit` positions fails
        with code `too-many-requests` (`restless` when background traffic took the places).
        Source of the method: docs/concepts/races.md.
        """

    def requests(self, role: str, copy: str) -> int:
        """Engine requests this copy has sent to `role` since its start."""

    def cut(self, role: str, copy: str) -> None:
        """Close this copy's connections to `role` now."""

    def partition(self, role: str, copy: str, *, blocked: bool = True) -> None:
        """Swallow bytes both ways between this copy and `role` (no FIN, no RST) until called with blocked=False."""


class EngineHandle(Protocol):
    """The grader's own view of one engine role; what is special to an engine is an attribute of its own."""

    @property
    def kind(self) -> str:
        """Engine id: "valkey", "postgres"."""

    @property
    def version(self) -> str:
        """Version of the server that runs."""

    def client(self) -> Any:
        """The grader's own client: redis.Redis for Valkey, an autocommit psycopg.Connection for Postgres."""

    def kill(self) -> None:
        """SIGKILL the server; what it promised to keep is on disk. The role needs an instance of its own."""

    def restart(self) -> None:
        """Start it again on the same data and address, and wait until it answers."""

    def freeze(self) -> None:
        """Stop every process of the server: connections stay open and nothing answers."""

    def thaw(self) -> None:
        """Let it run again."""
