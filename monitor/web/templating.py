"""Jinja templates; names are escaped, and invisible characters are made visible."""

import hashlib
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from alerts.client_name import UNNAMED
from alerts.plural import plural
from alerts.raw_text import shown
from alerts.units import bytes_text, duration_text, share_text
from monitor.defects import DEFECTS
from monitor.views import wording
from monitor.web.findings import iso

if TYPE_CHECKING:
    from jinja2 import Environment, Template
    from markdown_it import MarkdownIt

FOLDER = Path(__file__).parent / "templates"
STYLE = (FOLDER / "style.css").read_text(encoding="utf-8")
SCRIPT = "".join((FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in ("page", "waits"))
INVISIBLE = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}


def visible(text: object) -> str:
    """Replace control characters and direction marks by escapes; line breaks stay."""
    return "".join(
        ascii(c)[1:-1] if c != "\n" and unicodedata.category(c) in INVISIBLE else c
        for c in shown(str(text))
    )


def anchor(*parts: object) -> str:
    """Return a short id of an element that is stable across page loads."""
    return "x" + hashlib.blake2s("\0".join(map(str, parts)).encode(), digest_size=6).hexdigest()


def markdown(text: str) -> Markup:
    """Render Markdown to HTML; HTML inside the text is escaped."""
    return Markup(renderer().render(text))


MISSING_PART = Markup(
    '<p class="trouble">This part of the page could not be made. That is a defect of pgvigil, '
    "which its log describes; /metrics and /findings say what else is known.</p>"
)


def part(macro: Callable[..., Markup], *arguments: object) -> Markup:
    """Render a part of a page; a defect in it costs this part alone, never the page."""
    try:
        return macro(*arguments)
    except Exception as defect:
        DEFECTS.note("page", defect)
        return MISSING_PART


# Imported at first use: a daemon whose pages are never opened saves 3 MB.
@cache
def renderer() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table")


@cache
def environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "visible": visible,
        "duration": duration_text,
        "share": share_text,
        "bytes": bytes_text,
        "clock": wording.clock,
        "iso": iso,
        "lasting": wording.lasting,
        "mark": wording.mark,
        "facts_age": wording.facts_age,
        "facts": wording.facts,
        "markdown": markdown,
    }
    made.globals |= {
        "style": Markup(STYLE),
        "script": Markup(SCRIPT),
        "anchor": anchor,
        "part": part,
        "plural": plural,
        "unnamed": UNNAMED,
    }
    return made


class Templates:
    """Loader of templates by name, which imports Jinja at first use."""

    def get_template(self, name: str) -> "Template":
        return environment().get_template(name)


TEMPLATES = Templates()
