#!/usr/bin/env python3
"""5,000 resources and a log of 100 MB: the long form of ../runs_test.py."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
os.environ.setdefault("STACKYARD_RUNS_RESOURCES", "5000")
os.environ.setdefault("STACKYARD_RUNS_LOG_MB", "100")
os.environ.setdefault("STACKYARD_RUNS_LOG_LIMIT_MIB", "64")

# pylint: disable=wrong-import-position,unused-import
import runs_test
import suite
from runs_test import RunsTest, setUpModule, tearDownModule

if __name__ == "__main__":
    sys.modules["runs_test"] = runs_test
    suite.main(longest_seconds=3600)
