"""Where learner code runs: policy as data, the backends that apply it, and the intake of a submission."""

from __future__ import annotations

from tinnyswe.sandbox.backend import Listener, Sandbox
from tinnyswe.sandbox.environments import Environment, environment
from tinnyswe.sandbox.intake import Submission, take_in

__all__ = ["Environment", "Listener", "Sandbox", "Submission", "environment", "take_in"]
