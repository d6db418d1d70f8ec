#!/usr/bin/env python3
"""A hundred kills at random moments: the long form of ../kill_test.py. STACKYARD_CHAOS_SEED plays a
seed again, STACKYARD_KILL_ROUNDS says how many rounds."""

import os
import pathlib
import random
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

# pylint: disable=wrong-import-position
import kills
import suite
from emulator import missing

ROUNDS = int(os.environ.get("STACKYARD_KILL_ROUNDS") or 100)


@unittest.skipIf(missing(), missing())
class LongKillTest(unittest.TestCase):
    def test_nothing_is_lost_and_nothing_is_made_twice(self):
        seed = int(os.environ.get("STACKYARD_CHAOS_SEED") or random.SystemRandom().randrange(10**6))
        with tempfile.TemporaryDirectory(prefix="sk-") as folder:
            mesh, emulator = kills.start(pathlib.Path(folder) / "moto.log")
            try:
                played = kills.play(mesh, emulator, seed, ROUNDS)
                for victim in kills.VICTIMS:
                    self.assertGreater(played.counts[f"{victim}: hit"], ROUNDS // 20, played.counts)
            except BaseException:
                mesh.show_logs()
                raise
            finally:
                emulator.close()
                mesh.close()


if __name__ == "__main__":
    suite.main(longest_seconds=4 * 3600)
