"""IMAP: the only room that imports imapclient.

`connecting` opens a connection and logs in, `folder` reads one folder, `mailbox`
is an organizer's mailbox as the verbs see it, `faults` says what went wrong.
"""

from rsvpd.mail.imap.folder import ImapFolder
from rsvpd.mail.imap.mailbox import ImapMailbox

__all__ = ["ImapFolder", "ImapMailbox"]
