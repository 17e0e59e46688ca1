"""A person's data replaced by a pseudonym, in every table there is. All take a session of `Database`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy
from sqlalchemy import LargeBinary, Row, Table, or_, tuple_, update
from sqlmodel import Session, col, select

from rsvpd.itip import pseudonyms
from rsvpd.itip.model import Outcome
from rsvpd.itip.pseudonyms import Person
from rsvpd.itip.reading import Source
from rsvpd.store.convert import digest, folded_digest
from rsvpd.store.outgoing import Status
from rsvpd.store.tables import (
    AliasRow,
    AttendeeRow,
    InboundRow,
    MeetingRow,
    OutgoingRow,
    SecretRow,
    metadata,
)

SETTLED_BY = "erase"
_KEY = "pseudonyms"
_KEY_BYTES = 32
_LAST = ("alias", "attendee")
"""Tables that tell who the person is: after an end halfway, they still do."""
_DROPPED = "the attendee's data was erased"

Values = Mapping[str, Any]


def key(session: Session, *, keep: bool) -> bytes:
    """The key of this database's pseudonyms; a new one is kept only if asked to."""
    row = session.get(SecretRow, _KEY)
    if row is not None:
        return row.value
    made = secrets.token_bytes(_KEY_BYTES)
    if keep:
        session.add(SecretRow(name=_KEY, value=made))
    return made


def find(session: Session, address: str, secret: bytes) -> Person:
    """The person with a normalised address: their aliases, in both directions, and the names they go by."""
    known, asked = {address}, set[str]()
    while missing := known - asked:
        asked |= missing
        query = select(AliasRow).where(
            or_(col(AliasRow.address).in_(missing), col(AliasRow.alias).in_(missing))
        )
        for row in session.exec(query):
            known |= {row.address, row.alias}
    someone = pseudonyms.person(known, (), secret)
    named = select(AttendeeRow.name).where(
        col(AttendeeRow.bare_address).in_(someone.addresses), col(AttendeeRow.name).is_not(None)
    )
    names = {name for name in session.exec(named.distinct()) if name}
    wrote = select(InboundRow.sender, InboundRow.envelope).where(_begins(someone))
    for sender, envelope in session.exec(wrote):
        if someone.has(sender) and envelope.get("from_name"):
            names.add(str(envelope["from_name"]))
    return pseudonyms.person(known, {n for n in names if not someone.mentioned_in(n) and n.strip()}, secret)


def _begins(person: Person) -> Any:  # noqa: ANN401  a condition
    """Whether a sender may be the person: the plus-detail is looked at afterwards."""
    tests = []
    for address in person.addresses:
        local, _, host = address.rpartition("@")
        tests += [col(InboundRow.sender) == address, col(InboundRow.sender).like(f"{local}+%@{host}")]
    return or_(*tests)


def in_the_way(session: Session, person: Person) -> Sequence[tuple[int, str]]:
    """Number and recipient of mails that are not sent yet and name the person; their own, if it is being sent."""
    query = select(OutgoingRow).where(OutgoingRow.status == Status.PENDING.value)
    return [
        (row.id or 0, row.recipient)
        for row in session.exec(query)
        if (row.claimed_by is not None if person.has(row.recipient) else person.mentioned_in_mail(row.raw))
    ]


@dataclass(slots=True)
class Erasure:
    """Walks through the tables, a batch at a time. `touched` counts rows by table."""

    person: Person
    now: datetime
    own: frozenset[int]
    """Ids of the person's own attendee rows."""
    touched: dict[str, int] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    """Files of meetings that have them, which are left as they are."""

    def batch(self, session: Session, table: Table, after: tuple[Any, ...] | None, limit: int) -> Any:  # noqa: ANN401
        """Does the next rows of a table after that primary key; the last one's, None at the end."""
        keys = list(table.primary_key.columns)
        query = sqlalchemy.select(table).order_by(*keys).limit(limit)
        if after is not None:
            query = query.where(tuple_(*keys) > tuple_(*after))
        rows = session.execute(query).all()
        for row in rows:
            self._row(session, table, row)
        return tuple(rows[-1]._mapping[one] for one in keys) if rows else None  # noqa: SLF001  public in spite of its name

    def _row(self, session: Session, table: Table, row: Row[Any]) -> None:
        old = dict(row._mapping)  # noqa: SLF001
        changed = self._plain(table, old)
        changed |= _SPECIAL.get(table.name, _nothing)(self, old, changed)
        different = {name: value for name, value in changed.items() if value != old[name]}
        if not different:
            return
        self.touched[table.name] = self.touched.get(table.name, 0) + 1
        same = [one == old[one.name] for one in table.primary_key.columns]
        session.execute(update(table).where(*same).values(different))

    def _plain(self, table: Table, old: Values) -> dict[str, Any]:
        """Every text and every JSON of a row without the person; whose name is another's stays."""
        found = {}
        for column in table.columns:
            value = old[column.name]
            homonym = table.name == "attendee" and column.name == "name"
            if value is not None and not homonym and not isinstance(column.type, LargeBinary):
                found[column.name] = self.person.taken_out_of_json(value)
        return found


