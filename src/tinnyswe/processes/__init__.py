"""Processes under a minder, and the leases that let any later command clean up after a crash."""

from __future__ import annotations

from tinnyswe.processes.identity import Identity, can_read_and_execute, engine_identity, learner_identity, own
from tinnyswe.processes.lease import Lease, new_lease, sweep
from tinnyswe.processes.places import cache_folder, open_to_all, runtime_folder
from tinnyswe.processes.spawn import Minded, spawn

__all__ = [
    "Identity",
    "Lease",
    "Minded",
    "cache_folder",
    "can_read_and_execute",
    "engine_identity",
    "learner_identity",
    "new_lease",
    "open_to_all",
    "own",
    "runtime_folder",
    "spawn",
    "sweep",
]
