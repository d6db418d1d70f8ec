#!/usr/bin/env python3
"""Every expression of every dashboard and rule against a real Prometheus that scrapes a running mesh:
it must bring data, or be named here with the reason why it rightly brings none."""

import math
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

# pylint: disable=wrong-import-position
import definitions
from lives import Lives
from prometheus import Prometheus

import draw
import suite
from emulator import missing
from mesh import eventually

# Metrics of which a mesh that is well, and this small, has no series, with the reason.
NO_SERIES = {
    "stackyard_trace_spans_exported_total": "only where traces are exported",
    "stackyard_trace_spans_dropped_total": "only where traces are exported",
}
# Selectors for what does not happen to a mesh that is well. What they say is tested by promtool.
NOT_WELL = {
    'grpc_code!="OK"', 'result="error"', 'result="conflict"', 'result=~"lost|drained"',
    'code=~"INTERNAL|UNKNOWN|UNAVAILABLE|DATA_LOSS"', 'code="DEADLINE_EXCEEDED"', 'code=~"5.."',
    'stackyard_runner_provider_starts_total{result="failed"}',
}
SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^}]*)\}")
LIVES = PROMETHEUS = None


def setUpModule():
    global LIVES, PROMETHEUS
    LIVES = Lives()
    try:
        PROMETHEUS = Prometheus(LIVES.mesh.metrics)
        LIVES.play()
    except BaseException:
        LIVES.mesh.show_logs()
        tearDownModule()
        raise


def tearDownModule():
    if PROMETHEUS:
        PROMETHEUS.close()
    LIVES.close()


def excused(expr):
    """Why an expression may rightly bring nothing, or None."""
    names = definitions.metrics_of(expr)
    for name, reason in NO_SERIES.items():
        if name in names:
            return reason
    if missing() and any(name.startswith("stackyard_runner_provider_") for name in names):
        return "no provider"
    return None


class LiveTest(suite.MeshTestCase):
    def values(self, expr):
        return [value for _, value in PROMETHEUS.query(expr) if not math.isnan(value)]

    def test_everything_is_scraped(self):
        eventually(lambda: not PROMETHEUS.down(), PROMETHEUS.down, 30)

    def test_every_query_of_a_dashboard_brings_data(self):
        for where, expr in definitions.queries("10m"):
            with self.subTest(where=where):
                if excused(expr):
                    self.assertEqual(self.values(expr), [], "it has data now: excuse it no more")
                else:
                    eventually(lambda e=expr: self.values(e), f"data of {expr}", 15)

    def test_every_recording_brings_data(self):
        for rule in definitions.rules():
            if "record" not in rule:
                continue
            labels = ", ".join(f'{name}="{value}"' for name, value in rule.get("labels", {}).items())
            expr = f"{rule['record']}{{{labels}}}"
            with self.subTest(record=expr):
                eventually(lambda e=expr: self.values(e), f"data of {expr}", 30)

    def test_every_alert_looks_at_what_there_is(self):
        """What an alert selects must be there, but for what says that something is wrong."""
        for name, rules in definitions.alerts().items():
            for rule in rules:
                for metric, matchers in SELECTOR.findall(rule["expr"]):
                    parts = [part.strip() for part in matchers.split(",")]
                    kept = ", ".join(part for part in parts if part not in NOT_WELL
                                     and f"{metric}{{{part}}}" not in NOT_WELL)
                    if metric not in NO_SERIES and not excused(metric):
                        with self.subTest(alert=name, metric=metric):
                            self.assertTrue(self.values(f"{metric}{{{kept}}}"))
                for metric in definitions.metrics_of(rule["expr"]) - set(NO_SERIES):
                    if not excused(metric):
                        with self.subTest(alert=name, metric=metric):
                            self.assertTrue(self.values(metric))

    def test_prometheus_evaluates_every_rule(self):
        rules = eventually(
            lambda: all(rule["lastEvaluation"] > "1" for rule in PROMETHEUS.rules())
            and PROMETHEUS.rules(), "all rules are evaluated", 60)
        self.assertEqual({rule["name"]: rule["lastError"] for rule in rules if rule.get("lastError")},
                         {})
        self.assertEqual(len(rules), len(definitions.rules()))

    def test_what_was_played_is_what_is_shown(self):
        """A few numbers that are known beforehand, as the panels have them."""
        shown = {f"{file}: {panel['title']}": definitions.filled_in(panel["targets"][0]["expr"])
                 for file, board in definitions.dashboards().items()
                 for panel in definitions.panels(board)}

        def last(title):
            return self.values(shown[title])

        runs, quota = "stackyard-runs.json", "stackyard-quota.json"
        eventually(lambda: last(f"{runs}: Taken over")[0] > 0.5, "a run was taken over", 30)
        self.assertEqual(last(f"{quota}: End within 1 h"), [1])
        over = PROMETHEUS.query(shown[f"{quota}: Over-committed"])
        self.assertEqual([(labels["project"], labels["metric"], value) for labels, value in over],
                         [("data", "resources", 1)])
        waiting = dict((labels["kind"], value) for labels, value in
                       PROMETHEUS.query(shown[f"{runs}: Waiting for review"]))
        self.assertEqual(waiting["provision"], 1)
        full = {(labels["project"], labels["metric"]): value for labels, value in
                PROMETHEUS.query(shown[f"{quota}: Fullest"])}
        self.assertGreater(full["data", "resources"], 1)
        replicas = PROMETHEUS.query(shown["stackyard-overview.json: Replicas that are up"])
        self.assertEqual({labels["job"]: value for labels, value in replicas},
                         {"stackyard-gateway": 1, "stackyard-rest": 1, "stackyard-stacks": 1,
                          "stackyard-quota": 1, "stackyard-runner": 2})

    def test_pictures_can_be_drawn(self):
        folder = LIVES.mesh.dir / "pictures"
        settings = draw.Settings(120, "30s")
        for path in draw.draw(f"http://{PROMETHEUS.address}", folder, settings):
            with self.subTest(picture=path.name):
                self.assertTrue(path.read_bytes().startswith(b"\x89PNG"))
                self.assertTrue(20_000 < path.stat().st_size < 300_000, path.stat().st_size)

    def test_alerts_that_fire_are_those_that_were_played(self):
        """A webhook that never answers; nothing that pages."""
        def firing():
            return {labels["alertname"] for labels, _ in
                    PROMETHEUS.query('ALERTS{alertstate="firing"}')}
        eventually(lambda: "StackyardDeliveriesGivenUp" in firing(), firing, 30)
        self.assertEqual(PROMETHEUS.query('ALERTS{alertstate="firing", severity="critical"}'), [])


if __name__ == "__main__":
    suite.main()
