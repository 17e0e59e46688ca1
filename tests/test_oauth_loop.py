"""Invitations out and answers in with access tokens alone; the grant is revoked at night and given anew."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

import house
from builders import Party
from granting import age, log_in, oauth, open_house, organizer
from house import facts, plain_reply
from rig.authorization import AuthorizationServer
from rig.dovecot import DOMAIN, Dovecot
from rig.postfix import Postfix

pytestmark = pytest.mark.slow


def test_a_revoked_grant_holds_everything_up_and_loses_nothing(
    tmp_path: Path, authorization: AuthorizationServer, dovecot: Dovecot, postfix: Postfix, mailbox_user: str
) -> None:
    client = authorization.register(mailbox_user)
    client.rotates = True
    keys = {"host": "localhost", "security": "starttls", "ca_file": str(postfix.ca_file)}
    smtp = house.smtp(postfix.submission_port, username=mailbox_user, **keys)
    one = organizer(dovecot, oauth(authorization, client), mailbox_user, smtp=smtp)
    app = open_house(tmp_path, one)
    file = house.config(tmp_path, one, state_directory=tmp_path / "state")
    ann = Party(f"a{uuid.uuid4().hex[:10]}@{DOMAIN}", "Ann")

    def rsvpd(*words: str) -> house.Done:
        return house.run("--config", file, *words)

    def invite(uid: str) -> None:
        when = ("--start", f"{house.START:%Y-%m-%dT%H:%M}", "--duration", "1h")
        made = rsvpd("meeting", "create", "--uid", uid, "--summary", uid, *when, "--attendee", ann.address)
        assert made.code == 0, made.err

    log_in(app, client)
    invite("first")
    assert rsvpd("poll").code == 0
    house.eventually(lambda: len(dovecot.messages(ann.address)) == 1)

    client.revoke()
    age(app, 120)
    invite("second")
    answer = facts("first", organizer=Party(mailbox_user, "Events"), attendee=ann)
    dovecot.deliver(mailbox_user, plain_reply(answer))
    night = rsvpd("poll")
    assert night.code == 1
    assert night.err.count("run `rsvpd oauth login events`") >= 1
    assert not [token for token in (*client.issued, client.secret) if token in night.err + night.out]
    assert len(dovecot.messages(ann.address)) == 1

    log_in(app, client)
    waiting = rsvpd("outgoing", "list", "--format", "json").objects
    rsvpd("outgoing", "retry", *(str(mail["id"]) for mail in waiting))
    morning = rsvpd("poll")
    assert morning.code == 0, morning.err
    house.eventually(lambda: len(dovecot.messages(ann.address)) == 2)
    (meeting,) = rsvpd("attendance", "first", "--format", "json").objects
    assert [one["partstat"] for one in meeting["attendees"]] == ["ACCEPTED"]
