"""Runs the tests of a file; the last line is the sum that scripts/test.sh reads."""

import faulthandler
import sys
import time
import unittest

import clients

# A suite that hangs shows where, and ends.
LONGEST_SECONDS = 900


class Result(unittest.TextTestResult):
    passed = 0

    def startTest(self, test):
        self.began = time.monotonic()
        super().startTest(test)

    def addSuccess(self, test):
        self.passed += 1
        super().addSuccess(test)

    def stopTest(self, test):
        self.stream.writeln(f"    {time.monotonic() - self.began:.1f} s")
        super().stopTest(test)


class MeshTestCase(unittest.TestCase):
    """A test of the mesh in `self.mesh` or in the module's MESH: when it fails the logs are shown."""

    maxDiff = None

    def run(self, result=None):
        faults = len(result.failures) + len(result.errors)
        super().run(result)
        mesh = getattr(self, "mesh", None) or getattr(sys.modules[type(self).__module__], "MESH", None)
        if mesh and len(result.failures) + len(result.errors) > faults:
            mesh.show_logs()

    def refused(self, http, reason, call, *args, **kwargs):
        """Calls what must be refused with this HTTP status and reason, and answers the error."""
        with self.assertRaises(clients.ApiError) as caught:
            call(*args, **kwargs)
        error = caught.exception
        self.assertEqual((error.http, error.reason), (http, reason), error.body)
        return error


def main(longest_seconds=LONGEST_SECONDS):
    faulthandler.dump_traceback_later(longest_seconds, exit=True)
    names = sys.argv[1:]
    loader = unittest.TestLoader()
    module = sys.modules["__main__"]
    suite = loader.loadTestsFromNames(names, module) if names else loader.loadTestsFromModule(module)
    runner = unittest.TextTestRunner(sys.stdout, verbosity=2, resultclass=Result)
    result = runner.run(suite)
    for test, reason in result.skipped:
        print(f"skipped: {test}: {reason}")
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    print(f"{result.passed} passed, {failed} failed, {len(result.skipped)} skipped", flush=True)
    sys.exit(1 if failed else 0)
