"""Answers in subjects, without a calendar."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvpd.itip.model import PartStat
from rsvpd.itip.subjects import (
    APPLE_AND_SOGO,
    CLIENTS,
    GOOGLE,
    MICROSOFT,
    THUNDERBIRD,
    ZIMBRA,
    answer_in,
    prefixes,
)

YES, NO, MAYBE = PartStat.ACCEPTED, PartStat.DECLINED, PartStat.TENTATIVE
LANGUAGES = frozenset(
    "en de fr es it nl pt pl ru sv da nb fi cs hu ro tr el he ar ja zh-Hans zh-Hant ko".split()  # noqa: SIM905
)

SAID = {
    "outlook": ("Accepted: Budget review", YES),
    "outlook, tentative": ("Tentative: Budget review", MAYBE),
    "google, tentative": ("Tentatively Accepted: Budget @ Thu 3 Dec 2026 2pm (Ann)", MAYBE),
    "outlook, german": ("Zugesagt: Budget", YES),
    "outlook, german, with reservation": ("Mit Vorbehalt: Budget", MAYBE),
    "outlook, german, declined": ("Abgelehnt: Budget", NO),
    "thunderbird, german": ("Akzeptiert: Budget", YES),
    "thunderbird, german, declined": ("Einladung abgelehnt: Budget", NO),
    "french, no-break space before the colon": ("Accept\u00e9\u00a0: Budget", YES),
    "french, narrow no-break space before the colon": ("Refus\u00e9\u202f: Budget", NO),
    "french, accent as its own character": ("Accepte\u0301 : Budget", YES),
    "spanish": ("Aceptado: Presupuesto", YES),
    "chinese, full-width colon": ("已接受\uff1a预算", YES),
    "traditional chinese": ("已拒絕:預算", NO),
    "japanese": ("仮承諾: 予算", MAYBE),
    "hebrew, between marks of direction": ("\u200f\u202bהתקבל\u202c\u200f: תקציב", YES),
    "greek, in another case": ("αποδοχη\u0301: x", YES),
    "upper case": ("DECLINED: Budget", NO),
    "spaces before and between": ("  Tentatively   Accepted : Budget", MAYBE),
    "folded by the mail": ("Tentatively\r\n Accepted: Budget", MAYBE),
    "nothing after the colon": ("Accepted:", YES),
    "marked by a gateway": ("[EXTERNAL] [Extern] Accepted: Budget", YES),
    "apple": ("Event declined: Budget", NO),
    "sogo": ('Accepted invitation: "Rig planning é"', YES),
    "zimbra": ("Accept: Budget", YES),
}
NOT_SAID = {
    "nothing": "",
    "a person's reply": "Re: Invitation: Budget",
    "somebody quotes an answer": "Re: Accepted: Budget",
    "somebody quotes an answer, german": "AW: Zugesagt: Budget",
    "forwarded": "Fwd: Declined: Budget",
    "no colon": "Accepted Budget",
    "the word is not all of the prefix": "Accepted papers: list",
    "the word comes later": "Budget: Accepted: yes",
    "a tag in the middle": "Accepted [x] papers: list",
    "only a tag": "[Accepted]: Budget",
    "a new time": "New Time Proposed: Budget",
    "a cancellation": "Canceled: Budget",
    "thunderbird before 2012, the same for yes and no": "Event Invitation Reply: Budget",
    "past what is looked at": " " * 400 + "Accepted: Budget",
}


@pytest.mark.parametrize(("subject", "answer"), SAID.values(), ids=SAID)
def test_an_answer_in_the_subject(subject: str, answer: PartStat | None) -> None:
    assert answer_in(subject) == answer


@pytest.mark.parametrize("subject", NOT_SAID.values(), ids=NOT_SAID)
def test_no_answer_in_the_subject(subject: str) -> None:
    assert answer_in(subject) is None


def test_every_prefix_says_what_its_column_says() -> None:
    assert {word: answer_in(f"{word}: x") for word, _ in prefixes()} == dict(prefixes())


def test_no_word_means_two_things() -> None:
    meanings: dict[str, set[PartStat]] = {}
    for word, answer in prefixes():
        meanings.setdefault(word.casefold(), set()).add(answer)
    assert [word for word, answers in meanings.items() if len(answers) > 1] == []


def test_every_language_has_every_answer() -> None:
    assert set(MICROSOFT) == LANGUAGES
    assert all(set(client) <= LANGUAGES for client in CLIENTS)
    assert all(word.strip() and ":" not in word for word, _ in prefixes())


def test_the_clients_are_those_that_are_named() -> None:
    assert CLIENTS == (MICROSOFT, GOOGLE, APPLE_AND_SOGO, THUNDERBIRD, ZIMBRA)


@given(st.text() | st.text(alphabet=":[] accepted\u00a0\u200f\uff1a\ud800"))
def test_any_subject_can_be_asked(subject: str) -> None:
    assert answer_in(subject) in {None, YES, NO, MAYBE}
