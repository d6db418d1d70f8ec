#!/usr/bin/env python3
"""Every REST call with all checks, made-up bodies and chains of calls: the long form of
../rest_fuzz_test.py."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
os.environ.setdefault("STACKYARD_FUZZ_EXAMPLES", "20")
os.environ.setdefault("STACKYARD_FUZZ_USERS", "nobody,ann,dave,admin")
os.environ.setdefault("STACKYARD_FUZZ_PHASES", "examples,coverage,fuzzing,stateful")
os.environ.setdefault("STACKYARD_FUZZ_LEAST", "20000")
os.environ.setdefault("STACKYARD_FUZZ_SECONDS", "2400")

# pylint: disable=wrong-import-position,unused-import
import rest_fuzz_test
import suite
from rest_fuzz_test import RestFuzzTest, setUpModule, tearDownModule

if __name__ == "__main__":
    sys.modules["rest_fuzz_test"] = rest_fuzz_test
    suite.main(longest_seconds=10000)
