"""The least that hears of a mail: IDLE, then FETCH what is new. Prints when each was there."""

from __future__ import annotations

import sys
import time

from imapclient import IMAPClient


def listen(host: str, port: int, user: str, password: str) -> None:
    """Says `ready`, then a line for each mail with the time that it was fetched."""
    with IMAPClient(host, port, ssl=False) as client:
        client.login(user, password)
        client.select_folder("INBOX", readonly=True)
        last = max(client.search(), default=0)
        print("ready", flush=True)
        while True:
            client.idle()
            client.idle_check()
            client.idle_done()
            new = [uid for uid in client.search(["UID", f"{last + 1}:*"]) if uid > last]
            if new:
                client.fetch(new, ["BODY.PEEK[]"])
                last = max(new)
                print(*[time.monotonic()] * len(new), sep="\n", flush=True)


if __name__ == "__main__":
    listen(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
