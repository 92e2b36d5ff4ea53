"""Templates, and how names are shown in them: escaped, and with nothing invisible in them."""

import hashlib
import unicodedata
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from alerts.client_name import UNNAMED
from alerts.plural import plural
from alerts.units import duration_text
from monitor.views import wording
from monitor.web.findings import iso

if TYPE_CHECKING:
    from jinja2 import Environment, Template
    from markdown_it import MarkdownIt

FOLDER = Path(__file__).parent / "templates"
STYLE = (FOLDER / "style.css").read_text(encoding="utf-8")
SCRIPT = (FOLDER / "page.js").read_text(encoding="utf-8")
INVISIBLE = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}


def visible(text: object) -> str:
    """Control characters and marks that turn text around, as escapes. Line breaks stay."""
    return "".join(
        ascii(c)[1:-1] if c != "\n" and unicodedata.category(c) in INVISIBLE else c
        for c in str(text)
    )


def anchor(*parts: object) -> str:
    """A short id of an element, the same at every look."""
    return "x" + hashlib.blake2s("\0".join(map(str, parts)).encode(), digest_size=6).hexdigest()


def markdown(text: str) -> Markup:
    """HTML inside the text stays text."""
    return Markup(renderer().render(text))


# Where nobody opens a page, as in most sidecars, what makes pages is never loaded: 3 MB.
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
        "clock": wording.clock,
        "iso": iso,
        "lasting": wording.lasting,
        "mark": wording.mark,
        "facts": wording.facts,
        "markdown": markdown,
    }
    made.globals |= {
        "style": Markup(STYLE),
        "script": Markup(SCRIPT),
        "anchor": anchor,
        "plural": plural,
        "unnamed": UNNAMED,
    }
    return made


class Templates:
    """Those in the folder, by name."""

    def get_template(self, name: str) -> "Template":
        return environment().get_template(name)


TEMPLATES = Templates()
