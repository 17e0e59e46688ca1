"""A wire between two parts that does harm to what goes through it, on a seeded schedule."""

import contextlib
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Self

from rig.ports import HOST, free_port

DELAY, CUT, RESET, TRUNCATE, STALL, CORRUPT = "delayed", "cut", "reset", "truncated", "stalled", "corrupted"
_CHUNK = 4096
_ABORT = struct.pack("ii", 1, 0)


class Proxy:
    """Relays to a port; while `evil`, every connection meets a fault after some of their bytes.

    Corruption is for wires that notice it, such as TLS: name the faults that are wanted.
    """

    host = HOST

    def __init__(self, port: int, seed: int, faults: Sequence[str], *, bytes_before: int = 20_000) -> None:
        """Prepare the wire to that port, to be entered as a context."""
        self.port = free_port()
        self.evil = True
        self.done: Counter[str] = Counter()
        self._to = port
        self._chance = random.Random(seed)  # noqa: S311 - a schedule, no secret
        self._faults = cycle(self._chance.sample(faults, len(faults)))
        self._bytes_before = bytes_before
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self._listening = socket.create_server((HOST, self.port))
        self._listening.settimeout(0.2)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._listening.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                client, _ = self._listening.accept()
            except TimeoutError:
                continue
            try:
                server = socket.create_connection((HOST, self._to), timeout=5)
            except OSError:
                client.close()
                continue
            client.settimeout(None)
            server.settimeout(None)
            fault = _Fault(self)
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(one, other, fault), daemon=True).start()

    def plan(self) -> tuple[str, int]:
        """What happens to a connection, and after how many bytes."""
        if not self.evil:
            return "", 0
        return next(self._faults), int(self._bytes_before * self._chance.random() ** 3)

    def _pump(self, one: socket.socket, other: socket.socket, fault: "_Fault") -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(_CHUNK):
                other.sendall(fault.on(data, one, other))
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class _Fault:
    """What happens to one connection; one that outlives it meets the next."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self.kind, self._left = proxy.plan()
        self._lock = threading.Lock()

    def on(self, data: bytes, one: socket.socket, other: socket.socket) -> bytes:
        with self._lock:
            self._left -= len(data)
            if not self.kind or self._left > 0:
                return data
            kind = self.kind
            self.kind, self._left = self._proxy.plan()
        self._proxy.done[kind] += 1
        return _HARM[kind](data, one, other)


def _delay(data: bytes, _one: socket.socket, _other: socket.socket) -> bytes:
    time.sleep(0.1)
    return data


def _cut(_data: bytes, one: socket.socket, other: socket.socket) -> bytes:
    one.shutdown(socket.SHUT_RDWR)
    other.shutdown(socket.SHUT_RDWR)
    raise OSError("cut")


def _reset(_data: bytes, one: socket.socket, other: socket.socket) -> bytes:
    for end in (one, other):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
    raise OSError("reset")


def _truncate(data: bytes, one: socket.socket, other: socket.socket) -> bytes:
    other.sendall(data[: len(data) // 2])
    return _cut(data, one, other)


def _stall(data: bytes, _one: socket.socket, _other: socket.socket) -> bytes:
    time.sleep(5)  # longer than anybody here waits
    return data


def _corrupt(data: bytes, _one: socket.socket, _other: socket.socket) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x15]) + data[middle + 1 :]


_HARM: dict[str, Callable[[bytes, socket.socket, socket.socket], bytes]] = {
    DELAY: _delay,
    CUT: _cut,
    RESET: _reset,
    TRUNCATE: _truncate,
    STALL: _stall,
    CORRUPT: _corrupt,
}
