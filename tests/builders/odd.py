"""Mails that lost real answers somewhere, and mails that look like an answer and are none.

`ODDITIES` say exactly what their facts say; `NOT_ANSWERS` must leave every PARTSTAT alone.
`SILENT` come from an attendee but do not name a PARTSTAT.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from builders import odd_ics
from builders.facts import Facts, Party
from builders.google import google
from builders.odd_ics import clean
from builders.servers import bluemind_without_attendee
from builders.text import b64, content, encode, entity, envelope, leaf, multipart

Builder = Callable[[Facts], bytes]

DISCLAIMER: Final = "This message is confidential. " * 40
"""A comment of 1.2 kB, which a company's server puts into every reply."""


def mail(facts: Facts, ics: bytes, content_type: str = "", encoding: str | None = "8bit") -> bytes:
    """A plain mail around a calendar: alternative of text and calendar."""
    kind = content_type or f"text/calendar; charset=UTF-8; method={facts.method}"
    return _alternative(facts, leaf(kind, encoding, ics))


def around(calendar: Callable[[Facts], bytes]) -> Builder:
    """The builder of a plain mail around what `calendar` makes."""

    def build(facts: Facts) -> bytes:
        return mail(facts, calendar(facts), encoding="base64")

    build.__doc__ = calendar.__doc__
    return build


def octet_stream(facts: Facts) -> bytes:
    """The calendar as application/octet-stream, recognisable by its name alone."""
    return mail(facts, clean(facts), "application/octet-stream; name=invite.ics", "base64")


def application_ics(facts: Facts) -> bytes:
    """application/ics alone, without method, as an attachment of a mixed mail."""
    return _mixed(facts, leaf('application/ics; name="reply.ics"', "base64", clean(facts)))


def root_application_ics(facts: Facts) -> bytes:
    """application/ics is the whole mail."""
    return _root(facts, "application/ics; name=invite.ics", clean(facts))


def copy_as_text(facts: Facts) -> bytes:
    """The reply twice in one mail, once as text/calendar and once as text/plain named .ics."""
    copy = leaf('text/plain; name="reply.ics"', "base64", clean(facts))
    return _mixed(facts, leaf("text/calendar; method=REPLY", "base64", clean(facts)), copy)


def unknown_charset(facts: Facts) -> bytes:
    """A charset that nobody knows; the octets are UTF-8."""
    return mail(facts, clean(facts), "text/calendar; charset=x-unknown-7; method=REPLY")


def wrong_charset(facts: Facts) -> bytes:
    """The header says iso-8859-1, the octets are UTF-8."""
    return mail(facts, clean(facts), "text/calendar; charset=iso-8859-1; method=REPLY")


def latin1(facts: Facts) -> bytes:
    """The octets really are iso-8859-1, the header says UTF-8."""
    return mail(facts, clean(facts).decode().encode("iso-8859-1", "replace"))


def utf16(facts: Facts) -> bytes:
    """UTF-16 with its byte order mark, as declared."""
    data = clean(facts).decode().encode("utf-16")
    return mail(facts, data, "text/calendar; charset=utf-16; method=REPLY", "base64")


def unknown_encoding(facts: Facts) -> bytes:
    """A Content-Transfer-Encoding that does not exist; the octets are as they are."""
    return mail(facts, clean(facts), encoding="8-bit")


def encoding_upper(facts: Facts) -> bytes:
    """Content-Type and Content-Transfer-Encoding in upper case."""
    return mail(facts, clean(facts), 'TEXT/CALENDAR; CHARSET="UTF-8"; METHOD="REPLY"', "BASE64")


def base64_dirty(facts: Facts) -> bytes:
    """Base64 with a footer of a mailing list behind it, and without its padding."""
    data = b64(clean(facts)).rstrip(b"=\r\n") + b"\r\n"
    head = ["Content-Type: text/calendar; method=REPLY", "Content-Transfer-Encoding: base64"]
    return _alternative(facts, entity(head, data))


def header_disagrees(facts: Facts) -> bytes:
    """The Content-Type says method=REQUEST, the body METHOD:REPLY: the body decides."""
    return mail(facts, clean(facts), "text/calendar; charset=UTF-8; method=REQUEST")


def truncated_late(facts: Facts) -> bytes:
    """The calendar breaks off behind its last property; no END has come."""
    data = clean(facts)
    return mail(facts, data[: data.index(b"END:" + facts.component.encode())])


