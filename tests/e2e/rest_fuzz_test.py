#!/usr/bin/env python3
"""Everything that can be sent to the REST API wrongly gets a 4xx with a reason: never a 5xx, never
silence.

STACKYARD_FUZZ_EXAMPLES is how many requests are made up for each operation, STACKYARD_FUZZ_USERS as
whom, STACKYARD_FUZZ_PHASES how; slow/rest_fuzz_test.py sets more of all.
"""

import os
import tempfile
import unittest

import mesh
import rest_fuzz
import suite

EXAMPLES = int(os.environ.get("STACKYARD_FUZZ_EXAMPLES", "1"))
USERS = os.environ.get("STACKYARD_FUZZ_USERS", "ann").split(",")
PHASES = os.environ.get("STACKYARD_FUZZ_PHASES", "coverage")
LEAST = int(os.environ.get("STACKYARD_FUZZ_LEAST", "4000"))
SECONDS = int(os.environ.get("STACKYARD_FUZZ_SECONDS", "600"))


def setUpModule():
    global MESH
    # No runner: what is asked for waits, and no program of a made-up template is run.
    # Nor do limits end what is only tried: their tests are elsewhere.
    MESH = mesh.Mesh(runners=0, environment=mesh.UNLIMITED).start()
    MESH.rest("admin").post("/v1/projects?projectId=web", {})
    MESH.person("ann", web="dev")
    MESH.person("dave", everywhere="devops")


def tearDownModule():
    MESH.close()


@unittest.skipUnless(rest_fuzz.available(), "schemathesis is not installed: make setup in the dev profile")
class RestFuzzTest(suite.MeshTestCase):
    def test_every_call_as_several_people(self):
        print(f"    not tried, for docs/unbuilt.md: {' '.join(rest_fuzz.unbuilt()) or 'nothing'}")
        total = 0
        with tempfile.TemporaryDirectory() as folder:
            for user in USERS:
                who = None if user == "nobody" else user
                with self.subTest(user):
                    code, output = rest_fuzz.run(MESH, who, EXAMPLES, PHASES, folder, seconds=SECONDS)
                    total += rest_fuzz.cases(output)
                    self.assertEqual(code, 0, output[-20000:])
        print(f"    {total} requests")
        self.assertGreaterEqual(total, LEAST)
        for service in MESH.services.values():
            self.assertIsNone(service.process.poll(), f"{service.name} ended")

    def test_streams_that_are_asked_for_wrongly_end_at_once(self):
        paths = ["/v1/projects/web/stacks/none:watch", "/v1/operations/none:watch", "/v1/projects/none/events:watch",
                 "/v1/projects/web/stacks/none/runs/1:watch", "/v1/projects/web/stacks/none/runs/1:tailLog"]
        rest = MESH.rest("ann")
        for path, code, headers, data in rest_fuzz.malformed_streams(rest, paths):
            with self.subTest(path):
                self.assertIn(code, range(400, 500), data)
                self.assertEqual(headers["Content-Type"], "application/problem+json")
                self.assertIn(b'"reason"', data)


if __name__ == "__main__":
    suite.main(longest_seconds=3600)
