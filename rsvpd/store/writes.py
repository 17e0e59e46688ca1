"""Every write, and every load for an update. All take the session of `Database.begin()`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import TypeAlias, TypeVar

from sqlalchemy import ColumnElement, delete, insert, or_, update
from sqlmodel import Session, col, select

from rsvpd.itip import ranking
from rsvpd.itip.addresses import without_detail
from rsvpd.itip.model import Answer, Attendee, Meeting, PartStat, Revision
from rsvpd.store.convert import (
    answer_values,
    attendee_of,
    attendee_row,
    canonical_uid,
    digest,
    fill_meeting,
    folded_digest,
    meeting_of,
    meeting_row,
    override_rows,
)
from rsvpd.store.describing import attachment_rows, details_of
from rsvpd.store.tables import (
    AliasRow,
    AnswerRow,
    AttachmentRow,
    AttendeeRow,
    InboundRow,
    MeetingRow,
    OverrideRow,
    ProposalRow,
    ProposalStatus,
    RevisionRow,
)

_Value = TypeVar("_Value", int, str)
Transaction: TypeAlias = Session
"""What `Database.begin()` gives, for rooms that hand it on without knowing SQL."""


@dataclass(slots=True)
class Stored:
    """A meeting loaded to be judged or changed, with where its rows are.

    `meeting.attendees` are only those who were asked for; `numbers` gives their
    rows' ids by normalised address.
    """

    row: MeetingRow
    meeting: Meeting
    numbers: dict[str, int] = field(default_factory=dict)

    @property
    def id(self) -> int:
        """The row's id."""
        return stored_id(self.row.id)

    def attendee(self, address: str) -> Attendee | None:
        """The loaded attendee with that normalised address."""
        return next((a for a in self.meeting.attendees if a.address == address), None)

    def put(self, attendee: Attendee) -> None:
        """Replaces or adds a loaded attendee."""
        others = [a for a in self.meeting.attendees if a.address != attendee.address]
        self.meeting = replace(self.meeting, attendees=(*others, attendee))

    def put_all(self, attendees: Sequence[Attendee]) -> None:
        """The same for many at once."""
        new = {attendee.address: attendee for attendee in attendees}
        others = [a for a in self.meeting.attendees if a.address not in new]
        self.meeting = replace(self.meeting, attendees=(*others, *new.values()))


def chunks(values: Iterable[_Value], size: int = 5_000) -> Iterator[list[_Value]]:
    """The values in portions that a statement takes: SQLite has 32,766 parameters, PostgreSQL 65,535."""
    remaining = iter(values)
    while some := list(islice(remaining, size)):
        yield some


def stored_id(number: int | None) -> int:
    """The id of a row that was flushed."""
    if number is None:
        raise AssertionError("the row was not flushed")
    return number


def find_meetings(session: Session, uids: Collection[str], organizer: str | None) -> dict[str, MeetingRow]:
    """The meetings that these UIDs name, of one organizer or of any (README, Which meeting).

    Octet for octet; then out of Outlook's GlobalObjectId, on either side; then
    without regard to case, if that is unambiguous.
    """
    return {uid: rows[0] for uid, rows in namesakes(session, uids, organizer).items() if rows}


def namesakes(
    session: Session, uids: Collection[str], organizer: str | None
) -> dict[str, Sequence[MeetingRow]]:
    """The same, with those of every organizer where several have a meeting of that UID."""
    candidates: dict[str, list[MeetingRow]] = {}
    for some in chunks({folded_digest(uid) for uid in uids}):
        query = select(MeetingRow).where(col(MeetingRow.folded_digest).in_(some))
        if organizer is not None:
            query = query.where(MeetingRow.organizer == organizer)
        for row in session.exec(query.order_by(col(MeetingRow.id))):
            candidates.setdefault(row.folded_digest, []).append(row)
    return {uid: _best(uid, candidates.get(folded_digest(uid), [])) for uid in uids}


