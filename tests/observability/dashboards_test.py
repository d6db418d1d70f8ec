#!/usr/bin/env python3
"""Dashboards as they are committed: as generated, whole, and of metrics that there are."""

import pathlib
import re
import unittest

import definitions

import generate
import suite
from names import RUNBOOKS
from promtool import faults

# Series that Prometheus makes by itself, and the Go runtime of the REST sidecar.
NOT_OURS = re.compile(r"up|ALERTS|go_\w+")
UNITS = {"short", "s", "percentunit", "reqps", "ops", "bytes"}
KINDS = {"timeseries", "stat", "bargauge", "table"}


def documented_metrics():
    """Names in the tables of docs, with what histograms consist of."""
    names = set()
    pages = [definitions.ROOT / "docs" / page for page in ("metrics.md", "tracing.md")]
    for line in "\n".join(page.read_text() for page in pages if page.exists()).splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        found = re.findall(r"`([a-z_]+)`", cells[0]) if len(cells) == 4 else []
        names |= set(found)
        if found and cells[1] == "histogram":
            names |= {f"{name}_{part}" for name in found for part in ("bucket", "sum", "count")}
    return names


class DashboardsTest(unittest.TestCase):
    maxDiff = None

    def panels(self):
        return [(f"{file}: {panel['title']}", panel)
                for file, dashboard in definitions.dashboards().items()
                for panel in definitions.panels(dashboard)]

    def test_they_are_as_generated(self):
        differing, unknown = generate.stale()
        self.assertEqual((differing, unknown), (set(), set()),
                         "run deploy/observability/generate.py and commit what it writes")

    def test_panels_tell_what_they_show(self):
        for where, panel in self.panels():
            with self.subTest(where=where):
                self.assertIn(panel["type"], KINDS)
                self.assertTrue(panel["description"].endswith("."), panel["description"])
                self.assertIn(panel["fieldConfig"]["defaults"]["unit"], UNITS)
                self.assertTrue(panel["targets"])
                self.assertEqual(panel["datasource"]["uid"], "${datasource}")
                for target in panel["targets"]:
                    self.assertEqual(target["datasource"]["uid"], "${datasource}")
                    self.assertIn("$namespace", target["expr"], "no other namespace's numbers")

    def test_titles_are_unique_within_a_dashboard(self):
        for file, dashboard in definitions.dashboards().items():
            titles = [panel["title"] for panel in dashboard["panels"]]
            self.assertEqual(len(titles), len(set(titles)), file)

    def test_the_layout_fills_rows_and_nothing_overlaps(self):
        for file, dashboard in definitions.dashboards().items():
            taken = {}
            for panel in dashboard["panels"]:
                place = panel["gridPos"]
                self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
                for x in range(place["x"], place["x"] + place["w"]):
                    for y in range(place["y"], place["y"] + place["h"]):
                        self.assertNotIn((x, y), taken, f"{file}: {panel['title']}")
                        taken[x, y] = panel["title"]
            height = max(y for _, y in taken) + 1
            self.assertEqual(len(taken), 24 * height, f"{file} has holes")

    def test_they_are_told_apart_and_linked(self):
        boards = definitions.dashboards()
        self.assertEqual([board["uid"] + ".json" for board in boards.values()], list(boards))
        self.assertEqual(len({board["title"] for board in boards.values()}), 4)
        for board in boards.values():
            self.assertEqual([link["tags"] for link in board["links"]], [board["tags"]])
            names = [variable["name"] for variable in board["templating"]["list"]]
            self.assertEqual(names[:2], ["datasource", "namespace"])
            used = set(re.findall(r"\$(\w+)", " ".join(
                target["expr"] for panel in definitions.panels(board)
                for target in panel["targets"]))) - {"__rate_interval"}
            self.assertEqual(used, set(names) - {"datasource"}, "each variable selects something")

    def test_links_lead_to_runbooks(self):
        linked = 0
        for where, panel in self.panels():
            for link in panel.get("links") or []:
                linked += 1
                self.assertTrue(link["url"].startswith(RUNBOOKS + "/"), where)
                page = definitions.RUNBOOKS / pathlib.Path(link["url"]).name
                self.assertTrue(page.exists(), f"{where}: {page}")
        self.assertGreater(linked, 40)

    def test_every_expression_is_valid(self):
        queries = [expr for _, expr in definitions.queries()]
        self.assertGreater(len(queries), 120)
        self.assertEqual(faults(queries), "")
        self.assertIn("parse error", faults(["sum by (x"]))

    def test_every_metric_is_documented(self):
        known = documented_metrics()
        self.assertIn("stackyard_db_wait_seconds_bucket", known)
        recorded = {rule["record"] for rule in definitions.rules() if "record" in rule}
        for where, expr in definitions.all_expressions():
            with self.subTest(where=where):
                names = definitions.metrics_of(expr)
                self.assertTrue(names, expr)
                unknown = {name for name in names - known - recorded
                           if not NOT_OURS.fullmatch(name)}
                self.assertEqual(unknown, set())

    def test_every_metric_of_ours_is_looked_at(self):
        used = set().union(*(definitions.metrics_of(expr)
                             for _, expr in definitions.all_expressions()))
        whole = {re.sub("_(bucket|sum|count)$", "", name) for name in used} | used
        documented = {name for name in documented_metrics()
                      if not re.search("_(bucket|sum|count)$", name)}
        # What others make of it is theirs.
        documented -= {"process_virtual_memory_bytes"}
        self.assertEqual(documented - whole, set(), "in docs/metrics.md and on no dashboard")


if __name__ == "__main__":
    suite.main()
