"""A small mail world: an SMTP and an IMAP server on free loopback ports, inside this process.

One thread runs one event loop with both servers. What is mailed to the
organizer lies in an IMAP mailbox at once; what is mailed to anybody else
arrives on a queue, from which the simulated attendees take it. Nothing is
written to disk and nothing leaves the machine.

This is the only importer of aiosmtpd and pymap, the extra `[demo]`; importing
it without them raises ModuleNotFoundError.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import ssl
import threading
from argparse import Namespace
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import Self

from aiosmtpd.smtp import SMTP, Envelope, Session
from proxyprotocol.sock import SocketInfo
from pymap.backend.dict import Config, Identity, Login
from pymap.backend.dict.filter import FilterSet
from pymap.backend.dict.mailbox import MailboxData, MailboxSet
from pymap.concurrent import Subsystem
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.user import UserMetadata
from pysasl.hashing import Cleartext

HOST = "127.0.0.1"
_START_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Delivered:
    """A mail in somebody's mailbox: whose, and its bytes."""

    recipient: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the two servers listen on `HOST`."""

    smtp: int
    imap: int


class MailWorld:
    """SMTP and IMAP for one organizer and everybody else; a context manager.

    organizer: address and IMAP user name of the organizer
    password: the organizer's, made up anew for each world
    arrivals: mails to anybody else, in the order they came in
    """

    def __init__(self, organizer: str) -> None:
        """Prepare a world; nothing listens before it is entered."""
        self.organizer = organizer
        self.password = secrets.token_urlsafe(12)
        self.arrivals: SimpleQueue[Delivered] = SimpleQueue()
        self._ports: Future[Ports] = Future()
        self._thread = threading.Thread(target=self._run, name="mail world", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None

    def __enter__(self) -> Self:
        """Return once both servers listen; OSError where they cannot."""
        self._thread.start()
        self._ports.result(_START_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        """Close every connection and wait for the thread."""
        if self._loop and self._end:
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(_START_SECONDS)

    @property
    def smtp_port(self) -> int:
        """Where mail is handed in: no login, no TLS."""
        return self._ports.result(0).smtp

    @property
    def imap_port(self) -> int:
        """Where the organizer's mailbox is read: a login, no TLS."""
        return self._ports.result(0).imap

    def _run(self) -> None:
        # What these libraries log about a broken connection would land on the live display.
        logging.getLogger("mail.log").addHandler(logging.NullHandler())
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._ports.done():
                raise
            self._ports.set_exception(error)

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        imap = _Imap(self.organizer, self.password)
        await imap.open()
        taking = _Taking(self, imap.inbox)
        imap_server = await asyncio.start_server(imap.connected, HOST, 0)
        smtp_server = await self._loop.create_server(taking.connected, HOST, 0)
        self._ports.set_result(Ports(_port(smtp_server), _port(imap_server)))
        await self._end.wait()
        smtp_server.close()
        imap_server.close()
        # Leaving cancels the connections that are still open; both servers say goodbye then.


class _Taking:
    """What happens to a mail that was handed in."""

    def __init__(self, world: MailWorld, inbox: MailboxData) -> None:
        self._world = world
        self._inbox = inbox

    def connected(self) -> SMTP:
        """The protocol of one new connection."""
        # A host name given spares the look-up of our own, which takes seconds where DNS is broken.
        loop = asyncio.get_running_loop()
        return SMTP(self, hostname="localhost", enable_SMTPUTF8=True, loop=loop)

    async def handle_DATA(  # noqa: N802 - aiosmtpd finds its hooks by name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Put the mail into every recipient's mailbox, as a delivery agent does (RFC 5321 4.4)."""
        content = f"Return-Path: <{envelope.mail_from}>\r\n".encode() + (envelope.original_content or b"")
        for recipient in envelope.rcpt_tos:
            if _mailbox(recipient) == _mailbox(self._world.organizer):
                await self._inbox.append(AppendMessage(content, datetime.now(UTC)))
            else:
                self._world.arrivals.put(Delivered(recipient, content))
        return "250 2.0.0 delivered"


class _Imap:
    """A pymap server that holds one user's mailbox in memory: INBOX and Sent, both empty at first."""

    def __init__(self, user: str, password: str) -> None:
        self._config = _ImapConfig(user, password)
        self._login = Login(self._config)
        self._server = IMAPServer(self._login, self._config)
        self._mailboxes = MailboxSet()

    @property
    def inbox(self) -> MailboxData:
        """The organizer's INBOX; `open` comes first."""
        return self._inbox

    async def open(self) -> None:
        """Make the user and the mailboxes."""
        user, password = self._config.demo_user, self._config.demo_password
        await Identity(user, self._login, None, frozenset()).set(
            UserMetadata(self._config, user, password=password)
        )
        await self._mailboxes.add_mailbox("Sent")
        self._inbox = await self._mailboxes.get_mailbox("INBOX")
        self._config.set_cache[user] = (self._mailboxes, FilterSet())

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            await self._server(reader, writer, SocketInfo.get(writer, None))


class _ImapConfig(Config):
    """pymap's settings for one user and no surprises from the environment."""

    def __init__(self, user: str, password: str) -> None:
        super().__init__(
            Namespace(passlib_cfg=None, proxy_protocol=None),
            host=HOST,
            port=0,
            demo_data=False,
            demo_user=user,
            demo_password=password,
            tls_enabled=False,
            ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
            # The default hashes for a tenth of a second at every login, in threads that nobody ends.
            hash_context=Cleartext(),
            cpu_subsystem=Subsystem.for_asyncio(),
        )

    @property
    def greeting(self) -> bytes:
        """Without the look-up of our own host name."""
        return b"rsvpd demo ready"


def _port(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port


def _mailbox(address: str) -> str:
    """Whose mailbox an address names: mail to `events+anything@` lies in that of `events@`."""
    local, _, domain = address.casefold().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
