"""Valkey: the engine behind the caching labs."""
