"""Types of panels used by all dashboards, with their common options."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from grafana_foundation_sdk.builders import common as parts
from grafana_foundation_sdk.builders import dashboard as dashboards
from grafana_foundation_sdk.builders import prometheus, stat, table, timeseries
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.queries import min_step

SOURCE = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")
FINE, WORTH_KNOWING, WARNING, CRITICAL, UNKNOWN = "green", "blue", "orange", "red", "purple"
YES_OR_NO = "bool_yes_no"
BLOCKS = "count:blocks/s"
LEAST = {
    "short": 1,
    "s": 0.1,
    "bytes": 1024,
    "Bps": 1024,
    "ops": 1,
    BLOCKS: 1,
    "rowsps": 1,
    "percentunit": 0.01,
}
"""Minimum upper end of an axis; without it, an axis with only zeros would end at 100."""

Panel = timeseries.Panel | stat.Panel | table.Panel
RANKED = 360
"""Width of a legend next to the lines, in pixels."""
P = TypeVar("P", timeseries.Panel, stat.Panel, table.Panel)
Steps = Mapping[float, str]
"""Colours by the value from which they apply; below the first, the colour is green."""


@dataclass(frozen=True, slots=True)
class Query:
    expr: str
    legend: str = ""
    step: str | None = None
    """Shortest distance of two values; None: as its counters are updated."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its title and format.

    Without a unit it is text; otherwise Grafana would format names made of digits as numbers.
    """

    title: str
    colors: Mapping[str, str] | None = None
    """A background for each of its values."""
    texts: Mapping[str, str] | None = None
    unit: str = "string"
    link: str | None = None
    leads_to: str = "How to verify and fix it"
    steps: Mapping[float, str] | None = None
    """A background from each of these values on."""
    width: int | None = None


def graph(
    title: str,
    about: str,
    unit: str,
    *queries: Query,
    steps: Steps | None = None,
    colors: Mapping[str, str] | None = None,
    stacked: bool = False,
    whole: bool = False,
    empty: str = "No data",
    span: int = 8,
    height: int = 8,
) -> timeseries.Panel:
    """Make a panel with lines over time, and dashed limits of a finding."""
    panel = _lines(_panel(timeseries.Panel(), title, about, unit, span, height))
    panel.no_value(empty).fill_opacity(20 if stacked else 5)
    if unit in LEAST:
        panel.axis_soft_max(LEAST[unit])
    if whole:
        panel.decimals(0)
    if stacked:
        panel.stacking(parts.StackingConfig().mode(common.StackingMode.NORMAL))
    if steps:
        dashed = common.GraphThresholdsStyleMode.DASHED
        panel.thresholds(_thresholds(steps))
        panel.thresholds_style(parts.GraphThresholdsStyleConfig().mode(dashed))
    for name, color in (colors or {}).items():
        panel.override_by_name(name, [_fixed(color)])
    for name, query in zip("ABCDEF", queries, strict=False):
        target = _spaced(name, query.expr, query.step)
        panel.with_target(target.range().legend_format(query.legend))
    return panel


def ranking(
    title: str, about: str, unit: str, *queries: Query, steps: Steps | None = None, empty: str = ""
) -> timeseries.Panel:
    """Make a panel with the top ten lines at each moment, sorted by the last value."""
    now = parts.VizLegendOptions().show_legend(True).placement(common.LegendPlacement.RIGHT)
    now.display_mode(common.LegendDisplayMode.TABLE).calcs(["lastNotNull"])
    panel = graph(title, about, unit, *queries, steps=steps, empty=empty or "No data", span=12)
    # Very small values have no line, so the axis can begin at the data.
    return panel.legend(now.sort_by("Last *").sort_desc(True).width(RANKED)).axis_soft_max(0)


def number(
    title: str, about: str, unit: str, query: Query, steps: Steps, span: int = 4
) -> stat.Panel:
    """Make a panel with one current value, coloured by its limits; empty if unknown."""
    return (
        _panel(stat.Panel(), title, about, unit, span, height=4)
        .thresholds(_thresholds(steps))
        .color_mode(common.BigValueColorMode.BACKGROUND)
        .graph_mode(common.BigValueGraphMode.NONE)
        .no_value("unknown")
        .reduce_options(parts.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(_target("A", query.expr).instant().legend_format(query.legend))
    )


def listing(
    title: str,
    about: str,
    queries: Sequence[str],
    columns: Mapping[str, Column],
    hidden: Sequence[str],
    empty: str,
    span: int = 24,
    height: int = 9,
    worst: Sequence[str] = (),
) -> table.Panel:
    """Make a table of current values; fields that are not columns are hidden.

    Sorted by the first column, or by columns where the highest value is the worst.
    """
    panel = _panel(table.Panel(), title, about, "short", span, height).no_value(empty)
    for name, expr in zip("ABCDEF", queries, strict=False):
        panel.with_target(_spaced(name, expr).instant().format(PromQueryFormat.TABLE))
    panel.with_transformation(dashboard.DataTransformerConfig("merge", options={}))
    panel.with_transformation(
        dashboard.DataTransformerConfig("organize", options=_order(columns, hidden))
    )
    first = next(iter(columns.values())).title
    order = dict.fromkeys(worst, True) or {first: False}
    panel.sort_by(
        [
            parts.TableSortByFieldState().display_name(name).desc(down)
            for name, down in order.items()
        ]
    )
    for column in columns.values():
        panel.override_by_name(column.title, _properties(column))
    return panel


def _panel(panel: P, title: str, about: str, unit: str, span: int, height: int) -> P:
    return (
        panel.title(title)
        .description(about)
        .unit(unit)
        .datasource(SOURCE)
        .span(span)
        .height(height)
    )


def _lines(panel: timeseries.Panel) -> timeseries.Panel:
    legend = parts.VizLegendOptions().show_legend(True).placement(common.LegendPlacement.BOTTOM)
    tooltip = parts.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI)
    points = common.VisibilityMode.NEVER
    return panel.min(0).show_points(points).tooltip(tooltip).legend(legend)


def _target(name: str, expr: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().ref_id(name).expr(expr).datasource(SOURCE)


def _spaced(name: str, expr: str, least: str | None = None) -> prometheus.Dataquery:
    step, target = least or min_step(expr), _target(name, expr)
    return target.interval(step) if step else target


def _fixed(color: str) -> dashboard.DynamicConfigValue:
    return dashboard.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})


def _thresholds(steps: Steps) -> dashboards.ThresholdsConfig:
    first = dashboard.Threshold(value=None, color=FINE)
    rest = [dashboard.Threshold(value=value, color=color) for value, color in steps.items()]
    absolute = dashboard.ThresholdsMode.ABSOLUTE
    return dashboards.ThresholdsConfig().mode(absolute).steps([first, *rest])


def _order(columns: Mapping[str, Column], hidden: Sequence[str]) -> dict[str, object]:
    return {
        "excludeByName": dict.fromkeys(("Time", *hidden), True),
        "indexByName": {field: position for position, field in enumerate(columns)},
        "renameByName": {field: column.title for field, column in columns.items()},
    }


def _properties(column: Column) -> list[dashboard.DynamicConfigValue]:
    # Grafana's text for no data would be shown in each empty cell.
    found: dict[str, object] = {"unit": column.unit, "noValue": ""}
    if column.colors:
        texts = column.texts or {}
        results = {
            value: dashboard.ValueMappingResult(text=texts.get(value, value), color=color)
            for value, color in column.colors.items()
        }
        found["mappings"] = [dashboard.ValueMap(options=results)]
    if column.steps:
        found["thresholds"] = _thresholds(column.steps).build()
    if column.colors or column.steps:
        found["custom.cellOptions"] = common.TableColoredBackgroundCellOptions(
            mode=common.TableCellBackgroundDisplayMode.BASIC
        )
    if column.link:
        link = dashboards.DashboardLink(column.leads_to).url(column.link)
        found["links"] = [link.target_blank(True).build()]
    if column.width:
        found["custom.width"] = column.width
    return [dashboard.DynamicConfigValue(name, value) for name, value in found.items()]
