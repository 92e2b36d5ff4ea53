"""Logging: readable on a terminal, JSON for programs; without passwords or values of users."""

import logging
import sys
import traceback

import structlog
from structlog.typing import EventDict, ExcInfo, Processor

from alerts.raw_text import shown

LONGEST = 10_000
"""Maximum characters of a logged traceback; its end is kept, which names the error."""


def set_up(level: str, format: str) -> None:
    """Configure logging. `format` is console, json, or auto: console on a terminal."""
    watched = sys.stderr.isatty()
    console = format == "console" or (format == "auto" and watched)
    plain = structlog.dev.plain_traceback
    processors: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(traced),
        written,
        structlog.dev.ConsoleRenderer(pad_event_to=24, colors=watched, exception_formatter=plain)
        if console
        else structlog.processors.JSONRenderer(),
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Warnings and errors of libraries are logged in the same format.
    logging.basicConfig(handlers=[Relay()], level=logging.WARNING, force=True)
    # `scheduler.guarded` logs errors of jobs. The other messages of the library (a job is still
    # running, or was cancelled at shutdown) are expected.
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)


def written(_: object, __: str, event: EventDict) -> EventDict:
    """Write bytes that are not UTF-8 as escapes."""
    return {key: shown(value) if isinstance(value, str) else value for key, value in event.items()}


def traced(exc_info: ExcInfo) -> str:
    """Format a plain traceback: values of variables would be slow, and could contain secrets."""
    text = "".join(traceback.format_exception(*exc_info)).rstrip()
    return text if len(text) <= LONGEST else f"…{text[-LONGEST:]}"


class Relay(logging.Handler):
    """Logging handler that passes records of libraries to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger("pgvigil").log(
            record.levelno,
            record.getMessage(),
            source=record.name,
            **({"exc_info": record.exc_info} if record.exc_info else {}),
        )
