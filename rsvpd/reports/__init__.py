"""Status reports: who is coming and what is new, on a schedule or when asked for, as a mail or a file.

Queries are in `store.reporting`; `wording` makes text of them and `tables` makes rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rsvpd import letters, notices
from rsvpd.config import Attached, OrganizerSettings, ReportSettings, Settings
from rsvpd.config.schedules import newest_moment
from rsvpd.itip.addresses import normalise
from rsvpd.itip.compose import Letter
from rsvpd.itip.model import Attachment, PartStat
from rsvpd.judging import Rules
from rsvpd.letters.inlining import inlined
from rsvpd.letters.languages import Language, language
from rsvpd.letters.style import Style
from rsvpd.letters.templating import render
from rsvpd.ports import Clock, CouldNot
from rsvpd.posting import Stationery
from rsvpd.reports import tables
from rsvpd.reports.wording import moment, told
from rsvpd.spreadsheets import csv_of
from rsvpd.store import outgoing, reporting
from rsvpd.store.database import Database
from rsvpd.store.reporting import Made, ReportView
from rsvpd.store.writes import Transaction

NOTICE = "REPORT"
"""What stands in the queue for the mail of a report."""
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class About:
    """What a report is about: meetings by UID, or those that lie ahead, of one organizer or of all.

    `until` is when they begin at the latest, `since` the time compared with.
    """

    uids: tuple[str, ...] = ()
    organizer: str | None = None
    until: datetime | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reports:
    """What reporting needs."""

    database: Database
    clock: Clock
    settings: Settings
    rules: Rules

    def found(self, about: About) -> list[ReportView]:
        """What there is to report. Raises `CouldNot` for a UID that no meeting has."""
        with self.database.read() as session:
            views = self._views(session, about)
        missing = set(about.uids) - {view.attendance.meeting.uid for view in views}
        if missing:
            raise CouldNot(f"there is no meeting {min(missing)}; `rsvpd meeting list` shows them")
        return views

    def letter(self, views: Sequence[ReportView], organizer: OrganizerSettings | None) -> Letter:
        """The report as text and HTML, in the organizer's language and zone, or in English. Raises `LetterBroken`."""
        speech = language(organizer.language if organizer else "en")
        zone = organizer.zone if organizer else "UTC"
        meetings = [told(view, speech, zone) for view in views]
        since = next((view.since for view in views if view.since), None)
        labels = [count.label for meeting in meetings for count in meeting.counts]
        labels += [speech.say("report_seats"), speech.say("report_guests")]
        material: dict[str, object] = {
            "subject": _subject(views, speech),
            "language": speech.code,
            "say": speech.say,
            "as_of": moment(self.clock.now(), speech, zone),
            "since": moment(since, speech, zone) if since else "",
            "meetings": meetings,
            "width": max(map(len, labels)),
        }
        templates = organizer.templates if organizer else None
        style = Style(language=speech.code, templates=templates)
        written = render("report", material, style)
        return replace(written, html=inlined(written.html))

    def mail(
        self,
        organizer: OrganizerSettings,
        about: About,
        to: Sequence[str],
        attach: Sequence[Attached] = (),
    ) -> list[ReportView]:
        """Puts a report into the queue for each of these addresses; what it says. Raises `CouldNot`."""
        if organizer.smtp is None:
            raise CouldNot(f"{organizer.name}: no [organizer.smtp] is configured, so nothing can be sent")
        name, now = _manual(about), self.clock.now()
        about = replace(about, organizer=organizer.name)
        views = self.found(about)
        with self.database.begin() as session:
            self._enqueue(session, organizer, views, to, attach, now)
            reporting.lock(session, organizer.name)
            reporting.record(session, name, organizer.name, now, now)
        return views

    def last_mailed(self, about: About, organizer: OrganizerSettings) -> datetime | None:
        """When such a report was last mailed on demand."""
        with self.database.read() as session:
            made = reporting.last_made(session, _manual(about), organizer.name)
        return made.made_at if made else None

    def due(self, organizers: Sequence[OrganizerSettings]) -> list[OrganizerSettings]:
        """Those for whom a schedule has a report due: one question for all of them."""
        if not self.settings.report:
            return []
        with self.database.read() as session:
            made = reporting.all_last_made(session)
        now = self.clock.now()
        return [
            one
            for one in organizers
            if one.smtp is not None
            and any(
                _moment(report, one, made.get((report.name, one.name)), now) is not None
                for report in self.settings.report
                if report.concerns(one.name)
            )
        ]

    def send_due(self, organizer: OrganizerSettings) -> int:
        """Puts what the schedules have due for an organizer into the queue; how many reports.

        What was missed is made up once. A report that is new begins to count now, and so
        does one whose clock was set back since.
        Raises `CouldNot`, at the end, for a template that cannot be used.
        """
        mine = [one for one in self.settings.report if one.concerns(organizer.name)]
        if organizer.smtp is None or not mine:
            return 0
        reports, troubles = 0, list[str]()
        for settings in mine:
            with self.database.read() as session:  # without a lock: mostly nothing is due
                last = reporting.last_made(session, settings.name, organizer.name)
            if _moment(settings, organizer, last, self.clock.now()) is None:
                continue
            try:
                with self.database.begin() as session:
                    reports += self._serve(session, settings, organizer)
            except letters.LetterBroken as error:
                troubles.append(str(error))
        if troubles:
            raise CouldNot(f"{organizer.name}: no report could be written: {troubles[0]}")
        return reports

    def _serve(self, session: Transaction, settings: ReportSettings, organizer: OrganizerSettings) -> int:
        """Decided again under the lock; recorded with the mails."""
        reporting.lock(session, organizer.name)
        last, now = reporting.last_made(session, settings.name, organizer.name), self.clock.now()
        due_at = _moment(settings, organizer, last, now)
        if due_at is None:
            return 0
        reporting.record(session, settings.name, organizer.name, due_at, now)
        if last is None or last.due_at > now:
            return 0
        until = now + settings.ahead if settings.ahead else None
        about = About(organizer=organizer.name, until=until, since=last.made_at)
        views = self._views(session, about)
        if not views or (settings.only_changes and not any(view.changed for view in views)):
            return 0
        to = settings.to or (organizer.address,)
        self._enqueue(session, organizer, views, to, settings.attach, now)
        return 1

    def _views(self, session: Transaction, about: About) -> list[ReportView]:
        return reporting.report(
            session,
            uids=about.uids,
            organizer=about.organizer,
            upcoming_from=None if about.uids else self.clock.now(),
            until=about.until,
            since=about.since,
        )

    def _enqueue(
        self,
        session: Transaction,
        organizer: OrganizerSettings,
        views: Sequence[ReportView],
        to: Sequence[str],
        attach: Sequence[Attached],
        now: datetime,
    ) -> None:
        letter = self.letter(views, organizer)
        files = [attachment(one, views, organizer.zone, now) for one in dict.fromkeys(attach)]
        mails = [
            notices.notice(
                organizer=organizer.name,
                organizer_mailbox=(normalise(organizer.address) or "", organizer.display_name),
                stationery=self._stationery(organizer),
                letter=letter,
                recipient=(normalise(address) or address, None),
                kind=NOTICE,
                now=now,
                attachments=files,
            )
            for address in dict.fromkeys(to)
        ]
        outgoing.enqueue(session, mails, now)

    def _stationery(self, organizer: OrganizerSettings) -> Stationery:
        return self.rules.desk.stationery.get(organizer.name, Stationery())


