#!/usr/bin/env python3
"""Drift: an object in an emulated S3 is changed behind Terraform's back. It is noticed by the clock of
the template's policy, shown, and brought back by one call."""

import json
import unittest

import bundles
import clients
import suite
from aws_test import CONTENT, PATIENCE
from emulator import Emulator, missing
from mesh import MIRROR, Mesh, eventually


@unittest.skipIf(missing(), missing())
class DriftTest(suite.MeshTestCase):
    def setUp(self):
        self.mesh = Mesh(runner_flags=[
            "--provider-mirror", MIRROR or "", "--no-provider-direct", "--pass-env",
            "AWS_ENDPOINT_URL,AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY,AWS_EC2_METADATA_DISABLED"])
        self.addCleanup(self.mesh.close)
        self.emulator = Emulator(self.mesh.dir / "log" / "moto.log")
        self.addCleanup(self.emulator.close)
        self.mesh.environment.update(
            AWS_ENDPOINT_URL=f"http://{self.emulator.address}", AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test", AWS_EC2_METADATA_DISABLED="true")
        self.mesh.start()
        self.admin = self.mesh.rest("admin")
        self.admin.timeout = PATIENCE + 60
        self.admin.post("/v1/projects?projectId=web", {})

    def stack(self):
        return self.admin.get("/v1/projects/web/stacks/settings")

    def found(self):
        return [e["message"] for e in self.admin.get("/v1/projects/web/events?pageSize=1000")["events"]
                if e["type"] == "stack.driftFound"]

    def test_drift_is_found_shown_and_repaired(self):
        files = bundles.read("json-object")
        watched = files["template.yaml"].replace("interval: 24h", "interval: 5s")
        self.assertNotEqual(watched, files["template.yaml"])
        bundles.published(self.admin, "json-object", "1",
                          bundles.pack({**files, "template.yaml": watched}))
        stack = self.admin.succeed(self.admin.post(
            "/v1/projects/web/stacks?stackId=settings",
            {"templateVersion": "templates/json-object/versions/1",
             "parameters": {"name": "settings", "content": CONTENT}}), PATIENCE)
        path = f"/{stack['outputs']['bucket']['value']}/{stack['outputs']['key']['value']}"

        # Nobody asks: the clock finds that nothing differs, and then that something does.
        clean = eventually(lambda: self.stack().get("drift"), "the stack is looked at", PATIENCE)
        self.assertEqual(clean["changes"], [])
        self.assertEqual(self.found(), [])
        self.assertEqual(self.emulator.call("PUT", path, b'{"hacked": true}', "s3").status, 200)
        drift = eventually(lambda: self.stack()["drift"]["changes"], "the change is seen", PATIENCE)
        changed = {one["address"]: one["action"] for one in drift}
        self.assertEqual(changed.get("aws_s3_object.this"), "UPDATE", drift)
        self.assertEqual(self.stack()["state"], "READY")
        self.assertEqual(len(self.found()), 1)
        self.assertIn("aws_s3_object.this", self.found()[0])

        # A check that was asked for may give way to the clock's own, or find it busy.
        def asked():
            done = self.mesh.cli("admin")("stacks", "drift", "settings", "--wait", timeout=PATIENCE)
            return done if done.code == 0 else None
        shown = eventually(asked, "a check of one's own", PATIENCE)
        self.assertIn("~ aws_s3_object.this", shown.out)

        repaired = self.admin.succeed(
            self.admin.post("/v1/projects/web/stacks/settings:repairDrift"), PATIENCE)
        self.assertEqual((repaired["state"], repaired["appliedRevision"]), ("READY", "2"))
        self.assertNotIn("drift", {k for k, v in repaired.items() if v})
        self.assertEqual(json.loads(self.emulator.call("GET", path, service="s3").text), CONTENT)
        eventually(lambda: (self.stack().get("drift") or {}).get("changes") == [],
                   "the next look finds nothing", PATIENCE)
        # Deleting does not wait for a look that goes on.
        self.admin.succeed(self.admin.delete("/v1/projects/web/stacks/settings"), PATIENCE)
        self.assertEqual(self.emulator.buckets(), [])
        with self.assertRaises(clients.ApiError):
            self.admin.post("/v1/projects/web/stacks/settings:checkDrift")


if __name__ == "__main__":
    suite.main()
