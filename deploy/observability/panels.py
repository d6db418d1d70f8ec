"""Panels as we want them all: a title, what it tells, a unit, thresholds, and the runbook beside it.

Queries are (expression, legend). `limits` are (value, colour) from which a panel turns that colour;
below the first it is green, or `below`.
"""

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, table
from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import prometheus as queries

from names import runbook_url

DATASOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
GREEN, ORANGE, RED = "green", "orange", "red"
# What is drawn behind each other must not hide what is behind.
FILL, STACKED_FILL = 8, 35


def _target(query, number, instant=False):
    expr, legend = query
    target = prometheus.Dataquery().expr(expr).legend_format(legend).ref_id(chr(ord("A") + number))
    target.datasource(DATASOURCE)
    return target.instant() if instant else target.range()


def _limits(limits, below):
    steps = [models.Threshold(value=None, color=below)]
    steps += [models.Threshold(value=value, color=color) for value, color in limits]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def _common(panel, title, about, unit, limits, runbook, width, height, below=GREEN):
    panel.title(title).description(about).unit(unit).datasource(DATASOURCE)
    panel.thresholds(_limits(limits, below)).span(width).height(height)
    if runbook:
        panel.links([dashboard.DashboardLink(f"Runbook: {runbook}")
                     .type(models.DashboardLinkType.LINK).url(runbook_url(runbook))
                     .target_blank(True)])
    return panel


def graph(title, about, unit, *queries, stack=False, limits=(), runbook=None, width=8, height=8,
          top=None):
    """Lines over time; with `limits` they are drawn as dashed lines."""
    panel = _common(timeseries.Panel(), title, about, unit, limits, runbook, width, height)
    for number, query in enumerate(queries):
        panel.with_target(_target(query, number))
    panel.min(0).line_width(1).fill_opacity(STACKED_FILL if stack else FILL)
    panel.show_points(kinds.VisibilityMode.NEVER)
    panel.color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
    panel.legend(common.VizLegendOptions().display_mode(kinds.LegendDisplayMode.LIST)
                 .placement(kinds.LegendPlacement.BOTTOM).show_legend(True))
    panel.tooltip(common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.MULTI)
                  .sort(kinds.SortOrder.DESCENDING))
    if top is not None:
        panel.max(top)
    if stack:
        panel.stacking(common.StackingConfig().mode(kinds.StackingMode.NORMAL))
    if limits:
        panel.thresholds_style(common.GraphThresholdsStyleConfig()
                               .mode(kinds.GraphThresholdsStyleMode.DASHED))
    return panel


def number(title, about, unit, expr, limits=(), runbook=None, width=4, height=4, decimals=None,
           below=GREEN):
    """The last value, large, over its own history."""
    panel = _common(stat.Panel(), title, about, unit, limits, runbook, width, height, below)
    panel.with_target(_target((expr, ""), 0))
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    panel.color_mode(kinds.BigValueColorMode.VALUE).graph_mode(kinds.BigValueGraphMode.AREA)
    if decimals is not None:
        panel.decimals(decimals)
    return panel


def bars(title, about, unit, query, limits=(), runbook=None, width=8, height=8, top=None):
    """The last value of each series as a bar."""
    panel = _common(bargauge.Panel(), title, about, unit, limits, runbook, width, height)
    panel.with_target(_target(query, 0, instant=True))
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    panel.display_mode(kinds.BarGaugeDisplayMode.BASIC).orientation(kinds.VizOrientation.HORIZONTAL)
    panel.min(0)
    if top is not None:
        panel.max(top)
    return panel


def grid(title, about, unit, *columns, limits=(), runbook=None, width=12, height=8):
    """A table of what is so now. Columns are (expression, heading); rows join on their labels."""
    panel = _common(table.Panel(), title, about, unit, limits, runbook, width, height)
    headings = {"Time": ""}
    for index, (expr, heading) in enumerate(columns):
        target = _target((expr, ""), index, instant=True).format(queries.PromQueryFormat.TABLE)
        panel.with_target(target)
        headings[f"Value #{chr(ord('A') + index)}" if len(columns) > 1 else "Value"] = heading
    panel.with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
    panel.with_transformation(models.DataTransformerConfig(
        id_val="organize",
        options={"excludeByName": {"Time": True}, "indexByName": {},
                 "renameByName": {key: name for key, name in headings.items() if name}}))
    return panel
