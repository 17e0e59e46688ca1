"""Authentication-Results (RFC 8601): what a receiving server found out about a sender."""

from __future__ import annotations

from dataclasses import dataclass

import authres


@dataclass(frozen=True, slots=True)
class MethodResult:
    """What one method came to, and the domain that it is about, if it says so."""

    method: str
    result: str
    domain: str | None


@dataclass(frozen=True, slots=True)
class Authentication:
    """One header: who wrote it, and the result of each method."""

    authserv_id: str
    results: tuple[MethodResult, ...]


_DOMAIN_OF = {"spf": ("mailfrom", "helo"), "dkim": ("d", "i"), "dmarc": ("from",)}
"""Properties that name the domain (RFC 8601 2.7.1, 2.7.2, 2.7.4)."""


def written_by(header: str) -> str:
    """Who wrote a header, in lower case, also where the rest of it cannot be read."""
    stated = header.split(";", 1)[0].split()
    return stated[0].lower() if stated else ""


def read(header: str) -> Authentication | None:
    """What the value of a header says; None where it cannot be read."""
    try:
        parsed = authres.AuthenticationResultsHeader.parse(f"Authentication-Results: {header}")
    except Exception:  # noqa: BLE001  authres has several kinds of errors, none of them about us
        return None
    return Authentication(
        authserv_id=written_by(header),
        results=tuple(
            MethodResult(
                method=(one.method or "").lower(), result=(one.result or "").lower(), domain=_domain(one)
            )
            for one in parsed.results or ()
        ),
    )


def _domain(result: authres.AuthenticationResult) -> str | None:
    wanted = _DOMAIN_OF.get((result.method or "").lower(), ())
    found = {(one.name or "").lower(): one.value or "" for one in result.properties}
    value = next((found[name] for name in wanted if found.get(name)), None)
    return value.rpartition("@")[2].lower().rstrip(".") if value else None


def aligned(one: str, other: str) -> bool:
    """Whether a domain is another one or beneath it (RFC 7489 3.1, without asking what an organization owns)."""
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")
