"""Templates made letters: the built-in ones, and before them those of the user."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from traceback import extract_tb

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateSyntaxError,
)
from jinja2.exceptions import TemplateNotFound
from jinja2.sandbox import ImmutableSandboxedEnvironment

from rsvpd.itip.compose import Letter
from rsvpd.letters.changes import marked
from rsvpd.letters.plain import linked, one_line, paragraphs, web_address, wrapped
from rsvpd.letters.style import LetterBroken, Style

_SUBJECT = 250
"""More characters than these no list of mails shows."""
_UNNAMED = "<template>"
"""What jinja2 calls a template that is no file: the subject, and a message."""


def render(kind: str, material: Mapping[str, object], style: Style) -> Letter:
    """The letter of that kind: from `KIND.txt.j2` and `KIND.html.j2` where there are such, else from `base`.

    Raises:
        LetterBroken: a template of the user's, or the subject.
    """
    material = _with_message(material, style)
    with _blaming(style.templates):
        environment = _environment(style.templates)
        subject = _subject(environment, material, style)
        return Letter(
            subject,
            _rendered(environment, f"{kind}.txt.j2", "base.txt.j2", material, subject).strip() + "\n",
            _rendered(environment, f"{kind}.html.j2", "base.html.j2", material, subject),
        )


def _with_message(material: Mapping[str, object], style: Style) -> Mapping[str, object]:
    if not style.fills or not style.message:
        return material
    with _blaming(style.templates, "the message"):
        filled = _environment(style.templates).from_string(style.message).render(material)
    return {**material, "message": paragraphs(filled)}


def _rendered(
    environment: Environment, name: str, otherwise: str, material: Mapping[str, object], subject: str
) -> str:
    return environment.select_template([name, otherwise]).render({**material, "subject": subject})


def _subject(environment: Environment, material: Mapping[str, object], style: Style) -> str:
    """On one line, whatever the template makes."""
    given = one_line(environment.from_string(style.subject).render(material)) if style.subject else ""
    found = given or one_line(str(material["subject"]))
    return found if len(found) <= _SUBJECT else found[: _SUBJECT - 1].rstrip() + "…"


@cache
def _environment(templates: Path | None) -> Environment:
    """A sandbox: a template reads what it is given, and nothing of the program around it."""
    environment = ImmutableSandboxedEnvironment(
        loader=_loader(templates),
        autoescape=lambda name: name is not None and not name.endswith(".txt.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "linked": linked,
        "marked": marked,
        "web_address": web_address,
        "wrapped": wrapped,
    }
    return environment


def _loader(templates: Path | None) -> BaseLoader:
    """A template of the user's may `{% extends "builtin/base.html.j2" %}`."""
    builtin = PackageLoader("rsvpd")
    if templates is None:
        return builtin
    if not templates.is_dir():
        raise LetterBroken(f"templates: there is no folder {templates}")
    return ChoiceLoader([_Folder(templates), builtin, PrefixLoader({"builtin": builtin})])


class _Folder(FileSystemLoader):
    """The user's templates; a file that cannot be read is a broken template like another."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        try:
            return super().get_source(environment, template)
        except TemplateNotFound:  # an OSError too
            raise
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            words = "is not in UTF-8"
        except OSError as error:
            line, words = 1, error.strerror or str(error)
        raise TemplateSyntaxError(words, line, template, str(Path(self.searchpath[0], template)))


@contextmanager
def _blaming(templates: Path | None, unnamed: str = "the subject") -> Iterator[None]:
    """Turns whatever a template of the user's raises into one line; what our own raise is a fault of ours.

    `unnamed` is what a template that is no file is called.
    """
    try:
        yield
    except LetterBroken:
        raise
    except TemplateSyntaxError as error:
        if not _is_theirs(error.filename or _UNNAMED, templates):
            raise
        raise LetterBroken(_place(error.filename, error.lineno, unnamed) + one_line(error.message)) from error
    except Exception as error:  # a template can raise anything
        lines = [line for line in extract_tb(error.__traceback__) if _is_theirs(line.filename, templates)]
        if not lines:
            raise
        raise LetterBroken(_place(lines[-1].filename, lines[-1].lineno, unnamed) + _words(error)) from error


def _is_theirs(filename: str, templates: Path | None) -> bool:
    return filename == _UNNAMED or (templates is not None and Path(filename).is_relative_to(templates))


def _place(filename: str | None, line: int | None, unnamed: str) -> str:
    name = unnamed if filename in {None, _UNNAMED} else filename
    return f"{name}, line {line or 1}: "


def _words(error: Exception) -> str:
    if isinstance(error, TemplateNotFound):
        return f"there is no template {error.name}"
    return one_line(str(error)) or type(error).__name__
