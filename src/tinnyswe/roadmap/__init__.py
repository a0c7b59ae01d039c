"""Markdown to items, and ticks back into the Markdown, one byte each."""

from tinnyswe.roadmap.default import default_roadmap
from tinnyswe.roadmap.parsing import parse, parse_bytes
from tinnyswe.roadmap.pins import write_pins
from tinnyswe.roadmap.ticking import tick, tick_items

__all__ = ["default_roadmap", "parse", "parse_bytes", "tick", "tick_items", "write_pins"]
