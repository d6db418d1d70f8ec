#!/usr/bin/env python3
"""What kube-score and checkov say of the rendered chart: nothing, but for what is done on purpose."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

# pylint: disable=wrong-import-position
import helm
import suite

NO_CPU_LIMIT = "a limit of CPU slows down where nobody else wants it; requests are each one's own share"
NEVER_MOVES = "tags are commit ids, which never move, so what a node has is right"

# Of kube-score, by the id of the check.
SCORE = {
    "container-image-pull-policy": NEVER_MOVES,
    "deployment-has-host-podantiaffinity": "topology spread constraints do it, by zone and by node",
    "statefulset-has-host-podantiaffinity": "the bundled PostgreSQL is one pod",
    "statefulset-has-poddisruptionbudget": "the bundled PostgreSQL is one pod",
}
# The same where a variant means to.
SCORE_OF = {
    "trial": {"deployment-replicas": "one replica of each, on a volume of one node",
              "deployment-strategy": "a volume of one node is let go of before the next pod takes it",
              "container-security-context-user-group-id": "999 is the user of the images of PostgreSQL"},
    "production": {"deployment-replicas": "runners are as many as KEDA wants"},
    "restricted": {"horizontalpodautoscaler-replicas": "one runner is enough where nothing waits"},
    "runners": {"deployment-replicas": "runners are cattle"},
}
# Of checkov.
CHECKOV = {
    "CKV_K8S_11": NO_CPU_LIMIT,
    "CKV_K8S_15": NEVER_MOVES,
    "CKV_K8S_35": "a database's URL comes by the environment: /configs and the log show it without password",
    "CKV_K8S_43": "image.digests gives them where they are known; tags never move",
}
CHECKOV_OF = {
    "trial": {"CKV_K8S_40": "999 is the user of the images of PostgreSQL"},
}
CHECKOV_BY_POD = {
    "CKV_K8S_31": ("-runner", "its profile lets a sandbox be made: see README.md"),
    "CKV_K8S_38": ("-secrets", "the job makes Secrets by the API"),
}


class ScoreTest(unittest.TestCase):
    @staticmethod
    def faults(text, ignored=()):
        ignore = [argument for name in ignored for argument in ("--ignore-test", name)]
        result = subprocess.run(
            [helm.tool("kube-score"), "score", "--output-format", "json", "--ignore-container-cpu-limit",
             *ignore, "-"], input=text, capture_output=True, text=True, check=False)
        return [(found["object_name"], check["check"]["id"], comment["summary"])
                for found in json.loads(result.stdout) for check in found["checks"]
                if not check["skipped"] and check["grade"] < 10 for comment in check["comments"] or [{"summary": ""}]]

    @unittest.skipIf(helm.missing("helm", "kube-score"), "kube-score is not set up here")
    def test_kube_score(self):
        for name in helm.VARIANTS:
            with self.subTest(name):
                self.assertEqual(self.faults(helm.rendered(helm.variant(name)),
                                             {**SCORE, **SCORE_OF.get(name, {})}), [])

    @unittest.skipIf(helm.missing("helm", "kube-score"), "kube-score is not set up here")
    def test_kube_score_finds_faults(self):
        text = helm.rendered(helm.variant("trial")).replace("readOnlyRootFilesystem: true", "privileged: true")
        self.assertIn("container-security-context-privileged",
                      {check for _, check, _ in self.faults(text, SCORE)})

    @unittest.skipIf(helm.missing("helm", "checkov"), "checkov is not set up here")
    def test_checkov(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in helm.VARIANTS:
                (pathlib.Path(folder) / f"{name}.yaml").write_text(helm.rendered(helm.variant(name)))
            result = subprocess.run(
                [helm.tool("checkov"), "--framework", "kubernetes", "--skip-download", "--quiet", "--compact",
                 "--output", "json", "--directory", folder], capture_output=True, text=True, check=False)
        report = json.loads(result.stdout)
        self.assertGreater(report["summary"]["passed"], 500, result.stderr)
        left = []
        for fault in report["results"]["failed_checks"]:
            variant = pathlib.Path(fault["file_path"]).stem
            by_pod = CHECKOV_BY_POD.get(fault["check_id"])
            if fault["check_id"] in {**CHECKOV, **CHECKOV_OF.get(variant, {})}:
                continue
            if by_pod and by_pod[0] in fault["resource"]:
                continue
            left.append((variant, fault["check_id"], fault["check_name"], fault["resource"]))
        self.assertEqual(left, [])


if __name__ == "__main__":
    suite.main()