def truncated(facts: Facts) -> bytes:
    """Base64 cut in the middle of a quantum, before the ATTENDEE has come."""
    data = clean(facts)
    kept = b64(data[: data.index(b"ATTENDEE")])[:-5]
    head = ["Content-Type: text/calendar; method=REPLY", "Content-Transfer-Encoding: base64"]
    return _alternative(facts, entity(head, kept + b"\r\n"))


def forwarded(facts: Facts) -> bytes:
    """Somebody else forwards a reply as message/rfc822: the calendar in it is not theirs."""
    inner = google(facts)
    note = leaf("text/plain; charset=utf-8", "7bit", b"FYI\r\n")
    wrapped = leaf("message/rfc822", None, inner, "Content-Disposition: attachment")
    forwarder = Party("forwarder@example.net", "For Warder")
    return _mixed(replace(facts, sender=forwarder), note, wrapped, subject="Fwd: answer")


def request(facts: Facts) -> bytes:
    """Our own invitation, as it lies inside a bounce."""
    ours = replace(facts, method="REQUEST", partstat="NEEDS-ACTION", comment=None)
    calendar = leaf("text/calendar; charset=UTF-8; method=REQUEST", "8bit", clean(ours))
    sent = replace(ours, sender=facts.organizer, organizer=facts.attendee, to=None)
    return _alternative(sent, calendar, subject=f"Invitation: {facts.summary}")


def bounce(facts: Facts, invitation: bytes | None = None) -> bytes:
    """A delivery failure (RFC 3464) with our REQUEST in it, or with `invitation` if given."""
    boundary = f"{facts.token[:10].upper()}.1795427826/mx.example.net"
    daemon = Party("MAILER-DAEMON@mx.example.net", "Mail Delivery System")
    said = f"<{facts.attendee.address}>: 550 5.1.1 User unknown\r\n".encode()
    returned = invitation if invitation is not None else request(facts)
    body = multipart(
        boundary,
        leaf("text/plain; charset=utf-8", "8bit", said),
        leaf("message/delivery-status", None, _delivery_status(facts)),
        leaf("message/rfc822", "8bit", returned),
        preamble="This is a MIME-encapsulated message.\r\n\r\n",
    )
    report = "multipart/report; report-type=delivery-status"
    headers = envelope(
        replace(facts, sender=daemon),
        "Undelivered Mail Returned to Sender",
        "Return-Path: <>",
        "Auto-Submitted: auto-replied",
        f'Content-Type: {report};\r\n\tboundary="{boundary}"',
    )
    return entity(headers, body)


def booking_confirmation(facts: Facts) -> bytes:
    """A company's booking confirmation, mislabelled METHOD:REPLY: foreign UID, no answer of anybody."""
    company = Party("bookings@hotel.example", "Hotel Example")
    ours = replace(facts, uid="BOOKING-88123@hotel.example", summary="Your booking", comment=None)
    ics = odd_ics.without_partstat(replace(ours, organizer=company))
    calendar = leaf("text/calendar; charset=utf-8; method=REPLY", "8bit", ics)
    return _alternative(replace(ours, sender=company), calendar, subject="Your booking is confirmed")


def room_auto_reply(facts: Facts) -> bytes:
    """A room mailbox answers by itself; its reply has no ATTENDEE."""
    data = odd_ics.without_attendee(facts)
    kind = f"text/calendar; charset=utf-8; method={facts.method}"
    return _alternative(facts, leaf(kind, "base64", data), "Auto-Submitted: auto-replied")


def auto_responder(facts: Facts) -> bytes:
    """Out of office: Auto-Submitted and no calendar, in reply to our invitation."""
    headers = envelope(
        facts,
        f"Automatic reply: {facts.summary}",
        "Auto-Submitted: auto-replied",
        "Precedence: bulk",
        "Content-Type: text/plain; charset=utf-8",
    )
    return entity(headers, b"I am out of office until Monday.\r\n")


def written_answer(facts: Facts) -> bytes:
    """A person answers our invitation in words, without a calendar."""
    headers = envelope(facts, f"Re: {facts.summary}", "Content-Type: text/plain; charset=utf-8")
    return entity(headers, b"Yes, I will be there!\r\n")


def header_lies(facts: Facts) -> bytes:
    """The Content-Type says method=REPLY, the body METHOD:REQUEST: the body decides."""
    ics = clean(replace(facts, method="REQUEST"))
    return mail(facts, ics, "text/calendar; charset=UTF-8; method=REPLY")


def of_method(method: str) -> Builder:
    """A mail with another METHOD and the answer of the facts inside."""

    def build(facts: Facts) -> bytes:
        other = replace(facts, method=method)
        return mail(other, clean(other))

    build.__doc__ = f"METHOD:{method} is no answer, whatever PARTSTAT stands in it."
    return build


