"""TLS for both wires: certificates are always verified."""

from __future__ import annotations

import ssl

from rsvpd.config import ServerSettings
from rsvpd.ports import CouldNot


def context(settings: ServerSettings) -> ssl.SSLContext:
    """A context that verifies against the system's certificates, or against `ca_file`."""
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise CouldNot(f"ca_file {settings.ca_file}: cannot be read as certificates ({error})") from error


def words(error: Exception) -> str:
    """What a connection error says, on one line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate cannot be trusted: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split())[:300] or type(error).__name__
