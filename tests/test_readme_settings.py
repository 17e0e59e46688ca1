"""The README and the template name every setting with its default, and what they show can be used."""

from __future__ import annotations

import os
import re
import shlex
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from manual import blocks, name, section, sections
from rsvpd.config import Settings, parse

TEMPLATE = files("rsvpd").joinpath("templates/rsvpd.toml").read_text(encoding="utf-8")

NOT_TO_BEGIN_WITH = {
    *(f"organizer.{part}.password{way}" for part in ("imap", "caldav") for way in ("", "_env")),
    *(f"organizer.oauth.{key}" for key in ("client_secret", "client_secret_env")),
    *(f"organizer.oauth.{key}" for key in ("service_account_file", "subject")),
    *(f"webhook.{key}" for key in ("secret", "secret_env")),
}
"""What the template leaves out: a secret is better in a file of its own, and only one grant can be shown."""


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [one for one in os.environ if one.startswith("RSVPD_")]:
        monkeypatch.delenv(variable)


def models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models(argument)


def settings(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every setting with its section, such as `organizer.imap.host`."""
    for key, info in model.model_fields.items():
        nested = list(models(info.annotation))
        if not nested:
            yield f"{prefix}{key}", info
        for one in nested:
            yield from settings(one, f"{prefix}{key}.")


FIELDS = dict(settings())


def documented() -> dict[str, str]:
    """Every setting in the tables, with what stands under Default."""
    found = {}
    for one in sections():
        if one.title.startswith("Settings "):
            for place in re.findall(r"`\[+([\w.]+)\]+`", one.title) or [""]:
                for row in one.tables[0]:
                    found[f"{place}.{name(row[0])}".lstrip(".")] = row[1]
    return found


def configured(key: str = "", value: object = None) -> Settings:
    """The least there is to configure, and one more setting."""
    organizer: dict[str, Any] = {
        "name": "events",
        "address": "events@example.org",
        "imap": {"host": "imap.example.org", "username": "u", "password": "p"},
        "smtp": {"host": "smtp.example.org"},
        "caldav": {"url": "https://cal.example.org/"},
        "oauth": {"client_id": "c", "token_endpoint": "https://login.example.org/token"},
    }
    reminder: dict[str, Any] = {"name": "no answer yet", "before_start": "2d"}
    report = {"name": "every morning", "cron": "0 8 * * *"}
    webhook = {"name": "crm", "url": "https://hooks.example.org/", "secret_file": "/etc/rsvpd/crm.secret"}
    keys: dict[str, Any] = {"organizer": [organizer], "reminder": [reminder], "report": [report]}
    keys["webhook"] = [webhook]
    if key:
        *place, last = key.split(".")
        table = keys
        for step in place:
            inner = table.setdefault(step, {})
            table = inner[0] if isinstance(inner, list) else inner
        table[last] = value
    return parse(keys, Path("rsvpd.toml"))


def is_default(key: str, value: object) -> bool:
    return configured(key, value) == configured()


def test_every_setting_is_documented_and_nothing_else() -> None:
    assert documented().keys() == FIELDS.keys()


@pytest.mark.parametrize(("key", "info"), FIELDS.items())
def test_the_documented_default_is_the_default(key: str, info: FieldInfo) -> None:
    stated = documented()[key]
    if info.is_required():
        assert stated == "required"
    elif info.default is None:
        assert stated == "unset"
    else:
        assert is_default(key, tomllib.loads(f"value = {name(stated)}")["value"])


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in table.items():
        if f"{prefix}{key}" in FIELDS:
            found[f"{prefix}{key}"] = value
            continue
        for inner in value if isinstance(value, list) else [value]:
            found |= _flat(inner, f"{prefix}{key}.")
    return found


def _in_either(keys: Iterable[str]) -> set[str]:
    """IMAP and SMTP share most settings; the template shows each at one of them at least."""
    return {key.replace("organizer.smtp.", "organizer.imap.") for key in keys}


def test_the_template_shows_every_setting() -> None:
    whole = re.sub(r"(?m)^# (?=\[|\w+ = )", "", TEMPLATE)
    shown = _flat(tomllib.loads(whole))

    assert _in_either(shown) == _in_either(FIELDS) - NOT_TO_BEGIN_WITH
    assert parse(tomllib.loads(whole), Path("rsvpd.toml")).organizer
    assert parse(tomllib.loads(TEMPLATE), Path("rsvpd.toml")).organizer


def test_what_the_template_comments_out_is_the_default() -> None:
    whole = _flat(tomllib.loads(re.sub(r"(?m)^# (?=\[|\w+ = )", "", TEMPLATE)))
    commented = whole.keys() - _flat(tomllib.loads(TEMPLATE)).keys()
    with_default = [
        key
        for key, info in FIELDS.items()
        if key in commented and not info.is_required() and info.default is not None
    ]

    assert len(with_default) > 10
    assert [key for key in with_default if not is_default(key, whole[key])] == []


@pytest.mark.parametrize("text", blocks("toml"))
def test_configurations_shown_can_be_used(text: str) -> None:
    assert parse(tomllib.loads(text), Path("rsvpd.toml")).organizer


@pytest.mark.parametrize("words", re.findall(r"`(RSVPD_\w+=[^`]+)`", section("Configuration").body))
def test_variables_shown_override(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variable, _, value = shlex.split(words)[0].partition("=")
    monkeypatch.setenv(variable, value)

    given = configured("authserv_id", "mx.example.org")
    monkeypatch.delenv(variable)
    assert given != configured("authserv_id", "mx.example.org")
