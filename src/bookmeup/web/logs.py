"""JSON lines on standard output: what happened, never who somebody is and never a secret."""

import logging
import re
import sys
import threading
import traceback
from typing import Any, BinaryIO, Self

import msgspec
import structlog
from starlette.types import Scope
from structlog.typing import EventDict, Processor

from bookmeup.web.metrics import route_template
from bookmeup.web.redaction import redact

PROBES = frozenset({"/livez", "/readyz", "/health", "/auth/health", "/signing-keys"})
"""What is asked for ever, and tells nothing while it does not fail."""
FRAMES, CAUSES = 25, 4
FAILED = 500
LONG_WORD = re.compile(r"[\w~=-]{24,}")

encoder = msgspec.json.Encoder()
log = structlog.get_logger()


class Sink:
    """The one place that writes log lines; a full disk or a closed pipe must not fail a request."""

    def __init__(self) -> None:
        self.stream: BinaryIO | None = None
        self.lock = threading.Lock()

    def __call__(self, *_: object) -> Self:
        return self

    def msg(self, line: bytes) -> None:
        """Write one whole line at once."""
        if self.stream is None:
            return
        try:
            with self.lock:
                self.stream.write(line + b"\n")
                self.stream.flush()
        except (OSError, ValueError):
            return

    debug = info = warning = error = critical = exception = log = msg


SINK = Sink()


class ToSink(logging.Handler):
    """Hands the lines of the standard library's loggers, uvicorn's among them, to the sink."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            SINK.msg(self.format(record).encode())
        except Exception:  # noqa: BLE001 - the usual report would print the arguments, which may be secret
            SINK.msg(b'{"event": "a log record could not be formatted", "level": "error"}')


def configure(role: str, level: str = "info", *, human: bool = False, out: BinaryIO | None = None) -> None:
    """Set up structlog and logging for this process; `human` gives readable lines in place of JSON."""
    SINK.stream = out or sys.stdout.buffer
    number = logging.getLevelNamesMapping()[level.upper()]

    def add_role(_: object, __: str, event: EventDict) -> EventDict:
        event.setdefault("role", role)
        return event

    first: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_role,
    ]
    render = render_line if human else render_json
    structlog.configure(
        processors=[*first, describe_exception, redact, render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=SINK,
        cache_logger_on_first_use=out is None,
    )
    handler = ToSink()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*first, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                describe_exception,
                redact,
                lambda logger, name, event: render(logger, name, event).decode(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(number, logging.WARNING))  # libraries tell of their work in words that may hold anything
    for told in ("alembic", "bookmeup"):
        logging.getLogger(told).setLevel(number)
    logging.captureWarnings(capture=True)


def render_json(_: object, __: str, event: EventDict) -> bytes:
    """Write an event as one JSON object."""
    return encoder.encode(event)


def render_line(_: object, __: str, event: EventDict) -> bytes:
    """Write an event for a person at a terminal; each line of an exception is a line."""
    time, level = event.pop("timestamp", ""), event.pop("level", "")
    what, exception = event.pop("event", ""), event.pop("exception", None)
    event.pop("role", None)
    rest = " ".join(f"{name}={value}" for name, value in event.items())
    lines = [f"{time[11:19]} {level:<8} {what}  {rest}".rstrip()]
    for error in exception or ():
        lines += [f"    {error['type']} {error.get('said', '')}".rstrip(), *(f"      {at}" for at in error["at"])]
    return "\n".join(lines).encode()


def describe_exception(_: object, __: str, event: EventDict) -> EventDict:
    """Replace an exception by types and places: texts and variables hold what people typed."""
    given = event.pop("exc_info", None)
    error = given[1] if isinstance(given, tuple) else given if isinstance(given, BaseException) else sys.exc_info()[1]
    if given and error is not None:
        event["exception"] = [description(each) for each in chain(error)]
    text = event.get("event")
    if isinstance(text, str) and "Traceback (most recent call last)" in text:
        event["event"] = without_texts(text)
    return event


def chain(error: BaseException) -> list[BaseException]:
    """Give an exception, then those it came from."""
    found: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and len(found) < CAUSES and following not in found:
        found.append(following)
        hidden = following.__suppress_context__
        following = following.__cause__ or (None if hidden else following.__context__)
        if isinstance(found[-1], BaseExceptionGroup) and following is None:
            following = found[-1].exceptions[0]
    return found


def description(error: BaseException) -> dict[str, Any]:
    """Say which exception it is and where it came through, outermost first."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    kind = type(error)
    told: dict[str, Any] = {
        "type": f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins."),
        "at": [f"{short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames],
    }
    said = harmless_words(error)
    return {**told, "said": said} if said else told


def harmless_words(error: BaseException) -> str:
    """Give what can be told of an exception: the system's words, PostgreSQL's state and constraint, our own code."""
    if isinstance(error, OSError):
        return error.strerror or ""
    cause = getattr(error, "orig", error)
    state = getattr(cause, "pgcode", None)
    if state:
        constraint = getattr(getattr(cause, "diag", None), "constraint_name", None)
        return f"SQLSTATE {state} {constraint or ''}".rstrip()
    if type(cause).__module__.startswith("psycopg2") and type(cause).__name__ == "OperationalError":
        return next(iter(str(cause).splitlines()), "")  # no connection: host and reason
    code = getattr(error, "code", None)
    return code if isinstance(code, str) and re.fullmatch("[a-z0-9_]{1,40}", code) else ""


def short(filename: str) -> str:
    """Cut the part of a path that depends on the machine."""
    for root in ("/site-packages/", "/src/"):
        _, found, rest = filename.rpartition(root)
        if found:
            return rest
    return filename.rsplit("/", 1)[-1]


def without_texts(text: str) -> str:
    """Keep the places and types of a traceback that came as text (uvicorn's, when a lifespan fails)."""
    places = re.findall(r'^\s*File "([^"\n]+)", line (\d+), in (\S+)', text, re.MULTILINE)
    kinds = re.findall(r"^([A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Warning|Group))\b", text, re.MULTILINE)
    first = text.partition("Traceback (most recent call last)")[0].strip()
    through = " > ".join(f"{short(name)}:{line} {function}" for name, line, function in places[-FRAMES:])
    return f"{first} {' from '.join(reversed(kinds[-CAUSES:]))} at {through}".strip()


def tell_request(scope: Scope, status: int, seconds: float) -> None:
    """Write the line of a request; probes that do not fail are told at debug level."""
    path = route_template(scope) or LONG_WORD.sub("…", scope["path"][:200])
    tell = log.warning if status >= FAILED else log.debug if path in PROBES else log.info
    tell("request", method=scope["method"], path=path, status=status, ms=round(seconds * 1000, 1))
