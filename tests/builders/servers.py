"""Groupware servers: Zimbra, SOGo, Roundcube, BlueMind."""

from __future__ import annotations

from builders.facts import Facts
from builders.ical import (
    attendee,
    escape,
    occurrence,
    organizer,
    quote,
    sequence,
    stamp,
    text,
    times,
    vtimezone,
)
from builders.text import (
    Row,
    content,
    date_header,
    entity,
    envelope,
    leaf,
    mailbox,
    multipart,
    nested,
    qp,
    unfold,
)

_WORDS = {"ACCEPTED": "Accepted", "DECLINED": "Declined", "TENTATIVE": "Tentative"}
_BLUEMIND_WIDTH = 161


def zimbra(facts: Facts) -> bytes:
    """Zimbra: the calendar is the whole mail, named meeting.ics; quoted TZIDs."""
    headers = envelope(
        facts,
        _titled(facts),
        "X-Mailer: Zimbra 8.8.15_GA_4481 (ZimbraWebClient)",
        f"Content-Type: text/calendar; charset=utf-8; method={facts.method}; name=meeting.ics",
        "Content-Transfer-Encoding: quoted-printable",
    )
    return entity(headers, qp(zimbra_ics(facts)))


def zimbra_ics(facts: Facts) -> bytes:
    """The calendar of Zimbra."""
    head = ["BEGIN:VCALENDAR", "PRODID:Zimbra-Calendar-Provider", "VERSION:2.0"]
    tzid = f'"{facts.zone}"'
    who = attendee(
        facts,
        f"CN={quote(facts.attendee.name)}",
        "ROLE=REQ-PARTICIPANT",
        f"PARTSTAT={facts.partstat}",
    )
    rows: list[Row] = [
        f"METHOD:{facts.method}",
        *vtimezone(facts, facts.zone),
        f"BEGIN:{facts.component}",
        f"UID:{facts.uid}",
        f"SUMMARY:{escape(_titled(facts))}",
        who,
        "PRIORITY:5",
        organizer(facts.organizer),
        *times(facts, facts.zone, tzid),
        occurrence(facts, facts.zone, tzid),
        f"DTSTAMP:{stamp(facts.dtstamp)}",
        sequence(facts),
        text("COMMENT", facts.comment),
        f"END:{facts.component}",
    ]
    return content([*head, *rows, "END:VCALENDAR"])


def sogo(facts: Facts) -> bytes:
    """SOGo: no SEQUENCE, and a DTSTAMP that equals CREATED, so it is older than the answer; no comment."""
    created: list[Row] = [f"CREATED:{stamp(facts.invited_at)}"]
    return _sogo_mail(facts, _sogo_ics(facts, "-//Inverse inc./SOGo 2.3.23//EN", created))


def sogo5(facts: Facts) -> bytes:
    """SOGo 5: echoes DTSTAMP, SEQUENCE and PRODID of the invitation, so a changed mind differs in nothing."""
    return _sogo_mail(facts, _sogo_ics(facts, "-//rsvpd.example//rsvpd//EN", [sequence(facts)]))


def _sogo_ics(facts: Facts, prodid: str, extra: list[Row]) -> bytes:
    head = ["BEGIN:VCALENDAR", f"PRODID:{prodid}", "VERSION:2.0", f"METHOD:{facts.method}"]
    name = f"CN={quote(facts.attendee.name)}"
    rows: list[Row] = [
        "CALSCALE:GREGORIAN",
        *vtimezone(facts, facts.zone),
        f"BEGIN:{facts.component}",
        f"UID:{facts.uid}",
        f"DTSTAMP:{stamp(facts.invited_at)}",
        *extra,
        *times(facts, facts.zone),
        f"SUMMARY:{escape(facts.summary)}",
        f"LOCATION:{escape(facts.location)}",
        organizer(facts.organizer),
        "STATUS:CONFIRMED",
        "TRANSP:OPAQUE",
        f"LAST-MODIFIED:{stamp(facts.dtstamp)}",
        occurrence(facts),
        attendee(facts, "ROLE=REQ-PARTICIPANT", f"PARTSTAT={facts.partstat}", name),
        f"END:{facts.component}",
    ]
    return content([*head, *rows, "END:VCALENDAR"])


