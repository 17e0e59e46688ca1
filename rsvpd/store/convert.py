"""Rows <-> the values of the core."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from rsvpd.itip.addresses import without_detail
from rsvpd.itip.global_object_id import uid_in_global_object_id
from rsvpd.itip.model import (
    Answer,
    Attendee,
    CuType,
    Envelope,
    Meeting,
    MeetingStatus,
    Occurrence,
    Override,
    PartStat,
    Rank,
    Recurrence,
    Revision,
    Role,
    When,
)
from rsvpd.store.describing import details_json, details_of
from rsvpd.store.tables import AnswerRow, AttendeeRow, MeetingRow, OverrideRow, RevisionRow


def digest(uid: str) -> str:
    """What a UID of any length is looked up by."""
    return hashlib.sha256(uid.encode()).hexdigest()


def folded_digest(uid: str) -> str:
    """The same without regard to case, and to whether Outlook wrapped the UID in a GlobalObjectId."""
    return digest(canonical_uid(uid).casefold())


def canonical_uid(uid: str) -> str:
    """A UID taken out of Outlook's GlobalObjectId, if it is in one."""
    return uid_in_global_object_id(uid) or uid


def when_text(when: When) -> str:
    """A calendar time as text; its zone is kept beside it."""
    return when.isoformat()


def when_of(text: str, zone: str | None) -> When:
    """The calendar time that `when_text` wrote, in its zone again (the offset tells which of two it is)."""
    if "T" not in text:
        return date.fromisoformat(text)
    moment = datetime.fromisoformat(text)
    return moment.astimezone(ZoneInfo(zone)) if zone and moment.tzinfo else moment


def instant(when: When, zone: str | None) -> datetime:
    """The instant that `when` begins, in UTC; a day begins at midnight in `zone`, a floating time is in it."""
    moment = when if isinstance(when, datetime) else datetime.combine(when, time())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone) if zone else UTC)
    return moment.astimezone(UTC)


def meeting_row(meeting: Meeting, organizer: str, *, sends: bool, now: datetime) -> MeetingRow:
    """A new row for a meeting of the organizer called `organizer` in the settings."""
    row = MeetingRow(
        organizer=organizer,
        organizer_address=meeting.organizer,
        uid=meeting.uid,
        uid_digest=digest(meeting.uid),
        folded_digest=folded_digest(meeting.uid),
        summary="",
        start="",
        end="",
        starts_at=now,
        ends_at=now,
        sends=sends,
        created_at=now,
        modified_at=now,
    )
    fill_meeting(row, meeting, now=now)
    return row


def fill_meeting(row: MeetingRow, meeting: Meeting, *, now: datetime) -> None:
    """Puts what a meeting says now into its row."""
    row.organizer_address = meeting.organizer
    row.organizer_name = meeting.organizer_name
    row.summary = meeting.summary
    row.description = meeting.description
    row.location = meeting.location
    row.start = when_text(meeting.start)
    row.end = when_text(meeting.end)
    row.zone = meeting.zone
    row.starts_at = instant(meeting.start, meeting.zone)
    row.ends_at = instant(meeting.end, meeting.zone)
    row.sequence = meeting.sequence
    row.status = meeting.status.value
    row.cancelled_at = (row.cancelled_at or now) if meeting.status is MeetingStatus.CANCELLED else None
    recurrence = meeting.recurrence
    row.recurrence = "\n".join(recurrence.lines) if recurrence is not None else None
    row.details = details_json(meeting.details)
    row.modified_at = now


def override_rows(
    meeting_id: int, meeting: Meeting, known_at: datetime, former: Meeting | None = None
) -> list[OverrideRow]:
    """One row for each occurrence that was moved or cancelled, known from `known_at` on unless `former` had it."""
    by_key, before = ({o.occurrence.key: o for o in _overrides(one)} for one in (meeting, former))
    return [
        OverrideRow(
            meeting_id=meeting_id,
            occurrence=key,
            cancelled=o.cancelled,
            start=when_text(o.start) if o.start else None,
            end=when_text(o.end) if o.end else None,
            sequence=o.sequence,
            known_at=before[key].known_at if before.get(key) == o else known_at,
        )
        for key, o in by_key.items()
    ]


def _overrides(meeting: Meeting | None) -> tuple[Override, ...]:
    return meeting.recurrence.overrides if meeting and meeting.recurrence else ()


