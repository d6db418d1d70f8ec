#!/usr/bin/env python3
"""Services are killed at random while people work; afterwards the books are right. The short form;
slow/chaos_test.py is the long one. STACKYARD_CHAOS_SEED plays a seed again."""

import os
import random
import unittest

import chaos
import suite

STACKS = 48


class ChaosTest(unittest.TestCase):
    def test_nothing_leaks_and_nothing_happens_twice(self):
        seed = int(os.environ.get("STACKYARD_CHAOS_SEED") or random.SystemRandom().randrange(10**6))
        mesh = chaos.start_mesh()
        try:
            played, facts = chaos.play(mesh, seed, stacks=STACKS, calm=(0.05, 0.3))
            self.assertEqual(played.counts["create"], STACKS)
            for name in mesh.services:
                self.assertGreater(played.counts[f"kill {name}"], 0, "every service was killed")
            self.assertGreaterEqual(len(facts["stacks"]), STACKS * 0.8)
        except BaseException:
            mesh.show_logs()
            raise
        finally:
            mesh.close()


if __name__ == "__main__":
    suite.main()
