"""An OAuth 2.0 authorization server on loopback: four grants, introspection, rotation, revocation, and faults."""

import json
import secrets
import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from rig.ports import HOST, free_port

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
ASSERTION = "urn:ietf:params:oauth:grant-type:jwt-bearer"

Answer = tuple[int, str, str]
"""Status, content type and body."""


class Refusal(Exception):  # noqa: N818  an answer
    """An error response (RFC 6749 5.2)."""

    def __init__(self, error: str, words: str = "", status: int = 400) -> None:
        super().__init__(error)
        self.answer = {"error": error} | ({"error_description": words} if words else {})
        self.status = status


@dataclass
class Client:
    """A registered client with the one mailbox that its tokens are for; set its attributes as a test needs."""

    mailbox: str
    client_id: str = field(default_factory=lambda: f"c{secrets.token_hex(6)}")
    secret: str = field(default_factory=lambda: f"s~{secrets.token_hex(12)}+/")
    lifetime: object = 3600
    length: int = 24
    """Random bytes in an access token; those of Microsoft are long."""
    rotates: bool = False
    """Whether a refresh token is good for one use, as RFC 9700 4.14.2 wants it."""
    fault: Answer | None = None
    refusal: Refusal | None = None
    ahead: float = 0.0
    """Seconds by which the server's clock is ahead of ours."""
    slow: float = 0.0
    """Seconds that every answer takes."""
    issued: list[str] = field(default_factory=list)
    """Access tokens, in order."""
    revoked: set[str] = field(default_factory=set)
    refresh_tokens: set[str] = field(default_factory=set)
    asked: list[dict[str, str]] = field(default_factory=list)
    """The forms that came, in order."""
    polls: list[Refusal] = field(default_factory=list)
    """What the next polls of a device get; then the code counts as entered."""
    interval: object = 5
    """What a device shall wait between its polls, in seconds."""
    challenge: str | None = None
    _until: dict[str, float] = field(default_factory=dict)

    @cached_property
    def key(self) -> RSAKey:
        """What a service account signs with."""
        return RSAKey.generate_key(2048)

    def grant(self) -> str:
        """A refresh token, as if a person had just granted it."""
        token = f"r-{secrets.token_urlsafe(24)}"
        self.refresh_tokens.add(token)
        return token

    def revoke(self) -> None:
        """Take the grant back: neither its access tokens nor its refresh tokens count."""
        self.refresh_tokens.clear()
        self.expire()

    def expire(self) -> None:
        """Let every access token run out at the server alone."""
        self.revoked.update(self.issued)

    def is_active(self, token: str) -> bool:
        return token in self.issued and token not in self.revoked and self._until[token] > time.time()

    def write_key(self, path: Path, key: RSAKey | None = None) -> Path:
        """The file that Google gives for a service account."""
        private = (key or self.key).as_pem(private=True).decode()
        path.write_text(
            json.dumps(
                {
                    "type": "service_account",
                    "private_key_id": "k1",
                    "private_key": private,
                    "client_email": self.client_id,
                }
            )
        )
        return path

    def token(self, refresh_token: str | None = None) -> dict[str, Any]:
        """A fresh access token (RFC 6749 5.1)."""
        token = f"a-{secrets.token_urlsafe(self.length)}"
        self.issued.append(token)
        self._until[token] = time.time() + (self.lifetime if isinstance(self.lifetime, int | float) else 3600)
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime}
        return answer | ({"refresh_token": refresh_token} if refresh_token else {})