def meeting_of(
    row: MeetingRow,
    revisions: Sequence[RevisionRow],
    overrides: Sequence[OverrideRow],
    attendees: Sequence[Attendee] = (),
) -> Meeting:
    """The meeting that a row and what belongs to it say, without its files."""
    recurrence = None
    if row.recurrence is not None:
        lines = tuple(line for line in row.recurrence.split("\n") if line)
        recurrence = Recurrence(lines, tuple(_override_of(o, row.zone) for o in overrides))
    return Meeting(
        uid=row.uid,
        organizer=row.organizer_address,
        organizer_name=row.organizer_name,
        start=when_of(row.start, row.zone),
        end=when_of(row.end, row.zone),
        summary=row.summary,
        description=row.description,
        location=row.location,
        zone=row.zone,
        sequence=row.sequence,
        status=MeetingStatus(row.status),
        recurrence=recurrence,
        revisions=tuple(
            Revision(r.sequence, r.sent_at, r.significant)
            for r in sorted(revisions, key=lambda r: (r.sequence, r.sent_at))
        ),
        attendees=tuple(attendees),
        details=details_of(row.details),
    )


def _override_of(row: OverrideRow, zone: str | None) -> Override:
    return Override(
        Occurrence.from_key(row.occurrence),
        cancelled=row.cancelled,
        start=when_of(row.start, zone) if row.start else None,
        end=when_of(row.end, zone) if row.end else None,
        sequence=row.sequence,
        known_at=row.known_at,
    )


def attendee_row(meeting_id: int, attendee: Attendee, email: str | None = None) -> AttendeeRow:
    """A new row for somebody invited; `email` is the address as the organizer wrote it."""
    return AttendeeRow(
        meeting_id=meeting_id,
        address=attendee.address,
        bare_address=without_detail(attendee.address),
        email=email or attendee.address,
        name=attendee.name,
        role=attendee.role.value,
        cutype=attendee.cutype.value,
        rsvp=attendee.rsvp,
        initial_partstat=attendee.partstat.value,
        partstat=attendee.partstat.value,
        delegated_from=attendee.delegated_from,
    )


def attendee_of(
    row: AttendeeRow,
    answers: Sequence[AnswerRow] = (),
    aliases: frozenset[str] = frozenset(),
    token: str | None = None,
) -> Attendee:
    """The attendee that a row says, with the answers recorded."""
    return Attendee(
        address=row.address,
        name=row.name,
        role=Role(row.role),
        cutype=CuType(row.cutype),
        rsvp=row.rsvp,
        partstat=PartStat(row.initial_partstat),
        delegated_from=row.delegated_from,
        removed=row.removed_at is not None,
        aliases=aliases,
        answers=tuple(answer_of(row.address, a) for a in answers if a.sequence >= row.asked_sequence),
        asked_sequence=row.asked_sequence,
        token=token,
    )


def answer_values(attendee_id: int, inbound_id: int, answer: Answer) -> dict[str, Any]:
    """The columns of a new row in the record: rows that nobody changes again are inserted by the hundred."""
    return {
        "attendee_id": attendee_id,
        "inbound_id": inbound_id,
        "occurrence": answer.occurrence.key if answer.occurrence else None,
        "this_and_future": answer.this_and_future,
        "partstat": answer.partstat.value,
        "sequence": answer.rank.sequence,
        "answered_at": answer.rank.answered_at,
        "received_at": answer.rank.received_at,
        "ordinal": answer.rank.ordinal,
        "comment": answer.comment,
        "request_status": "\n".join(answer.request_status) or None,
        "guests": answer.guests,
        "sent_by": answer.sent_by,
        "delegated_to": answer.delegated_to,
        "client": answer.client,
    }


def answer_of(address: str, row: AnswerRow) -> Answer:
    """The answer that a row says."""
    return Answer(
        attendee=address,
        partstat=PartStat(row.partstat),
        rank=Rank(row.sequence, row.answered_at, row.received_at, row.ordinal),
        occurrence=Occurrence.from_key(row.occurrence) if row.occurrence else None,
        this_and_future=row.this_and_future,
        comment=row.comment,
        request_status=tuple((row.request_status or "").splitlines()),
        guests=row.guests,
        sent_by=row.sent_by,
        delegated_to=row.delegated_to,
        client=row.client,
    )


def envelope_json(envelope: Envelope) -> dict[str, Any]:
    """An envelope as JSON, so that the mail can be judged again."""
    return {
        "from": envelope.from_address,
        "from_name": envelope.from_name,
        "sender": envelope.sender,
        "recipients": list(envelope.recipients),
        "date": envelope.date.isoformat() if envelope.date else None,
        "message_id": envelope.message_id,
        "answers_to": list(envelope.answers_to),
        "subject": envelope.subject,
        "auto_submitted": envelope.auto_submitted,
        "authentication_results": list(envelope.authentication_results),
    }


def envelope_of(kept: dict[str, Any]) -> Envelope:
    """The envelope that `envelope_json` wrote."""
    return Envelope(
        from_address=kept["from"],
        from_name=kept["from_name"],
        sender=kept["sender"],
        recipients=tuple(kept["recipients"]),
        date=datetime.fromisoformat(kept["date"]) if kept["date"] else None,
        message_id=kept["message_id"],
        answers_to=tuple(kept["answers_to"]),
        subject=kept["subject"],
        auto_submitted=kept["auto_submitted"],
        authentication_results=tuple(kept["authentication_results"]),
    )
