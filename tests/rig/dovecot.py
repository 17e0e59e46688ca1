"""Dovecot 2.3: IMAP with and without TLS, and LMTP delivery, for any user of example.test."""

import contextlib
import grp
import shutil
import smtplib
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from string import Template
from typing import Self

from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from rig import RigUnavailable
from rig.ports import HOST, free_port
from rig.process import Daemon, account_or_self, find_program, give_to
from rig.tls import Certificates

DOMAIN = "example.test"
PASSWORD = "secret"

# Three password databases: changed passwords, then a refusal of the old one for the same users,
# then "secret" for everybody else.
_CONFIG = Template("""\
base_dir = $folder/run
state_dir = $folder/run
log_path = $folder/dovecot.log
protocols = imap lmtp
listen = $host
default_internal_user = $user
default_internal_group = $group
default_login_user = $user
first_valid_uid = 1
first_valid_gid = 1
mail_uid = $uid
mail_gid = $gid
mail_home = $folder/mail/%Lu
mail_location = maildir:~/Mail
mail_fsync = never
mail_max_userip_connections = 0
disable_plaintext_auth = no
auth_mechanisms = plain login$token_mechanisms
auth_failure_delay = 0
ssl = yes
ssl_cert = <$cert
ssl_key = <$key
$token_passdb
passdb {
  driver = passwd-file
  mechanisms = plain login
  args = scheme=PLAIN username_format=%Lu $folder/passwords
}
passdb {
  driver = passwd-file
  deny = yes
  mechanisms = plain login
  args = scheme=PLAIN username_format=%Lu $folder/passwords
}
passdb {
  driver = static
  mechanisms = plain login
  args = password=$password
}
userdb {
  driver = static
  args = allow_all_users=yes
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Sent {
    special_use = \\Sent
    auto = create
  }
  mailbox Drafts {
    special_use = \\Drafts
    auto = create
  }
  mailbox Trash {
    special_use = \\Trash
    auto = create
  }
  mailbox Junk {
    special_use = \\Junk
    auto = create
  }
  mailbox Archive {
    special_use = \\Archive
    auto = create
  }
}
service anvil {
  chroot =
  # Without its penalties a failed login is answered in half a second.
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
service imap-login {
  chroot =
  inet_listener imap {
    port = $imap_port
  }
  inet_listener imaps {
    port = $imaps_port
    ssl = yes
  }
}
service auth {
  unix_listener auth-smtp {
    mode = 0666
  }
}
service lmtp {
  user = $user
  inet_listener lmtp {
    address = $host
    port = $lmtp_port
  }
}
""")

_TOKEN_PASSDB = Template("""\
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = $folder/oauth2.conf
}
""")

_TOKENS = Template("""\
introspection_mode = post
introspection_url = $introspection
username_attribute = email
active_attribute = active
active_value = true
""")


