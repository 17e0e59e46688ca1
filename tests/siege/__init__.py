"""Daemons killed again and again while they work, and what must be true afterwards: `python -m tests.siege --help`."""
