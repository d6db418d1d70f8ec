#!/usr/bin/env python3
"""Recording rules and alerts, as promtool evaluates them."""

import collections
import pathlib
import re
import tempfile
import unittest

import definitions
import yaml

import objectives
import suite
from cases import CASES
from names import runbook_of, runbook_url
from promtool import promtool

UNITS = {"m": 1, "h": 60}

def minutes(duration):
    return int(duration[:-1]) * UNITS[duration[-1]]


def series(values, namespace="prod"):
    return [{"series": name.replace('namespace="prod"', f'namespace="{namespace}"'),
             "values": value} for name, value in values.items()]


def run_tests(rules, test, evaluation="1m"):
    """Runs a unit test of rules; answers what promtool says."""
    with tempfile.TemporaryDirectory(prefix="sy-rules-") as folder:
        file, path = pathlib.Path(folder) / "rules.yaml", pathlib.Path(folder) / "test.yaml"
        file.write_text(yaml.safe_dump({"groups": [{"name": "tested", "rules": rules}]}))
        path.write_text(yaml.safe_dump({"rule_files": [str(file)], "evaluation_interval": evaluation,
                                        "tests": [{"interval": "1m", **test}]}))
        return promtool("test", "rules", path)


def prometheus_on_aws():
    """Prometheus' part of the values that scripts/cluster.sh fills in."""
    text = (definitions.ROOT / "deploy/aws/charts/prometheus.yaml").read_text()
    return yaml.safe_load(text)["prometheus"]["prometheusSpec"]


class RulesTest(unittest.TestCase):
    maxDiff = None

    def test_what_rules_and_dashboards_ask_for_is_kept_on_aws(self):
        spec = prometheus_on_aws()
        [remote] = spec["remoteWrite"]
        [rule] = remote["writeRelabelConfigs"]
        self.assertEqual(rule["action"], "keep")
        names = {rule["record"] for rule in definitions.rules() if "record" in rule}
        days = 0
        for _, expr in definitions.all_expressions():
            names |= definitions.metrics_of(expr)
            days = max([days, *map(int, re.findall(r"\[(\d+)d\]", expr))])
        self.assertGreater(len(names), 50)
        # Prometheus' expressions hold for the whole name.
        kept = re.compile(rule["regex"])
        self.assertEqual([name for name in sorted(names) if not kept.fullmatch(name)], [])
        self.assertEqual(days, 30)
        self.assertGreaterEqual(int(spec["retention"].removesuffix("d")), days + 2)
        # And outlives the pod.
        self.assertIn("volumeClaimTemplate", spec["storageSpec"])

    def test_rules_are_valid(self):
        code, said = promtool("check", "rules", "--lint=all", "--lint-fatal",
                              *definitions.rule_files())
        self.assertEqual(code, 0, said)

    def test_rule_names_follow_a_scheme(self):
        for rule in definitions.rules():
            if "record" in rule:
                self.assertRegex(rule["record"], r"^namespace:stackyard_[a-z_]+:[a-z0-9_]+$")
            else:
                self.assertRegex(rule["alert"], r"^Stackyard[A-Za-z]+$")
                self.assertIn(rule["labels"]["severity"], ("critical", "warning", "info"))

    def test_each_alert_tells_what_and_where(self):
        for name, rules in definitions.alerts().items():
            for rule in rules:
                with self.subTest(alert=name):
                    texts = rule["annotations"]
                    self.assertEqual(texts["runbook_url"], runbook_url(runbook_of(name)))
                    self.assertNotIn("{{", texts["summary"], "summaries group alerts: no values")
                    self.assertIn("$labels.", texts["description"])

    def test_sums_are_counts_at_the_pace_of_the_rules(self):
        groups = yaml.safe_load((definitions.CHART / "rules/slo-recordings.yaml").read_text())
        self.assertEqual([group["interval"] for group in groups["groups"]],
                         [f"{objectives.INTERVAL}s"])


