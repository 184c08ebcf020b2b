"""An example of each message: what a client sends at least, and all that an answer has."""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

BY_TYPE = {"integer": 1, "number": 1.5, "boolean": True, "null": None, "string": "text"}
MEMBERS: Mapping[str, Any] = {
    "access_token": "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl",
    "action": "booked",
    "address": "Strada Lunga 1",
    "aggregate": "appointment:7",
    "at": "2027-02-01T12:00:00Z",
    "available_slots": "09:00",
    "code": "slot_taken",
    "created_at": "2027-02-01T12:00:00Z",
    "currency": "RON",
    "date": "2027-03-01",
    "days": {"2027-03-01": ["09:00", "09:10"]},
    "description": "With a wash.",
    "detail": "This time has just been taken.",
    "details": {"starts_at": "2027-03-01T07:00:00Z"},
    "duration": 30,
    "email": "ana@example.com",
    "end_time": "09:30",
    "ends_at": "2027-03-01T07:30:00Z",
    "error": "This time has just been taken.",
    "expires_at": "2027-02-01T12:05:00Z",
    "id": 7,
    "keys": {
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2",
        "y": "x_FEzRu9",
        "kid": "5b1f",
        "use": "sig",
        "alg": "ES256",
    },
    "kind": "appointment.cancelled",
    "locale": "ro",
    "message": "Appointment booked.",
    "name": "Ana Pop",
    "object_id": 7,
    "phone": "+40 721 000 000",
    "pointer": "/time",
    "price": "80 RON",
    "price_minor": 8000,
    "reason": "Ill",
    "role": "customer",
    "rule": "FREQ=WEEKLY;INTERVAL=2;COUNT=10",
    "start_time": "09:00",
    "starts_at": "2027-03-01T07:00:00Z",
    "status": "confirmed",
    "time": "09:00",
    "timezone": "Europe/Bucharest",
    "title": "Conflict",
    "type": "treatment room",
    "version": 3,
}
"""Examples by a member's name."""


def example(schema: Schema, components: Mapping[str, Schema], name: str = "") -> Any:
    """Return an example of a schema, which is a member's of that name; `components` are what it may refer to."""
    if "$ref" in schema:
        return example(components[schema["$ref"].rpartition("/")[2]], components, name)
    if "anyOf" in schema:
        return example(schema["anyOf"][0], components, name)
    if schema.get("type") == "array":
        return [example(schema["items"], components, name)] if schema.get("items") else []
    if "properties" in schema:
        return _object(schema, components)
    return _single(schema, name)


def _single(schema: Schema, name: str) -> Any:
    if "enum" in schema:
        return MEMBERS[name] if MEMBERS.get(name) in schema["enum"] else schema["enum"][0]
    if name in MEMBERS and _fits(MEMBERS[name], schema):
        return MEMBERS[name]
    return schema["examples"][0] if "examples" in schema else BY_TYPE.get(schema.get("type", "null"), {})


def _fits(value: Any, schema: Schema) -> bool:
    """Whether a value is of the schema's type: one name may be a number here and a text there."""
    kinds = {"integer": int, "string": str, "object": dict}
    return isinstance(value, kinds.get(schema.get("type", ""), ()))


def _object(schema: Schema, components: Mapping[str, Schema]) -> dict[str, Any]:
    """Give what has to be there and what has an example of its own; where nothing has to be there, the first."""
    members: Mapping[str, Schema] = schema["properties"]
    shown = [name for name, member in members.items() if name in schema.get("required", ()) or "examples" in member]
    return {name: example(members[name], components, name) for name in shown or list(members)[:1]}
