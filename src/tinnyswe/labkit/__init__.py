"""The author's API: what a lab's checks.py may use. Public, documented, versioned."""

from tinnyswe.labkit.expectations import CheckFailed, Expect, Expectation, plain
from tinnyswe.labkit.waiting import NoAnswer, until
from tinnyswe.labkit.world import App, Copy, EngineHandle, Net, Pending, Race, Reply

LABKIT = 1

__all__ = [
    "LABKIT",
    "App",
    "CheckFailed",
    "Copy",
    "EngineHandle",
    "Expect",
    "Expectation",
    "Net",
    "NoAnswer",
    "Pending",
    "Race",
    "Reply",
    "plain",
    "until",
]
