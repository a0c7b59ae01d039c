"""The page. Its content arrives with the host."""
