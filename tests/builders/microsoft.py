"""Exchange 2010 and later, Microsoft 365, Outlook 2003, Outlook for Mac."""

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
    when,
)
from builders.text import Row, ascii_or, content, entity, envelope, fold, leaf, multipart

WINDOWS_ZONES = {
    "Europe/Zurich": "W. Europe Standard Time",
    "Europe/Berlin": "W. Europe Standard Time",
    "Europe/Paris": "Romance Standard Time",
    "Europe/London": "GMT Standard Time",
    "America/New_York": "Eastern Standard Time",
    "America/Los_Angeles": "Pacific Standard Time",
    "Asia/Tokyo": "Tokyo Standard Time",
}
MAC_ZONE = '"Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna"'
_UTC = '"tzone://Microsoft/Utc"'
_WORDS = {
    "en": {"ACCEPTED": "Accepted", "DECLINED": "Declined", "TENTATIVE": "Tentative"},
    "de": {"ACCEPTED": "Zugesagt", "DECLINED": "Abgesagt", "TENTATIVE": "Mit Vorbehalt"},
    "fr": {"ACCEPTED": "Accepté", "DECLINED": "Refusé", "TENTATIVE": "Provisoire"},
    "ru": {"ACCEPTED": "Принято", "DECLINED": "Отклонено", "TENTATIVE": "Под вопросом"},
}
_BODY_CHARSETS = ("iso-8859-1", "windows-1252", "windows-1250", "windows-1251", "utf-8")


def microsoft365(facts: Facts, scheme: str = "mailto:") -> bytes:
    """Exchange 2010 and later: no ORGANIZER, Windows TZIDs, a COMMENT that is often only a newline."""
    boundary = f"_000_{facts.token[:32].upper()}_"
    html = f"<html><body><p>{facts.comment or ''}</p></body></html>\r\n"
    body = multipart(
        boundary,
        _text("plain", f"{facts.comment or ''}\r\n"),
        _text("html", html),
        leaf(
            f'text/calendar; charset="utf-8"; method={facts.method}',
            "base64",
            microsoft365_ics(facts, scheme),
        ),
    )
    headers = envelope(
        facts,
        _titled(facts),
        "Thread-Topic: invitation",
        f"Accept-Language: {_locale(facts)}",
        f"Content-Language: {_locale(facts)}",
        "X-MS-Has-Attach:",
        f'Content-Type: multipart/alternative;\r\n\tboundary="{boundary}"',
    )
    return entity(headers, body)


def exchange2010(facts: Facts) -> bytes:
    """An older Exchange 2010, which writes MAILTO: in upper case."""
    return microsoft365(facts, scheme="MAILTO:")


def microsoft365_ics(facts: Facts, scheme: str = "mailto:") -> bytes:
    """The calendar of Exchange."""
    zone, tzid = _windows_zone(facts)
    head = [
        "BEGIN:VCALENDAR",
        f"METHOD:{facts.method}",
        "PRODID:Microsoft Exchange Server 2010",
        "VERSION:2.0",
        *_since_1601(vtimezone(facts, zone, tzid.strip('"'))),
    ]
    rows = _exchange_rows(facts, zone, tzid, scheme)
    inner = [f"BEGIN:{facts.component}", *rows, f"END:{facts.component}"]
    return content([*head, *inner, "END:VCALENDAR"])


def _since_1601(rows: list[Row]) -> list[Row]:
    return [row and row.replace("19701025", "16010101").replace("19700329", "16010101") for row in rows]


def _exchange_rows(facts: Facts, zone: str, tzid: str, scheme: str) -> list[Row]:
    name = f"CN={quote(facts.attendee.name)}"
    said = "\\n" if facts.comment is None else escape(facts.comment + "\n")
    return [
        attendee(facts, f"PARTSTAT={facts.partstat}", name, scheme=scheme),
        f"COMMENT;LANGUAGE={_locale(facts)}:{said}",
        f"UID:{facts.uid}",
        occurrence(facts, zone, tzid),
        f"SUMMARY;LANGUAGE={_locale(facts)}:{escape(_titled(facts))}",
        *times(facts, zone, tzid),
        "CLASS:PUBLIC",
        "PRIORITY:5",
        f"DTSTAMP:{stamp(facts.dtstamp)}",
        "TRANSP:OPAQUE",
        "STATUS:CONFIRMED",
        sequence(facts),
        f"LOCATION;LANGUAGE={_locale(facts)}:{escape(facts.location)}",
        *_cdo(facts),
        *_original_times(facts, zone, tzid),
    ]


def _cdo(facts: Facts) -> list[Row]:
    return [
        f"X-MICROSOFT-CDO-APPT-SEQUENCE:{facts.sequence or 0}",
        "X-MICROSOFT-CDO-OWNERAPPTID:0",
        "X-MICROSOFT-CDO-BUSYSTATUS:BUSY",
        "X-MICROSOFT-CDO-INTENDEDSTATUS:BUSY",
        f"X-MICROSOFT-CDO-ALLDAYEVENT:{'TRUE' if facts.all_day else 'FALSE'}",
        "X-MICROSOFT-CDO-IMPORTANCE:1",
        "X-MICROSOFT-CDO-INSTTYPE:0",
        "X-MICROSOFT-DISALLOW-COUNTER:FALSE",
    ]


def _original_times(facts: Facts, zone: str, tzid: str) -> list[Row]:
    if facts.method != "COUNTER":
        return []
    return [
        when("X-MS-OLK-ORIGINALSTART", facts.start, zone, tzid),
        when("X-MS-OLK-ORIGINALEND", facts.end, zone, tzid),
    ]


