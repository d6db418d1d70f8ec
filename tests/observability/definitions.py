"""What the chart brings for Prometheus and Grafana: panels, variables, rules, and their expressions."""

import json
import pathlib
import re
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "helm/stackyard"
RUNBOOKS = ROOT / "docs/runbooks"
# The suite of tests and the mesh are those of the end-to-end tests.
sys.path[:0] = [str(ROOT / "tests/e2e"), str(ROOT / "deploy/observability")]

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
WORDS = {"by", "on", "or", "and", "unless", "offset", "group_left", "group_right", "ignoring",
         "without", "bool", "le"}


def dashboards():
    """Dashboards by their file's name."""
    return {path.name: json.loads(path.read_text())
            for path in sorted((CHART / "dashboards").glob("*.json"))}


def panels(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def rule_files():
    return sorted((CHART / "rules").glob("*.yaml"))


def rules():
    """All rules, of all groups."""
    return [rule for path in rule_files() for group in yaml.safe_load(path.read_text())["groups"]
            for rule in group["rules"]]


def alerts():
    """Rules of alerts, by name; those of objectives have several."""
    found = {}
    for rule in rules():
        if "alert" in rule:
            found.setdefault(rule["alert"], []).append(rule)
    return found


def filled_in(expr, interval="5m"):
    """An expression as Grafana sends it when everything is selected."""
    expr = expr.replace("$__rate_interval", interval)
    return re.sub(r'"\$\w+"', '".*"', expr)


def queries(interval="5m"):
    """(where, expression) of every panel, variable and annotation."""
    for file, dashboard in dashboards().items():
        for panel in panels(dashboard):
            for target in panel["targets"]:
                yield (f"{file}: {panel['title']} {target['refId']}",
                       filled_in(target["expr"], interval))
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                inner = re.fullmatch(r"label_values\((.*), \w+\)", variable["query"]["query"])
                yield f"{file}: ${variable['name']}", filled_in(inner[1], interval)
        for annotation in dashboard["annotations"]["list"]:
            yield f"{file}: {annotation['name']}", filled_in(annotation["expr"], interval)


def all_expressions(interval="5m"):
    """(where, expression) of queries and rules."""
    yield from queries(interval)
    for number, rule in enumerate(rules()):
        yield f"rule {number}: {rule.get('alert') or rule['record']}", rule["expr"]


def metrics_of(expr):
    """Names of metrics in an expression."""
    text = re.sub(r'"(\\.|[^"\\])*"', '""', expr)
    text = re.sub(r"\[[^\]]*\]", "", text)
    # Labels of `by (…)` and matchers are no metrics.
    text = re.sub(r"\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", "", text)
    text = re.sub(r"\{[^}]*\}", "", text)
    found = set()
    for match in NAME.finditer(text):
        word, after = match[0], text[match.end():].lstrip()
        if after.startswith("(") or word in WORDS or text[match.start() - 1:match.start()].isdigit():
            continue
        # A duration after offset, as 5m.
        found.add(word)
    return found
