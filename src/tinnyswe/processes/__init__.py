"""Processes under a minder, and the leases that let any later command clean up after a crash."""