def outlook2003(facts: Facts) -> bytes:
    """Outlook 2003: the calendar is the whole mail, the comment is in DESCRIPTION, CR CR LF at the end."""
    ics = outlook2003_ics(facts)
    encoding = ascii_or(ics, "7bit", "8bit")
    headers = envelope(
        facts,
        _titled(facts),
        f'Content-Type: text/calendar; method={facts.method};\r\n\tcharset="utf-8"',
        f"Content-Transfer-Encoding: {encoding}",
        "X-Mailer: Microsoft Office Outlook 11",
    )
    return entity(headers, ics.removesuffix(b"\r\n") + b"\r\r\n")


def outlook2003_ics(facts: Facts) -> bytes:
    """The calendar of Outlook 2003: MAILTO:, UTC, a SUMMARY that is not the Subject."""
    head = ["BEGIN:VCALENDAR", "PRODID:-//Microsoft Corporation//Outlook 11.0 MIMEDIR//EN"]
    head += ["VERSION:2.0", f"METHOD:{facts.method}", f"BEGIN:{facts.component}"]
    rows: list[Row] = [
        attendee(facts, f"PARTSTAT={facts.partstat}", scheme="MAILTO:"),
        organizer(facts.organizer._replace(name=""), "MAILTO:"),
        *times(facts),
        occurrence(facts),
        f"LOCATION:{escape(facts.location)}",
        "TRANSP:OPAQUE",
        sequence(facts),
        f"UID:{facts.uid}",
        f"DTSTAMP:{stamp(facts.dtstamp)}",
        text("DESCRIPTION", facts.comment),
        f"SUMMARY:{escape(facts.summary)}",
        "PRIORITY:5",
        "X-MICROSOFT-CDO-IMPORTANCE:1",
        "CLASS:PUBLIC",
    ]
    return content([*head, *rows, f"END:{facts.component}", "END:VCALENDAR"])


def outlook_mac(facts: Facts) -> bytes:
    """Outlook for Mac: DTSTAMP is the invitation's, the comment is in the html alone, US-ASCII."""
    ics = outlook_mac_ics(facts)
    charset = "US-ASCII" if ics.isascii() else "UTF-8"
    html = f"<html><body>{facts.comment or ''}</body></html>\r\n".encode()
    boundary = f"B_{int(facts.token[:8], 16)}_{int(facts.token[8:16], 16)}"
    body = multipart(
        boundary,
        leaf('text/html; charset="UTF-8"', "quoted-printable", html),
        leaf(
            f'text/calendar;\r\n\tcharset="{charset}"; method={facts.method}',
            ascii_or(ics, "7bit", "base64"),
            ics,
        ),
        preamble="> This message is in MIME format.\r\n\r\n",
    )
    headers = envelope(
        facts,
        _titled(facts),
        "User-Agent: Microsoft-MacOutlook/14.3.9.131030",
        f'Content-type: multipart/alternative;\r\n\tboundary="{boundary}"',
    )
    return entity(headers, body)


def outlook_mac_ics(facts: Facts) -> bytes:
    """The calendar of Outlook for Mac: CN folded inside its quotes, TZIDs with commas."""
    tzid = MAC_ZONE.strip('"')
    head = content(
        [
            "BEGIN:VCALENDAR",
            "PRODID:-//Microsoft Corporation//Outlook for Mac MIMEDIR//EN",
            "VERSION:2.0",
            f"METHOD:{facts.method}",
            *vtimezone(facts, facts.zone, tzid),
            f"BEGIN:{facts.component}",
        ]
    )
    tail = content([*_mac_rows(facts), f"END:{facts.component}", "END:VCALENDAR"])
    return head + _mac_attendee(facts) + tail


def _mac_rows(facts: Facts) -> list[Row]:
    return [
        organizer(facts.organizer, "MAILTO:"),
        *times(facts, facts.zone, MAC_ZONE),
        occurrence(facts, facts.zone, MAC_ZONE),
        f"UID:{facts.uid}",
        f"DTSTAMP:{stamp(facts.invited_at)}",
        f"X-MICROSOFT-CDO-REPLYTIME:{stamp(facts.dtstamp)}",
        sequence(facts),
        f"SUMMARY:{escape(_titled(facts))}",
        f"LOCATION:{escape(facts.location)}",
        "X-MICROSOFT-CDO-BUSYSTATUS:BUSY",
    ]


def _mac_attendee(facts: Facts) -> bytes:
    name = facts.attendee.name
    cut = max(1, len(name) // 2)
    row = attendee(facts, "ROLE=OPT-PARTICIPANT", f"PARTSTAT={facts.partstat}", 'CN="', scheme="MAILTO:")
    before, _, after = row.partition('CN="')
    return f'{before}CN="{name[:cut]}\r\n {fold(name[cut:] + chr(34) + after, 74)}\r\n'.encode()


def _text(kind: str, body: str) -> bytes:
    charset = next(c for c in _BODY_CHARSETS if _encodable(body, c))
    return leaf(f'text/{kind}; charset="{charset}"', "quoted-printable", body.encode(charset))


def _encodable(body: str, charset: str) -> bool:
    try:
        body.encode(charset)
    except UnicodeEncodeError:
        return False
    return True


def _titled(facts: Facts) -> str:
    if facts.method == "COUNTER":
        return f"New Time Proposed: {facts.summary}"
    words = _WORDS.get(facts.language, _WORDS["en"])
    return f"{words.get(facts.partstat, facts.partstat.title())}: {facts.summary}"


def _locale(facts: Facts) -> str:
    return {"en": "en-US"}.get(facts.language, f"{facts.language}-{facts.language.upper()}")


def _windows_zone(facts: Facts) -> tuple[str, str]:
    if facts.zone is None:
        return "UTC", _UTC
    return facts.zone, WINDOWS_ZONES.get(facts.zone, facts.zone)
