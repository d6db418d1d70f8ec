#!/usr/bin/env python3
"""Hundreds of stacks while every service is killed at random: the long form of ../chaos_test.py.
STACKYARD_CHAOS_SEED plays a seed again, STACKYARD_CHAOS_STACKS says how many stacks."""

import os
import pathlib
import random
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

# pylint: disable=wrong-import-position
import chaos
import suite

STACKS = int(os.environ.get("STACKYARD_CHAOS_STACKS") or 240)


class LongChaosTest(unittest.TestCase):
    def test_nothing_leaks_and_nothing_happens_twice(self):
        seed = int(os.environ.get("STACKYARD_CHAOS_SEED") or random.SystemRandom().randrange(10**6))
        mesh = chaos.start_mesh()
        try:
            played, facts = chaos.play(mesh, seed, STACKS, calm=(0.5, 4))
            self.assertEqual(played.counts["create"], STACKS)
            for name in mesh.services:
                self.assertGreater(played.counts[f"kill {name}"], 1, "every service was killed")
            self.assertGreaterEqual(len(facts["stacks"]), STACKS * 0.9)
        except BaseException:
            mesh.show_logs()
            raise
        finally:
            mesh.close()


if __name__ == "__main__":
    suite.main(longest_seconds=3600)
