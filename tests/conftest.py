"""The servers the tests talk to, started when the first test asks for one."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings
from playwright.sync_api import Browser

from rig import RigUnavailable
from rig.authorization import AuthorizationServer
from rig.chromium import Chromium
from rig.dovecot import DOMAIN, Dovecot
from rig.postfix import Postfix
from rig.postgres import Postgres
from rig.process import die_with_parent
from rig.smtpd import Smtpd
from rig.sogo import Sogo

Server = TypeVar("Server")

# On a busy machine a deadline fails tests that are right.
settings.register_profile("ci", deadline=None, derandomize=False)
settings.load_profile("ci")


def pytest_configure(config: pytest.Config) -> None:
    """End the workers of pytest-xdist with their controller, and the servers with them."""
    if hasattr(config, "workerinput"):
        die_with_parent()


@pytest.fixture(scope="session")
def rig_folder() -> Iterator[Path]:
    """One folder for all servers of this session, readable for the accounts they run under."""
    folder = Path(tempfile.mkdtemp(prefix="rsvpd-rig-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def authorization() -> Iterator[AuthorizationServer]:
    """What gives access tokens; each test takes its own `authorization.register(mailbox)`."""
    with AuthorizationServer() as server:
        yield server


@pytest.fixture(scope="session")
def dovecot(rig_folder: Path, authorization: AuthorizationServer) -> Iterator[Dovecot]:
    """IMAP and LMTP; a test that stops it uses `with dovecot.down():`."""
    with _running(lambda: Dovecot(rig_folder / "dovecot", authorization.introspection)) as server:
        yield server


@pytest.fixture(scope="session")
def postfix(rig_folder: Path, dovecot: Dovecot) -> Iterator[Postfix]:
    """SMTP, delivering to the mailboxes of dovecot."""
    with _running(lambda: Postfix(rig_folder / "postfix", dovecot)) as server:
        yield server


@pytest.fixture(scope="session")
def postgres(rig_folder: Path) -> Iterator[Postgres]:
    """PostgreSQL; each test takes its own `postgres.fresh_database()`."""
    with _running(lambda: Postgres(rig_folder / "postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def sogo(rig_folder: Path, dovecot: Dovecot, postfix: Postfix, postgres: Postgres) -> Iterator[Sogo]:
    """The groupware of attendees, on top of the other three."""
    with _running(lambda: Sogo(rig_folder / "sogo", dovecot, postfix, postgres)) as server:
        yield server


@pytest.fixture(scope="module")  # as long as it runs nothing else in this thread may begin an event loop
def chromium() -> Iterator[Browser]:
    """A browser; each test opens contexts of its own, which are as many people."""
    with _running(Chromium) as browser:
        yield browser


@pytest.fixture
def smtpd() -> Iterator[Smtpd]:
    """An SMTP server of this test alone."""
    with Smtpd() as server:
        yield server


@pytest.fixture
def mailbox_user() -> str:
    """Name a mailbox that no other test uses."""
    return f"u{uuid.uuid4().hex[:12]}@{DOMAIN}"


@contextmanager
def _running(prepare: Callable[[], AbstractContextManager[Server]]) -> Iterator[Server]:
    try:
        server = prepare()
    except RigUnavailable as missing:
        if os.environ.get("RSVPD_REQUIRE_SERVERS") == "1":
            raise pytest.fail.Exception(str(missing), pytrace=False) from None
        raise pytest.skip.Exception(str(missing)) from None
    with server as running:
        yield running