def _sogo_mail(facts: Facts, ics: bytes) -> bytes:
    boundary = f"----=_=-_OpenGroupware_org_NGMime-19816-{int(facts.token[:8], 16)}.160503-8------"
    verb = _WORDS.get(facts.partstat, "Not yet decided on")
    html = f"<html><body><h1>{verb} invitation: {facts.summary}</h1></body></html>\r\n"
    calendar = qp(ics + b"\r\n", 72)
    body = multipart(
        boundary,
        leaf("text/html; charset=utf-8", "quoted-printable", html.encode()),
        entity(
            [
                f'Content-Type: text/calendar; method={facts.method}; charset="UTF-8"',
                "Content-Class: urn:content-classes:calendarmessage",
                "Content-Transfer-Encoding: quoted-printable",
                f"Content-Length: {len(calendar)}",
            ],
            calendar,
        ),
    )
    return entity([*_sogo_headers(facts, boundary), _sogo_subject(verb, facts.summary)], body)


def _sogo_headers(facts: Facts, boundary: str) -> list[Row]:
    return [
        f"From: {mailbox(facts.author)}",
        f'Content-Type: multipart/mixed; boundary="{boundary}"',
        "MIME-Version: 1.0",
        date_header(facts.written_at),
        f"Message-ID: <{facts.message_id_at('12345678')}>",
        f"In-Reply-To: <{facts.in_reply_to}>" if facts.in_reply_to else None,
        "X-Sogo-Message-Type: calendar:invitation-reply",
        f"To: {mailbox(facts.recipient)}",
    ]


def _sogo_subject(verb: str, summary: str) -> str:
    # SOGo puts encoded words side by side without a blank, which RFC 2047 forbids.
    title = "".join(f"={octet:02X}" for octet in summary.encode())
    return f"Subject: {verb} =?utf-8?q?invitation=3A?==?utf-8?q?_=22{title}=22?="


def roundcube(facts: Facts) -> bytes:
    """Roundcube: no Date header, an empty VTIMEZONE, `"Title" has been accepted by …` as subject."""
    boundary = f"=_{facts.token[:32]}"
    said = f"{facts.attendee.name} has {facts.partstat.lower()} the invitation.\r\n"
    body = multipart(
        boundary,
        leaf("text/plain; charset=UTF-8; format=flowed", "quoted-printable", said.encode()),
        leaf(
            f"text/calendar; method={facts.method}; charset=UTF-8; name=event.ics",
            "quoted-printable",
            roundcube_ics(facts),
        ),
    )
    headers = envelope(
        facts,
        f'"{facts.summary}" has been {facts.partstat.lower()} by {facts.attendee.name}',
        "User-Agent: Roundcube Webmail/1.6.1",
        f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"',
        dated=False,
    )
    return entity(headers, body)


def roundcube_ics(facts: Facts) -> bytes:
    """The calendar of Roundcube."""
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Roundcube libcalendaring//Sabre VObject//EN"]
    name = f"CN={quote(facts.attendee.name)}"
    zone = ["BEGIN:VTIMEZONE", f"TZID:{facts.zone}", "END:VTIMEZONE"] if facts.zone else []
    rows: list[Row] = [
        "CALSCALE:GREGORIAN",
        f"METHOD:{facts.method}",
        *zone,
        f"BEGIN:{facts.component}",
        f"UID:{facts.uid}",
        f"DTSTAMP:{stamp(facts.dtstamp)}",
        *times(facts, facts.zone),
        occurrence(facts, facts.zone),
        f"SUMMARY:{escape(facts.summary)}",
        sequence(facts),
        organizer(facts.organizer),
        attendee(facts, f"PARTSTAT={facts.partstat}", "ROLE=REQ-PARTICIPANT", name),
        text("COMMENT", facts.comment),
        f"END:{facts.component}",
    ]
    return content([*head, *rows, "END:VCALENDAR"])


