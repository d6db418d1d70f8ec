#!/usr/bin/env python3
"""A hundred rounds of ../separation_test.py. STACKYARD_CHAOS_SEED plays a seed again."""

import os
import pathlib
import random
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

# pylint: disable=wrong-import-position
import separation
import suite
from emulator import missing

ROUNDS = int(os.environ.get("STACKYARD_SEPARATION_ROUNDS") or 100)


@unittest.skipIf(missing(), missing())
class LongSeparationTest(unittest.TestCase):
    def test_neither_project_reaches_the_other(self):
        seed = int(os.environ.get("STACKYARD_CHAOS_SEED") or random.SystemRandom().randrange(10**6))
        print(f"seed {seed}")
        with tempfile.TemporaryDirectory(prefix="sp-") as folder:
            both = separation.Separation(pathlib.Path(folder))
            try:
                both.play(ROUNDS, seed)
            except BaseException:
                both.mesh.show_logs()
                raise
            finally:
                both.close()


if __name__ == "__main__":
    suite.main(longest_seconds=4 * 3600)
