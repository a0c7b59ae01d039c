"""No password of an engine is kept or shown, whatever the learner's program does with it."""

from __future__ import annotations

import urllib.parse

import msgspec
import pytest

from integration.run.throwaway import SERVE, left_of, make_lab, make_plan, place, run_here
from tinnyswe.model.base import to_json
from tinnyswe.model.lab import EngineNeed
from tinnyswe.model.verdict import Outcome

# Tells its DSN to the log, in an answer, and to the engine as a value.
GOSSIP = (
    SERVE
    + """
import base64, urllib.parse
dsn = os.environ["VALKEY_URL"]
where = urllib.parse.urlsplit(dsn)
password = where.password
print("connecting to", dsn, flush=True)
print("in base64", base64.b64encode(password.encode()).decode(), flush=True)

def answer(method, path, body):
    with socket.create_connection((where.hostname, where.port)) as link:
        link.sendall(f"AUTH {password}\\r\\nSET dsn {dsn}\\r\\n".encode())
        link.recv(100)
    return ok(dsn)
serve(answer)
"""
)
CHECKS = """
from pathlib import Path

def test_c1_asks(app, valkey, expect):
    secrets = valkey.secrets
    Path(FILE).write_text("\\n".join(secrets))
    reply = app.a.get("/x")
    assert any(secret in reply.text for secret in secrets)
    expect(reply.text, code="wrong", why="It says nothing.").equals("")
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[bytes], dict[str, str]]:
    """Secrets, events as they were written, and the logs by name."""
    secrets = tmp_path_factory.mktemp("passwords") / "secrets"
    with place() as folder:
        lab = make_lab(folder / "lab", CHECKS.replace("FILE", repr(str(secrets))), engines={"valkey": EngineNeed()})
        plan = make_plan(folder, lab, GOSSIP)
        came_to = run_here(plan)
        assert left_of(plan) == []
        logs = {log.name: log.read_text() for log in (plan.scratch / "logs").iterdir()}
    assert came_to.outcomes == {"C1": Outcome.FAILED}, came_to.finished
    return secrets.read_text().split(), [to_json(event) for event in came_to.events], logs


def test_no_event_holds_one(told: tuple[list[str], list[bytes], dict[str, str]]) -> None:
    secrets, events, _ = told
    assert len(secrets) == 2
    written = b"\n".join(events).decode()
    assert not [secret for secret in secrets if secret in written or urllib.parse.quote(secret) in written]


def test_what_is_told_says_that_something_was_taken_out(told: tuple[list[str], list[bytes], dict[str, str]]) -> None:
    _, events, logs = told
    decoded = [msgspec.json.decode(event) for event in events]
    requests = [event["text"] for event in decoded if event["event"] == "request"]
    assert any(text.startswith("SET dsn redis://:[redacted]@127.0.0.1:") for text in requests)
    (failure,) = next(e["result"]["failures"] for e in decoded if e["event"] == "check-finished")
    assert failure["observed"].startswith("redis://:[redacted]@")
    assert any("SET dsn redis://:[redacted]@" in line for line in failure["trace"])
    (tail,) = failure["logs"]
    assert tail["lines"][0].startswith("connecting to redis://:[redacted]@")
    assert tail["lines"][1] == "in base64 [redacted]"
    assert logs["copy-a.log"].startswith("connecting to redis://:[redacted]@")


def test_no_log_that_is_kept_holds_one(told: tuple[list[str], list[bytes], dict[str, str]]) -> None:
    secrets, _, logs = told
    assert {"copy-a.log"} < logs.keys()
    assert not [name for name, text in logs.items() if any(secret in text for secret in secrets)]
