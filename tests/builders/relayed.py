"""Replies as relays, gateways, lists and signatures leave them; each says exactly what its facts say."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from builders.facts import Facts
from builders.google import google
from builders.odd import mail
from builders.odd_ics import clean
from builders.text import b64, entity, envelope, leaf, multipart, nested

Builder = Callable[[Facts], bytes]

SIGNED_DATA: Final = bytes.fromhex("2A864886F70D010702")
ENVELOPED_DATA: Final = bytes.fromhex("2A864886F70D010703")
DATA: Final = bytes.fromhex("2A864886F70D010701")
_ARMOR: Final = b"-----BEGIN PGP %s-----\r\n\r\nwsBcBAEBCgAQ\r\n=abcd\r\n-----END PGP %s-----\r\n"
FOOTER: Final = (
    b"_______________________________________________\r\nteam mailing list\r\nteam@lists.example.org\r\n"
)


def semicolon_missing(facts: Facts) -> bytes:
    """No semicolon behind the type."""
    return mail(facts, clean(facts), "text/calendar charset=UTF-8")


def base64_unsaid(facts: Facts) -> bytes:
    """The calendar in base64, and no header that says so."""
    return mail(facts, b64(clean(facts)), encoding=None)


def base64_said(facts: Facts) -> bytes:
    """The header says base64, the calendar stands as it is."""
    return _with_encoding(facts, "base64")


def quoted_printable_said(facts: Facts) -> bytes:
    """The header says quoted-printable, the calendar stands as it is: `=AC` and `=DE` of PARTSTAT look encoded."""
    return _with_encoding(facts, "quoted-printable")


def lower_case_said(facts: Facts) -> bytes:
    """The same of a calendar in lower case, with a fold inside the word PARTSTAT."""
    calendar = clean(facts).replace(b"BEGIN:", b"begin:").replace(b"PARTSTAT=", b"PART\r\n STAT=")
    return _with_encoding(facts, "base64", calendar)


def folded_said(facts: Facts) -> bytes:
    """PARTSTAT on a line of its own, in a mail that is said to be quoted-printable."""
    return _with_encoding(facts, "quoted-printable", clean(facts).replace(b";PARTSTAT=", b"\r\n ;PARTSTAT="))


def broken_behind_partstat(facts: Facts) -> bytes:
    """True quoted-printable with a soft break behind PARTSTAT, so that no answer stands there undecoded."""
    encoded = clean(facts).replace(b"=", b"=3D").replace(b"PARTSTAT=3D", b"PARTSTAT=\r\n=3D")
    return _with_encoding(facts, "quoted-printable", encoded.replace(b"BEGIN:", b"begin:"))


def base64_behind_a_blank_line(facts: Facts) -> bytes:
    """The calendar in base64 behind a blank line, and no header that says so."""
    return mail(facts, b"\r\n" + b64(clean(facts)), encoding=None)


def in_place_of_the_header(facts: Facts) -> bytes:
    """OBM: the calendar stands where the header of its part should, and the header behind it."""
    kind = (
        b"Content-type: text/calendar; method=REPLY; charset=UTF-8\r\nContent-transfer-encoding: 8BIT\r\n\r\n"
    )
    return _mixed(facts, clean(facts) + kind)


def other_delimiter(facts: Facts) -> bytes:
    """The boundary in the header is another than the one in the body."""
    return mail(facts, clean(facts)).replace(b'boundary="', b'boundary="rewritten.')


def utf_7(facts: Facts) -> bytes:
    """A gateway of a 7-bit world: every equals sign is written as +AD0-, PARTSTAT's too."""
    calendar = clean(facts).decode().encode("utf-7").replace(b"=", b"+AD0-")
    return mail(facts, calendar, "text/calendar; charset=utf-7; method=REPLY", encoding="7bit")


def list_footer(facts: Facts) -> bytes:
    """A mailing list writes its footer behind the calendar, and a gateway its warning before it."""
    return mail(facts, b"CAUTION: This mail came from outside\r\n" + clean(facts) + FOOTER)


def marks_between(facts: Facts) -> bytes:
    """Two calendars in one part, a byte order mark before each; the first is a foreign PUBLISH."""
    foreign = b"\xef\xbb\xbfBEGIN:VCALENDAR\r\nMETHOD:PUBLISH\r\nEND:VCALENDAR\r\n"
    return mail(facts, foreign + b"\xef\xbb\xbf" + clean(facts))


def clear_signed(facts: Facts) -> bytes:
    """S/MIME: multipart/signed around the mail."""
    signature = leaf("application/pkcs7-signature; name=smime.p7s", "base64", b"\x30\x80\x00\x00")
    calendar = nested("alternative", "inner", leaf("text/calendar; method=REPLY", "base64", clean(facts)))
    kind = 'multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="signed"'
    head = envelope(facts, "Accepted", f"Content-Type: {kind}")
    return entity(head, multipart("signed", calendar, signature))


def pgp_signed(facts: Facts) -> bytes:
    """PGP/MIME: multipart/signed, as Thunderbird and KMail sign (RFC 3156 5)."""
    calendar = nested("alternative", "inner", leaf("text/calendar; method=REPLY", "base64", clean(facts)))
    signature = leaf(
        "application/pgp-signature; name=signature.asc", "7bit", _ARMOR % (b"SIGNATURE", b"SIGNATURE")
    )
    kind = 'multipart/signed; protocol="application/pgp-signature"; micalg=pgp-sha512; boundary="signed"'
    head = envelope(facts, "Accepted", f"Content-Type: {kind}")
    return entity(head, multipart("signed", calendar, signature))


