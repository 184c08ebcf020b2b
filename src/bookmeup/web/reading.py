"""Reading requests: the body or the query as a validated Struct, or every fault at once, each with its place."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from bookmeup.errors import Fault, Invalid, Malformed, NotFound, NotJson, WrongMediaType
from bookmeup.schemas.appointments import FIRST, LAST

T = TypeVar("T", bound=Struct)
_PLACE = re.compile(r" - at `\$?(.*)`$")
NOT_JSON = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
_LARGEST_ID = 2**63 - 1


async def read(request: Request, kind: type[T], *, empty: T | None = None) -> T:
    """Return the JSON body as a `kind`. 400 if it is not JSON, 415 for another type, 422 with all faults.

    `empty` is what no body at all means, where there need not be one.
    """
    media = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    try:
        body = await request.body()
    except ClientDisconnect as error:
        raise Malformed from error
    if empty is not None and not body:
        return empty
    if media != "application/json":
        raise WrongMediaType
    try:
        found: T = _decoder(kind).decode(body)
    except msgspec.ValidationError as error:
        raise Invalid(_faults(body, kind) or [_of_whole(str(error), kind)]) from error
    except NOT_JSON as error:
        raise NotJson from error
    return found


async def read_form(request: Request, kind: type[T]) -> T:
    """Return the fields of a page's form as a `kind`; fields that it does not have are ignored."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/x-www-form-urlencoded":
        raise WrongMediaType("Send the form as application/x-www-form-urlencoded.")
    try:
        async with request.form(max_files=0, max_fields=50) as form:
            given = {name: value for name, value in form.items() if isinstance(value, str) and value != ""}
    except (HTTPException, ClientDisconnect, ValueError) as error:
        raise Malformed from error
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(_walk(given, kind, "", strict=False) or [_of_whole(str(error), kind)]) from error


def query(request: Request, kind: type[T]) -> T:
    """Return the query string as a `kind`; members that the kind does not have are ignored."""
    pairs = request.query_params.multi_items()
    given = dict(pairs)
    twice = {name for name, _ in pairs if sum(other == name for other, _ in pairs) > 1}
    faults = [Fault(f"/{name}", "is given twice") for name in sorted(twice) if name in kind.__struct_fields__]
    if not faults:
        try:
            return msgspec.convert(given, kind, strict=False)
        except msgspec.ValidationError as error:
            faults = _walk(given, kind, "", strict=False) or [_of_whole(str(error), kind)]
    raise Invalid(faults)


def path_id(request: Request, name: str = "id") -> int:
    """Return the id in the path; one that no row can have is not found."""
    number = int(request.path_params[name])
    if not 0 < number <= _LARGEST_ID:
        raise NotFound
    return number


def path_date(request: Request) -> date:
    """Return the date in the path; one that no calendar has is refused with its place."""
    text: str = request.path_params["date"]
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not FIRST <= day <= LAST or day.isoformat() != text:  # Python reads more of ISO 8601 than we promise
        raise Invalid([Fault("/date", f"must be a date, YYYY-MM-DD, between {FIRST} and {LAST}")])
    return day


@cache
def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(kind)


@cache
def _fields(kind: type[Struct]) -> tuple[FieldInfo, ...]:
    return msgspec.structs.fields(kind)


def _faults(body: bytes, kind: type[Struct]) -> list[Fault]:
    """Return the faults of a body that is no `kind`; whether it is JSON to its end is not known yet."""
    try:
        whole = msgspec.json.decode(body)
    except msgspec.ValidationError as error:  # a number that nothing can hold
        return [_fault("", str(error))]
    except NOT_JSON as error:
        raise NotJson from error
    if not isinstance(whole, dict):
        return [Fault("", "must be an object")]
    return _walk(whole, kind, "", strict=True)


def _walk(given: Mapping[str, Any], kind: type[Struct], at: str, *, strict: bool) -> list[Fault]:
    """Convert each member by itself: msgspec stops at the first fault."""
    faults: list[Fault] = []
    fields = _fields(kind)
    for field in fields:
        place = f"{at}/{field.encode_name}"
        if field.encode_name not in given:
            if field.default is NODEFAULT and field.default_factory is NODEFAULT:
                faults.append(Fault(place, "is required"))
            continue
        try:
            msgspec.convert(given[field.encode_name], field.type, strict=strict)
        except msgspec.ValidationError as error:
            inside = _inside(given[field.encode_name], field, place, strict=strict)
            faults.extend(inside or [_in_words(_fault(place, str(error)), field)])
    if kind.__struct_config__.forbid_unknown_fields:
        known = {field.encode_name for field in fields}
        faults.extend(Fault(f"{at}/{name}", "is not known here") for name in given if name not in known)
    return faults


def _inside(value: object, field: FieldInfo, place: str, *, strict: bool) -> list[Fault]:
    """Return the faults of a nested object, each with its own place."""
    kinds = [kind for kind in (field.type, *getattr(field.type, "__args__", ())) if isinstance(kind, type)]
    nested = next((kind for kind in kinds if issubclass(kind, Struct)), None)
    return _walk(value, nested, place, strict=strict) if nested and isinstance(value, dict) else []


def _of_whole(message: str, kind: type[Struct]) -> Fault:
    """Return the fault of members together; a sentence that begins with a member's name has its place there."""
    name, _, rest = message.partition(" ")
    return Fault(f"/{name}", rest) if name in kind.__struct_fields__ else _fault("", message)


def _fault(place: str, message: str) -> Fault:
    """Return msgspec's sentence as a fault: `Expected …` becomes `must be …`, its path a JSON pointer."""
    found = _PLACE.search(message)
    if found:
        message = message[: found.start()]
        place += re.sub(r"[.\[]", "/", found.group(1).replace("[...]", "")).replace("]", "")
    plain = re.sub(r"^Expected `(.*?)`", r"must be of type \1", message).replace("`", "")
    return Fault(place, plain[:1].lower() + plain[1:])


def _in_words(fault: Fault, field: FieldInfo) -> Fault:
    """Return a fault that a person understands: what a value looks like, in place of a regular expression."""
    if "regex" not in fault.detail:
        return Fault(fault.pointer, fault.detail.replace("invalid RFC3339 encoded date", "must be a date, YYYY-MM-DD"))
    example = next(iter(_examples(field.type)), None)
    looks = "" if example is None else f": it looks like {example}"
    return Fault(fault.pointer, f"has a form that is not allowed{looks}")


def _examples(kind: Any) -> Iterator[object]:
    """Yield the examples that a type, or a member of a union, gives of itself."""
    for meta in getattr(kind, "__metadata__", ()):
        yield from getattr(meta, "examples", None) or ()
    for inner in getattr(kind, "__args__", ()):
        yield from _examples(inner)
