"""As fast as it can be with the same libraries: the same mails, and nothing done with them."""

from __future__ import annotations

import smtplib
from itertools import islice

from imapclient import IMAPClient

from bench.clock import now

_BATCH = 500


def drain(host: str, port: int, user: str, password: str) -> dict[str, float]:
    """Fetches every mail whole, 500 at a time."""
    began = now()
    with IMAPClient(host, port, ssl=False) as client:
        client.login(user, password)
        client.select_folder("INBOX", readonly=True)
        numbers = iter(client.search())
        read = 0
        while batch := list(islice(numbers, _BATCH)):
            read += len(client.fetch(batch, ["BODY.PEEK[]", "INTERNALDATE"]))
    return {"seconds": now() - began, "mails": read}


def hand_over(host: str, port: int, mails: int, size: int) -> dict[str, float]:
    """Hands over one mail again and again on one connection."""
    raw = b"Subject: x\r\n\r\n" + b"x" * 70 + b"\r\n"
    raw += (b"y" * 70 + b"\r\n") * (size // 72)
    began = now()
    with smtplib.SMTP(host, port) as smtp:
        for number in range(mails):
            smtp.sendmail("events@example.org", [f"attendee{number}@example.net"], raw)
    return {"seconds": now() - began, "mails": mails}
