"""The composition root: settings -> everything a verb needs, wired to the real outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rsvpd.calendars import Calendars
from rsvpd.changes import Changes
from rsvpd.config import OrganizerSettings, ServerSettings, Settings
from rsvpd.delivery import Delivery, Filing, Tell
from rsvpd.housekeeping import Housekeeping
from rsvpd.intake import Intake
from rsvpd.invitations import Invitations
from rsvpd.judging import Rules
from rsvpd.letters import Style
from rsvpd.mail import smtp
from rsvpd.mail.access import OAuthTokens
from rsvpd.mail.imap import ImapMailbox, Slots
from rsvpd.ports import CalendarUnavailable, Clock, CouldNot, MailboxUnavailable, StoreUnavailable, Worker
from rsvpd.posting import Desk, Stationery
from rsvpd.proposals import Proposals
from rsvpd.reminders import Reminders
from rsvpd.reports import Reports
from rsvpd.review import Review
from rsvpd.store.clock import DatabaseClock
from rsvpd.store.database import Database
from rsvpd.webhooks import Webhooks

if TYPE_CHECKING:
    from rsvpd.mail.caldav import CalDavCalendar


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The instant, aware and in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class App:
    """Settings with the store and the clock; mailboxes and transports are opened when needed."""

    settings: Settings
    database: Database
    clock: Clock = field(default_factory=SystemClock)
    slots: Slots = field(default_factory=Slots)

    @property
    def rules(self) -> Rules:
        """What judging needs to know."""
        return Rules(self.settings.policy, self.settings.reading_limits, self._desk())

    @property
    def intake(self) -> Intake:
        """What reading mailboxes and files needs."""
        return Intake(self.database, self.clock, self.rules, self.settings.lookback)

    @property
    def invitations(self) -> Invitations:
        """What inviting needs."""
        return Invitations(self.database, self.clock, self.settings, self.rules)

    def delivery(self, worker: Worker, tell: Tell = lambda _mail, _fate: None) -> Delivery:
        """What sending needs, in a process that is a member of those that work on the database."""
        return Delivery(self.database, self.clock, self.transport, worker, tell)

    @property
    def filing(self) -> Filing:
        """What filing copies of sent mails needs."""
        return Filing(self.database, self.clock, self.mailbox)

    def _desk(self) -> Desk:
        stationery = {organizer.name: _stationery(organizer) for organizer in self.settings.organizer}
        return Desk(self.settings.token_secret(), stationery)

    @property
    def changes(self) -> Changes:
        """What changing meetings needs."""
        return Changes(self.database, self.clock, self.settings, self.rules)

    @property
    def reminders(self) -> Reminders:
        """What reminding needs."""
        return Reminders(self.database, self.clock, self.settings, self.rules)

    @property
    def reports(self) -> Reports:
        """What reporting needs."""
        return Reports(self.database, self.clock, self.settings, self.rules)

    @property
    def webhooks(self) -> Webhooks:
        """What telling other programs of changes needs."""
        return Webhooks(self.database, self.clock, self.settings)

    @property
    def review(self) -> Review:
        """What the second look needs."""
        return Review(self.database, self.clock, self.rules)

    @property
    def proposals(self) -> Proposals:
        """What answering counter-proposals needs."""
        return Proposals(self.database, self.clock, self.rules)

    @property
    def housekeeping(self) -> Housekeeping:
        """What keeping house needs."""
        return Housekeeping(self.database, self.clock, self.settings)

    @property
    def calendars(self) -> Calendars:
        """What keeping organizers' own calendars needs."""
        return Calendars(self.database, self.clock, self.calendar)

    @contextmanager
    def calendar(self, organizer: OrganizerSettings) -> Iterator[CalDavCalendar]:
        """The organizer's own calendar, closed at the end. Raises `CalendarUnavailable`."""
        try:
            from rsvpd.mail import caldav  # noqa: PLC0415  an extra, which takes 0.3 s to load
        except ModuleNotFoundError as missing:
            raise CalendarUnavailable(
                f"{organizer.name}: [organizer.caldav] needs an extra; install it with: pip install 'rsvpd[caldav]'"
            ) from missing
        with caldav.calendar(organizer) as opened:
            yield opened

    @contextmanager
    def mailbox(self, organizer: OrganizerSettings) -> Iterator[ImapMailbox]:
        """The organizer's mailbox, closed at the end. Raises `MailboxUnavailable`."""
        opened = self.kept_mailbox(organizer)
        try:
            yield opened
        finally:
            opened.close()

    def kept_mailbox(self, organizer: OrganizerSettings) -> ImapMailbox:
        """The organizer's mailbox, for whoever closes it. Raises `MailboxUnavailable` if there is none."""
        if organizer.imap is None:
            raise MailboxUnavailable(
                f"{organizer.name}: no [organizer.imap] is configured, so nothing is received"
            )
        tokens = self._tokens_for(organizer, organizer.imap)
        return ImapMailbox(organizer, organizer.imap, self.settings.reading_limits, self.slots, tokens)

    @contextmanager
    def transport(self, organizer: OrganizerSettings) -> Iterator[smtp.SmtpTransport]:
        """A connection to the organizer's SMTP server, closed at the end. Raises `TransportUnavailable`."""
        with smtp.transport(organizer, self._tokens_for(organizer, organizer.smtp)) as opened:
            yield opened

    def tokens(self, organizer: OrganizerSettings) -> OAuthTokens:
        """The organizer's access tokens."""
        if organizer.oauth is None:
            raise CouldNot(f"{organizer.name}: no [organizer.oauth] is configured")
        return OAuthTokens(organizer, organizer.oauth, self.settings.state_folder)

    def _tokens_for(self, organizer: OrganizerSettings, server: ServerSettings | None) -> OAuthTokens | None:
        """The tokens for a server; None where a password, or no login at all, is configured for it."""
        wanted = organizer.oauth and server and server.username and not server.has_password
        return self.tokens(organizer) if wanted else None


def _stationery(organizer: OrganizerSettings) -> Stationery:
    sender = organizer.sender
    return Stationery(
        style=Style(language=organizer.language, templates=organizer.templates, subject=organizer.subject),
        show_attendees=organizer.show_attendees,
        sender=(sender.address, sender.display_name or organizer.display_name) if sender else None,
    )


def open_app(settings: Settings) -> App:
    """The house, with a database whose schema fits; an empty database is set up.

    Raises `StoreUnavailable` for a database that is away, older or newer than this version of rsvpd.
    """
    database = Database(settings.database.url)
    found, newest = database.revision(), database.newest_revision()
    if found is None:
        database.migrate()
    elif found != newest:
        known = database.knows(found)
        database.close()
        if known:
            raise StoreUnavailable(
                f"the database has schema {found}, this rsvpd needs {newest}: run `rsvpd db upgrade`"
            )
        raise StoreUnavailable(
            f"the database has schema {found}, which is newer than this rsvpd ({newest}): install the newer rsvpd"
        )
    return App(settings, database, DatabaseClock(database) if database.is_shared else SystemClock())
