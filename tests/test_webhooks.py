"""Webhooks: every change once, in order, signed; what is not taken waits, and nobody else waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asking
import pytest
import standardwebhooks
from asking import Api

import house
import receiving
from house import ALICE, BOB, UID, one_line_of
from receiving import FORMER, SECRET, Receiver, answer
from rsvpd import sharing
from rsvpd.app import App
from rsvpd.config import Kind, parse
from rsvpd.housekeeping import Housekeeping
from rsvpd.ports import CouldNot, ReceiverUnavailable
from rsvpd.store import feed
from rsvpd.store.webhooks import WebhookView
from rsvpd.webhooks import Webhooks


@dataclass
class Ahead:
    """A clock that is ahead."""

    by: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[App]:
    yield from asking.each_house(request, tmp_path)


@dataclass
class Hooked:
    """A house whose webhook begins now, and somebody who tells it."""

    app: App
    hooks: Webhooks
    clock: Ahead

    def tell(self) -> int:
        """How many events were taken. Raises what keeps it from telling."""
        with sharing.member(self.app.database) as worker:
            return self.hooks.tell(self.hooks.settings.webhook[0], worker).events

    def fails(self) -> str:
        with pytest.raises(CouldNot) as failed:
            self.tell()
        return one_line_of(failed)

    @property
    def view(self) -> WebhookView:
        (view,) = self.hooks.views()
        return view

    @property
    def here(self) -> Api:
        return Api(self.app, "", asking.NOBODY)

    def after(self, place: int) -> list[int]:
        with self.app.database.read() as session:
            return [view.number for view in feed.after(session, place, limit=1000)]


def hooked(app: App, receiver: Receiver, **keys: object) -> Hooked:
    settings = parse({"organizer": [house.organizer()], "webhook": [receiver.settings(**keys)]}, Path("test"))
    clock = Ahead()
    made = Hooked(app, Webhooks(app.database, clock, settings), clock)
    assert made.tell() == 0
    return made


def test_every_change_is_told_once_in_order_and_signed(app: App, receiver: Receiver) -> None:
    here = hooked(app, receiver)
    here.here.invite()
    here.here.answer()
    assert here.view.waiting == len(here.after(0)) > 4
    assert here.tell() == len(receiver.calls)
    assert receiver.numbers == here.after(0)
    last = receiver.calls[-1]
    assert standardwebhooks.Webhook(SECRET).verify(last.body, last.headers) == last.event
    assert last.event["type"] == "attendee.answered"
    assert last.event["data"]["attendee"] == ALICE.address
    assert last.event["data"]["partstat"] == "ACCEPTED"
    assert last.event["timestamp"] == last.event["data"]["at"]
    assert last.path == "/hook?key=1"
    assert last.headers["content-type"] == "application/json"
    assert len({call.id for call in receiver.calls}) == len(receiver.calls)
    assert here.tell() == 0
    assert (here.view.waiting, here.view.trouble) == (0, None)


def test_one_that_is_new_begins_with_what_changes_next(app: App, receiver: Receiver) -> None:
    Api(app, "", asking.NOBODY).invite()
    here = hooked(app, receiver)
    place = here.after(0)[-1]
    here.here.answer()
    here.tell()
    assert receiver.numbers == here.after(place)


def test_it_is_told_of_what_it_asked_for(app: App, receiver: Receiver) -> None:
    here = hooked(app, receiver, kinds=["attendee.answered", "meeting.*"], organizers=["events"])
    here.here.invite()
    here.here.answer()
    assert here.view.waiting == 2
    here.tell()
    assert [call.event["type"] for call in receiver.calls] == ["meeting.created", "attendee.answered"]
    assert (here.view.waiting, here.tell()) == (0, 0)


def test_nothing_is_told_of_others(tmp_path: Path, receiver: Receiver) -> None:
    board = house.organizer("board", "board@example.org")
    url = f"sqlite:///{tmp_path}/rsvpd.db"
    hook = receiver.settings(organizers=["board"])
    app = house.app_of(house.organizer(), board, url=url, webhook=[hook])
    here = Hooked(app, app.webhooks, Ahead())
    assert here.tell() == 0
    here.here.invite(UID, "events")
    assert here.tell() == 0
    here.here.invite("own@example.org", "board")
    here.tell()
    assert {call.event["data"]["uid"] for call in receiver.calls} == {"own@example.org"}
    app.database.close()


def test_while_a_secret_is_changed_both_are_good(app: App, receiver: Receiver, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{FORMER} {SECRET}\n")
    here = hooked(app, receiver, secret=None, secret_file=str(file))
    here.here.invite()
    here.tell()
    call = receiver.calls[0]
    for secret in (FORMER, SECRET):
        standardwebhooks.Webhook(secret).verify(call.body, call.headers)
    file.write_text(f"{SECRET}\n")
    here.here.answer()
    here.tell()
    late = receiver.calls[-1]
    assert late.event
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(FORMER).verify(late.body, late.headers)
    file.write_text("hunter2\n")
    here.here.answer("DECLINED", dtstamp=house.NOW)
    assert "hunter2" not in here.fails()
    assert "whsec_" in str(here.view.trouble)


def test_what_is_not_taken_is_tried_again_later_and_later(app: App, receiver: Receiver) -> None:
    here = hooked(app, receiver)
    here.here.invite()
    receiver.answers = [answer(200), answer(500), answer(500), answer(503, Retry_After="5000")]
    assert here.fails() == "crm: answered 500 Internal Server Error"
    assert here.view.waiting == len(here.after(1))
    assert here.tell() == 0
    waits: list[float] = []
    for _ in range(2):
        waits.append((here.view.next_at - here.clock.now()).total_seconds() if here.view.next_at else 0)
        here.clock.by += timedelta(seconds=waits[-1] + 1)
        here.fails()
    waits.append((here.view.next_at - here.clock.now()).total_seconds() if here.view.next_at else 0)
    assert 44 < waits[0] < 76
    assert 89 < waits[1] < 151
    assert 4900 < waits[2] <= 5000
    assert here.view.trouble == "answered 503 Service Unavailable"
    assert len({call.id for call in receiver.calls[1:]}) == 1
    here.clock.by += timedelta(hours=3)
    assert here.tell() == len(here.after(1))
    assert receiver.numbers == [1, 2, 2, 2, *here.after(1)]
    assert not any((here.view.trouble, here.view.since, here.view.next_at))


def test_one_that_is_gone_is_left_alone_until_a_person_says_so(app: App, receiver: Receiver) -> None:
    here = hooked(app, receiver)
    here.here.invite()
    receiver.answers = [answer(410)]
    assert here.fails() == (
        "crm: answered 410 Gone, so nothing is sent any more; take it out of the settings, "
        "or `rsvpd webhook resume crm`"
    )
    here.clock.by = timedelta(days=30)
    assert here.tell() == 0
    assert len(receiver.calls) == 1
    assert here.view.stopped_at is not None
    here.hooks.resume(here.hooks.settings.webhook[0], skip=False)
    here.tell()
    assert receiver.numbers == [1, *here.after(0)]


def test_a_redirect_leads_nowhere(app: App, receiver: Receiver) -> None:
    with Receiver() as elsewhere:
        here = hooked(app, receiver)
        here.here.invite()
        receiver.answers = [answer(307, Location=elsewhere.url())]
        assert "redirects are not followed" in here.fails()
        assert elsewhere.calls == []


def test_after_a_crash_between_the_call_and_the_mark_it_comes_again_with_the_same_id(
    app: App, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = hooked(app, receiver)
    here.here.invite()

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("rsvpd.store.webhooks.advance", crash)
        with pytest.raises(KeyboardInterrupt):
            here.tell()
    here.tell()
    assert receiver.numbers == [1, *here.after(0)]
    assert receiver.calls[0].id == receiver.calls[1].id
    assert receiver.calls[0].body == receiver.calls[1].body


def test_one_process_at_a_time_tells_it(app: App, receiver: Receiver) -> None:
    here = hooked(app, receiver)
    here.here.invite()
    with sharing.member(app.database) as one, sharing.member(app.database) as other:
        hook = here.hooks.settings.webhook[0]
        busy: list[int] = []

        def meanwhile() -> bool:
            busy.append(here.hooks.tell(hook, other).events)
            return True

        assert here.hooks.tell(hook, one, meanwhile).events == len(here.after(0))
        assert set(busy) == {0}
        here.here.answer()
        assert here.hooks.tell(hook, other).events == 2
    assert receiver.numbers == here.after(0)


def test_what_it_waits_for_is_kept_twice_as_long_and_a_gap_is_told(app: App, receiver: Receiver) -> None:
    here = hooked(app, receiver)
    settings = here.hooks.settings.model_copy(update={"keep_changes_days": 10})
    receiver.answers = [answer(500), answer(500)]
    here.here.invite()
    here.fails()
    last = here.after(0)[-1]

    def tidy(days: int) -> int:
        return Housekeeping(app.database, Ahead(timedelta(days=days)), settings).tidy().changes

    assert tidy(19) == 0
    assert tidy(21) == last
    here.here.answer()
    here.clock.by = timedelta(days=21)
    here.fails()
    here.clock.by = timedelta(days=22)
    told = here.tell()
    gap = receiver.calls[2]
    assert gap.event["type"] == "changes.missed"
    assert gap.event["data"] == {"after": 0, "until": last}
    assert receiver.calls[1].id == gap.id
    assert [call.number for call in receiver.calls[3:]] == here.after(last)
    assert told == len(here.after(last))


def test_without_one_that_waits_nothing_is_kept_for_it(app: App, receiver: Receiver) -> None:
    here = hooked(app, receiver)
    settings = here.hooks.settings.model_copy(update={"keep_changes_days": 10})
    here.here.invite()
    last = here.after(0)[-1]
    receiver.answers = [answer(410)]
    here.fails()
    assert Housekeeping(app.database, Ahead(timedelta(days=11)), settings).tidy().changes == last


def test_a_test_event_shows_what_comes_back(app: App, receiver: Receiver) -> None:
    here = hooked(app, receiver)
    receiver.always = answer(202, b"thanks")
    said = here.hooks.test(here.hooks.settings.webhook[0])
    assert (said.words, said.body) == ("202 Accepted", b"thanks")
    assert receiver.calls[0].event["type"] == "test"
    assert receiver.calls[0].event["data"] == {"webhook": "crm"}


def test_every_kind_that_the_feed_has_can_be_asked_for(app: App) -> None:
    """What triggers write is in the closed list, so that a filter can name it."""
    here = Api(app, "", asking.NOBODY)
    here.invite()
    here.answer()
    app.changes.update(UID, {"location": "Room 4.2"}, asking.MANNER)
    app.changes.remove(UID, [BOB.address], asking.MANNER)
    app.changes.cancel(UID, asking.MANNER)
    with app.database.read() as session:
        kinds = {view.kind for view in feed.after(session, None, limit=1000)}
    assert len(kinds) > 6
    assert kinds <= set(Kind)
    written = Path(__file__).parent.parent.joinpath("alembic", "versions", "0021_http.py").read_text()
    for kind in Kind:
        family, _, what = kind.partition(".")
        assert f"'{kind}'" in written or (family == "proposal" and f"'{family}.' ||" in written), what


@pytest.mark.parametrize("answers", [receiving.drip, receiving.endless])
def test_an_answer_without_end_ends(receiver: Receiver, tmp_path: Path, answers: receiving.Answer) -> None:
    app = house.app_of(url=f"sqlite:///{tmp_path}/rsvpd.db")
    here = hooked(app, receiver, timeout="2s")
    receiver.always = answers
    hook = here.hooks.settings.webhook[0]
    began = datetime.now(UTC)
    if answers is receiving.endless:
        assert len(here.hooks.test(hook).body) == 1024
    else:
        with pytest.raises(ReceiverUnavailable, match=r"^crm: no answer in time$"):
            here.hooks.test(hook)
    assert datetime.now(UTC) - began < timedelta(seconds=6)
    app.database.close()


def test_a_second_database_never_uses_the_ids_of_the_first(tmp_path: Path, receiver: Receiver) -> None:
    for name in ("one", "two"):
        app = house.app_of(url=f"sqlite:///{tmp_path}/{name}.db")
        here = hooked(app, receiver)
        here.here.invite()
        here.tell()
        app.database.close()
    ids = [call.id for call in receiver.calls]
    assert len(set(ids)) == len(ids)
