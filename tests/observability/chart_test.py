#!/usr/bin/env python3
"""What the chart makes of rules and dashboards, and whether it names what is scraped as they expect."""

import json
import os
import re
import shutil
import subprocess
import unittest

import definitions
import yaml

import suite
from mesh import ENVIRONMENT
from names import JOBS

HELM = shutil.which("helm", path=ENVIRONMENT["PATH"])
VALUES = definitions.CHART / "ci/production-values.yaml"
PARTS = ("gateway", "rest", "stacks", "quota", "runner")


def rendered():
    """Objects of the chart with all of its monitoring, by kind."""
    command = [HELM, "template", "rel", definitions.CHART, "--values", VALUES]
    for part in ("serviceMonitor", "rules", "dashboards"):
        command += ["--set", f"monitoring.{part}.enabled=true"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        raise AssertionError(done.stderr)
    found = {}
    for one in yaml.safe_load_all(done.stdout):
        if one:
            found.setdefault(one["kind"], []).append(one)
    return found


def job_of(endpoint, component):
    """What Prometheus calls a target, by the relabelings of a ServiceMonitor's endpoint."""
    job = component
    for rule in endpoint.get("relabelings", []):
        if rule.get("targetLabel") == "job":
            sources = rule.get("sourceLabels", [])
            known = {"__meta_kubernetes_service_label_app_kubernetes_io_component": component,
                     "__meta_kubernetes_pod_label_app_kubernetes_io_component": component,
                     "job": job}
            value = ";".join(known[source] for source in sources)
            job = rule["replacement"].replace("$1", value).replace("${1}", value)
    return job


@unittest.skipUnless(HELM, "helm is not built")
@unittest.skipUnless(os.path.exists(VALUES), "there is no chart yet")
class ChartTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.objects = rendered()

    def test_rules_are_carried_as_they_are(self):
        carried = [group for one in self.objects["PrometheusRule"] for group in one["spec"]["groups"]]
        written = [group for path in definitions.rule_files()
                   for group in yaml.safe_load(path.read_text())["groups"]]
        self.assertEqual(sorted(carried, key=lambda group: group["name"]),
                         sorted(written, key=lambda group: group["name"]))

    def test_dashboards_are_carried_as_they_are(self):
        carried = {name: json.loads(text) for one in self.objects["ConfigMap"]
                   for name, text in one.get("data", {}).items() if name.endswith(".json")}
        self.assertEqual({name: board for name, board in carried.items()
                          if name in definitions.dashboards()}, definitions.dashboards())

    def test_targets_are_called_as_rules_expect(self):
        ports = {}
        for one in self.objects["Service"]:
            component = one["metadata"]["labels"]["app.kubernetes.io/component"]
            for port in one["spec"]["ports"]:
                ports.setdefault(port["name"], set()).add(component)
        jobs = {job_of(endpoint, component)
                for monitor in self.objects["ServiceMonitor"]
                for endpoint in monitor["spec"]["endpoints"]
                for component in ports[endpoint["port"]]}
        self.assertEqual(jobs, {f"stackyard-{part}" for part in PARTS})
        for job in jobs:
            self.assertTrue(re.fullmatch(JOBS, job))


if __name__ == "__main__":
    suite.main()
