"""Which attendee a mail speaks of, and whether its sender may (RFC 6047 3, RFC 8601)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import (
    ACCEPTED,
    ALICE,
    BOB,
    CAROL,
    DECLINED,
    EVE,
    NEEDS_ACTION,
    ORGANIZER,
    UID,
    answer_of,
    arrival,
    judge,
    meeting,
    person,
    reply,
    said,
    user,
)
from rsvpd.itip import trust
from rsvpd.itip.model import Arrival, Component, Envelope, MatchedBy, Meeting, Outcome
from rsvpd.itip.trust import Policy, SentBy
from rsvpd.itip.verdicts import Reason

TOKEN = trust.make_token(b"secret", 7, UID, ALICE)
TO_TOKEN = (f"events+{TOKEN}@example.org",)
WITH_TOKEN = meeting(person(token=TOKEN), person(BOB))
ALIASED = meeting(person(aliases=frozenset({"a.example@example.com"})), person(BOB))
PLUS = meeting(person("alice+work@example.com"), person(BOB))
SECRETARY = "secretary@example.com"


Matched = tuple[Component, Envelope, Meeting, str, MatchedBy]


def mail(from_address: str | None = ALICE, sender: str | None = None, *to: str) -> Envelope:
    return Envelope(from_address=from_address, sender=sender, recipients=to or (ORGANIZER,))


MATCHED: dict[str, Matched] = {
    "From is the attendee": (reply(), mail(), meeting(), ALICE, MatchedBy.FROM),
    "Sender is the attendee": (reply(), mail(EVE, ALICE), meeting(), ALICE, MatchedBy.FROM),
    "a calendar service is the Sender": (
        reply(),
        mail(ALICE, "calendar@google.example"),
        meeting(),
        ALICE,
        MatchedBy.FROM,
    ),
    "From is an alias": (reply(), mail("a.example@example.com"), ALIASED, ALICE, MatchedBy.ALIAS),
    "Sender is an alias": (reply(), mail(EVE, "a.example@example.com"), ALIASED, ALICE, MatchedBy.ALIAS),
    "the ATTENDEE is an alias": (
        reply(user("a.example@example.com")),
        mail(),
        ALIASED,
        ALICE,
        MatchedBy.ALIAS,
    ),
    "ATTENDEE and From are the same alias": (
        reply(user("a.example@example.com")),
        mail("a.example@example.com"),
        ALIASED,
        ALICE,
        MatchedBy.FROM,
    ),
    "invited with a plus-detail": (reply(), mail(), PLUS, "alice+work@example.com", MatchedBy.FROM),
    "answers with a plus-detail": (
        reply(user("alice+calendar@example.com")),
        mail("alice+calendar@example.com"),
        meeting(),
        ALICE,
        MatchedBy.FROM,
    ),
    "From has a plus-detail": (reply(), mail("alice+x@example.com"), meeting(), ALICE, MatchedBy.FROM),
    "the address as written before the one with the detail removed": (
        reply(user("bob+x@example.net")),
        mail("bob+x@example.net"),
        meeting(person(BOB), person("bob+x@example.net")),
        "bob+x@example.net",
        MatchedBy.FROM,
    ),
    "the address as written before an alias": (
        reply(user(BOB)),
        mail(BOB),
        meeting(person(aliases=frozenset({BOB})), person(BOB)),
        BOB,
        MatchedBy.FROM,
    ),
    "no ATTENDEE": (reply(user(None)), mail(), meeting(), ALICE, MatchedBy.FROM),
    "the list is echoed": (
        reply(user(BOB, NEEDS_ACTION), user(ALICE), user(CAROL, NEEDS_ACTION)),
        mail(),
        meeting(person(BOB), person(), person(CAROL)),
        ALICE,
        MatchedBy.FROM,
    ),
    "the list is echoed, and the sender speaks for an alias": (
        reply(user(BOB, NEEDS_ACTION), user(ALICE)),
        mail("a.example@example.com"),
        ALIASED,
        ALICE,
        MatchedBy.ALIAS,
    ),
    "the list is echoed with somebody uninvited before": (
        reply(user("alice+2@example.com", DECLINED), user(ALICE)),
        mail(),
        meeting(person(), person(BOB)),
        ALICE,
        MatchedBy.FROM,
    ),
    "an assistant of the same domain": (
        reply(user(sent_by=SECRETARY)),
        mail(SECRETARY),
        meeting(),
        ALICE,
        MatchedBy.SENT_BY,
    ),
    "a token": (reply(), mail(ALICE, None, *TO_TOKEN), WITH_TOKEN, ALICE, MatchedBy.TOKEN),
    "a token, whoever sends": (reply(), mail(EVE, None, *TO_TOKEN), WITH_TOKEN, ALICE, MatchedBy.TOKEN),
    "a token, whatever the ATTENDEE": (
        reply(user(EVE)),
        mail(EVE, None, *TO_TOKEN),
        WITH_TOKEN,
        ALICE,
        MatchedBy.TOKEN,
    ),
    "a token before From": (
        reply(user(BOB)),
        mail(BOB, None, *TO_TOKEN),
        WITH_TOKEN,
        ALICE,
        MatchedBy.TOKEN,
    ),
    "a token among other recipients": (
        reply(),
        mail(EVE, None, "x+y@example.org", *TO_TOKEN),
        WITH_TOKEN,
        ALICE,
        MatchedBy.TOKEN,
    ),
    "a token, without ATTENDEE and From": (
        reply(user(None)),
        mail(None, None, *TO_TOKEN),
        WITH_TOKEN,
        ALICE,
        MatchedBy.TOKEN,
    ),
}


@pytest.mark.parametrize("situation", MATCHED)
def test_whom_a_mail_speaks_of(situation: str) -> None:
    component, envelope, to, address, matched_by = MATCHED[situation]
    found = trust.identify(component, envelope, to, Policy())
    assert (found.attendee and found.attendee.address, found.matched_by) == (address, matched_by)


@pytest.mark.parametrize("situation", MATCHED)
def test_the_ledger_says_how_the_sender_was_matched(situation: str) -> None:
    component, envelope, to, address, matched_by = MATCHED[situation]
    verdict = judge(component, Arrival(envelope, arrival().received_at), to)
    assert verdict.matched_by is matched_by
    assert answer_of(verdict).attendee == address


STRANGERS: dict[str, tuple[Component, Envelope, Meeting, str | None]] = {
    "somebody else": (reply(), mail(EVE), meeting(), ALICE),
    "another attendee": (reply(), mail(BOB), meeting(person(), person(BOB)), ALICE),
    "nobody": (reply(), mail(None), meeting(), ALICE),
    "an address that ends in the attendee's": (reply(), mail("malice@example.com"), meeting(), ALICE),
    "an address that begins with it": (reply(), mail("alice@example.com.net"), meeting(), ALICE),
    "the alias of another": (reply(user(BOB)), mail("a.example@example.com"), ALIASED, BOB),
    "the list is echoed by a stranger": (
        reply(user(CAROL), user(ALICE)),
        mail(EVE),
        meeting(person(), person(BOB)),
        ALICE,
    ),
    "SENT-BY is not who sent it": (reply(user(sent_by=SECRETARY)), mail(EVE), meeting(), ALICE),
    "SENT-BY is only the Sender": (reply(user(sent_by=SECRETARY)), mail(EVE, SECRETARY), meeting(), ALICE),
    "an assistant of another domain": (reply(user(sent_by=BOB)), mail(BOB), meeting(), ALICE),
    "a token that is not ours": (
        reply(),
        mail(EVE, None, f"events+{trust.make_token(b'other', 7, UID, ALICE)}@example.org"),
        WITH_TOKEN,
        ALICE,
    ),
    "a token without its HMAC": (reply(), mail(EVE, None, "events+7@example.org"), WITH_TOKEN, ALICE),
    "a token of another meeting": (
        reply(),
        mail(EVE, None, f"events+{trust.make_token(b'secret', 7, 'other', ALICE)}@example.org"),
        WITH_TOKEN,
        ALICE,
    ),
}


@pytest.mark.parametrize("situation", STRANGERS)
def test_a_sender_who_may_not_speak_is_held(situation: str) -> None:
    component, envelope, to, claimed = STRANGERS[situation]
    verdict = judge(component, Arrival(envelope, arrival().received_at), to)
    assert (verdict.outcome, verdict.matched_by) == (Outcome.HELD, MatchedBy.NONE)
    assert verdict.attendee == claimed


def test_a_token_stops_working_when_the_attendee_is_removed() -> None:
    to = meeting(person(token=TOKEN, removed=True))
    found = trust.identify(reply(), mail(EVE, None, *TO_TOKEN), to, Policy())
    assert found.matched_by is MatchedBy.NONE
    removed = judge(reply(), arrival(recipients=TO_TOKEN), to)
    assert said(removed) == (Outcome.HELD, Reason.REMOVED)


def test_a_token_takes_the_answer_of_its_attendee_out_of_an_echoed_list() -> None:
    component = reply(user(BOB, DECLINED), user(ALICE, ACCEPTED))
    found = trust.identify(component, mail(EVE, None, *TO_TOKEN), WITH_TOKEN, Policy())
    assert found.user.partstat is ACCEPTED


def test_a_token_with_a_list_that_lacks_its_attendee_says_nothing() -> None:
    component = reply(user(BOB, DECLINED), user(CAROL, ACCEPTED))
    found = trust.identify(component, mail(EVE, None, *TO_TOKEN), WITH_TOKEN, Policy())
    assert found.user.partstat is None


def test_the_address_of_somebody_removed_means_who_has_it_now() -> None:
    twice = meeting(person("alice+old@example.com", removed=True), person("alice+new@example.com"))
    found = trust.find_attendee(twice, ALICE)
    assert found is not None
    assert found.address == "alice+new@example.com"


ASSISTANTS: dict[tuple[SentBy, str], bool] = {
    (SentBy.SAME_DOMAIN, SECRETARY): True,
    (SentBy.SAME_DOMAIN, BOB): False,
    (SentBy.HOLD, SECRETARY): False,
    (SentBy.HOLD, BOB): False,
    (SentBy.ACCEPT, SECRETARY): True,
    (SentBy.ACCEPT, BOB): True,
}


@pytest.mark.parametrize(("sent_by", "assistant"), ASSISTANTS)
def test_an_assistant(sent_by: SentBy, assistant: str) -> None:
    verdict = judge(reply(user(sent_by=assistant)), arrival(sender=assistant), policy=Policy(sent_by=sent_by))
    if ASSISTANTS[sent_by, assistant]:
        assert (verdict.outcome, answer_of(verdict).sent_by) == (Outcome.APPLIED, assistant)
    else:
        assert said(verdict) == (Outcome.HELD, Reason.ASSISTANT)


def test_an_assistant_is_recorded_when_the_attendee_sends_as_themselves() -> None:
    assert answer_of(judge(reply(user(sent_by=SECRETARY)))).sent_by == SECRETARY
    assert answer_of(judge()).sent_by is None


OURS = "mx.example.org"
DMARC = Policy(require_authentication=("dmarc",), authserv_id=OURS)
BOTH = Policy(require_authentication=("DMARC", "dkim"), authserv_id=OURS)

HEADERS: dict[str, tuple[tuple[str, ...], Policy, bool]] = {
    "passed": ((f"{OURS}; dmarc=pass header.from=example.com",), DMARC, True),
    "passed, written otherwise": (("MX.Example.ORG 1; DMARC=Pass (p=none) header.from=x.org",), DMARC, True),
    "failed": ((f"{OURS}; dmarc=fail header.from=example.com",), DMARC, False),
    "nothing said": ((f"{OURS}; none",), DMARC, False),
    "no header": ((), DMARC, False),
    "only of another server": (("evil.example; dmarc=pass header.from=x",), DMARC, False),
    "another server's before ours": (
        ("evil.example; dmarc=fail header.from=x", f"{OURS}; dmarc=pass header.from=x"),
        DMARC,
        True,
    ),
    "a forged one of ours below": (
        (f"{OURS}; dmarc=fail header.from=x", f"{OURS}; dmarc=pass header.from=x"),
        DMARC,
        False,
    ),
    "a forged one below one of ours that cannot be read": (
        (f"{OURS}; dmarc=", f"{OURS}; dmarc=pass header.from=x"),
        DMARC,
        False,
    ),
    "one of two methods": ((f"{OURS}; dmarc=pass header.from=x",), BOTH, False),
    "both methods": ((f"{OURS}; dkim=fail; dkim=pass header.d=x; dmarc=pass header.from=x",), BOTH, True),
    "no server is named as ours": (
        (f"{OURS}; dmarc=pass",),
        Policy(require_authentication=("dmarc",)),
        False,
    ),
    "nothing is required": ((), Policy(), True),
    "garbage": (("\0;;;", ""), DMARC, False),
}


@pytest.mark.parametrize("situation", HEADERS)
def test_authentication(situation: str) -> None:
    headers, policy, passes = HEADERS[situation]
    verdict = judge(mail=arrival(authentication_results=headers), policy=policy)
    if passes:
        assert verdict.outcome is Outcome.APPLIED
    else:
        assert said(verdict) == (Outcome.HELD, Reason.NOT_AUTHENTICATED)


def test_authentication_is_required_of_a_token_too() -> None:
    held = judge(reply(), arrival(recipients=TO_TOKEN), WITH_TOKEN, DMARC)
    assert said(held) == (Outcome.HELD, Reason.NOT_AUTHENTICATED)


@given(number=st.integers(0, 2**40), uid=st.text(), address=st.emails(), other=st.integers(0, 2**40))
def test_tokens_are_read_as_they_are_made(number: int, uid: str, address: str, other: int) -> None:
    token = trust.make_token(b"secret", number, uid, address)
    envelope = Envelope(recipients=("events@example.org", f"events+{token}@example.org"))
    assert trust.token_numbers(envelope) == (number,)
    assert token == token.lower()
    assert (token == trust.make_token(b"secret", other, uid, address)) is (number == other)
