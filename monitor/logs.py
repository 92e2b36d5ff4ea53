"""Logs: readable on a terminal, JSON for machines; never a password, never somebody's values."""

import logging
import sys
import traceback

import structlog
from structlog.typing import ExcInfo, Processor

LONGEST = 10_000
"""Characters of a traceback that are logged; its end says what went wrong."""


def set_up(level: str, format: str) -> None:
    """`format` is console, json, or auto: console where somebody looks."""
    watched = sys.stderr.isatty()
    console = format == "console" or (format == "auto" and watched)
    plain = structlog.dev.plain_traceback
    processors: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(traced),
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
    # Libraries speak only when something is wrong, and in our words: through the same door.
    logging.basicConfig(handlers=[Relay()], level=logging.WARNING, force=True)
    # Defects of a round are logged by whoever guards it; what else the scheduler has to say
    # (a round is still running, or was cancelled as we stop) is no news.
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)


def traced(exc_info: ExcInfo) -> str:
    """A plain traceback: one with the values of variables takes long, and tells secrets."""
    text = "".join(traceback.format_exception(*exc_info)).rstrip()
    return text if len(text) <= LONGEST else f"…{text[-LONGEST:]}"


class Relay(logging.Handler):
    """Hands what libraries log to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger("pgvigil").log(
            record.levelno,
            record.getMessage(),
            source=record.name,
            **({"exc_info": record.exc_info} if record.exc_info else {}),
        )
