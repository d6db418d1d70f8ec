#!/usr/bin/env python3
"""What docs/deploy.md and docs/gitops.md tell people to type is there: scripts, make targets, commands and
values; and so are the pages that they lead to."""

import os
import pathlib
import re
import subprocess
import sys
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

# pylint: disable=wrong-import-position
import suite
from mesh import BIN

PAGES = {name: (ROOT / "docs" / name).read_text() for name in ("deploy.md", "gitops.md")}
WORKFLOWS = "\n".join(path.read_text() for path in (ROOT / ".github/workflows").glob("*.yml"))


def code(text):
    """What stands in code: indented blocks, and between backticks."""
    return [line for line in text.splitlines() if re.match(r" {4,}\S", line)] + re.findall(r"`([^`]+)`", text)


class DocsTest(unittest.TestCase):
    def test_scripts_are_there(self):
        found = {match for text in PAGES.values() for match in re.findall(r"\bscripts/[a-z_-]+\.(?:sh|py)", text)}
        self.assertGreaterEqual(len(found), 6)
        # What a shell takes in by a dot is not run.
        found.remove("scripts/env.sh")
        self.assertTrue((ROOT / "scripts/env.sh").is_file())
        self.assertEqual([path for path in sorted(found) if not os.access(ROOT / path, os.X_OK)], [])

    def test_files_are_there(self):
        for name, text in PAGES.items():
            for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
                self.assertTrue((ROOT / "docs" / link).exists(), f"{name}: {link}")

    def test_targets_are_there(self):
        known = subprocess.run(["make", "-C", ROOT, "help"], check=True, capture_output=True, text=True).stdout
        found = {match for text in PAGES.values() for line in code(text)
                 for match in re.findall(r"(?:^|[ ;|(])make ([a-z-]+)", line) if not line.startswith("    # ")}
        self.assertGreaterEqual(len(found), 8)
        self.assertEqual([name for name in sorted(found) if not re.search(rf"^  {name} ", known, re.M)], [])

    def test_commands_are_there(self):
        found = {match for text in PAGES.values() for line in code(text)
                 for match in re.findall(r"(?:^|[ |])stackyard ([a-z][a-z-]*(?: [a-z][a-z-]*)?)\b", line)
                 if not re.search(r"(helm|template|wait|upgrade|rollback|history|test) stackyard", line)}
        self.assertGreaterEqual(len(found), 6)
        for command in sorted(found):
            done = subprocess.run([BIN / "stackyard", *command.split(), "--help"], check=False,
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, command)

    def test_values_are_there(self):
        values = yaml.safe_load((ROOT / "helm/stackyard/values.yaml").read_text())
        values["stacks"].setdefault("extraArgs", [])
        for path in ("runner.drainSeconds", "stacks.extraArgs", "mutualTLS.source"):
            self.assertIn(f"`{path}", PAGES["deploy.md"])
            place = values
            for part in path.split("."):
                self.assertIn(part, place)
                place = place[part]

    def test_variables_of_pipelines_are_told(self):
        used = set(re.findall(r"\$\{\{ vars\.([A-Z_]+) \}\}", WORKFLOWS))
        self.assertGreaterEqual(len(used), 5)
        self.assertEqual([name for name in sorted(used) if f"`{name}`" not in PAGES["deploy.md"]], [])


if __name__ == "__main__":
    suite.main()