def _root(facts: Facts, content_type: str, data: bytes) -> bytes:
    extra = [f"Content-Type: {content_type}", "Content-Transfer-Encoding: base64"]
    return entity(envelope(facts, f"Answer: {facts.summary}", *extra), encode(data, "base64"))


def _alternative(facts: Facts, calendar: bytes, *extra: str, subject: str = "") -> bytes:
    plain = leaf("text/plain; charset=utf-8", "7bit", b"An answer.\r\n")
    return _multi(facts, "alternative", (plain, calendar), extra, subject)


def _mixed(facts: Facts, *parts: bytes, subject: str = "") -> bytes:
    return _multi(facts, "mixed", parts, (), subject)


def _multi(facts: Facts, kind: str, parts: tuple[bytes, ...], extra: tuple[str, ...], subject: str) -> bytes:
    boundary = f"=_{facts.token[:20]}"
    header = f'Content-Type: multipart/{kind}; boundary="{boundary}"'
    headers = envelope(facts, subject or f"Answer: {facts.summary}", *extra, header)
    return entity(headers, multipart(boundary, *parts))


def _delivery_status(facts: Facts) -> bytes:
    return content(
        [
            "Reporting-MTA: dns; mx.example.net",
            f"X-Postfix-Sender: rfc822; {facts.organizer.address}",
            "",
            f"Final-Recipient: rfc822; {facts.attendee.address}",
            f"Original-Recipient: rfc822;{facts.attendee.address}",
            "Action: failed",
            "Status: 5.1.1",
            "Remote-MTA: dns; mx.example.com",
            "Diagnostic-Code: smtp; 550 5.1.1 User unknown",
        ],
        width=998,
    )


_CALENDARS = (
    odd_ics.clean,
    odd_ics.method_twice,
    odd_ics.blank_lines,
    odd_ics.quoted_printable_residue,
    odd_ics.bare_newlines,
    odd_ics.mailto_upper,
    odd_ics.mailto_missing,
    odd_ics.mailto_quoted,
    odd_ics.mailto_bracketed,
    odd_ics.mailto_local_quoted,
    odd_ics.idn_other_form,
    odd_ics.x500_with_email,
    odd_ics.x500_alone,
    odd_ics.urn_with_email,
    odd_ics.nomail,
    odd_ics.alarm_with_attendee,
    odd_ics.timezone_after,
    odd_ics.several_calendars,
    odd_ics.colon_in_cn,
    odd_ics.bad_fold,
    odd_ics.bad_wrap,
    odd_ics.fold_inside_character,
    odd_ics.nul,
    odd_ics.byte_order_mark,
    odd_ics.proposal_in_reply,
    odd_ics.sequence_in_cdo,
    odd_ics.partstat_lower,
    odd_ics.names_lower,
    odd_ics.everybody_listed,
)

ODDITIES: Final[Mapping[str, Builder]] = MappingProxyType(
    {calendar.__name__: around(calendar) for calendar in _CALENDARS}
    | {
        "octet_stream": octet_stream,
        "application_ics": application_ics,
        "root_application_ics": root_application_ics,
        "copy_as_text": copy_as_text,
        "unknown_charset": unknown_charset,
        "wrong_charset": wrong_charset,
        "latin1": latin1,
        "utf16": utf16,
        "unknown_encoding": unknown_encoding,
        "encoding_upper": encoding_upper,
        "base64_dirty": base64_dirty,
        "header_disagrees": header_disagrees,
    }
)

NOT_ANSWERS: Final[Mapping[str, Builder]] = MappingProxyType(
    {
        "forwarded": forwarded,
        "bounce": bounce,
        "request": request,
        "booking_confirmation": booking_confirmation,
        "auto_responder": auto_responder,
        "written_answer": written_answer,
        "header_lies": header_lies,
        "truncated": truncated,
        "refresh": around(odd_ics.refresh),
    }
    | {
        f"method_{name.lower()}": of_method(name)
        for name in ("REQUEST", "PUBLISH", "CANCEL", "ADD", "DECLINECOUNTER", "REFRESH")
    }
)

SILENT: Final[Mapping[str, Builder]] = MappingProxyType(
    {
        "room_auto_reply": room_auto_reply,
        "bluemind_without_attendee": bluemind_without_attendee,
        "without_attendee": around(odd_ics.without_attendee),
        "without_partstat": around(odd_ics.without_partstat),
    }
)
