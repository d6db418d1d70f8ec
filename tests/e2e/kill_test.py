#!/usr/bin/env python3
"""Terraform, its provider, runners, the stacks service and all of them killed in the middle of an
apply, once each. slow/kill_test.py is the long form."""

import os
import pathlib
import random
import tempfile
import unittest

import kills
import suite
from emulator import missing

ROUNDS = len(kills.VICTIMS)


@unittest.skipIf(missing(), missing())
class KillTest(suite.MeshTestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="sk-")
        cls.addClassCleanup(folder.cleanup)
        cls.mesh, cls.emulator = kills.start(pathlib.Path(folder.name) / "moto.log")
        cls.addClassCleanup(cls.emulator.close)
        cls.addClassCleanup(cls.mesh.close)

    def test_nothing_is_lost_and_nothing_is_made_twice(self):
        seed = int(os.environ.get("STACKYARD_CHAOS_SEED") or random.SystemRandom().randrange(10**6))
        played = kills.play(self.mesh, self.emulator, seed, ROUNDS)
        self.assertGreaterEqual(played.counts["READY"] + played.counts["FAILED"], 3 * ROUNDS)


if __name__ == "__main__":
    suite.main()
