#!/usr/bin/env python3
"""The pipelines of .github/workflows: what they may do, what they call, and what of them runs here."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

# pylint: disable=wrong-import-position
import suite

FOLDER = ROOT / ".github/workflows"
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
# What a container without anything gets before the first `make`.
PREPARE = re.compile(r"apt-get (update|install) -|git config --global --add safe\.directory ")


def load(path):
    # YAML reads the word `on` as true.
    data = yaml.safe_load(path.read_text())
    data["on"] = data.pop(True)
    return data


WORKFLOWS = {path.name: load(path) for path in sorted(FOLDER.glob("*.yml"))}


def jobs():
    for name, workflow in WORKFLOWS.items():
        for job, body in workflow["jobs"].items():
            yield f"{name}: {job}", workflow, body


def steps():
    for where, _, job in jobs():
        for step in job.get("steps", []):
            yield where, job, step


def step_with(workflow, job, word):
    found = [s for s in WORKFLOWS[workflow]["jobs"][job]["steps"] if word in s.get("run", "")]
    assert len(found) == 1, found
    return found[0]


def run(step, folder, **environment):
    """A step as GitHub runs it: a script of bash that ends at the first fault."""
    return subprocess.run(["bash", "-eo", "pipefail", "-c", step["run"]], cwd=folder, check=False, text=True,
                          capture_output=True, env={"PATH": "/usr/bin:/bin", **environment})


class WorkflowsTest(unittest.TestCase):
    def test_there_are_those_of_the_readme(self):
        self.assertEqual(list(WORKFLOWS), ["checks.yml", "deploy.yml", "merge.yml", "nightly.yml",
                                           "promote.yml", "pull-request.yml"])

    def test_actionlint_is_content(self):
        done = subprocess.run([ROOT / "build/tools/bin/actionlint", "-no-color"], cwd=ROOT, check=False,
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_actions_are_pinned_to_a_commit_and_tell_their_version(self):
        count = 0
        for path in FOLDER.glob("*.yml"):
            for line in path.read_text().splitlines():
                if match := re.search(r"\buses: (.*)", line):
                    count += 1
                    if not match[1].startswith("./.github/workflows/"):
                        self.assertRegex(match[1], PINNED, path.name)
        self.assertGreater(count, 15)

    def test_one_version_of_each_action(self):
        versions = {}
        for _, _, step in steps():
            if "uses" in step:
                action, _, commit = step["uses"].partition("@")
                versions.setdefault(action, set()).add(commit)
        self.assertEqual([a for a, commits in versions.items() if len(commits) > 1], [])

    def test_rights_are_as_small_as_can_be(self):
        for name, workflow in WORKFLOWS.items():
            self.assertEqual(workflow.get("permissions"), {"contents": "read"}, name)
        for where, _, job in jobs():
            rights = job.get("permissions", {})
            self.assertLessEqual(set(rights), {"contents", "id-token", "actions"}, where)
            for right, value in rights.items():
                self.assertEqual(value, "write" if right == "id-token" else "read", where)
            asks_aws = any("configure-aws-credentials" in step.get("uses", "") for step in job.get("steps", []))
            calls_deploy = job.get("uses", "").endswith("/deploy.yml")
            self.assertEqual("id-token" in rights, asks_aws or calls_deploy, where)

    def test_there_are_no_secrets_to_lose(self):
        for path in FOLDER.glob("*.yml"):
            self.assertNotIn("secrets.", path.read_text(), path.name)
            self.assertNotIn("secrets: inherit", path.read_text(), path.name)
            self.assertNotIn("pull_request_target", path.read_text(), path.name)
        for where, _, step in steps():
            if step.get("uses", "").startswith("actions/checkout@"):
                self.assertIs(step["with"]["persist-credentials"], False, where)

    def test_nothing_from_outside_is_put_into_a_script(self):
        for where, _, step in steps():
            self.assertNotIn("${{", step.get("run", ""), where)

    def test_jobs_end_and_take_turns(self):
        for where, workflow, job in jobs():
            if "uses" not in job:
                self.assertLessEqual(job.get("timeout-minutes", 999), 350, where)
            if "workflow_call" not in workflow["on"]:
                self.assertIn("group", workflow["concurrency"], where)
        deploy = WORKFLOWS["deploy.yml"]["jobs"]["deploy"]
        self.assertEqual(deploy["concurrency"]["cancel-in-progress"], False)
        self.assertEqual(deploy["environment"], "${{ inputs.environment }}")

    def test_jobs_call_make_and_little_else(self):
        targets = set(re.findall(r"^([a-z][a-z-]*):", subprocess.run(
            ["make", "-C", ROOT, "-pRrq", "help"], check=False, capture_output=True, text=True).stdout, re.M))
        called = set()
        for where, _, step in steps():
            for line in step.get("run", "").splitlines():
                if match := re.match(r"make (?:--silent )?([a-z-]+)", line):
                    called.add(match[1])
                elif not re.match(r"jq -er |test \"\$RESULT\"", line):
                    self.assertRegex(line, PREPARE, where)
        self.assertEqual(called, {"changed-parts", "check", "deploy-test", "security-scan", "push", "release",
                                  "test-slow", "drift"})
        self.assertEqual(called - targets, set())

    def test_images_are_built_in_one_place(self):
        builders = [where for where, _, step in steps() if step.get("run", "").startswith("make push")]
        self.assertEqual(builders, ["merge.yml: images"])
        for workflow, job in (("merge.yml", "staging"), ("promote.yml", "production")):
            self.assertEqual(WORKFLOWS[workflow]["jobs"][job]["uses"], "./.github/workflows/deploy.yml")

    # ---- What runs here too ------------------------------------------------------------------

    def test_the_parts_of_a_change_are_found(self):
        step = step_with("checks.yml", "changes", "changed-parts")
        with tempfile.TemporaryDirectory() as folder:
            output = pathlib.Path(folder, "output")
            done = run(step, ROOT, BASE="HEAD", GITHUB_OUTPUT=str(output))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(output.read_text(), "product=false\ndeploy=false\n")

    def test_the_gate_opens_for_success_alone(self):
        step = step_with("pull-request.yml", "gate", "RESULT")
        self.assertEqual(run(step, ROOT, RESULT="success").returncode, 0)
        for result in ("failure", "cancelled", "skipped", ""):
            self.assertNotEqual(run(step, ROOT, RESULT=result).returncode, 0, result)

    def test_the_commit_of_a_release_is_read(self):
        step = step_with("deploy.yml", "deploy", "jq -er")
        commit = "0123456789abcdef0123456789abcdef01234567"
        for value, wanted in ((commit, f"commit={commit}\n"), ("main", None), (f"{commit}\nx=y", None)):
            with tempfile.TemporaryDirectory() as folder:
                pathlib.Path(folder, "release.json").write_text(json.dumps({"commit": value}))
                output = pathlib.Path(folder, "output")
                done = run(step, ROOT, FOLDER=folder, GITHUB_OUTPUT=str(output))
                self.assertEqual(done.returncode == 0, wanted is not None, done.stderr)
                if wanted:
                    self.assertEqual(output.read_text(), wanted)


if __name__ == "__main__":
    suite.main()
