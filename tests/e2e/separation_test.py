#!/usr/bin/env python3
"""Runs of two projects side by side reach their own endpoint alone. slow/separation_test.py is the long
form."""

import os
import pathlib
import random
import tempfile
import unittest

import separation
import suite
from emulator import missing

ROUNDS = 5


@unittest.skipIf(missing(), missing())
class SeparationTest(suite.MeshTestCase):
    def test_neither_project_reaches_the_other(self):
        seed = int(os.environ.get("STACKYARD_CHAOS_SEED") or random.SystemRandom().randrange(10**6))
        print(f"seed {seed}")
        with tempfile.TemporaryDirectory(prefix="sp-") as folder:
            both = separation.Separation(pathlib.Path(folder))
            self.mesh = both.mesh
            self.addCleanup(both.close)
            both.play(ROUNDS, seed)


if __name__ == "__main__":
    suite.main()
