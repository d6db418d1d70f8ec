#!/usr/bin/env python3
"""Runbooks: one for each alert, each answers what matters, and what it says to type is there."""

import os
import re
import subprocess
import unittest

import definitions

import suite
from dashboards_test import documented_metrics
from mesh import BIN
from names import runbook_of
from promtool import faults

# What each runbook answers.
PARTS = ["## What it means", "## What users notice", "## How to look", "## What to do",
         "## How to know that it is over"]
# What Kubernetes tells of containers.
NOT_OURS = re.compile(r"up|container_\w+")
CLI = BIN / "stackyard"


class RunbooksTest(unittest.TestCase):
    def test_each_alert_has_one_and_each_one_an_alert(self):
        wanted = {f"{runbook_of(name)}.md" for name in definitions.alerts()}
        there = {path.name for path in definitions.RUNBOOKS.glob("*.md")} - {"README.md"}
        self.assertEqual(there, wanted)

    def test_each_answers_what_matters_at_night(self):
        for name, rules in definitions.alerts().items():
            text = (definitions.RUNBOOKS / f"{runbook_of(name)}.md").read_text()
            with self.subTest(alert=name):
                self.assertTrue(text.startswith(f"# {name}\n"))
                places = [text.find(f"\n{part}\n") for part in PARTS]
                self.assertNotIn(-1, places, PARTS)
                self.assertEqual(places, sorted(places))
                for severity in {rule["labels"]["severity"] for rule in rules}:
                    self.assertIn(f"`{severity}`", text.split(PARTS[0])[0])
                self.assertIn("```", text, "a command or a query to look with")

    def test_the_list_names_all(self):
        text = (definitions.RUNBOOKS / "README.md").read_text()
        linked = set(re.findall(r"\(([a-z-]+\.md)\)", text))
        self.assertEqual(linked, {path.name for path in definitions.RUNBOOKS.glob("*.md")}
                         - {"README.md"})

    def blocks(self, language):
        """(runbook, text) of code blocks."""
        for path in sorted(definitions.RUNBOOKS.glob("*.md")):
            for text in re.findall(rf"```{language}\n(.*?)```", path.read_text(), re.S):
                yield path.name, text

    def test_queries_are_valid_and_of_metrics_that_there_are(self):
        known = documented_metrics() | {rule["record"] for rule in definitions.rules()
                                        if "record" in rule}
        queries = [(name, line) for name, text in self.blocks("promql")
                   for line in text.splitlines()]
        # And those that tell when it is over.
        for path in definitions.RUNBOOKS.glob("*.md"):
            prose = re.sub(r"```.*?```", "", path.read_text(), flags=re.S)
            queries += [(path.name, query) for query in
                        re.findall(r"`([^`]*stackyard_[a-z_]+[^`]*)`", prose)]
        self.assertGreater(len(queries), 80)
        self.assertEqual(faults([query for _, query in queries]), "")
        for name, query in queries:
            with self.subTest(runbook=name, query=query):
                unknown = {metric for metric in definitions.metrics_of(query) - known
                           if not NOT_OURS.fullmatch(metric)}
                self.assertEqual(unknown, set())

    @unittest.skipUnless(os.access(CLI, os.X_OK), "the command line tool is not built")
    def test_commands_are_those_of_the_command_line_tool(self):
        commands = set()
        for path in definitions.RUNBOOKS.glob("*.md"):
            commands |= set(re.findall(r"\bstackyard((?: [a-z][a-z-]+)+)", re.sub(
                r"\s+", " ", path.read_text())))
        used = {command for command in commands if self.is_called(command)}
        self.assertGreater(len(used), 15)
        for command in sorted(used):
            with self.subTest(command=command):
                done = subprocess.run([CLI, *command.split(), "--help"], capture_output=True,
                                      text=True, check=False, timeout=30)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(f"Usage: stackyard{command} ", done.stdout)

    @staticmethod
    def is_called(command):
        """Whether a text means the tool: in code its name is followed by a command."""
        text = " ".join(re.findall(r"```console.*?```|`[^`]*`", "".join(
            path.read_text() for path in definitions.RUNBOOKS.glob("*.md")), re.S))
        return f"stackyard{command}" in text


if __name__ == "__main__":
    suite.main()
