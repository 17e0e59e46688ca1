"""IMAP: the only room that imports imapclient.

`connecting` opens a connection and logs in, within the `slots` that a server has;
`folder` reads one folder, `idling` waits for news, `mailbox` is an organizer's
mailbox as the verbs see it, `faults` says what went wrong, `probing` looks at what
a mailbox can do.
"""

from rsvpd.mail.imap.folder import ImapFolder
from rsvpd.mail.imap.mailbox import Idle, ImapMailbox
from rsvpd.mail.imap.slots import Slots

__all__ = ["Idle", "ImapFolder", "ImapMailbox", "Slots"]