def tables() -> list[Table]:
    """Every table, those last that tell who the person is."""
    return sorted(
        metadata.sorted_tables, key=lambda table: _LAST.index(table.name) if table.name in _LAST else -1
    )


def own_attendees(session: Session, person: Person) -> frozenset[int]:
    """The ids of the person's attendee rows."""
    query = select(AttendeeRow.id).where(col(AttendeeRow.bare_address).in_(person.addresses))
    return frozenset(number for number in session.exec(query) if number is not None)


def _nothing(_erasure: Erasure, _old: Values, _changed: Values) -> Values:
    return {}


def _attendee(erasure: Erasure, old: Values, _changed: Values) -> Values:
    return dict.fromkeys(("name", "comment")) if old["id"] in erasure.own else {}


def _answer(erasure: Erasure, old: Values, _changed: Values) -> Values:
    return {"comment": None} if old["attendee_id"] in erasure.own else {}


def _inbound(erasure: Erasure, old: Values, changed: Values) -> Values:
    person = erasure.person
    envelope = old["envelope"]
    own = any(map(person.has, (old["sender"], old["attendee"], envelope["from"], envelope["sender"])))
    more: dict[str, Any] = _digests(old, changed)
    if own:
        more |= {"raw": b"", "emptied_at": old["emptied_at"] or erasure.now}
        more["note"] = changed["note"] | {"comment": None}
        more["envelope"] = changed["envelope"] | ({"from_name": None} if person.has(envelope["from"]) else {})
        if old["outcome"] == Outcome.HELD and not old["settled_by"]:
            more |= {"settled_by": SETTLED_BY, "settled_at": erasure.now}
    elif old["source"] == Source.CALENDAR:
        more["raw"] = person.taken_out_of_calendar(old["raw"], old["note"].get("charset"))
    elif person.mentioned_in_mail(old["raw"]):
        more |= {"raw": b"", "emptied_at": erasure.now}
    return more


def _outgoing(erasure: Erasure, old: Values, _changed: Values) -> Values:
    own = erasure.person.has(old["recipient"])
    more: dict[str, Any] = {}
    if old["raw"] and (own or erasure.person.mentioned_in_mail(old["raw"])):
        more |= {"raw": b"", "emptied_at": erasure.now}
    if own and old["status"] in {Status.PENDING, Status.FAILED}:
        more |= {"status": Status.DROPPED.value, "words": _DROPPED}
    return more


def _meeting(_erasure: Erasure, old: Values, changed: Values) -> Values:
    return _digests(old, changed)


def _digests(old: Values, changed: Values) -> dict[str, Any]:
    """What a UID is found by, if the UID has changed."""
    uid = changed.get("uid")
    if uid is None or uid == old["uid"]:
        return {}
    return {"uid_digest": digest(uid), "folded_digest": folded_digest(uid)}


def _proposal(erasure: Erasure, old: Values, _changed: Values) -> Values:
    return dict.fromkeys(("comment", "location")) if old["attendee_id"] in erasure.own else {}


def _request(erasure: Erasure, old: Values, _changed: Values) -> Values:
    mentioned = old["body"] is not None and erasure.person.mentioned_in_mail(old["body"])
    return {"body": b"{}"} if mentioned else {}


def _attachment(erasure: Erasure, old: Values, _changed: Values) -> Values:
    if erasure.person.mentioned_in_mail(old["data"]):
        erasure.files.append(old["name"])
    return {}


_SPECIAL: dict[str, Callable[[Erasure, Values, Values], Values]] = {
    "attendee": _attendee,
    "answer": _answer,
    "attachment": _attachment,
    "inbound": _inbound,
    "meeting": _meeting,
    "outgoing": _outgoing,
    "proposal": _proposal,
    "request": _request,
}


def organizes(session: Session, person: Person) -> bool:
    """Whether the person is the organizer of a meeting."""
    return any(map(person.has, session.exec(select(MeetingRow.organizer_address).distinct())))
