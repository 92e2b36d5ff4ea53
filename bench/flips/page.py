"""Page: what was told of each scene and in the quiet days, as bench/FLIPS.md."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bench.flips.noise import MOODS
from bench.flips.replay import Replayed
from bench.flips.scene import Scene
from bench.flips.watch import EXPLAINED, News


@dataclass(slots=True)
class Told:
    """What was told of one scene."""

    scene: Scene
    cause: str | None = None
    slower: float = 0.0
    blocks: tuple[float, float] = (0.0, 0.0)
    is_gone: bool = True
    """Whether it was well after the act was undone."""
    others: Sequence[News] = ()
    """What was told of other statements in that time."""

    @property
    def is_right(self) -> bool:
        """Whether it was told with a cause that is true."""
        return self.cause in self.scene.causes

    @property
    def beside(self) -> Sequence[News]:
        """What was told of other statements, unless a changed setting reached them too."""
        return () if self.scene.settings else self.others


@dataclass(slots=True)
class Figures:
    """What came out on one version."""

    version: int
    days: float = 0.0
    """Of the quickened clock in which no plan was made bad."""
    statements: int = 0
    quiet: Sequence[News] = ()
    """What was told in these days."""
    told: list[Told] = field(default_factory=list)
    ordered: Replayed = field(default_factory=Replayed)
    """The same days once more, in the recorded order."""
    replayed: Replayed = field(default_factory=Replayed)


def page(command: str, found: Sequence[Figures], statements: int, each_window: int) -> str:
    head = _head(command, statements, each_window)
    return "\n".join((*head, *_figures(found), *_scenes(found))) + "\n"


def _head(command: str, statements: int, each_window: int) -> Iterator[str]:
    moods = ", ".join(f"{mood.title} ({mood.weight})" for mood in MOODS)
    yield "# Plans that flip, measured"
    yield ""
    yield (
        f"Made by `{command}` on {datetime.now(UTC).date()}. On a real server of each version"
        f" {statements} drawn statements and those of the scenes are executed; then one plan after"
        " the other is made bad, and mended again. What they cost is read from pg_stat_statements"
        " and judged by the code that the daemon runs, with its limits except for the least load."
        f" The clock is quickened: two minutes are over with each round of {each_window:,}"
        " statements, so a day has as many windows as a real one, with fewer calls in each. A cause"
        " is right if it is what was done, or how the plan differs."
    )
    yield ""
    yield (
        "Before that, nothing is made bad for a while, which is recorded: by how much each counter"
        " of each statement, table and index grew in each window, in pieces of ten windows whose"
        f" mood is drawn with these weights: {moods}. What is inserted is deleted within the hour,"
        " and after each window the tables are vacuumed and analysed as autovacuum would do by its"
        " defaults: it goes by the real clock itself, and is off. The replayed days are made of"
        " whole recorded pieces in drawn order, and are judged by the same code."
    )
    yield ""
    yield (
        f"After each {EXPLAINED} recorded windows every drawn statement is explained with four"
        " parameters. What is told of one that has another plan then than within the hour before it"
        " became dearer is no false alarm, and is counted apart."
    )
    yield ""


def _figures(found: Sequence[Figures]) -> Iterator[str]:
    yield "| | " + " | ".join(f"PostgreSQL {one.version}" for one in found) + " | aim |"
    yield "|---|" + "---|" * (len(found) + 1)
    yield _row("flips found", found, lambda one: _share(one, lambda told: told.cause is not None))
    yield _row(
        "cause named rightly", found, lambda one: _share(one, lambda t: t.is_right), "≥ 90 %"
    )
    yield _row("gone after it was undone", found, lambda one: _share(one, lambda t: t.is_gone))
    yield _row("controls of which something was told", found, _controls, "0")
    yield _row("told of others beside the scenes", found, lambda one: str(len(_beside(one))))
    yield _row("of these without another plan", found, lambda one: _same(_beside(one)), "0")
    yield _row("statements", found, lambda one: str(one.statements), "≥ 500")
    yield _row("days in which nothing was done", found, lambda one: f"{one.days:.1f}")
    yield _row("told in these days", found, lambda one: str(len(one.quiet)))
    yield _row("of these without another plan", found, lambda one: _same(one.quiet))
    yield _row(
        "told when they are replayed in the recorded order",
        found,
        lambda one: str(one.ordered.true + one.ordered.false),
    )
    yield _row("of these without another plan", found, lambda one: str(one.ordered.false))
    yield _row("replayed days, made of these", found, lambda one: f"{one.replayed.days:.0f}")
    yield _row("told of another plan", found, lambda one: str(one.replayed.true))
    yield _row("told without another plan", found, lambda one: str(one.replayed.false))
    yield _row("false a replayed day", found, lambda one: _daily(one, one.replayed.false), "≤ 0.1")
    yield _row(
        "told a replayed day, true or not",
        found,
        lambda one: _daily(one, one.replayed.false + one.replayed.true),
    )
    yield ""
    yield from _listed("without another plan", [one.replayed.told for one in found])
    yield from _listed("of another plan", [one.replayed.flipped for one in found])


def _listed(which: str, told: Sequence[Mapping[str, int]]) -> Iterator[str]:
    """Yield how often what was told."""
    if found := sum(map(Counter, told), Counter[str]()):
        yield f"What was told {which} in the replayed days, by mood and cause:"
        yield ""
        yield from (f"- {what}: {count}" for what, count in found.most_common())
        yield ""


def _scenes(found: Sequence[Figures]) -> Iterator[str]:
    yield "| what is done | " + " | ".join(f"told on {one.version}" for one in found) + " |"
    yield "|---|" + "---|" * len(found)
    for place, told in enumerate(found[0].told):
        cells = (_cell(one.told[place]) for one in found)
        yield f"| {told.scene.title} | " + " | ".join(cells) + " |"


def _row(
    title: str, found: Sequence[Figures], value: Callable[[Figures], str], aim: str = ""
) -> str:
    return f"| {title} | " + " | ".join(value(one) for one in found) + f" | {aim} |"


def _share(one: Figures, has: Callable[[Told], bool]) -> str:
    flipped = [told for told in one.told if told.scene.is_flip]
    return f"{sum(map(has, flipped))} of {len(flipped)}"


def _controls(one: Figures) -> str:
    controls = [told for told in one.told if not told.scene.is_flip]
    return f"{sum(told.cause is not None for told in controls)} of {len(controls)}"


def _beside(one: Figures) -> Sequence[News]:
    return [news for told in one.told for news in told.beside]


def _same(told: Sequence[News]) -> str:
    """Count those that have the same plan as before, or were not explained."""
    return str(sum(not news.flipped for news in told))


def _daily(one: Figures, told: int) -> str:
    return f"{told / one.replayed.days:.2f}" if one.replayed.days else "–"


def _cell(told: Told) -> str:
    if told.cause is None:
        return "nothing" if not told.scene.is_flip else "**nothing**"
    before, after = told.blocks
    text = f"{told.cause}, {told.slower:.1f} times, {before:.0f} → {after:.0f} blocks"
    return text if told.is_right else f"**{text}**"
