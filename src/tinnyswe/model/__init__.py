"""Frozen records, verdicts, events and errors: what the rooms hand each other."""