def lock(session: Session, rows: Iterable[MeetingRow]) -> None:
    """Has whoever else changes or judges these meetings wait, and reads what they are by now.

    Not who only refers to one (FOR NO KEY UPDATE): a reminder holds attendees, and refers to their meeting.
    """
    for some in chunks({stored_id(row.id) for row in rows}):  # by number, so that nobody waits in a circle
        query = select(MeetingRow).where(col(MeetingRow.id).in_(some)).order_by(col(MeetingRow.id))
        session.exec(query.with_for_update(key_share=True).execution_options(populate_existing=True)).all()


def find_meeting(session: Session, uid: str, organizer: str) -> MeetingRow | None:
    """The meeting of an organizer with this very UID, octet for octet (RFC 5545 3.8.4.7)."""
    query = select(MeetingRow).where(MeetingRow.organizer == organizer, MeetingRow.uid_digest == digest(uid))
    return session.exec(query).first()


def _best(uid: str, rows: Sequence[MeetingRow]) -> Sequence[MeetingRow]:
    same = [row for row in rows if row.uid == uid]
    unwrapped = [row for row in rows if canonical_uid(row.uid) == canonical_uid(uid)]
    alike = rows if len({row.uid for row in rows}) == 1 else ()
    return same or unwrapped or alike


def load(session: Session, row: MeetingRow, *tests: ColumnElement[bool]) -> Stored:
    """A meeting with those attendees for whom one of the tests holds; with none, without attendees."""
    revisions = session.exec(select(RevisionRow).where(RevisionRow.meeting_id == row.id)).all()
    overrides = session.exec(select(OverrideRow).where(OverrideRow.meeting_id == row.id)).all()
    stored = Stored(row, meeting_of(row, revisions, overrides))
    if tests:
        query = select(AttendeeRow).where(AttendeeRow.meeting_id == row.id, or_(*tests))
        _put_attendees(session, stored, session.exec(query.order_by(col(AttendeeRow.id))).all())
    return stored


def load_everyone(session: Session, row: MeetingRow) -> Stored:
    """A meeting with all its attendees, also those who were removed, and with its files: what is sent."""
    stored = _load_list(session, row)
    query = select(AttachmentRow).where(AttachmentRow.meeting_id == row.id)
    files = session.exec(query.order_by(col(AttachmentRow.id))).all()
    stored.meeting = replace(stored.meeting, details=details_of(row.details, files))
    return stored


def _load_list(session: Session, row: MeetingRow) -> Stored:
    return load(session, row, col(AttendeeRow.meeting_id) == row.id)


def load_concerned(
    session: Session, row: MeetingRow, addresses: Collection[str], numbers: Collection[int]
) -> Stored:
    """A meeting with the attendees whom these addresses may mean (as written, as an alias, bare), or with these ids.

    With them come those who delegated to them and their delegates, to both ends of the chain.
    """
    stored = load(session, row, col(AttendeeRow.id).in_(numbers))
    for some in chunks(addresses):
        known = session.exec(select(AliasRow.address).where(col(AliasRow.alias).in_(some))).all()
        query = select(AttendeeRow).where(
            AttendeeRow.meeting_id == row.id,
            or_(
                col(AttendeeRow.address).in_({*some, *known}),
                col(AttendeeRow.bare_address).in_({without_detail(address) for address in some}),
            ),
        )
        _put_attendees(session, stored, session.exec(query.order_by(col(AttendeeRow.id))).all())
    asked: set[str] = set()
    while missing := _delegation_partners(stored) - asked:
        asked |= missing
        for some in chunks(missing):
            query = select(AttendeeRow).where(
                AttendeeRow.meeting_id == row.id, col(AttendeeRow.address).in_(some)
            )
            _put_attendees(session, stored, session.exec(query).all())
    return stored


def _delegation_partners(stored: Stored) -> set[str]:
    """Whom the loaded attendees delegated to, and who delegated to them, unless loaded."""
    loaded = {attendee.address for attendee in stored.meeting.attendees}
    named = {
        address
        for attendee in stored.meeting.attendees
        for address in (attendee.delegated_from, *(answer.delegated_to for answer in attendee.answers))
        if address
    }
    return named - loaded


