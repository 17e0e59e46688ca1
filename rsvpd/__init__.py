"""rsvpd answers one question for organizers: who is coming?

The floor plan. A room imports only from lower floors; import-linter holds it.

    cli            commands, one short function each
    demo           the whole job against a small mail world inside one process
    running        the daemon as a process: signals, new settings, systemd
    daemon         jobs
    watching       every mailbox
    web            what is told over HTTP
    telling        what is told of each fact: the log, the counts
    app            composition root: settings -> store, mailboxes, transports, clock
    invitations    a meeting -> rows in outgoing
    intake         mailbox -> ledger rows and answers
    delivery       outgoing rows -> SMTP
    reminders      rules -> outgoing rows for those who have not answered
    reports        who is coming and what is new, as text, HTML and tables
    webhooks       changes -> the programs that asked to be told
    calendars      meetings with their answers -> the organizer's own calendar
    store, mail    the only rooms that talk SQL, IMAP, SMTP, CalDAV and OAuth
    letters        the words of the mails
    drafts         what a person wrote -> a valid meeting
    config         settings
    ports          what the outside must offer, and how it can fail
    itip           the rules of RFC 5545, 5546 and 6047: no clock, no SQL, no sockets, no log
"""

__version__ = "0.1.0"
