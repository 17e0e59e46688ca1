"""Content lines and components of an iCalendar stream, read leniently (RFC 5545 3.1).

Reading never raises: what cannot be understood is passed over, and what is left
is judged by who asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rsvpd.itip import quirks

_NEWLINES = re.compile(r"\r+\n|\r|\n")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_STARTS_PROPERTY = re.compile(r"[A-Za-z][A-Za-z0-9-]*[;:]")
_PARAMETER = re.compile(r";\s*([A-Za-z0-9-]+)\s*=\s*")
_PARAMETER_VALUE = re.compile(r"\"([^\"]*)\"|([^\";,:]*)")
_LOOSE_PARAMETER = re.compile(r";([A-Za-z0-9-]+)=(?:\"([^\"]*)\"|([^;]*))")
_CARET = {"^n": "\n", "^N": "\n", "^'": '"', "^^": "^"}
_CARETS = re.compile(r"\^[nN'^]")
_TEXT_ESCAPES = re.compile(r"\\([nN\\;,:\"])")
_ADDRESSES = frozenset({"ATTENDEE", "ORGANIZER"})
_MAX_DEPTH = 8
_UTF_7 = frozenset({"utf-7", "utf7", "unicode-1-1-utf-7"})

MAX_PROPERTIES = 20_000
"""Properties read from one stream; a mail with more is refused (see `Stream.cut`)."""


@dataclass(frozen=True, slots=True)
class Property:
    """One property: its name in upper case, its parameters, and its value as written."""

    name: str
    parameters: Mapping[str, tuple[str, ...]]
    value: str

    def parameter(self, name: str) -> str | None:
        """The first value of a parameter, None without it."""
        values = self.parameters.get(name)
        return values[0] if values else None

    @property
    def text(self) -> str:
        """The value as TEXT: backslash escapes undone (RFC 5545 3.3.11)."""
        return _TEXT_ESCAPES.sub(lambda m: "\n" if m[1] in "nN" else m[1], self.value)


@dataclass(slots=True)
class Block:
    """One component with what is directly inside it.

    Its lines are taken apart when somebody asks for a property of that name: of a
    reply hardly half of them, and none of its VTIMEZONE or VALARM.
    """

    name: str
    blocks: list[Block] = field(default_factory=list)
    _lines: list[tuple[str, str]] = field(default_factory=list)
    _asked: dict[str, tuple[Property, ...]] = field(default_factory=dict)

    def add(self, line: str) -> None:
        """Puts a content line into it; one without a name is passed over."""
        name = _NAME.match(line)
        if name:
            self._lines.append((name[0].upper(), line))

    @property
    def properties(self) -> list[Property]:
        """All of them, in order."""
        return [found for _, line in self._lines if (found := parse_line(line)) is not None]

    def all(self, name: str) -> tuple[Property, ...]:
        """Every property of that name."""
        if name not in self._asked:
            same = (parse_line(line) for named, line in self._lines if named == name)
            self._asked[name] = tuple(found for found in same if found is not None)
        return self._asked[name]

    def first(self, name: str) -> Property | None:
        """The first property of that name, None without one."""
        return next(iter(self.all(name)), None)

    def text(self, name: str) -> str | None:
        """The first property of that name as TEXT, None without one."""
        found = self.first(name)
        return found.text if found else None


@dataclass(frozen=True, slots=True)
class Stream:
    """What a stream holds: a nameless block around everything, and whether reading stopped at a limit."""

    root: Block
    cut: bool = False


def parse(data: bytes, charset: str | None = None) -> Stream:
    """Reads a stream of any number of components; unknown, unclosed and misplaced ones are kept."""
    text = decode(quirks.undo_quoted_printable(data), charset)
    root = Block("")
    stack = [root]
    for count, line in enumerate(unfold(text)):
        if count >= MAX_PROPERTIES:
            return Stream(root, cut=True)
        upper = line[:6].upper()
        if upper == "BEGIN:":
            _open(stack, line[6:].strip().upper())
        elif upper[:4] == "END:":
            _close(stack, line[4:].strip().upper())
        else:
            stack[-1].add(line)
    return Stream(root)


def _open(stack: list[Block], name: str) -> None:
    if name == "VCALENDAR":  # several calendars in one stream, or an unclosed one before it
        del stack[1:]
    block = Block(name)
    stack[-1].blocks.append(block)
    if len(stack) < _MAX_DEPTH:
        stack.append(block)


def _close(stack: list[Block], name: str) -> None:
    for depth in range(len(stack) - 1, 0, -1):
        if stack[depth].name == name:
            del stack[depth:]
            return


def decode(data: bytes, charset: str | None = None) -> str:
    """Text by evidence: a byte order mark, UTF-8 whatever the charset says, the charset, latin-1.

    Never U+FFFD, which would make two different UIDs one. A character cut in
    half at the end of a truncated part is left out.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "ignore")
    data = data.removeprefix(b"\xef\xbb\xbf")
    declared = (charset or "").strip().strip("\"'").lower()
    if b"\x1b$" in data or (
        b"\x1b" in data and declared.startswith("iso-2022")
    ):  # 7-bit, so it passes for UTF-8
        return _decoded(data, declared if declared.startswith("iso-2022") else "iso-2022-jp") or data.decode(
            "latin-1"
        )
    if declared in _UTF_7 and (text := _decoded(data, "utf-7")) is not None:  # 7-bit too
        return text
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        whole = data[: error.start]
        if error.reason == "unexpected end of data" and not whole.isascii():
            return whole.decode("utf-8")
    return _decoded(data, declared) or data.decode("latin-1")


