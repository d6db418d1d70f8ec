#!/usr/bin/env python3
"""Writes the chart's dashboards and rules.

    build/tools/py/bin/python deploy/observability/generate.py            writes what changed
    build/tools/py/bin/python deploy/observability/generate.py --check    tells it, and fails
"""

import json
import pathlib
import sys

import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder

import alerts
import internals_board
import objectives
import overview_board
import quota_board
import runs_board
from names import runbook_of, runbook_url

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "helm/stackyard"
DASHBOARDS = [overview_board, runs_board, quota_board, internals_board]
HEAD = "# Written by deploy/observability/generate.py; change that, not this.\n"


class _Dumper(yaml.SafeDumper):
    """Expressions of several lines are written as such."""


def _text(dumper, value):
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
# Labels that several rules share are written out: an anchor reads worse than the words.
_Dumper.ignore_aliases = lambda self, data: True


def _rules_file(groups, interval=None):
    """A plain rule file of Prometheus. Every alert is told where its runbook is."""
    for _, rules in groups:
        for rule in rules:
            if "alert" in rule:
                rule["annotations"]["runbook_url"] = runbook_url(runbook_of(rule["alert"]))
    pace = {"interval": f"{interval}s"} if interval else {}
    document = {"groups": [{"name": name, **pace, "rules": rules} for name, rules in groups]}
    return HEAD + yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=98, allow_unicode=True)


def _dashboard(module):
    built = module.dashboard().build()
    # Panels are found by their number, in links and in alerts of Grafana: it must not change by itself.
    for index, panel in enumerate(built.panels, 1):
        panel.id_val = index
    return JSONEncoder(sort_keys=True, indent=2).encode(built) + "\n"


def files():
    """All that is generated: texts by path."""
    made = {CHART / "dashboards" / f"{module.UID}.json": _dashboard(module)
            for module in DASHBOARDS}
    made[CHART / "rules/slo-recordings.yaml"] = _rules_file(
        [("stackyard-slo", objectives.recordings())], objectives.INTERVAL)
    made[CHART / "rules/slo-alerts.yaml"] = _rules_file([("stackyard-slo-alerts", objectives.alerts())])
    made[CHART / "rules/alerts.yaml"] = _rules_file(
        [(name, [alert.rule() for alert in group]) for name, group in alerts.GROUPS])
    return made


def stale():
    """Paths that differ from what would be written, and files that nothing writes."""
    made = files()
    there = {path for folder in ("dashboards", "rules") for path in (CHART / folder).glob("*.*")}
    differing = {path for path, text in made.items()
                 if not path.exists() or path.read_text() != text}
    return differing, {path for path in there - set(made) if path.suffix in (".json", ".yaml")}


def main():
    made = files()
    differing, unknown = stale()
    if sys.argv[1:] == ["--check"]:
        for path in sorted(differing | unknown):
            print(f"{path.relative_to(ROOT)} is not what deploy/observability/generate.py writes")
        return 1 if differing or unknown else 0
    if sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 2
    for path in sorted(differing):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[path])
        print(f"wrote {path.relative_to(ROOT)}")
    for path in sorted(unknown):
        path.unlink()
        print(f"removed {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
