"""Whose meeting it is, where several organizers have one with the same UID: asked, not guessed."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlmodel import Session

from rsvpd.itip.addresses import without_detail
from rsvpd.itip.reading import ReadMail
from rsvpd.ports import CouldNot
from rsvpd.store.tables import MeetingRow
from rsvpd.store.writes import namesakes


def only(rows: Sequence[MeetingRow], how: str) -> MeetingRow | None:
    """The one meeting among `rows`; raises `CouldNot`, which says `how` to choose, if they are several organizers'."""
    refuse_several({row.organizer for row in rows}, f"a meeting {rows[0].uid}" if rows else "", how)
    return next(iter(rows), None)


def refuse_several(organizers: Collection[str], what: str, how: str) -> None:
    """Raises `CouldNot` where more than one has it."""
    if len(organizers) > 1:
        names = ", ".join(sorted(organizers))
        raise CouldNot(f"several organizers have {what}: {names}; say whose with {how}")


def addressed(session: Session, mail: ReadMail) -> str | None:
    """Whose meetings a mail from elsewhere answers; None where no UID in it is that of several organizers.

    It is the one to whom it was sent, or whom the calendar names. Raises `CouldNot` where neither says it.
    """
    for component in (item.component for item in mail.items if item.component):
        rows = namesakes(session, [component.uid], None)[component.uid]
        if len(rows) > 1:
            stated = {*mail.envelope.recipients, component.organizer.address if component.organizer else None}
            known = {without_detail(address) for address in stated if address}
            meant = [row for row in rows if without_detail(row.organizer_address) in known]
            refuse_several(
                {row.organizer for row in meant or rows}, f"a meeting {component.uid}", "--organizer"
            )
            return (meant or rows)[0].organizer
    return None
