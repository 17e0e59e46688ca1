"""A TOML file -> settings, or one line that says which key is wrong."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from rsvpd.config.settings import PREFIX, Settings
from rsvpd.config.values import ConfigInvalid, os_words

DEFAULT_FILES = (Path("rsvpd.toml"), Path("/etc/rsvpd/rsvpd.toml"))

_FILES = frozenset(
    {
        "password_file",
        "token_secret_file",
        "secret_file",
        "client_secret_file",
        "service_account_file",
        "ca_file",
        "state_directory",
        "templates",
    }
)
_CREDENTIALS = "$CREDENTIALS_DIRECTORY/"
_CREDENTIALS_OF_THE_UNIT = "/run/credentials/rsvpd.service"
"""Where commands beside the service find what systemd gave to it (systemd.exec(5))."""
_FIELD = re.compile(r"\"\w+\"")


def load(file: Path | None) -> tuple[Settings, Path]:
    """The settings and the file they came from: the one given, else the first of `DEFAULT_FILES` there is."""
    path = file or next((candidate for candidate in DEFAULT_FILES if candidate.is_file()), None)
    if path is None:
        looked = " nor ".join(str(candidate) for candidate in DEFAULT_FILES)
        raise ConfigInvalid(f"no configuration: neither {looked} exists; `rsvpd init` writes one")
    return parse(_read(path), path), path


def _read(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigInvalid(f"{path} does not exist; `rsvpd init {path}` writes one") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"{path}: {os_words(error)}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigInvalid(f"{path}: {error}") from error


def parse(keys: Mapping[str, Any], path: Path) -> Settings:
    """Settings from the keys of a file. Raises `ConfigInvalid` with one line."""
    try:
        return Settings(**_beside(keys, path.parent))
    except ValidationError as error:
        raise ConfigInvalid(f"{path}: {_complaint(error)}") from error
    except SettingsError as error:
        name = PREFIX + (_FIELD.search(str(error)) or [""])[0].strip('"').upper()
        raise ConfigInvalid(f'{name}: write it as JSON, such as ["dmarc"]') from error


def _beside(keys: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The keys with relative file names made relative to the configuration's own folder."""
    found = dict(keys)
    for name, value in keys.items():
        if name in _FILES and isinstance(value, str):
            found[name] = str(folder / _credential(value))
        elif isinstance(value, Mapping):
            found[name] = _beside(value, folder)
        elif isinstance(value, list):
            found[name] = [_beside(v, folder) if isinstance(v, Mapping) else v for v in value]
    return found


def _credential(file: str) -> str:
    """A file that systemd hands over, where it is this time."""
    if not file.startswith(_CREDENTIALS):
        return file
    handed_over = os.environ.get("CREDENTIALS_DIRECTORY", _CREDENTIALS_OF_THE_UNIT)
    return f"{handed_over}/{file.removeprefix(_CREDENTIALS)}"


def _complaint(error: ValidationError) -> str:
    first = error.errors()[0]
    place = _place(first["loc"])
    kinds = {
        "extra_forbidden": "no such setting; see the README, or `rsvpd init` for all of them",
        "missing": "is missing",
    }
    words = kinds.get(first["type"]) or first["msg"].removeprefix("Value error, ")
    return f"{place}: {words}" if place else words


def _place(steps: Sequence[int | str]) -> str:
    """`organizer[2].imap.host`, counted from 1 as people do."""
    text = ""
    for step in steps:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}"
    return text.lstrip(".")