def _decoded(data: bytes, charset: str) -> str | None:
    try:
        text = data.decode(charset)
        text.encode()  # UTF-7 can smuggle half a surrogate pair, which no database takes
    except (LookupError, ValueError):
        return None
    return text


def unfold(text: str) -> Iterator[str]:
    """Logical lines (RFC 5545 3.1), without blank ones.

    Folds by space or tab; also a line broken without either, where what follows
    cannot be a property or what came before has no value yet. The beginning of a
    name that a truncated stream ends with is left out.
    """
    logical = ""
    physicals = _NEWLINES.split(text.replace("\x00", "").replace("\ufeff", ""))
    if _NAME.fullmatch(physicals[-1]):
        physicals.pop()
    for physical in physicals:
        if not physical.strip():
            continue
        if physical[0] in " \t":
            logical += physical[1:]
        elif logical and not _begins(physical, logical):
            logical += physical
        else:
            if logical:
                yield logical
            logical = physical
    if logical:
        yield logical


def _begins(physical: str, logical: str) -> bool:
    """Whether a line begins a property, where `logical` is what came before it."""
    if not _has_value(logical):
        return False
    return _STARTS_PROPERTY.match(physical) is not None or physical.strip().upper() in _ADDRESSES


def _has_value(line: str) -> bool:
    return ":" in line and (line.count('"') < 2 or ":" in re.sub(r"\"[^\"]*\"", "", line))


def parse_line(line: str) -> Property | None:
    """One content line as a property; None where it is none."""
    name = _NAME.match(line)
    if not name:
        return None
    parameters, at = _parameters(line, name.end())
    upper = name[0].upper()
    if upper in _ADDRESSES and (at is None or not _names_someone(line[at:])):
        loose = quirks.split_unquoted_colon(line)
        if loose:
            return Property(upper, _loose_parameters(loose[0]), loose[1].strip())
    return Property(upper, parameters, line[at:].strip()) if at is not None else None


def _parameters(line: str, at: int) -> tuple[dict[str, tuple[str, ...]], int | None]:
    """Parameters from `at` on, and where the value begins; None where no colon ends them."""
    found: dict[str, tuple[str, ...]] = {}
    while parameter := _PARAMETER.match(line, at):
        values = []
        at = parameter.end()
        while value := _PARAMETER_VALUE.match(line, at):  # pragma: no branch  it matches nothing too
            values.append(_uncaret(value[1] if value[1] is not None else value[2]))
            at = value.end()
            if line[at : at + 1] != ",":
                break
            at += 1
        found.setdefault(parameter[1].upper(), tuple(values))
    return found, at + 1 if line[at : at + 1] == ":" else None


def _loose_parameters(head: str) -> dict[str, tuple[str, ...]]:
    return {
        m[1].upper(): (_uncaret(m[2] if m[2] is not None else m[3]),) for m in _LOOSE_PARAMETER.finditer(head)
    }


def _names_someone(value: str) -> bool:
    return "@" in value.split(";", 1)[0] or _SCHEME.match(value) is not None


_SCHEME = re.compile(r"\s*(urn|ex|invalid|https?|tel|sip|cid|data|mailto):", re.IGNORECASE)


def _uncaret(value: str) -> str:
    """RFC 6868: `^n`, `^'` and `^^` in parameter values."""
    return _CARETS.sub(lambda m: _CARET[m[0]], value) if "^" in value else value
