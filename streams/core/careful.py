"""One element field by field: the careful way, for what the strict reader refuses."""

import re
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Raw

from streams.core.wire import INT32_MAX, INT32_MIN, Callback, Message

PERSONAL = ("text", "content", "suggestionResponse", "locationResponse")

_Fields = dict[str, Raw]
_object = msgspec.json.Decoder(_Fields)
_text = msgspec.json.Decoder(str)
_texts = msgspec.json.Decoder(list[str])
_number = msgspec.json.Decoder(int)
_NUMERIC = re.compile(r"-?[0-9]{1,10}")

# JSON name → attribute, for each field that is a plain text.
_CALLBACK_TEXTS = {
    "time": "time",
    "to": "destination",
    "description": "description",
    "carrierName": "carrier_name",
    "eventTime": "read_time",
}
_MESSAGE_TEXTS = {
    "time": "time",
    "from": "sender",
    "owner": "owner",
    "applicationId": "application_id",
    "direction": "direction",
    "tag": "tag",
    "channel": "channel",
    "priority": "priority",
    "text": "text",
}


class UnreadableError(ValueError):
    """An element is not a readable callback; the message names the JSON path."""


@dataclass(slots=True)
class Extra:
    """Fields that have no column, or whose value does not fit it, as sent."""

    callback: _Fields = field(default_factory=dict)
    message: _Fields = field(default_factory=dict)

    def encode(self) -> str | None:
        """Return the fields as JSON in the provider's nesting; None if there are none.

        A field that stood at the top is at the top, one of ``message`` in ``message``.
        """
        fields: dict[str, Any] = dict(self.callback)
        if self.message:
            fields["message"] = self.message
        return msgspec.json.encode(fields).decode() if fields else None


def read(element: bytes, path: str, *, keep_text: bool) -> tuple[Callback, Extra]:
    """Read one element; what does not fit its column goes to the extra fields.

    Args:
        element: One JSON value, valid UTF-8.
        path: Where it stands, e.g. ``[0]``; empty for a bare object.
        keep_text: Keep what a person wrote; else it is dropped.

    Raises:
        UnreadableError: It is not an object with a string ``type`` and a ``message``
            object whose ``id`` is a non-empty string.
    """
    fields = _object_at(element, path or "callback")
    prefix = f"{path}." if path else ""
    event_type = _required_text(fields, "type", prefix)
    if "message" not in fields:
        raise UnreadableError(f"{prefix}message: missing")
    inner = _object_at(bytes(fields.pop("message")), f"{prefix}message")
    message_id = _required_text(inner, "id", f"{prefix}message.")
    if not message_id:
        raise UnreadableError(f"{prefix}message.id: empty")
    if not keep_text:
        for name in PERSONAL:
            fields.pop(name, None)
            inner.pop(name, None)
    message = Message(
        id=message_id,
        recipients=_take_texts(inner, "to", may_be_empty=False),
        segment_count=_take_number(inner, "segmentCount", may_be_text=False),
        media=_take_texts(inner, "media", may_be_empty=True),
    )
    for name, attribute in _MESSAGE_TEXTS.items():
        setattr(message, attribute, _take_text(inner, name))
    if message.owner == "":  # stored as "", an absent owner would look the same
        inner["owner"], message.owner = Raw(b'""'), None
    callback = Callback(
        type=event_type,
        message=message,
        error_code=_take_number(fields, "errorCode", may_be_text=True),
    )
    for name, attribute in _CALLBACK_TEXTS.items():
        setattr(callback, attribute, _take_text(fields, name))
    return callback, Extra(fields, inner)


def _object_at(value: bytes, path: str) -> _Fields:
    try:
        return _object.decode(value)
    except msgspec.ValidationError as error:
        raise UnreadableError(f"{path}: {_expectation(error)}") from error


def _required_text(fields: _Fields, name: str, prefix: str) -> str:
    if name not in fields:
        raise UnreadableError(f"{prefix}{name}: missing")
    try:
        return _text.decode(fields.pop(name))
    except msgspec.ValidationError as error:
        raise UnreadableError(f"{prefix}{name}: {_expectation(error)}") from error


def _expectation(error: msgspec.ValidationError) -> str:
    words = str(error).replace("`", "").replace("str,", "string,")
    return words[:1].lower() + words[1:]


def _take_text(fields: _Fields, name: str) -> str | None:
    """Take a text out of the fields; leave there what is none."""
    value = fields.get(name)
    if value is None:
        return None
    try:
        text = _text.decode(value)
    except msgspec.ValidationError:
        _leave(fields, name)
        return None
    del fields[name]
    return text


def _take_texts(fields: _Fields, name: str, *, may_be_empty: bool) -> list[str] | None:
    value = fields.get(name)
    if value is None:
        return None
    try:
        texts = _texts.decode(value)
    except msgspec.ValidationError:
        _leave(fields, name)
        return None
    if not texts and not may_be_empty:  # stored as [], an absent list looks the same
        return None
    del fields[name]
    return texts


def _take_number(fields: _Fields, name: str, *, may_be_text: bool) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    try:
        number = _number.decode(value)
    except msgspec.ValidationError:
        text = _numeric_text(value) if may_be_text else None
        if text is None:
            _leave(fields, name)
            return None
        number = int(text)
    if not INT32_MIN <= number <= INT32_MAX:
        return None
    del fields[name]
    return number


def _numeric_text(value: Raw) -> str | None:
    try:
        text = _text.decode(value)
    except msgspec.ValidationError:
        return None
    return text if _NUMERIC.fullmatch(text) else None


def _leave(fields: _Fields, name: str) -> None:
    """Leave a value of a wrong type among the extra fields; JSON's null is absent."""
    if bytes(fields[name]) == b"null":
        del fields[name]
