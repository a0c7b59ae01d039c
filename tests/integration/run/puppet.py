"""A program that does to Valkey what each request tells it, one connection a request; and the world around it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from integration.run.throwaway import SECONDS, left_of, make_lab, make_plan, place
from tinnyswe.labkit import Copy, Reply
from tinnyswe.model.events import AnyEvent, CopyReady, FaultDone, Note, RequestSeen
from tinnyswe.model.lab import CheckSpec, EngineNeed
from tinnyswe.run.world import RunWorld

CHECK = CheckSpec(id="C1", title="by hand", shares_world=True)

# POST /do {"steps": [...]}: each step is a command of Valkey as a list of words, or an object:
# {"send": command}: sent on a connection of its own, and nothing waits for it longer than 0.4 s
# {"poll": key}: GET it until it is there · {"rest": key}: if it is not there, wait for POST /wake · {"spin": key}: the
# same, busily
PUPPET = """
import json, os, socket, threading, urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = urllib.parse.urlsplit(os.environ["VALKEY_URL"])
awake = threading.Event()
lock = threading.Lock()
now = most = 0

class Valkey:
    def __init__(self):
        self.link = socket.create_connection((HERE.hostname, HERE.port))
        self.said = self.link.makefile("rb")
        self("AUTH", HERE.password)
    def __enter__(self):
        return self
    def __exit__(self, *_):
        self.said.close()
        self.link.close()
    def send(self, *words):
        self.link.sendall(f"*{len(words)}\\r\\n".encode())
        for word in words:
            self.link.sendall(f"${len(word.encode())}\\r\\n{word}\\r\\n".encode())
    def __call__(self, *words):
        self.send(*words)
        return self.read()
    def read(self):
        line = self.said.readline()
        if not line:
            raise ConnectionError("the engine hung up")
        kind, rest = line[:1], line[1:-2].decode()
        if kind == b"$":
            return None if rest == "-1" else self.said.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return None if rest == "-1" else [self.read() for _ in range(int(rest))]
        return int(rest) if kind == b":" else rest

def take(step, valkey):
    if isinstance(step, list):
        return valkey(*step)
    (what, about), = step.items()
    if what == "send":
        with Valkey() as other:
            other.send(*about)
            other.link.settimeout(0.4)
            try:
                return other.read()
            except TimeoutError:
                return "nothing"
    if what == "poll":
        while valkey("GET", about) is None:
            pass
    elif valkey("GET", about) is None:
        awake.clear()
        while not awake.is_set():
            awake.wait(0 if what == "spin" else 60)
    return "done"

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        global now, most
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with lock:
            now += 1
            most = max(most, now)
        status, said = 200, []
        try:
            if self.path == "/wake":
                awake.set()
            elif self.path == "/meet":
                threading.Event().wait(0.05)
            else:
                with Valkey() as valkey:
                    said = [take(step, valkey) for step in body["steps"]]
        except OSError as problem:
            status, said = 500, [str(problem)]
        with lock:
            now -= 1
        self.answer(status, said)
    def do_GET(self):
        self.answer(200, most)
    def answer(self, status, said):
        data = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def log_message(self, *_):
        pass

class Server(ThreadingHTTPServer):
    request_queue_size = 64

Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


class Stage:
    """A running world with two puppets and a Valkey."""

    def __init__(self, world: RunWorld, events: list[AnyEvent]) -> None:
        self.world = world
        self.events = events
        self.app = world.app
        self.net = world.net
        self.valkey = world.roles["valkey"]

    @property
    def client(self) -> Any:
        return self.valkey.client()

    def notes(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Note)]

    def faults(self) -> list[tuple[str, int | None, str]]:
        """Kind, position and request of every fault so far."""
        return [(e.kind, e.position, e.request) for e in self.events if isinstance(e, FaultDone)]

    def seen(self) -> list[RequestSeen]:
        return [event for event in self.events if isinstance(event, RequestSeen)]

    def starts(self) -> int:
        return sum(isinstance(event, CopyReady) for event in self.events)

    def parked(self) -> list[str]:
        return [proxy.parked.text for proxy in self.valkey.proxies.values() if proxy.parked is not None]


def does(*steps: Any, timeout: float | None = None) -> Callable[[Copy], Reply]:
    """A call that makes a puppet take these steps."""
    return lambda copy: copy.post("/do", {"steps": list(steps)}, timeout=timeout)


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    with place() as folder:
        lab = make_lab(folder / "lab", "", entry={"copies": 2}, engines={"valkey": EngineNeed()}, specs=[CHECK])
        with running(folder, lab, PUPPET) as made:
            yield made


@contextlib.contextmanager
def running(folder: Path, lab: Any, program: str) -> Iterator[Stage]:
    plan = msgspec.structs.replace(make_plan(folder, lab, program), run_seconds=600.0)
    events: list[AnyEvent] = []
    world = RunWorld(plan, events.append)
    try:
        world.start()
        world.begin(CHECK, seconds=SECONDS)
        yield Stage(world, events)
    finally:
        world.close()
    assert left_of(plan) == []
