"""The main job on a fresh machine: a small mail world, the real daemon, people who answer.

world       SMTP and IMAP servers on loopback ports; the only importer of aiosmtpd and pymap
wire        mails and content lines, octet by octet
invitation  what a calendar keeps of an invitation
clients     how Google, Microsoft 365, iOS and Thunderbird write an answer down
attendees   who is invited, and what they answer when
stage       folder, configuration, daemon and commands: everything real
picture     what is known at one moment
reading     the daemon's database -> picture
show        picture -> terminal
play        all of it, from the first server to the last answer
"""

from __future__ import annotations

from rich.console import Console

_EXTRA = frozenset({"aiosmtpd", "pymap", "proxyprotocol", "pysasl"})


def demo(*, once: bool, out: Console) -> int:
    """Run the demo until all is in (`once`, or where `out` is no terminal) or Ctrl-C, and print the attendance.

    Returns the exit status: 0, or 1 where something could not run or, where
    it ends by itself, not every expected answer was in after a minute; what and why is
    one line on standard error. No process and no file is left behind.
    """
    try:
        from rsvpd.demo import play  # noqa: PLC0415 - the servers are an extra
    except ModuleNotFoundError as missing:
        if str(missing.name).partition(".")[0] not in _EXTRA:
            raise
        complaint = "the demo brings its own mail servers; install them with: pip install 'rsvpd[demo]'"
        Console(stderr=True).print(complaint, markup=False, highlight=False, soft_wrap=True)
        return 1
    return play.play(once=once, out=out)
