"""A dashboard as we want them all: variables, links to the others, rows of panels."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as models

from names import TAG
from panels import DATASOURCE

# What every query asks for: the namespaces that were chosen.
HERE = 'namespace=~"$namespace"'
RANGE = "[$__rate_interval]"


def of(metric, *matchers):
    return f"{metric}{{{', '.join([HERE, *matchers])}}}"


def rate(metric, by, *matchers):
    """Per second, summed over replicas."""
    return f"sum by ({by}) (rate({of(metric, *matchers)}{RANGE}))"


def quantile(share, metric, by, *matchers):
    """Of a histogram; `by` may be empty."""
    labels = f"{by}, le" if by else "le"
    return (f"histogram_quantile({share}, sum by ({labels}) "
            f"(rate({of(metric + '_bucket', *matchers)}{RANGE})))")


def mean(metric, by, *matchers):
    """Of a histogram."""
    return (f"{rate(metric + '_sum', by, *matchers)}\n"
            f"  / {rate(metric + '_count', by, *matchers)}")


def gauge(metric, by, *matchers):
    """A gauge of a database: every replica tells the same, and each namespace its own."""
    inner = ", ".join(filter(None, ["namespace", by]))
    outer = f"sum by ({by})" if by else "sum"
    return f"{outer} (max by ({inner}) ({of(metric, *matchers)}))"


def _query_variable(name, label, about, query, selected="All"):
    everything = models.VariableOption(selected=True, text=selected, value="$__all")
    return (dashboard.QueryVariable(name).label(label).description(about)
            .datasource(DATASOURCE).query({"query": query, "refId": name})
            .multi(True).include_all(True).all_value(".*").current(everything)
            .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(models.VariableSort.ALPHABETICAL_ASC))


def namespace_variable():
    return _query_variable("namespace", "Namespace", "Where Stackyard runs",
                           "label_values(stackyard_build_info, namespace)")


def project_variable():
    return _query_variable("project", "Project", "Whose quota",
                           'label_values(stackyard_quota_limit{namespace=~"$namespace"}, project)')


def job_variable():
    return _query_variable(
        "job", "Service", "Which services",
        'label_values(stackyard_build_info{namespace=~"$namespace"}, job)')


def board(uid, title, about, rows, variables=()):
    """`rows` are (title, panels); a row without a title has no heading."""
    made = (
        dashboard.Dashboard(title).uid(uid).description(about).tags([TAG]).refresh("30s")
        .time("now-6h", "now").timezone("browser").tooltip(models.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .link(dashboard.DashboardLink("Stackyard").type(models.DashboardLinkType.DASHBOARDS)
              .tags([TAG]).include_vars(True).keep_time(True)))
    made.with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus")
                       .type("prometheus"))
    for variable in [namespace_variable(), *variables]:
        made.with_variable(variable)
    made.annotation(
        dashboard.AnnotationQuery().name("Rollouts").enable(True).icon_color("purple")
        .datasource(DATASOURCE).expr(
            f"count by (version, commit) ({of('stackyard_build_info')})\n"
            f"unless count by (version, commit) ({of('stackyard_build_info')} offset 5m)"))
    for heading, panels in rows:
        if heading:
            made.with_row(dashboard.Row(heading))
        for panel in panels:
            made.with_panel(panel)
    return made
