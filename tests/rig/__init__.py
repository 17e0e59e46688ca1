"""Real servers for the tests: each one lives in a temporary folder, on free loopback ports."""


class RigUnavailable(Exception):  # noqa: N818 - not an error: the tests that need this server are skipped
    """The server cannot run on this machine; the message says what is missing."""