def ask_again(session: Session, stored: Stored) -> None:
    """After a significant change: everybody whose answer it outdates waits again; the answers stay in history."""
    change = update(AttendeeRow).where(col(AttendeeRow.meeting_id) == stored.id)
    session.execute(change.values(initial_partstat=PartStat.NEEDS_ACTION.value))
    details = stored.meeting.details
    stored.meeting = replace(refold(session, stored.row).meeting, details=details)


def add_aliases(session: Session, address: str, aliases: Sequence[str]) -> None:
    """Records further addresses of a person."""
    known = set(session.exec(select(AliasRow.alias).where(AliasRow.address == address)))
    session.add_all(
        AliasRow(address=address, alias=alias) for alias in dict.fromkeys(aliases) if alias not in known
    )
    session.flush()


def is_listed(session: Session, stored: Stored, address: str) -> bool:
    """Whether somebody with this address is on the list, removed or not."""
    query = select(AttendeeRow.id).where(AttendeeRow.meeting_id == stored.id, AttendeeRow.address == address)
    return session.exec(query).first() is not None


def _put_attendees(session: Session, stored: Stored, rows: Sequence[AttendeeRow]) -> None:
    answers: dict[int, list[AnswerRow]] = {}
    for ids in chunks([stored_id(row.id) for row in rows]):
        query = select(AnswerRow).where(col(AnswerRow.attendee_id).in_(ids))
        for answer in session.exec(query.order_by(col(AnswerRow.id))):
            answers.setdefault(answer.attendee_id, []).append(answer)
    aliases: dict[str, set[str]] = {}
    for addresses in chunks([row.address for row in rows]):
        for alias in session.exec(select(AliasRow).where(col(AliasRow.address).in_(addresses))):
            aliases.setdefault(alias.address, set()).add(alias.alias)
    stored.numbers.update({row.address: stored_id(row.id) for row in rows})
    stored.put_all(
        [
            attendee_of(row, answers.get(stored_id(row.id), ()), frozenset(aliases.get(row.address, ())))
            for row in rows
        ]
    )


def add_meeting(
    session: Session, meeting: Meeting, organizer: str, *, sends: bool, now: datetime, known_at: datetime
) -> Stored:
    """Records a new meeting with its attendees; its first revision was known to them from `known_at` on."""
    row = meeting_row(meeting, organizer, sends=sends, now=now)
    session.add(row)
    session.flush()
    number = stored_id(row.id)
    rows = [attendee_row(number, attendee) for attendee in meeting.attendees]
    session.add_all(rows)
    session.add_all(override_rows(number, meeting, known_at))
    session.add_all(attachment_rows(number, meeting.details))
    session.add(RevisionRow(meeting_id=number, sequence=meeting.sequence, sent_at=known_at))
    session.flush()
    revised = replace(meeting, revisions=(Revision(meeting.sequence, known_at),))
    return Stored(row, revised, {r.address: stored_id(r.id) for r in rows})


def revise_meeting(
    session: Session,
    stored: Stored,
    meeting: Meeting,
    *,
    significant: bool,
    now: datetime,
    known_at: datetime,
) -> None:
    """Puts a new state of a meeting in the place of the old one; attendees are left as they are.

    So are its files, if `meeting` has those of `stored`, none for one that was loaded without.
    """
    fill_meeting(stored.row, meeting, now=now)
    session.add(stored.row)
    session.exec(delete(OverrideRow).where(col(OverrideRow.meeting_id) == stored.id))
    session.add_all(override_rows(stored.id, meeting, known_at, stored.meeting))
    if meeting.details.attachments != stored.meeting.details.attachments:
        session.exec(delete(AttachmentRow).where(col(AttachmentRow.meeting_id) == stored.id))
        session.add_all(attachment_rows(stored.id, meeting.details))
    known = {revision.sequence for revision in stored.meeting.revisions}
    if meeting.sequence not in known:
        session.add(
            RevisionRow(
                meeting_id=stored.id, sequence=meeting.sequence, sent_at=known_at, significant=significant
            )
        )
    if significant:
        _overtake_proposals(session, stored.id, meeting.sequence)
    session.flush()


