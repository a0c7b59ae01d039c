"""The terminal: arguments in, rendered events out."""
