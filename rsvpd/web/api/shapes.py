"""What may be sent: the keys and their kinds. What the values say is judged by `drafts`, as everywhere."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rsvpd.changes import Notify

_Word = Annotated[str, Field(max_length=10_000)]
_Text = Annotated[str, Field(max_length=1_000_000)]
_Time = Annotated[str, Field(max_length=64, examples=["2030-12-03T14:00"])]


class _Sent(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)

    def fields(self) -> dict[str, Any]:
        """What was said, as a draft takes it."""
        return self.model_dump(mode="json", exclude_none=True, by_alias=True)


class AttendeeIn(_Sent):
    """Somebody to invite."""

    email: Annotated[str, Field(max_length=320, examples=["ann@example.org"])]
    name: _Word | None = None
    role: Annotated[str, Field(examples=["required", "optional", "chair", "non-participant"])] | None = None
    cutype: Annotated[str, Field(examples=["individual", "group", "room", "resource"])] | None = None
    rsvp: bool | None = None


class AlarmIn(_Sent):
    """A reminder."""

    before: Annotated[str, Field(max_length=64, examples=["15m"])]
    counted_from: Annotated[str, Field(max_length=64, examples=["start", "end"])] | None = Field(
        default=None, alias="from"
    )


class RecurrenceIn(_Sent):
    """How a meeting repeats (RFC 5545 3.3.10)."""

    rrule: Annotated[str, Field(max_length=1000, examples=["FREQ=WEEKLY;COUNT=5"])] | None = None
    rdate: list[_Time] | None = None
    exdate: list[_Time] | None = None


Person = Annotated[str, Field(max_length=1000, examples=["Ann <ann@example.org>"])] | AttendeeIn


class _Details(_Sent):
    description: _Text | None = None
    description_html: _Text | None = None
    location: _Word | None = None
    end: _Time | None = None
    duration: Annotated[str, Field(max_length=64, examples=["1h30m"])] | None = None
    zone: Annotated[str, Field(max_length=255, examples=["Europe/Zurich"])] | None = None
    recurrence: Annotated[str, Field(max_length=1000)] | RecurrenceIn | None = None
    conference: _Word | None = None
    url: _Word | None = None
    priority: int | _Word | None = None
    classification: _Word | None = Field(default=None, alias="class")
    busy: bool | None = None
    categories: list[_Word] | None = None
    alarms: list[_Word | AlarmIn] | None = None


class MeetingIn(_Details):
    """A meeting to invite to: the keys of `rsvpd meeting create FILE`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "summary": "Budget",
                    "start": "2030-12-03T14:00",
                    "duration": "1h",
                    "zone": "Europe/Zurich",
                    "location": "Room 4.2",
                    "attendees": ["Ann <ann@example.org>", {"email": "bob@example.org", "role": "optional"}],
                }
            ]
        }
    )

    organizer: Annotated[str, Field(max_length=320)] | None = None
    uid: Annotated[str, Field(max_length=1000)] | None = None
    summary: _Word
    start: _Time
    announcement: bool | None = None
    attendees: Annotated[list[Person], Field(min_length=1)]


class Told(_Sent):
    """How a change is made known."""

    message: Annotated[_Text, Field(description="A word to the attendees.")] | None = None
    notify: Annotated[Notify, Field(strict=False, description="Who is told.")] | None = None


class MeetingPatch(_Details, Told):
    """What changes of a meeting, and how; another time asks everybody again."""

    model_config = ConfigDict(
        json_schema_extra={
            "minProperties": 1,
            "examples": [{"start": "2030-12-04T10:00", "message": "Sorry, the room is taken"}],
        }
    )

    summary: _Word | None = None
    start: _Time | None = None
    occurrence: Annotated[_Time, Field(description="Only this one of a series, by its start.")] | None = None
    significant: Annotated[bool, Field(description="Ask everybody again, whatever changes.")] = False

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.changes():
            raise ValueError("nothing is said that changes; give summary, start, location or the like")
        return self

    def changes(self) -> dict[str, Any]:
        """The fields of the meeting that change."""
        manner = {"message", "notify", "occurrence", "significant"}
        return {key: value for key, value in self.fields().items() if key not in manner}


class Cancellation(Told):
    """How a meeting, or one occurrence of it, is called off."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"message": "No budget this year"}]})

    occurrence: Annotated[_Time, Field(description="Only this one of a series, by its start.")] | None = None


class Additions(Told):
    """Further people to invite."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"attendees": ["Dana <dana@example.org>"]}]})

    attendees: Annotated[list[Person], Field(min_length=1)]


class Declining(_Sent):
    """A word to the attendee whose proposal is declined."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"message": "The room is free only then"}]})

    message: _Text | None = None
