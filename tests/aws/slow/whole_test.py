#!/usr/bin/env python3
"""The tests of modules/environment, staging and production, with mocks; see ../modules_test.py."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "e2e"), str(HERE.parent)]
import modules_test
import suite


class WholeTest(modules_test.ModulesTest):
    whole = True


if __name__ == "__main__":
    suite.main(modules_test.LONGEST_SECONDS)
