"""A single check without the daemon, for commands; only errors are logged."""

import argparse
import asyncio
import os

from monitor import logs
from monitor.commands._base import BadUsage, settings_of
from monitor.config.errors import ConfigurationError
from monitor.look_once import look
from monitor.views.overview import Overview


def looked(known: argparse.Namespace) -> Overview:
    """Query and judge all servers once. Raises BadUsage."""
    settings = settings_of(known)
    logs.set_up("error", settings.log_format)
    try:
        return asyncio.run(look(settings, os.environ))
    except ConfigurationError as wrong:
        raise BadUsage(str(wrong)) from None
