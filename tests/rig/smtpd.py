"""An SMTP server inside the test process that remembers what it took and misbehaves on request."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from rig.ports import HOST, free_port

_TAKEN = "250 2.0.0 taken"


@dataclass(frozen=True)
class Taken:
    """A mail the server has taken: its envelope and its bytes."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes


class Smtpd:
    """A mail sink; set its attributes before the client connects.

    answers: what RCPT TO gets for a recipient, such as {"bob@example.test": "550 5.1.1 unknown"}
    answer_to_data: what every mail gets once its content is there; it is taken only on a 2xx
    drop_after_data: take the mail, then close the connection without an answer
    """

    host = HOST

    def __init__(self) -> None:
        """Prepare a server on a free port, to be entered as a context."""
        self.port = free_port()
        self.taken: list[Taken] = []
        self.answers: dict[str, str] = {}
        self.answer_to_data = _TAKEN
        self.drop_after_data = False
        self._controller: Controller | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start, or start again on the same port; does nothing while running."""
        if self._controller is None:
            self._controller = Controller(self, hostname=self.host, port=self.port, enable_SMTPUTF8=True)
            self._controller.start()

    def stop(self) -> None:
        """Refuse connections from now on."""
        if self._controller:
            self._controller.stop()
            self._controller = None

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """Be unreachable for the length of a with statement."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd finds its hooks by name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Answer RCPT TO."""
        answer = self.answers.get(address, "250 2.1.5 fine")
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Answer the end of the content."""
        if self.answer_to_data.startswith("2"):
            content = envelope.original_content or b""
            sender = envelope.mail_from or ""
            self.taken.append(Taken(sender, tuple(envelope.rcpt_tos), content))
        if self.drop_after_data and server.transport:
            server.transport.close()
        return self.answer_to_data
