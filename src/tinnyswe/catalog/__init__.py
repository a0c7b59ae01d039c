"""Curriculum folders to validated labs, topics and boxes; matching roadmap items to boxes. Executes nothing."""
