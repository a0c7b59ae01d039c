"""The roadmap `tinny init` writes for a person who brings none."""

from __future__ import annotations

from tinnyswe.model.lab import Catalog


def default_roadmap(catalog: Catalog) -> bytes:
    """Return every topic and box of the catalogue as a Markdown check list, in the catalogue's order."""
    lines = ["# Study roadmap"]
    section = ""
    for topic in catalog.topics.values():
        if topic.section != section:
            section = topic.section
            lines += ["", f"## {section}"]
        lines += ["", f"- [ ] **{topic.title}**"]
        lines += [f"  - [ ] {box.title}" for box in topic.boxes]
    return ("\n".join(lines) + "\n").encode()