def pgp_encrypted(facts: Facts) -> bytes:
    """PGP/MIME: all of it encrypted, the subject too (RFC 3156 4)."""
    version = leaf("application/pgp-encrypted", "7bit", b"Version: 1\r\n")
    data = leaf("application/octet-stream; name=encrypted.asc", "7bit", _ARMOR % (b"MESSAGE", b"MESSAGE"))
    kind = 'multipart/encrypted; protocol="application/pgp-encrypted"; boundary="sealed"'
    return entity(envelope(facts, "...", f"Content-Type: {kind}"), multipart("sealed", version, data))


def pgp_in_the_text(facts: Facts) -> bytes:
    """PGP before PGP/MIME: an armored message as the text."""
    head = envelope(facts, "...", "Content-Type: text/plain")
    return entity(head, _ARMOR % (b"MESSAGE", b"MESSAGE"))


def enveloped(facts: Facts) -> bytes:
    """S/MIME: encrypted, so that nothing of it can be read (RFC 8551 3.3)."""
    data = der(0x30, der(0x06, ENVELOPED_DATA), der(0xA0, b"secret"))
    return smime(facts, data)


def opaque_signed(facts: Facts) -> bytes:
    """S/MIME: the mail inside application/pkcs7-mime, as Outlook can send it (RFC 8551 3.5.2)."""
    return smime(facts, signed_data(facts))


def named_p7m(facts: Facts) -> bytes:
    """The same, which a gateway calls a stream of octets."""
    kind = "Content-Type: application/octet-stream; name=smime.p7m"
    return entity(
        envelope(facts, "Accepted", kind, "Content-Transfer-Encoding: base64"), b64(signed_data(facts))
    )


def x_pkcs7(facts: Facts) -> bytes:
    """The same under the name that it had before RFC 2311."""
    return opaque_signed(facts).replace(b"application/pkcs7-mime", b"application/x-pkcs7-mime")


def signature_cut_off(facts: Facts) -> bytes:
    """A store cut the mail off within the signature, which is behind the content."""
    return smime(facts, signed_data(facts)[:-2])


def opaque_signed_in_pieces(facts: Facts) -> bytes:
    """The same as OpenSSL streams it: indefinite lengths, the content in pieces."""
    data = _inner(facts)
    pieces = b"".join(der(0x04, data[at : at + 500]) for at in range(0, len(data), 500))
    content = b"\x24\x80" + pieces + b"\x00\x00"
    wrapped = b"\xa0\x80" + _signed_data(content) + b"\x00\x00"
    return smime(facts, b"\x30\x80" + der(0x06, SIGNED_DATA) + wrapped + b"\x00\x00")


def inside_winmail(facts: Facts) -> bytes:
    """Exchange wraps a mail of others in TNEF: the calendar is a file in winmail.dat."""
    return _mixed(
        facts, leaf("application/octet-stream; name=ATT1.bin", "base64", winmail_around(clean(facts)))
    )


def signed_data(facts: Facts) -> bytes:
    """A mail of Google inside signed data."""
    return der(0x30, der(0x06, SIGNED_DATA), der(0xA0, _signed_data(der(0x04, _inner(facts)))))


def smime(facts: Facts, data: bytes) -> bytes:
    """A mail that is application/pkcs7-mime."""
    kind = "application/pkcs7-mime; smime-type=signed-data"
    head = envelope(facts, "Accepted", f"Content-Type: {kind}", "Content-Transfer-Encoding: base64")
    return entity(head, b64(data))


def der(tag: int, *contents: bytes) -> bytes:
    """One element in DER (X.690 8.1)."""
    data = b"".join(contents)
    if len(data) < 0x80:
        return bytes([tag, len(data)]) + data
    size = len(data).to_bytes(4, "big")
    return bytes([tag, 0x84]) + size + data


def winmail_around(calendar: bytes) -> bytes:
    """A winmail.dat that holds one file and no answer."""
    note = _attribute(1, 0x00078008, b"IPM.Note\0")
    file = _attribute(2, 0x00018010, b"invite.ics\0") + _attribute(2, 0x0006800F, calendar)
    return struct.pack("<IH", 0x223E9F78, 1) + note + file


def _attribute(level: int, tag: int, data: bytes) -> bytes:
    return struct.pack("<BII", level, tag, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def _signed_data(content: bytes) -> bytes:
    encapsulated = der(0x30, der(0x06, DATA), der(0xA0, content))
    return der(0x30, der(0x02, b"\x01"), der(0x31), encapsulated, der(0x31))


def _inner(facts: Facts) -> bytes:
    return google(facts)


def _with_encoding(facts: Facts, encoding: str, calendar: bytes | None = None) -> bytes:
    said = f"Content-Transfer-Encoding: {encoding}".encode()
    return mail(facts, calendar or clean(facts)).replace(b"Content-Transfer-Encoding: 8bit", said)


def _mixed(facts: Facts, *parts: bytes) -> bytes:
    head = envelope(facts, "Accepted", 'Content-Type: multipart/mixed; boundary="=_outer"')
    return entity(head, multipart("=_outer", *parts))


RELAYED: Final[Mapping[str, Builder]] = MappingProxyType(
    {
        build.__name__: build
        for build in (
            semicolon_missing,
            base64_unsaid,
            base64_behind_a_blank_line,
            base64_said,
            lower_case_said,
            folded_said,
            broken_behind_partstat,
            quoted_printable_said,
            in_place_of_the_header,
            other_delimiter,
            utf_7,
            list_footer,
            marks_between,
            clear_signed,
            pgp_signed,
            opaque_signed,
            named_p7m,
            x_pkcs7,
            signature_cut_off,
            opaque_signed_in_pieces,
            inside_winmail,
        )
    }
)

SEALED: Final[Mapping[str, Builder]] = MappingProxyType(
    {build.__name__: build for build in (pgp_encrypted, pgp_in_the_text, enveloped)}
)