def _moment(
    settings: ReportSettings, organizer: OrganizerSettings, last: Made | None, now: datetime
) -> datetime | None:
    """Which moment of its schedule a report has due, the first time this one; None if there is none."""
    if last is None or last.due_at > now:
        return now
    return newest_moment(settings.cron, organizer.zone, last.due_at, now)


def attachment(form: Attached, views: Sequence[ReportView], zone: str, now: datetime) -> Attachment:
    """The tables of a report as a file."""
    if form is Attached.CSV:
        return Attachment(
            f"attendance-{now:%Y-%m-%d}.csv",
            "text/csv",
            csv_of(tables.ATTENDEES, tables.attendee_rows(views)),
        )
    return Attachment(f"attendance-{now:%Y-%m-%d}.xlsx", _XLSX, tables.workbook(views, zone))


def _manual(about: About) -> str:
    """What a report that was asked for is recorded under; no name of a setting begins so."""
    return f"\N{MIDDLE DOT} {' '.join(about.uids) or 'upcoming'}"


def _subject(views: Sequence[ReportView], speech: Language) -> str:
    if not views:
        return speech.say("report_subject_none")
    if len(views) > 1:
        return speech.say("report_subject_many", count=len(views))
    (view,) = views
    counts = view.attendance.counts
    return speech.say(
        "report_subject",
        summary=told(view, speech, "UTC").summary,
        when=told(view, speech, "UTC").when.brief,
        accepted=counts[PartStat.ACCEPTED],
        seats=sum(counts.values()),
    )
