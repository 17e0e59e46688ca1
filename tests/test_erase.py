"""`rsvpd erase`: nothing in the database names the person afterwards, and everything still counts."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

import house
from builders import Party
from house import ALICE, BOB, NOW, UID, Done, Keys, facts, plain_reply
from rig.postgres import Postgres
from rig.smtpd import Smtpd
from rsvpd.itip.addresses import normalise
from rsvpd.itip.pseudonyms import is_pseudonym, person, pseudonym

CAROL = Party("carol@example.com", "Carol Example")
HOME = "alice.private@home.example"


class Book:
    """A configuration whose meeting has been answered in every way that may name Alice."""

    def __init__(self, folder: Path, url: str, port: int) -> None:
        self.folder, self.url = folder, url
        self.file = house.config(folder, house.organizer(smtp=house.smtp(port)), database=url)

    def run(self, *words: str | Path, stdin: bytes = b"") -> Done:
        return house.run("--config", self.file, *words, stdin=stdin)

    def does(self, *words: str | Path) -> Done:
        done = self.run(*words)
        assert (done.code, done.err) == (0, "")
        return done

    def ingest(self, raw: bytes) -> str:
        (self.folder / "one.eml").write_bytes(raw)
        return str(self.does("ingest", "--format", "json", self.folder / "one.eml").object["outcome"])

    def attendance(self) -> Keys:
        return self.does("attendance", "--format", "json").object

    def dump(self) -> bytes:
        """Everything that the database holds, and on SQLite every byte of its files."""
        engine = sa.create_engine(self.url)
        found = b""
        with engine.connect() as connection:
            for name in sa.inspect(engine).get_table_names():
                for row in connection.execute(sa.text(f'SELECT * FROM "{name}"')):  # noqa: S608  a table's name
                    found += b"\n".join(map(_octets, row))
        engine.dispose()
        found += b"".join(file.read_bytes() for file in sorted(self.folder.glob("rsvpd.db*")))
        return found + re.sub(rb"\r?\n[ \t]", b"", found)  # what a fold hides is there all the same

    def one(self, query: str) -> object:
        engine = sa.create_engine(self.url)
        with engine.connect() as connection:
            found = connection.execute(sa.text(query)).scalar()
        engine.dispose()
        return found


def _octets(value: object) -> bytes:
    if isinstance(value, bytes | memoryview):
        return bytes(value)
    return (value if isinstance(value, str) else json.dumps(value, default=str)).encode()


def _bounce(message_id: str) -> bytes:
    return (
        "From: mailer-daemon@mx.example\r\nTo: events@example.org\r\nSubject: failed for Alice Example\r\n"
        "Message-ID: <b@mx.example>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="x"\r\n\r\n'
        "--x\r\nContent-Type: text/plain\r\n\r\nalice@example.com is away\r\n"
        "--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        "Final-Recipient: rfc822; alice@example.com\r\nAction: delayed\r\nStatus: 4.2.0\r\n\r\n"
        f"--x\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {message_id}\r\n\r\n--x--\r\n"
    ).encode()


@pytest.fixture(params=["sqlite", "postgresql"])
def book(request: pytest.FixtureRequest, tmp_path: Path, smtpd: Smtpd) -> Book:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/rsvpd.db"
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.fresh_database()
    made = Book(tmp_path, url, smtpd.port)
    people = [f"{p.name} <{p.address}>" for p in (ALICE, BOB, CAROL)]
    start = (NOW + timedelta(days=40)).strftime("%Y-%m-%dT%H:%M")
    words = ["--uid", UID, "--summary", "Budget with Alice Example", "--start", start, "--duration", "1h"]
    made.does("meeting", "create", *words, *(word for one in people for word in ("--attendee", one)))
    made.does("poll")
    _answers(made, smtpd)
    return made


def _answers(book: Book, smtpd: Smtpd) -> None:
    header = smtpd.taken[0].content.decode()
    (message_id,) = re.findall(r"(?im)^Message-ID: (<.*>)\r?$", header)
    assert smtpd.taken[0].recipients == (ALICE.address,)
    assert (
        book.ingest(plain_reply(facts(partstat="ACCEPTED"), "COMMENT:Alice Example brings cake")) == "applied"
    )
    # Carol sends Alice instead, in lines that are folded inside the address.
    listed = 'DELEGATED-TO="mailto:ali\r\n ce@example.com";PARTSTAT=DECLINED'
    lines = [
        f"ATTENDEE;{listed}:mailto:bob@example.com",
        "COMMENT:as Alice\r\n  Example asked\\, alice@example.com",
    ]
    body = "\r\n".join(
        [
            *("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", "METHOD:REPLY", "BEGIN:VEVENT"),
            *(
                f"UID:{UID}",
                f"DTSTAMP:{NOW:%Y%m%dT%H%M%SZ}",
                "SEQUENCE:0",
                *lines,
                "END:VEVENT",
                "END:VCALENDAR",
                "",
            ),
        ]
    )
    assert book.ingest(plain_reply(facts(attendee=BOB), body=body)) == "applied"
    private = Party(HOME, "Alice Example")
    assert book.ingest(plain_reply(facts(attendee=private, partstat="DECLINED"))) == "held"
    book.does("attendee", "alias", ALICE.address, HOME)
    stranger = Party("alice+phone@example.com", "Alice E.")
    assert book.ingest(plain_reply(facts(uid="another@example.org", attendee=stranger))) == "unknown_meeting"
    assert book.ingest(_bounce(message_id)) == "bounced"


def test_nothing_names_them_afterwards_and_everything_counts(book: Book) -> None:
    before = book.attendance()
    assert b"alice" in book.dump().lower()
    done = book.does("erase", ALICE.address, "--yes")

    assert "alice.private@home.example" in done.out
    left = book.dump().lower()
    assert b"alice" not in left
    after = book.attendance()
    assert after["counts"] == before["counts"]
    assert [p["partstat"] for p in after["attendees"]] == [p["partstat"] for p in before["attendees"]]
    (erased,) = (p for p in after["attendees"] if is_pseudonym(p["email"]))
    assert (erased["name"], erased["comment"]) == (None, None)
    assert {p["email"] for p in after["attendees"]} > {BOB.address, CAROL.address}
    assert (BOB.name or "") in {p["name"] for p in after["attendees"]}


def test_the_room_is_given_back_whatever_is_left_beside_it(tmp_path: Path) -> None:
    """SQLite may leave what was erased in free pages; however few they are, there must be none."""
    app = house.app_of(url=f"sqlite:///{tmp_path}/rsvpd.db")
    app.invitations.import_ics(house.invite(UID, ALICE, BOB), "events")
    long = "COMMENT:" + "x" * 60_000
    mails = [plain_reply(facts(attendee=BOB, dtstamp=NOW - timedelta(minutes=n)), long) for n in range(30)]
    list(app.intake.ingest([("mail", raw) for raw in [*mails, plain_reply(facts(), long)]]))
    app.housekeeping.erase(ALICE.address, rehearse=False)
    with app.database.raw_connection() as connection:
        assert connection.execute("PRAGMA freelist_count").fetchone()[0] == 0
    app.database.close()
    assert ALICE.address.encode() not in (tmp_path / "rsvpd.db").read_bytes()


def test_judging_again_brings_nobody_back(book: Book) -> None:
    book.does("erase", ALICE.address, "--yes")
    before = book.attendance()

    assert book.does("replay", "--format", "json").objects == []
    book.does("replay", "--apply")
    assert book.attendance() == before
    assert b"alice" not in book.dump().lower()


def test_a_rehearsal_changes_nothing(book: Book) -> None:
    before = book.attendance()
    done = book.does("erase", ALICE.address, "--dry-run")
    assert re.search(r"\d+  rows of inbound would be changed", done.out)
    assert "Alice Example" in done.out
    assert book.attendance() == before
    assert book.one("SELECT count(*) FROM secret") == 0


def test_it_asks_first(book: Book) -> None:
    before = book.attendance()
    assert "nothing was erased" in book.run("erase", ALICE.address, stdin=b"n\n").err
    assert "--yes" in book.run("erase", ALICE.address, stdin=b"").err
    assert book.attendance() == before
    assert "Erased: " in book.run("erase", ALICE.address, stdin=b"y\n").out


def test_the_same_person_is_the_same_pseudonym_again(book: Book) -> None:
    book.does("erase", ALICE.address, "--yes")
    first = next(p["email"] for p in book.attendance()["attendees"] if is_pseudonym(p["email"]))
    assert book.ingest(plain_reply(facts(partstat="DECLINED"), "COMMENT:once more")) == "held"
    book.does("erase", ALICE.address, "--yes")

    assert b"alice" not in book.dump().lower()
    assert book.one("SELECT sender FROM inbound ORDER BY id DESC LIMIT 1") == first
    assert book.does("review", "list", "--format", "json").objects == []
    again = book.run("erase", ALICE.address, "--yes")
    assert again.out == "Nothing in the database names alice@example.com.\n"
    assert "pseudonym" in house.one_line(book.run("erase", first, "--yes"))


def test_no_mail_goes_to_them_or_names_them_any_more(book: Book, smtpd: Smtpd) -> None:
    book.does("erase", ALICE.address, "--yes")
    smtpd.taken.clear()
    book.does("meeting", "update", UID, "--location", "Room 4")
    book.does("poll")

    assert sorted(mail.recipients[0] for mail in smtpd.taken) == [BOB.address, CAROL.address]
    assert b"erased.invalid" not in b"".join(mail.content for mail in smtpd.taken)


def test_mails_that_wait_are_not_pulled_from_under_the_sender(tmp_path: Path) -> None:
    book = Book(tmp_path, f"sqlite:///{tmp_path}/rsvpd.db", 1)
    start = (NOW + timedelta(days=40)).strftime("%Y-%m-%dT%H:%M")
    people = ["--attendee", ALICE.address, "--attendee", BOB.address]
    book.does("meeting", "create", "--summary", "Talk", "--start", start, "--duration", "1h", *people)
    said = house.one_line(book.run("erase", ALICE.address, "--yes"))
    assert "not sent yet, such as 2 to bob@example.com" in said

    book.does("outgoing", "drop", "2")
    book.does("erase", ALICE.address, "--yes")
    assert b"alice" not in book.dump().lower()
    assert book.does("outgoing", "list", "--format", "json").objects == []
    assert "cannot be sent again" in house.one_line(book.run("outgoing", "retry", "1"))


@pytest.mark.parametrize(
    ("address", "said"), [("events@example.org", "an organizer's address"), ("nobody", "is no mail address")]
)
def test_what_cannot_be_erased(tmp_path: Path, address: str, said: str) -> None:
    file = house.config(tmp_path)
    assert said in house.one_line(house.run("--config", file, "erase", address, "--yes"))


class TestPseudonyms:
    KEY = b"k" * 32

    def test_a_pseudonym_is_an_address_that_hangs_on_the_key(self) -> None:
        made = pseudonym(self.KEY, ALICE.address)
        assert made == normalise(made) == pseudonym(self.KEY, ALICE.address)
        assert made not in {pseudonym(b"other", ALICE.address), pseudonym(self.KEY, BOB.address)}

    @pytest.mark.parametrize(
        "text",
        [
            "mailto:ANN@Example.com",
            "<ann+list@example.com>,",
            "MAILTO:ann%40example.com?subject=x",
            "Miller, Ann wrote",
            "ann  miller",
            "see ann@example.com.",
        ],
    )
    def test_ways_to_write_them(self, text: str) -> None:
        ann = person(["ann@example.com"], ["Ann Miller"], self.KEY)
        assert ann.mentioned_in(text)
        assert not ann.mentioned_in(ann.taken_out_of(text))

    @pytest.mark.parametrize(
        "text", ["joann@example.com", "ann@example.com.au", "ann@example.community", "Joann Miller", "Ann"]
    )
    def test_who_is_somebody_else(self, text: str) -> None:
        ann = person(["ann@example.com"], ["Ann Miller", "Ann"], self.KEY)
        assert ann.taken_out_of(text) == text

    @given(st.binary(max_size=200), st.sampled_from([None, "utf-8", "latin-1", "nonsense", "utf-16"]))
    def test_bytes_without_them_stay_as_they_are(self, raw: bytes, charset: str | None) -> None:
        ann = person(["ann@example.com"], ["Ann Miller"], self.KEY)
        assert ann.taken_out_of_calendar(raw, charset) == raw
