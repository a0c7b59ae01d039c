"""Markdown to items, and ticks back into the Markdown, one byte each."""

from tinnyswe.roadmap.parsing import parse, parse_bytes
from tinnyswe.roadmap.ticking import tick, tick_items

__all__ = ["parse", "parse_bytes", "tick", "tick_items"]
