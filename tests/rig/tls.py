"""A throwaway certificate authority, and a certificate for localhost signed by it."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from rig.process import find_program

# Python 3.13 verifies strictly: key usage on the authority, key identifiers on both.
_EXTENSIONS = """\
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
subjectAltName = DNS:localhost, IP:127.0.0.1
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


@dataclass(frozen=True)
class Certificates:
    """The files a TLS server needs, and the authority its clients shall trust."""

    ca: Path
    cert: Path
    key: Path

    @classmethod
    def create(cls, folder: Path) -> Self:
        """Make them in the folder, or return what an earlier call has made."""
        made = cls(ca=folder / "ca.pem", cert=folder / "cert.pem", key=folder / "key.pem")
        if made.cert.exists():
            return made
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "openssl.cnf").write_text(_EXTENSIONS)
        ca_key = folder / "ca.key"
        _issue(made.ca, ca_key, "rig authority", "authority")
        _issue(made.cert, made.key, "localhost", "server", "-CA", made.ca, "-CAkey", ca_key)
        made.key.chmod(0o644)  # read by servers that run under other accounts
        return made


def _issue(cert: Path, key: Path, name: str, section: str, *signer: str | Path) -> None:
    config = cert.with_name("openssl.cnf")
    form = ("req", "-x509", "-config", config, "-extensions", section, "-days", "7")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    files = ("-keyout", key, "-out", cert)
    command = [find_program("openssl"), *form, *curve, "-subj", f"/CN={name}", *files, *signer]
    subprocess.run(command, check=True, capture_output=True)