def _overtake_proposals(session: Session, meeting_id: int, sequence: int) -> None:
    """What was proposed for the meeting as it was before waits no longer."""
    listed = select(AttendeeRow.id).where(AttendeeRow.meeting_id == meeting_id)
    session.execute(
        update(ProposalRow)
        .where(
            col(ProposalRow.attendee_id).in_(listed),
            col(ProposalRow.status) == ProposalStatus.PENDING.value,
            col(ProposalRow.sequence) < sequence,
        )
        .values(status=ProposalStatus.OVERTAKEN.value)
    )


def add_attendee(session: Session, stored: Stored, attendee: Attendee) -> int:
    """Adds one attendee; the id of the row."""
    row = attendee_row(stored.id, attendee)
    session.add(row)
    session.flush()
    stored.numbers[attendee.address] = stored_id(row.id)
    stored.put(attendee)
    return stored_id(row.id)


def sync_attendees(session: Session, stored: Stored, attendees: Sequence[Attendee], now: datetime) -> None:
    """Makes the list of a meeting loaded with everyone what `attendees` says, and folds all of them again."""
    wanted = {attendee.address: attendee for attendee in attendees}
    query = select(AttendeeRow).where(AttendeeRow.meeting_id == stored.id)
    for row in session.exec(query).all():
        attendee = wanted.pop(row.address, None)
        row.removed_at = (row.removed_at or now) if attendee is None and not row.delegated_from else None
        if attendee is not None:
            row.name, row.role = attendee.name, attendee.role.value
            row.cutype, row.rsvp = attendee.cutype.value, attendee.rsvp
            row.initial_partstat = attendee.partstat.value
        session.add(row)
    for attendee in wanted.values():
        add_attendee(session, stored, attendee)
    session.flush()
    refold(session, stored.row)


def refold(session: Session, row: MeetingRow) -> Stored:
    """Folds the answers of everybody again; the meeting with everybody, without its files."""
    session.expire_all()
    everyone = _load_list(session, row)
    fold(session, {number: (everyone, address) for address, number in everyone.numbers.items()})
    return everyone


def add_answers(session: Session, given: Iterable[tuple[Stored, InboundRow, Answer]]) -> None:
    """Appends answers to the record, whose ledger rows were flushed; folds each attendee touched once."""
    touched: dict[int, tuple[Stored, str]] = {}
    rows = []
    for stored, inbound, answer in given:
        number = stored.numbers[answer.attendee]
        rows.append(answer_values(number, stored_id(inbound.id), answer))
        touched[number] = (stored, answer.attendee)
    if rows:
        # Else each run of rows that lack the same values is a statement of its own.
        session.execute(insert(AnswerRow), rows, execution_options={"render_nulls": True})
    fold(session, touched)


def fold(session: Session, touched: Mapping[int, tuple[Stored, str]]) -> None:
    """Repeats in the attendees' rows what their answers to the series add up to."""
    meetings = {id(stored): stored for stored, _ in touched.values()}
    listed = {number: {a.address: a for a in s.meeting.attendees} for number, s in meetings.items()}
    changes = [
        _folded(number, stored.meeting, attendee)
        for number, (stored, address) in touched.items()
        if (attendee := listed[id(stored)].get(address)) is not None
    ]
    if changes:
        session.execute(update(AttendeeRow), changes)


def _folded(number: int, meeting: Meeting, attendee: Attendee) -> dict[str, object]:
    answer = ranking.current(ranking.standing(attendee.answers, meeting))
    if answer is None:
        return {
            "id": number,
            "partstat": attendee.partstat.value,
            **dict.fromkeys(("answered_at", "comment", "guests", "sent_by", "delegated_to", "client")),
        }
    return {
        "id": number,
        "partstat": answer.partstat.value,
        "answered_at": answer.rank.answered_at,
        "comment": answer.comment,
        "guests": answer.guests,
        "sent_by": answer.sent_by,
        "delegated_to": answer.delegated_to,
        "client": answer.client,
    }