def bluemind(facts: Facts) -> bytes:
    """BlueMind: a second copy as attachment, no SEQUENCE, lines up to 161 octets.

    Set `sender` for its replies whose ATTENDEE is in another domain than From.
    """
    outer, inner = (f"----{facts.token[i : i + 24].upper()}" for i in (0, 24))
    ics = bluemind_ics(facts)
    body = multipart(
        outer,
        nested(
            "alternative",
            inner,
            _bluemind_html(facts, "quoted-printable"),
            leaf(f"text/calendar; charset=UTF-8; method={facts.method}", "8bit", ics),
        ),
        leaf(
            "application/ics; name=event.ics",
            "base64",
            ics,
            "Content-Disposition: attachment; filename=event.ics",
        ),
    )
    subject = f"Re: {facts.summary}"
    return entity(envelope(facts, subject, f'Content-Type: multipart/mixed; boundary="{outer}"'), body)


def bluemind_related(facts: Facts) -> bytes:
    """BlueMind's other shape: related, and 8bit text without a Content-Transfer-Encoding header."""
    return _bluemind_related(facts, bluemind_ics(facts))


def bluemind_without_attendee(facts: Facts) -> bytes:
    """BlueMind leaves the ATTENDEE out now and then, and the PARTSTAT with it."""
    rows = unfold(bluemind_ics(facts)).decode().splitlines()
    kept = content((row for row in rows if not row.startswith("ATTENDEE")), width=_BLUEMIND_WIDTH)
    return _bluemind_related(facts, kept)


def bluemind_ics(facts: Facts) -> bytes:
    """The calendar of BlueMind, with its VTIMEZONE behind the VEVENT."""
    head = ["BEGIN:VCALENDAR", "PRODID:-//BlueMind//BlueMind Calendar//FR", "VERSION:2.0"]
    name = f"CN={quote(facts.attendee.name)}"
    who = ["CUTYPE=INDIVIDUAL", "ROLE=REQ-PARTICIPANT", f"PARTSTAT={facts.partstat}", name]
    rows: list[Row] = [
        f"METHOD:{facts.method}",
        f"BEGIN:{facts.component}",
        f"UID:{facts.uid}",
        f"DTSTAMP:{stamp(facts.dtstamp)}",
        *times(facts, facts.zone),
        occurrence(facts, facts.zone),
        f"SUMMARY:{escape(facts.summary)}",
        f"DESCRIPTION:{'Bitte lesen. ' * 20}",
        organizer(facts.organizer),
        attendee(facts, *who, "RSVP=FALSE"),
        text("COMMENT", facts.comment),
        f"END:{facts.component}",
        *vtimezone(facts, facts.zone),
    ]
    return content([*head, *rows, "END:VCALENDAR"], width=_BLUEMIND_WIDTH)


def _bluemind_related(facts: Facts, ics: bytes) -> bytes:
    boundary = f"----{facts.token[:24].upper()}"
    calendar = leaf(f"text/calendar; charset=UTF-8; method={facts.method}", None, ics)
    header = f'Content-Type: multipart/related; boundary="{boundary}"'
    body = multipart(boundary, _bluemind_html(facts, None), calendar)
    return entity(envelope(facts, f"Re: {facts.summary}", header), body)


def _bluemind_html(facts: Facts, encoding: str | None) -> bytes:
    html = f"<html><body><p>{facts.attendee.name} « {facts.summary}</p></body></html>\r\n"
    return leaf("text/html; charset=UTF-8", encoding, html.encode())


def _titled(facts: Facts) -> str:
    return f"{_WORDS.get(facts.partstat, facts.partstat.title())}: {facts.summary}"
