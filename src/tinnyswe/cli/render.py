"""Pure renderers: records in; text for a terminal, or a dict for JSON, out (design §6). No view decides anything."""

from __future__ import annotations

from tinnyswe.cli.render_audit import audit_view, row_view, trust
from tinnyswe.cli.render_failure import failure_view, fault_sentence, result_view
from tinnyswe.cli.render_json import audit_json, dumps, event_json, problem_json, run_json, status_json
from tinnyswe.cli.render_run import (
    Aftermath,
    activity,
    addresses,
    event_view,
    green,
    lessons,
    problem,
    summary,
    timeline,
    titles,
    variables,
    waiting,
    watching,
)
from tinnyswe.cli.render_status import box_status, status, topic_status
from tinnyswe.cli.render_text import Paragraph, make_console, plain, safe, safe_line, show

__all__ = [
    "Aftermath",
    "Paragraph",
    "activity",
    "addresses",
    "audit_json",
    "audit_view",
    "box_status",
    "dumps",
    "event_json",
    "event_view",
    "failure_view",
    "fault_sentence",
    "green",
    "lessons",
    "make_console",
    "plain",
    "problem",
    "problem_json",
    "result_view",
    "row_view",
    "run_json",
    "safe",
    "safe_line",
    "show",
    "status",
    "status_json",
    "summary",
    "timeline",
    "titles",
    "topic_status",
    "trust",
    "variables",
    "waiting",
    "watching",
]
