"""Postfix: takes mail over SMTP, hands example.test to Dovecot, bounces everything else."""

import grp
import os
import pwd
import shutil
from pathlib import Path
from string import Template
from typing import Self

from rig import RigUnavailable
from rig.dovecot import Dovecot
from rig.ports import HOST, free_port
from rig.process import Daemon, account_or_self, find_program

_MAIN = Template("""\
compatibility_level = 3.6
queue_directory = $folder/queue
data_directory = $folder/data
maillog_file = $folder/mail.log
maillog_file_prefixes = $folder
inet_interfaces = $host
inet_protocols = ipv4
myhostname = mx.example.test
mydestination =
local_recipient_maps =
alias_maps =
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = example.test
virtual_transport = lmtp:inet:$host:$lmtp_port
transport_maps = regexp:$folder/etc/transport
default_transport = error:5.4.4 no route to this domain
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_tls_security_level = may
smtpd_tls_cert_file = $cert
smtpd_tls_key_file = $key
smtpd_sasl_type = dovecot
smtpd_sasl_path = $auth_socket
smtpd_error_sleep_time = 0
smtpd_reject_unlisted_recipient = no
smtpd_client_connection_count_limit = 0
smtputf8_enable = yes
minimal_backoff_time = 2s
queue_run_delay = 2s
delay_warning_time = 1s
""")

_MASTER = Template("""\
$host:$smtp_port inet n - n - - smtpd
$host:$submission_port inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt $authenticated
$host:$smtps_port inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes $authenticated
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
""")

_AUTHENTICATED = (
    "-o smtpd_sasl_auth_enable=yes"
    " -o {smtpd_relay_restrictions=permit_sasl_authenticated,reject}"
    " -o {smtpd_recipient_restrictions=permit_sasl_authenticated,reject}"
)

_TRANSPORT = """\
/^missing.*@example\\.test$/ error:5.1.1 no such mailbox
/^busy.*@example\\.test$/ retry:4.2.1 try again later
"""


class Postfix:
    """A running Postfix that relays for anybody on its plain port.

    Mail to missing...@example.test bounces, mail to busy...@example.test is put off, and the
    sender is told so after a second.
    """

    host = HOST

    def __init__(self, folder: Path, dovecot: Dovecot) -> None:
        """Prepare a server in this folder, to be entered as a context."""
        if os.geteuid() != 0:
            raise RigUnavailable("Postfix must be started by root")
        self._master = find_program("master", "/usr/lib/postfix/sbin", "/usr/libexec/postfix")
        self._postfix = account_or_self("postfix")
        self._folder = folder
        self._daemon: Daemon | None = None
        self.smtp_port, self.submission_port, self.smtps_port = free_port(), free_port(), free_port()
        self.ca_file = dovecot.ca_file
        self._create_folders()
        self._configure(dovecot)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start, or start again on the same ports; does nothing while running."""
        if self._daemon:
            return
        command: list[str | Path] = [self._master, "-c", self._folder / "etc", "-d"]
        log = self._folder / "master.err"
        self._daemon = Daemon(command, account=pwd.getpwuid(0), log=log)
        self._daemon.wait_for(self.smtp_port, self.submission_port, self.smtps_port)

    def stop(self) -> None:
        """Kill it; what it has accepted stays in its queue."""
        if self._daemon:
            self._daemon.stop()
            self._daemon = None

    def log(self) -> str:
        """Return the mail log written so far."""
        return (self._folder / "mail.log").read_text(errors="replace")

    def _create_folders(self) -> None:
        for name in ("etc", "queue/pid"):
            (self._folder / name).mkdir(parents=True)
        queues = "incoming active deferred bounce defer flush trace corrupt hold saved private"
        for name in ("data", *(f"queue/{queue}" for queue in queues.split())):
            self._create_private(name, 0o700)
        self._create_private("queue/maildrop", 0o730, "postdrop")
        self._create_private("queue/public", 0o710, "postdrop")

    def _create_private(self, name: str, mode: int, group: str | None = None) -> None:
        path = self._folder / name
        path.mkdir()
        path.chmod(mode)
        gid = grp.getgrnam(group).gr_gid if group else 0
        os.chown(path, self._postfix.pw_uid, gid)

    def _configure(self, dovecot: Dovecot) -> None:
        etc = self._folder / "etc"
        # Postfix wants to own its key, and nobody else to read it.
        key = Path(shutil.copy(dovecot.certificates.key, etc / "key.pem"))
        key.chmod(0o600)
        settings = {
            "folder": self._folder,
            "host": self.host,
            "lmtp_port": dovecot.lmtp_port,
            "auth_socket": dovecot.auth_socket,
            "cert": dovecot.certificates.cert,
            "key": key,
            "smtp_port": self.smtp_port,
            "submission_port": self.submission_port,
            "smtps_port": self.smtps_port,
            "authenticated": _AUTHENTICATED,
        }
        main = etc / "main.cf"
        main.write_text(_MAIN.substitute(settings))
        # Postfix waits until the file is too old to be still in the making.
        os.utime(main, (0, 0))
        (etc / "master.cf").write_text(_MASTER.substitute(settings))
        (etc / "transport").write_text(_TRANSPORT)