class Dovecot:
    """A running Dovecot; every NAME@example.test exists and has the password "secret".

    Where a token can be asked about (RFC 7662) it takes access tokens as well.
    """

    host = HOST

    def __init__(
        self, folder: Path, introspection: str | None = None, certificates: Certificates | None = None
    ) -> None:
        """Prepare a server in this folder, to be entered as a context."""
        self._introspection = introspection
        self._program = _find_dovecot()
        self._doveadm = find_program("doveadm")
        self._account = account_or_self("nobody")
        self._folder = folder
        self._daemon: Daemon | None = None
        self._changed: dict[str, str] = {}
        self.imap_port, self.imaps_port, self.lmtp_port = free_port(), free_port(), free_port()
        self.certificates = certificates or Certificates.create(folder.parent / "tls")
        self.ca_file = self.certificates.ca
        self.conf = folder / "dovecot.conf"
        self.auth_socket = folder / "run" / "auth-smtp"
        self._configure()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start, or start again on the same ports; does nothing while running."""
        if self._daemon:
            return
        # A stale socket in there would slow the first login down by five seconds.
        shutil.rmtree(self._folder / "run", ignore_errors=True)
        command: list[str | Path] = [self._program, "-F", "-c", self.conf]
        log = self._folder / "dovecot.err"
        self._daemon = Daemon(command, account=self._account, log=log)
        self._daemon.wait_for(self.imap_port, self.imaps_port, self.lmtp_port)

    def stop(self) -> None:
        """Kill it, connections and all, as a power cut would."""
        if self._daemon:
            self._daemon.stop()
            self._daemon = None

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """Be unreachable for the length of a with statement."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextlib.contextmanager
    def login(self, user: str, folder: str | None = None) -> Iterator[IMAPClient]:
        """Yield a connection of this user, with the folder selected if one is named."""
        with IMAPClient(self.host, self.imap_port, ssl=False, timeout=10) as client:
            client.login(user, self._changed.get(user, PASSWORD))
            if folder is not None:
                client.select_folder(folder)
            yield client

    def append(self, user: str, raw: bytes, folder: str = "INBOX", when: datetime | None = None) -> None:
        """Put a mail into a folder, creating the folder; when is the INTERNALDATE."""
        with self.login(user) as client:
            if not client.folder_exists(folder):
                client.create_folder(folder)
            client.append(folder, raw, msg_time=when)

    def messages(self, user: str, folder: str = "INBOX") -> list[bytes]:
        """Return the mails of a folder in the order of their UIDs."""
        with self.login(user, folder) as client:
            found = client.fetch(client.search(), ["BODY.PEEK[]"])
            return [found[uid][b"BODY[]"] for uid in sorted(found)]

    def flags(self, user: str, folder: str = "INBOX") -> dict[int, frozenset[str]]:
        r"""Return the flags of each mail by UID, such as {1: {"\Seen"}}, without \Recent."""
        with self.login(user, folder) as client:
            found = client.get_flags(client.search())
        names = {uid: frozenset(flag.decode() for flag in found[uid]) for uid in sorted(found)}
        return {uid: flags - {"\\Recent"} for uid, flags in names.items()}

    def deliver(self, user: str, raw: bytes, sender: str = f"sender@{DOMAIN}") -> None:
        """Deliver a mail to the INBOX over LMTP, as a mail server would."""
        with smtplib.LMTP(self.host, self.lmtp_port) as lmtp:
            lmtp.sendmail(sender, [user], raw)

    def set_password(self, user: str, password: str) -> None:
        """Make this the only password of the user; takes up to a second."""
        self._changed[user] = password
        self._write_passwords()
        # Dovecot looks at the file once a second.
        while not self._admits(user):
            time.sleep(0.05)

    def set_uidvalidity(self, user: str, uidvalidity: int, folder: str = "INBOX") -> None:
        """Give a folder another UIDVALIDITY, as a restored mailbox has."""
        self.doveadm("mailbox", "update", "--uid-validity", str(uidvalidity), "-u", user, folder)

    def kick(self, user: str) -> None:
        """Close every connection of the user, in IDLE with a BYE."""
        self.doveadm("kick", user)

    def doveadm(self, *arguments: str) -> str:
        """Run a doveadm command against this server and return what it prints."""
        command: list[str | Path] = [self._doveadm, "-c", self.conf, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"doveadm {' '.join(arguments)}: {done.stderr or done.stdout}")
        return done.stdout

    def _admits(self, user: str) -> bool:
        try:
            with self.login(user):
                return True
        except LoginError:
            return False

    def _configure(self) -> None:
        mail = self._folder / "mail"
        mail.mkdir(parents=True)
        give_to(self._account, self._folder, mail)
        settings = {
            "folder": self._folder,
            "host": self.host,
            "user": self._account.pw_name,
            "group": grp.getgrgid(self._account.pw_gid).gr_name,
            "uid": self._account.pw_uid,
            "gid": self._account.pw_gid,
            "cert": self.certificates.cert,
            "key": self.certificates.key,
            "password": PASSWORD,
            "imap_port": self.imap_port,
            "imaps_port": self.imaps_port,
            "lmtp_port": self.lmtp_port,
            "token_mechanisms": " xoauth2 oauthbearer" if self._introspection else "",
            "token_passdb": _TOKEN_PASSDB.substitute(folder=self._folder) if self._introspection else "",
        }
        if self._introspection:
            (self._folder / "oauth2.conf").write_text(_TOKENS.substitute(introspection=self._introspection))
        self.conf.write_text(_CONFIG.substitute(settings))
        self._write_passwords()

    def _write_passwords(self) -> None:
        lines = [f"{user}:{{PLAIN}}{password}\n" for user, password in self._changed.items()]
        path = self._folder / "passwords"
        # Dovecot reads it again when its size differs: two changes may share one second.
        grown = path.stat().st_size + 1 if path.exists() else 0
        path.write_text("".join(lines).ljust(grown, "\n"))


def _find_dovecot() -> str:
    program = find_program("dovecot")
    if not Path("/usr/lib/dovecot/imap").exists() or not Path("/usr/lib/dovecot/lmtp").exists():
        raise RigUnavailable("dovecot-imapd or dovecot-lmtpd is not installed")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    if not version.stdout.startswith("2.3."):
        raise RigUnavailable(f"the tests configure Dovecot 2.3, this is {version.stdout.strip()}")
    return program
