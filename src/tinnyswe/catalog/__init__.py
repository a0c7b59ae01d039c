"""Curriculum folders to validated labs, topics and boxes; matching roadmap items to boxes. Executes nothing."""

from tinnyswe.catalog.digests import digest
from tinnyswe.catalog.facets import COMMON_FACETS, uncovered
from tinnyswe.catalog.finding import curriculum_root, find
from tinnyswe.catalog.loader import load, problems

__all__ = ["COMMON_FACETS", "curriculum_root", "digest", "find", "load", "problems", "uncovered"]
