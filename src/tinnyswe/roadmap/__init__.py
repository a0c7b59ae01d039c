"""Markdown to items, and ticks back into the Markdown, one byte each."""
