"""Logs: readable on a terminal, JSON for machines; never a password, never somebody's values."""

import logging
import sys

import structlog
from structlog.typing import Processor


def set_up(level: str, format: str) -> None:
    """`format` is console, json, or auto: console where somebody looks."""
    console = format == "console" or (format == "auto" and sys.stderr.isatty())
    finish: list[Processor] = (
        [structlog.dev.ConsoleRenderer(pad_event_to=24)]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, *finish],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Libraries speak only when something is wrong, and in our words: through the same door.
    logging.basicConfig(handlers=[Relay()], level=logging.WARNING, force=True)
    # Defects of a round are logged by whoever guards it; what else the scheduler has to say
    # (a round is still running, or was cancelled as we stop) is no news.
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)


class Relay(logging.Handler):
    """Hands what libraries log to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger("pgvigil").log(
            record.levelno,
            record.getMessage(),
            source=record.name,
            **({"exc_info": record.exc_info} if record.exc_info else {}),
        )