class AuthorizationServer:
    """A running server; every client is told from the others by its `client_id`."""

    def __init__(self) -> None:
        """Prepare a server on a free port, to be entered as a context."""
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.token_endpoint = f"{self.url}/token"
        self.device_endpoint = f"{self.url}/device"
        self.authorization_endpoint = f"{self.url}/authorize"
        self.introspection = f"{self.url}/introspect"
        self.clients: dict[str, Client] = {}
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        server = self._server = ThreadingHTTPServer((HOST, self.port), self._handler())
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def register(self, mailbox: str) -> Client:
        """A client for this mailbox."""
        client = Client(mailbox)
        self.clients[client.client_id] = client
        return client

    def browser(self, address: str) -> str:
        """What a person's browser does with an address: log in, consent, and end at the redirection."""
        form = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        client = self.clients[form["client_id"]]
        assert (form["response_type"], form["code_challenge_method"]) == ("code", "S256")
        client.challenge = form["code_challenge"]
        return (
            f"{form['redirect_uri']}?{urlencode({'code': f'b-{client.client_id}', 'state': form['state']})}"
        )

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            ahead = 0.0

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                if self.path == "/introspect":
                    self.reply((200, "application/json", outer._introspected(form["token"])))
                    return
                client = outer._client(form)
                self.ahead = client.ahead if client else 0.0
                if client:
                    client.asked.append(form | {"path": self.path})
                    time.sleep(client.slow)
                self.reply(outer._answer(self.path, client, form))

            def date_time_string(self, timestamp: float | None = None) -> str:
                return formatdate((timestamp or time.time()) + self.ahead, usegmt=True)

            def reply(self, answer: Answer) -> None:
                status, kind, text = answer
                self.send_response(status)
                self.send_header("Content-Type", kind)
                if 300 <= status < 400:
                    self.send_header("Location", text)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler

    def _introspected(self, token: str) -> str:
        """RFC 7662; Dovecot 2.3 compares what is active as text."""
        owner = next((c for c in self.clients.values() if c.is_active(token)), None)
        return json.dumps({"active": "true", "email": owner.mailbox} if owner else {"active": "false"})

    def _client(self, form: Mapping[str, str]) -> Client | None:
        """Whom a form says it is from; an assertion names its issuer."""
        if "assertion" in form:
            claims = form["assertion"].split(".")[1]
            return self.clients.get(json.loads(urlsafe_b64decode(claims + "=="))["iss"])
        return self.clients.get(form.get("client_id", ""))

    def _answer(self, path: str, client: Client | None, form: Mapping[str, str]) -> Answer:
        if client and client.fault:
            return client.fault
        try:
            given = self._given(path, client, form)
        except Refusal as refusal:
            return refusal.status, "application/json", json.dumps(refusal.answer)
        return 200, "application/json", json.dumps(given)

    def _given(self, path: str, client: Client | None, form: Mapping[str, str]) -> dict[str, Any]:
        if client is None:
            raise Refusal("invalid_client", "nobody known", 401)
        if client.refusal:
            raise client.refusal
        if form.get("client_secret", client.secret) != client.secret:
            raise Refusal("invalid_client", f"AADSTS7000215: Invalid secret {form['client_secret']}", 401)
        return self._device(client) if path == "/device" else _GRANTS[form["grant_type"]](client, form)

    def _device(self, client: Client) -> dict[str, Any]:
        return {
            "device_code": f"d-{client.client_id}",
            "user_code": "WDJB-MJHT",
            "verification_uri": f"{self.url}/activate",
            "expires_in": 600,
            "interval": client.interval,
        }


def _refresh(client: Client, form: Mapping[str, str]) -> dict[str, Any]:
    given = form["refresh_token"]
    if given not in client.refresh_tokens:
        if client.rotates:
            client.revoke()  # used twice: somebody stole it
        raise Refusal("invalid_grant", f'Token "{given}" has been expired or revoked.')
    if not client.rotates:
        return client.token()
    client.refresh_tokens.remove(given)
    return client.token(client.grant())


def _by_itself(client: Client, form: Mapping[str, str]) -> dict[str, Any]:
    if form.get("client_secret") != client.secret:
        raise Refusal("invalid_client", "a secret is needed", 401)
    return client.token()


def _assertion(client: Client, form: Mapping[str, str]) -> dict[str, Any]:
    """RFC 7523 3."""
    public = RSAKey.import_key(client.key.as_pem(private=False))
    try:
        claims = jwt.decode(form["assertion"], public, algorithms=["RS256"]).claims
    except JoseError as error:
        raise Refusal("invalid_grant", "Invalid JWT Signature.") from error
    now = time.time() + client.ahead
    if not claims["iat"] <= now + 1 or not now < claims["exp"] <= claims["iat"] + 3600:
        raise Refusal("invalid_grant", "Invalid JWT: check iat and exp")
    if claims["sub"] != client.mailbox or not claims["aud"].endswith("/token") or not claims["scope"]:
        raise Refusal("unauthorized_client", "not allowed to act for this user", 401)
    return client.token()


def _device_code(client: Client, form: Mapping[str, str]) -> dict[str, Any]:
    assert form["device_code"] == f"d-{client.client_id}"
    if client.polls:
        raise client.polls.pop(0)
    return client.token(client.grant())


def _code(client: Client, form: Mapping[str, str]) -> dict[str, Any]:
    """RFC 6749 4.1.3 with RFC 7636 4.6."""
    from authlib.oauth2.rfc7636 import create_s256_code_challenge  # noqa: PLC0415  loads an HTTP stack

    proven = create_s256_code_challenge(form["code_verifier"]) == client.challenge
    if form["code"] != f"b-{client.client_id}" or not proven or "redirect_uri" not in form:
        raise Refusal("invalid_grant", "no such code")
    return client.token(client.grant())


_GRANTS: dict[str, Callable[[Client, Mapping[str, str]], dict[str, Any]]] = {
    "refresh_token": _refresh,
    "client_credentials": _by_itself,
    ASSERTION: _assertion,
    DEVICE: _device_code,
    "authorization_code": _code,
}
