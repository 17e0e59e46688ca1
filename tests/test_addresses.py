"""Calendar user addresses: one spelling for each mailbox."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvpd.itip import addresses
from rsvpd.itip.addresses import normalise

ALICE = "alice@example.com"

SPELLINGS = {
    "as it should be": "mailto:alice@example.com",
    "without a scheme (Google, once)": "alice@example.com",
    "an upper-case scheme (Outlook)": "MAILTO:alice@example.com",
    "a mixed-case scheme": "MailTo:Alice@Example.COM",
    "blanks around": "  mailto: alice@example.com ",
    "quoted": '"mailto:alice@example.com"',
    "quoted behind the scheme": 'mailto:"alice@example.com"',
    "apostrophes": "'alice@example.com'",
    "the local part quoted": 'mailto:"alice"@example.com',
    "angle brackets": "mailto:<alice@example.com>",
    "percent-encoded": "mailto:alice%40example.com",
    "header fields behind it": "mailto:alice@example.com?subject=Hi",
    "a dot at the end of the domain": "alice@example.com.",
}

MAILBOXES = {
    "A-label": ("mailto:alice@xn--bcher-kva.example", "alice@xn--bcher-kva.example"),
    "U-label": ("mailto:alice@bücher.example", "alice@xn--bcher-kva.example"),
    "U-label in capitals": ("mailto:alice@BÜCHER.example", "alice@xn--bcher-kva.example"),
    "A-label in capitals": ("alice@XN--BCHER-KVA.example", "alice@xn--bcher-kva.example"),
    "a local part that is not ASCII": ("mailto:jörg@example.com", "jörg@example.com"),
    "one in capitals": ("mailto:JÖRG@example.com", "jörg@example.com"),
    "a plus-detail stays": ("mailto:alice+work@example.com", "alice+work@example.com"),
    "a percent sign without a scheme": ("a%20b@example.com", "a%20b@example.com"),
    "an apostrophe inside": ("o'brien@example.com", "o'brien@example.com"),
    "two that casefold would make one": ("straße@example.com", "straße@example.com"),
}

NO_MAILBOXES = (
    "",
    "mailto:",
    "urn:uuid:7d2f6b9c-0a4e-4a57-8d1f-2f9b3c1e5a60",
    "invalid:nomail",
    "EX:/o=Example/ou=Exchange Administrative Group/cn=Recipients/cn=alice",
    "https://example.com/principals/alice/",
    "https://alice@example.com/",
    "tel:+41445551234",
    "alice",
    "@example.com",
    "alice@",
    "a b@example.com",
    "alice@example.com,bob@example.com",
    "alice@exa mple.com",
    "alice@\u2028example.com",
    "alice@-ä-.example",
    "alice@" + "ä" * 300 + ".example",
    "a" * 400 + "@example.com",
)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_is_one_mailbox(spelling: str) -> None:
    assert normalise(SPELLINGS[spelling]) == ALICE


@pytest.mark.parametrize("mailbox", MAILBOXES)
def test_what_makes_a_mailbox(mailbox: str) -> None:
    given_so, expected = MAILBOXES[mailbox]
    assert normalise(given_so) == expected


@pytest.mark.parametrize("text", NO_MAILBOXES)
def test_what_is_no_mailbox(text: str) -> None:
    assert normalise(text) is None


@given(st.text())
def test_normalise_never_raises_and_is_done_once(text: str) -> None:
    for spelling in (text, f"mailto:{text}", f"{text}@example.com", f"alice@{text}"):
        found = normalise(spelling)
        assert found is None or normalise(found) == found


@given(st.emails())
def test_every_address_there_is_has_a_spelling(address: str) -> None:
    found = normalise(f"MAILTO:{address.replace('%', '%25').replace('?', '%3F')}")
    assert found is None or found == address.lower().strip("'\"")


DETAILS = {
    "alice@example.com": ("alice@example.com", None),
    "alice+work@example.com": ("alice@example.com", "work"),
    "alice+a+b@example.com": ("alice@example.com", "a+b"),
    "alice+@example.com": ("alice@example.com", None),
    "+work@example.com": ("+work@example.com", "work"),
}


@pytest.mark.parametrize("address", DETAILS)
def test_plus_details(address: str) -> None:
    assert (addresses.without_detail(address), addresses.detail(address)) == DETAILS[address]
    assert addresses.domain(address) == "example.com"


def test_an_address_gets_a_detail() -> None:
    assert addresses.with_detail("alice+old@example.com", "new") == "alice+new@example.com"


@pytest.mark.parametrize("other", ["malice@example.com", "alice@example.com.net", "alice@example.co"])
def test_a_part_of_an_address_is_another_address(other: str) -> None:
    assert normalise(other) != ALICE
