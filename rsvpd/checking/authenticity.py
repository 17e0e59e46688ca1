"""What the receiving server says of the loop mail (RFC 8601), and what it means for the mails that are sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rsvpd.checking.findings import Doubt, Told
from rsvpd.itip import authentication
from rsvpd.itip.authentication import Authentication, MethodResult

_WHAT_TO_DO = {
    "spf": "name the sending server in the SPF record of {domain} (RFC 7208)",
    "dkim": "have the sending server sign with a key of {domain} (RFC 6376)",
    "dmarc": "mend SPF or DKIM so that one of them passes for {domain} itself (RFC 7489)",
}
_ELSEWHERE = "look at the header of an invitation in a mailbox elsewhere"


def hints(headers: Sequence[str], from_domain: str, authserv_id: str | None) -> Iterator[tuple[str, Told]]:
    """What to say of each method, from the headers of the mail, topmost first."""
    own = [h for h in headers if authserv_id is None or authentication.written_by(h) == authserv_id.lower()]
    if authserv_id is not None and headers and not own:
        writer = authentication.written_by(headers[0])
        yield (
            "authserv_id",
            Doubt(
                f"no Authentication-Results by {authserv_id}; the topmost is by {writer}",
                f'set authserv_id = "{writer}" if that is your receiving server; until then nobody is authenticated',
            ),
        )
    read = authentication.read(own[0]) if own else None
    if read is None:
        why = "cannot be read" if own else "none was written"
        yield (
            "authentication",
            Doubt(
                f"what the receiving server found out is not known: Authentication-Results, {why}",
                f"{_ELSEWHERE}, as mail within one server is often not looked at",
            ),
        )
        return
    for method in _WHAT_TO_DO:
        yield method, _of_method(method, read, from_domain)


def _of_method(method: str, read: Authentication, from_domain: str) -> Told:
    found = [one for one in read.results if one.method == method]
    advice = _WHAT_TO_DO[method].format(domain=from_domain)
    if not found:
        return Doubt(f"{read.authserv_id} says nothing of {method.upper()}", f"{advice}; or {_ELSEWHERE}")
    best = next((one for one in found if _is_good(one, from_domain)), found[0])
    if _is_good(best, from_domain):
        return f"pass for {best.domain or from_domain}, which is {from_domain} or beneath it"
    if best.result == "pass":
        return Doubt(f"pass, but for {best.domain}, which does not align with {from_domain} in From", advice)
    return Doubt(f"{best.result} according to {read.authserv_id}", advice)


def _is_good(one: MethodResult, from_domain: str) -> bool:
    return one.result == "pass" and (one.domain is None or authentication.aligned(one.domain, from_domain))
