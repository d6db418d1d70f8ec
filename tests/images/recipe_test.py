#!/usr/bin/env python3
"""What scripts/images.sh refuses, before it has made anything. Needs neither root nor buildah."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

# pylint: disable=wrong-import-position
import suite
from mesh import ENVIRONMENT, ROOT

RECIPE = ROOT / "scripts/images.sh"
CONTAINERFILES = sorted((ROOT / "deploy/images").glob("*.Containerfile"))


class RefusalTest(unittest.TestCase):
    """One clear error that names the fault."""

    def refused(self, *arguments, says, recipe=RECIPE):
        done = subprocess.run([recipe, *arguments], env=ENVIRONMENT, capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(says, done.stderr)

    def test_flags_that_make_no_sense(self):
        for arguments, says in (
                (["nothing"], "there is no image nothing"),
                (["--fast"], "unknown flag --fast"),
                (["--prefix"], "--prefix lacks its value"),
                (["--bin", "/nowhere"], "--bin /nowhere holds no programs"),
                (["--mirror", "/nowhere"], "--mirror /nowhere is no folder"),
                (["--bin", "/usr/bin", "--compile"], "do not go together")):
            with self.subTest(arguments):
                self.refused(*arguments, says=says)

    def test_a_base_that_is_not_pinned(self):
        for base in ("debian", "debian:bookworm-slim", "debian:latest@sha256:12", "debian@sha1:" + "0" * 64):
            with self.subTest(base):
                self.refused("--base", base, says=f"--base {base} is not pinned")

    def test_a_tree_with_changes(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder, "copy")
            for name in ("scripts/images.sh", "scripts/lib.sh", "scripts/env.sh", "common/version.h"):
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, copy / name)
            for command in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@example.org",
                                                           "commit", "-q", "-m", "all"]):
                subprocess.run(["git", "-C", copy, *command], check=True)
            (copy / "more").write_text("not committed\n")
            programs = pathlib.Path(folder, "bin")
            programs.mkdir()
            (programs / "stackyard-stacks").write_text("#!/bin/sh\n")
            (programs / "stackyard-stacks").chmod(0o755)
            self.refused("--bin", programs, recipe=copy / "scripts/images.sh",
                         says="the tree has changes that are in no commit")


class ContainerfileTest(unittest.TestCase):
    """What every image has."""

    def test_there_is_one_for_each(self):
        names = {path.name.removesuffix(".Containerfile") for path in CONTAINERFILES}
        self.assertEqual(names, {"build", "gateway", "rest", "stacks", "quota", "runner", "cli"})

    def test_nobody_is_root_and_nothing_is_latest(self):
        for path in CONTAINERFILES:
            text = path.read_text()
            self.assertNotIn("latest", text, path.name)
            if path.name != "build.Containerfile":
                self.assertIn("\nFROM scratch\n", text, path.name)
                self.assertIn("\nUSER 65532:65532\n", text, path.name)


if __name__ == "__main__":
    suite.main()
