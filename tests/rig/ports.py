"""Free TCP ports that no other test process takes at the same moment."""

import secrets
import socket

HOST = "127.0.0.1"

# Below the range from which the kernel takes ports for outgoing connections.
_FIRST, _LAST = 12_000, 32_000


def free_port() -> int:
    """Return a free port on the loopback address, reserved for this process until it ends."""
    for _ in range(1_000):
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)
        if _reserve(port):
            return port
    raise OSError(f"no free port between {_FIRST} and {_LAST}")


def _reserve(port: int) -> bool:
    # The UDP socket of the same number is the reservation that parallel test processes respect.
    claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        claim.bind((HOST, port))
        with socket.socket() as probe:
            probe.bind((HOST, port))
    except OSError:
        claim.close()
        return False
    claim.detach()  # stays open until the process ends
    return True