class CausesTest(unittest.TestCase):
    maxDiff = None

    def check(self, name):
        """Plays all cases of an alert at once, each in a namespace of its own."""
        rule = definitions.alerts()[name][0]
        wait = minutes(rule["for"])
        inputs, expected = [], collections.defaultdict(list)
        for number, case in enumerate(case for case in CASES if case.alert == name):
            loud, still = f"loud-{number}", f"still-{number}"
            inputs += series(case.fires, loud) + series(case.quiet, still)
            self.assertGreater(case.at, wait)
            if wait >= 2:
                # Not before it has been so for as long as the rule says.
                expected[wait - 1] += []
            expected[case.at].append({
                "exp_labels": {"namespace": loud, **rule["labels"], **case.labels},
                "exp_annotations": {
                    **rule["annotations"],
                    "description": case.says.replace("namespace prod", f"namespace {loud}")}})
        # Each alert is told of once, by the case that is looked at last.
        self.assertEqual(len([time for time in expected if expected[time]]), 1, "one time for all")
        return run_tests([rule], {"input_series": inputs, "alert_rule_test": [
            {"eval_time": f"{time}m", "alertname": name, "exp_alerts": alerts}
            for time, alerts in expected.items()]})

    def test_each_cause_has_cases(self):
        slo = {one.alert for one in objectives.OBJECTIVES}
        self.assertEqual({case.alert for case in CASES}, set(definitions.alerts()) - slo)

    def test_they_fire_and_are_quiet_just_below(self):
        for name in sorted({case.alert for case in CASES}):
            with self.subTest(alert=name):
                code, said = self.check(name)
                self.assertEqual(code, 0, said)

    def test_a_case_that_is_wrong_is_noticed(self):
        case = CASES[0]
        code, said = run_tests(definitions.alerts()[case.alert], {
            "input_series": series(case.quiet), "promql_expr_test": [{
                "expr": f'ALERTS{{alertname="{case.alert}"}}', "eval_time": f"{case.at}m",
                "exp_samples": [{"labels": "{}", "value": 1}]}]})
        self.assertEqual(code, 1, said)


# The events of each objective: per minute, all of them, and a share that is bad.
PER_MINUTE = 100_000


def _split(metric, good, bad):
    def make(rates, per_minute=PER_MINUTE):
        return {f'{metric}{{namespace="prod", {good}}}': [per_minute - rate for rate in rates],
                f'{metric}{{namespace="prod", {bad}}}': rates}
    return make


def _within(metric, le, labels=""):
    def make(rates, per_minute=PER_MINUTE):
        return {f'{metric}_count{{namespace="prod"{labels}}}': [per_minute] * len(rates),
                f'{metric}_bucket{{namespace="prod", le="{le}"{labels}}}':
                    [per_minute - rate for rate in rates]}
    return make


EVENTS = {
    "api-availability": [
        _split("stackyard_gateway_requests_total", 'code="OK"', 'code="UNAVAILABLE"'),
        _split("stackyard_gateway_requests_total", 'code="NOT_FOUND"',
               'code="DEADLINE_EXCEEDED", method="stackyard.v1.StackService/GetStack"')],
    "rest-availability": [
        _split("stackyard_rest_requests_total", 'code="200"', 'code="503"')],
    "api-latency": [
        _within("stackyard_gateway_request_seconds", "0.25",
                ', method="stackyard.v1.StackService/ListStacks"')],
    "run-start": [_within("stackyard_stacks_run_wait_seconds", "60")],
    "run-success": [
        _split("stackyard_stacks_runs_total", 'result="failed"', 'result="lost"'),
        _split("stackyard_stacks_runs_total", 'result="ok"', 'result="drained"')],
}


def counter(rates):
    """Values a minute of a counter with these rates, in promtool's notation."""
    total, values = 0, [0]
    for rate in rates:
        total += rate
        values.append(total)
    return " ".join(f"{value:.3f}" for value in values)


class ObjectivesTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.inputs, self.expected = [], []
        self.rules = [rule for rule in definitions.rules()
                      if "record" in rule or rule["alert"] in {one.alert for one
                                                               in objectives.OBJECTIVES}]

    def play(self, one, make, shares, burns, per_minute=PER_MINUTE):
        """In a namespace of its own: these shares of bad events by minute; which burns fire."""
        namespace = f"case-{len(self.inputs)}"
        made = make([per_minute * share for share in shares], per_minute)
        self.inputs += series({name: counter(rates) for name, rates in made.items()}, namespace)
        self.expected += [{
            "labels": f'{{alertname="{one.alert}", burn="{burn.rate:g}x", namespace="{namespace}", '
                      f'severity="{burn.severity}", window="{burn.long}"}}', "value": 1}
            for burn in burns]
        return namespace

    def assert_alerts(self, at, evaluation="1m", also=()):
        code, said = run_tests(self.rules, {
            "input_series": self.inputs, "promql_expr_test": [{
                "expr": 'count by (alertname, burn, severity, window, namespace) '
                        '(ALERTS{alertstate="firing"})',
                "eval_time": f"{at}m", "exp_samples": self.expected}, *also]}, evaluation)
        self.assertEqual(code, 0, said)

    def test_docs_tell_them_as_they_are(self):
        text = (definitions.ROOT / "docs/observability.md").read_text()
        for one in objectives.OBJECTIVES:
            self.assertIn(f"| `{one.slo}` | {one.target * 100:g} % of ", text)
        for burn in objectives.BURNS:
            words = [f"{int(window[:-1])} {window[-1].replace('m', 'min')}"
                     for window in (burn.long, burn.short)]
            self.assertIn(f"| {words[0]} and {words[1]} | `{burn.severity}` |", text)

    def test_each_burn_rate_fires_and_the_ones_above_do_not(self):
        # Longer than the slowest waits.
        at = 195
        for one in objectives.OBJECTIVES:
            for make in EVENTS[one.slo]:
                for burn in objectives.BURNS:
                    above = min(1.1 * burn.rate * one.budget, 1)
                    fires = [b for b in objectives.BURNS if b.rate <= burn.rate]
                    self.play(one, make, [above] * at, fires)
                self.play(one, make, [0.9 * one.budget] * at, [])
        self.assert_alerts(at)

    def test_what_the_caller_asked_for_is_no_fault(self):
        one = objectives.OBJECTIVES[0]
        calls = "stackyard_gateway_requests_total"
        for bad in ('code="QUOTA_EXCEEDED"', 'code="RESOURCE_EXHAUSTED"', 'code="CANCELLED"',
                    'code="DEADLINE_EXCEEDED", method="stackyard.v1.StackService/WatchStack"'):
            self.play(one, _split(calls, 'code="OK"', bad), [0.5] * 30, [])
        self.play(objectives.OBJECTIVES[1],
                  _split("stackyard_rest_requests_total", 'code="200"', 'code="501"'),
                  [0.5] * 30, [])
        self.play(objectives.OBJECTIVES[4],
                  _split("stackyard_stacks_runs_total", 'result="ok"', 'result="failed"'),
                  [0.9] * 30, [])
        self.assert_alerts(30)

    def test_what_is_over_stops_paging(self):
        for one in objectives.OBJECTIVES:
            # A bad hour, seven good minutes: an hour still burns, the last five minutes do not.
            self.play(one, EVENTS[one.slo][0],
                      [0] * 60 + [min(20 * one.budget, 1)] * 60 + [0] * 20, [objectives.BURNS[1]])
        self.assert_alerts(127)

    def test_a_few_bad_events_wake_nobody(self):
        ratio = objectives.errors("5m")
        all_bad = []
        for one in objectives.OBJECTIVES:
            # Nothing else happens; some more of them would wake somebody.
            for few, burns in ((one.least_bad - 1, []), (3 * one.least_bad, objectives.BURNS[:1])):
                namespace = self.play(one, EVENTS[one.slo][0], [0] * 9 + [1] + [0] * 5, burns, few)
                self.inputs[-2:] = [{**line, "values": self._only_bad(line, few)}
                                    for line in self.inputs[-2:]]
                all_bad.append({"labels": f'{ratio}{{namespace="{namespace}", slo="{one.slo}"}}',
                                "value": 1})
        self.assert_alerts(14, "30s", [{"expr": ratio, "eval_time": "14m", "exp_samples": all_bad}])

    @staticmethod
    def _only_bad(line, few):
        good = ("_bucket" in line["series"]
                or any(word in line["series"] for word in ('"OK"', '"200"', '"failed"')))
        return "0x20" if good else f"0x9 {few}x10"

    def test_the_budget_that_is_left(self):
        left = []
        for one in objectives.OBJECTIVES:
            namespace = self.play(one, EVENTS[one.slo][0], [one.budget / 4] * 60, [])
            left.append({"labels": f'{{namespace="{namespace}", slo="{one.slo}"}}', "value": 0.75})
        self.assert_alerts(50, also=[{"expr": f"round({objectives.LEFT}, 0.001)",
                                      "eval_time": "50m", "exp_samples": left}])


if __name__ == "__main__":
    suite.main()
