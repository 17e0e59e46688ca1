"""Whom a webhook may call: addresses of the internet over verified TLS, unless a network of one's own is allowed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpcore
import pytest

import house
from house import Keys, one_line_of
from receiving import Receiver, answer
from rig.ports import HOST
from rig.tls import Certificates
from rsvpd.config import ConfigInvalid, parse
from rsvpd.ports import CouldNot
from rsvpd.webhooks.calling import Answer, is_public
from rsvpd.webhooks.calling import receiver as calling


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.create(tmp_path_factory.mktemp("tls"), "DNS:hooks.example.org, DNS:localhost")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


def call(keys: Keys) -> Answer:
    (settings,) = parse({"organizer": [house.organizer()], "webhook": [keys]}, Path("test")).webhook
    with calling(settings) as line:
        return line.post({"webhook-id": "1"}, b"{}")


def refused(keys: Keys) -> str:
    with pytest.raises(CouldNot) as error:
        call(keys)
    return one_line_of(error)


def resolve(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """As if a name server said so; numbers are what they are, so that a connection can be made."""
    real = socket.getaddrinfo

    def found(host: str, port: int, *more: Any, **named: Any) -> Any:  # noqa: ANN401
        if host != "hooks.example.org":
            return real(host, port, *more, **named)
        return [answer for address in addresses for answer in real(address, port, *more, **named)]

    monkeypatch.setattr(socket, "getaddrinfo", found)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::7f00:1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:7f00:1", "::ffff:a9fe:a9fe"),
        *("2002:7f00:1::", "2002:a00:1::1", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "2001:db8::1"),
    ],
)
def test_these_are_not_of_the_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "9.9.9.9",
        "193.0.6.139",
        "2620:fe::fe",
        "::ffff:9.9.9.9",
        "64:ff9b::9.9.9.9",
        "2001:67c:2e8:22::c100:68b",
    ],
)
def test_these_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", [HOST, "localhost", "2130706433", "[::ffff:127.0.0.1]", "0.0.0.0"])
def test_this_machine_is_not_called_unless_allowed(certificates: Certificates, host: str) -> None:
    with Receiver(certificates) as server:
        line = refused(server.settings(url=server.url(host), allow_private=False))
        assert "is not an address of the internet; set allow_private = true" in line
        assert server.calls == []


def test_a_name_is_checked_by_the_address_that_is_connected_to(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the name resolved to before, and whatever else it resolves to."""
    with Receiver(certificates) as server:
        keys = server.settings(url=server.url("hooks.example.org"), allow_private=False, timeout="2s")
        resolve(monkeypatch, "127.0.0.1", "::ffff:127.0.0.1")
        assert "hooks.example.org is 127.0.0.1, which is not an address of the internet" in refused(keys)
        tried: list[str] = []

        def connect(_: httpcore.SyncBackend, host: str, *more: object) -> httpcore.NetworkStream:
            tried.append(host)
            raise httpcore.ConnectError("no route from here")

        resolve(monkeypatch, "127.0.0.1", "9.9.9.9", "10.0.0.1")
        monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
        assert refused(keys) == "crm: no route from here"
        assert tried == ["9.9.9.9"]
        assert server.calls == []


def test_the_certificate_must_be_of_the_name_and_of_an_authority_that_is_trusted(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Receiver(certificates) as server:
        resolve(monkeypatch, HOST)
        keys = server.settings(url=server.url("hooks.example.org"), ca_file=str(certificates.ca))
        assert call(keys).status == 200
        assert server.calls[0].headers["host"] == f"hooks.example.org:{server.port}"
        assert "certificate cannot be trusted" in refused(keys | {"ca_file": None})
        assert "certificate cannot be trusted" in refused(keys | {"url": server.url(HOST)})
        assert len(server.calls) == 1


def test_a_proxy_of_the_environment_is_not_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert call(receiver.settings()).status == 200


def test_a_server_that_is_away_is_one_line(receiver: Receiver) -> None:
    keys = receiver.settings(url="http://127.0.0.1:1/")
    assert refused(keys) == "crm: connection refused"
    assert refused(keys | {"url": "http://no-such-host.invalid/"}).startswith("crm: ")


def test_what_is_no_http_is_one_line(receiver: Receiver) -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        keys = receiver.settings(url=f"http://{HOST}:{port}/", timeout="1s")
        assert refused(keys) == "crm: no answer in time"


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("120", 120), ("soon", None), ("-1", None), ("9" * 30, None), ("Thu, 01 Jan 1970 00:00:00 GMT", 0)],
)
def test_how_long_to_wait_is_read_leniently(receiver: Receiver, said: str, seconds: int | None) -> None:
    receiver.always = answer(429, Retry_After=said)
    assert call(receiver.settings()).retry_after == seconds


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"secret": None}, "webhook crm: give secret_file"),
        ({"secret": "hunter2"}, "is not whsec_ with 24 to 64 octets"),
        ({"secret": "whsec_aHVudGVyMg=="}, "is not whsec_ with 24 to 64 octets"),
        ({"secret_env": "X"}, "give one of secret, secret_file and secret_env"),
        ({"allow_private": False}, "http would send what people answer to 127.0.0.1 in the clear"),
        ({"url": "ftp://x.example/"}, "write a URL such as https://hooks.example.org/rsvpd"),
        ({"url": "https://u:p@x.example/"}, "leave the login out of it"),
        ({"url": "https://münchen.example/"}, "xn--"),
        ({"kinds": ["attendee"]}, "'attendee' is no kind of change"),
        ({"kinds": ["att*"]}, "'att*' is no kind of change"),
        ({"organizers": ["nobody"]}, "webhook crm: there is no organizer 'nobody'"),
        ({"timeout": "1h"}, "timeout"),
    ],
)
def test_a_wrong_setting_is_one_line_without_the_secret(receiver: Receiver, keys: Keys, line: str) -> None:
    settings = {name: value for name, value in (receiver.settings() | keys).items() if value is not None}
    with pytest.raises(ConfigInvalid) as error:
        parse({"organizer": [house.organizer()], "webhook": [settings]}, Path("test"))
    assert line in one_line_of(error)
    assert "hunter2" not in str(error.value)
