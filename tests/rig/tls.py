"""A throwaway certificate authority, and a server's certificate signed by it."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Self

from rig.process import find_program

# Python 3.13 verifies strictly: key usage on the authority, key identifiers on both.
_EXTENSIONS = Template("""\
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
subjectAltName = $names
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
""")


@dataclass(frozen=True)
class Certificates:
    """The files a TLS server needs, and the authority its clients shall trust."""

    ca: Path
    cert: Path
    key: Path

    @classmethod
    def create(cls, folder: Path, names: str = "DNS:localhost, IP:127.0.0.1", days: int = 60) -> Self:
        """Make them in the folder, or return what an earlier call has made.

        The server's certificate is for these names and ends after these days, which may be past.
        """
        made = cls(ca=folder / "ca.pem", cert=folder / "cert.pem", key=folder / "key.pem")
        if made.cert.exists():
            return made
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "openssl.cnf").write_text(_EXTENSIONS.substitute(names=names))
        ca_key, request = folder / "ca.key", folder / "request.pem"
        form = ("-config", folder / "openssl.cnf", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
        authority = ("-x509", "-extensions", "authority", "-days", "90", "-subj", "/CN=rig authority")
        _openssl("req", *form, "-nodes", *authority, "-keyout", ca_key, "-out", made.ca)
        _openssl("req", *form, "-nodes", "-subj", "/CN=localhost", "-keyout", made.key, "-out", request)
        signer = ("-CA", made.ca, "-CAkey", ca_key, "-CAcreateserial", "-days", str(days))
        content = ("-extfile", folder / "openssl.cnf", "-extensions", "server")
        _openssl("x509", "-req", "-in", request, *signer, *content, "-out", made.cert)
        made.key.chmod(0o644)  # read by servers that run under other accounts
        return made


def _openssl(*command: str | Path) -> None:
    subprocess.run([find_program("openssl"), *command], check=True, capture_output=True)
