"""The languages of the letters: their phrases are in `phrases/`, names of days and months are Babel's."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from importlib.resources import files

from babel import Locale
from babel.dates import format_datetime, get_day_names
from babel.lists import format_list

LANGUAGES = ("en", "de", "es", "fr")
"""The first is the one for readers of any other language."""

_LOCALES = {"en": "en_GB"}
"""Where a language alone would mean another country's usage: `en` is American to Babel."""


@dataclass(frozen=True, slots=True)
class Language:
    """One language: its phrases, and its forms of days, times and lists (Unicode CLDR)."""

    code: str
    locale: Locale
    words: Mapping[str, str]
    dates: Mapping[str, str]

    def say(self, key: str, **values: object) -> str:
        """The phrase `key`, filled in; what is filled in is never read as a pattern itself."""
        return self.words[key].format(**values)

    def date(self, pattern: str, at: date) -> str:
        """`at` by the pattern of that name, such as `day` or `short`."""
        first = self.dates["first"] if at.day == 1 else ""
        form = self.dates[pattern].replace("{first}", f"'{first}'" if first else "")
        moment = at if isinstance(at, datetime) else datetime.combine(at, time())
        return format_datetime(moment.replace(tzinfo=None), form, locale=self.locale)

    def clock(self, at: datetime) -> str:
        """The time of day."""
        return self.date("clock", at)

    def day_of_month(self, number: int) -> str:
        """`3`, and in French `1er`."""
        return f"{number}{self.dates['first'] if number == 1 else ''}"

    def weekday(self, number: int) -> str:
        """The day of the week, counted from Monday as 0."""
        return str(get_day_names("wide", locale=self.locale)[number])

    def listed(self, names: Sequence[str]) -> str:
        """`a, b and c`."""
        return format_list(list(names), locale=self.locale)


def language(tag: str) -> Language:
    """The language of a tag such as `de` or `de-AT` (RFC 5646), else English."""
    code = tag.replace("_", "-").partition("-")[0].strip().lower()
    return _language(code if code in LANGUAGES else LANGUAGES[0])


@cache
def _language(code: str) -> Language:
    table = tomllib.loads(files(__package__).joinpath("phrases", f"{code}.toml").read_text(encoding="utf-8"))
    return Language(code, Locale.parse(_LOCALES.get(code, code)), table["words"], table["dates"])
