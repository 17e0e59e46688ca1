"""What is taken from a reply, and what is not."""

from __future__ import annotations

from cases import (
    ACCEPTED,
    answer_of,
    judge,
    meeting,
    reply,
    user,
)
from cases import at as utc
from rsvpd.itip.model import (
    Method,
)

TAKEN = reply(
    user(
        guests=2,
        comment="Late",
        name="Somebody else",
        role=None,
    ),
    summary="Another summary",
    location="Elsewhere",
    prodid="-//Example//Client 1//EN",
    request_status=("2.0;Success",),
    start=utc("2027-01-01 00:00"),
)


def test_what_is_taken_from_a_reply() -> None:
    answer = answer_of(judge(TAKEN))
    assert (answer.partstat, answer.comment, answer.guests) == (ACCEPTED, "Late", 2)
    assert answer.client == "Client 1"


def test_request_status_is_taken_from_a_reply() -> None:
    assert getattr(answer_of(judge(TAKEN)), "request_status", None) == ("2.0;Success",)


def test_the_comment_of_the_component_is_taken_where_the_attendee_has_none() -> None:
    assert answer_of(judge(reply(comment="See you"))).comment == "See you"
    assert answer_of(judge(reply(user(comment="Mine"), comment="See you"))).comment == "Mine"


def test_our_own_description_sent_back_is_no_comment() -> None:
    to = meeting(description="Bring  your\nnumbers")
    assert answer_of(judge(reply(comment="Bring your numbers"), to=to)).comment is None
    assert answer_of(judge(reply(comment="Bring yours"), to=to)).comment == "Bring yours"


def test_our_own_description_sent_back_is_no_comment_of_a_proposal_either() -> None:
    to = meeting(description="Bring your numbers")
    proposal = judge(reply(method=Method.COUNTER, comment="Bring your numbers"), to=to).proposal
    assert proposal is not None
    assert proposal.comment is None
