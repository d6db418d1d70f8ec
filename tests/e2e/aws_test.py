#!/usr/bin/env python3
"""The AWS templates of the catalogue, through the whole mesh, against an emulator of AWS: what
Stackyard says it made must be what the emulator's own API shows."""

import json
import unittest

import bundles
import suite
from emulator import Emulator, missing
from mesh import MIRROR, Mesh, eventually

# The AWS provider takes long to start on a busy machine.
PATIENCE = 300
CONTENT = {"debug": True, "hosts": ["a", "b"]}


@unittest.skipIf(missing(), missing())
class AwsTest(suite.MeshTestCase):
    @classmethod
    def setUpClass(cls):
        cls.mesh = Mesh(runner_flags=[
            "--provider-mirror", MIRROR or "", "--no-provider-direct", "--pass-env",
            "AWS_ENDPOINT_URL,AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY,AWS_EC2_METADATA_DISABLED"])
        cls.emulator = Emulator(cls.mesh.dir / "log" / "moto.log")
        cls.addClassCleanup(cls.emulator.close)
        cls.mesh.environment.update(
            AWS_ENDPOINT_URL=f"http://{cls.emulator.address}", AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test", AWS_EC2_METADATA_DISABLED="true")
        cls.mesh.start()
        cls.addClassCleanup(cls.mesh.close)
        cls.admin = cls.mesh.rest("admin")
        # A call may wait for a whole run of the provider.
        cls.admin.timeout = PATIENCE + 60
        cls.admin.post("/v1/projects?projectId=web", {})
        cls.mesh.person("dave", web="devops")
        # The provider is slow to start, so both templates are under way at the same time.
        published = [bundles.publish(cls.admin, name, "1", bundles.pack(bundles.read(name)))
                     for name in ("compute-instance", "json-object")]
        for operation in published:
            cls.admin.succeed(operation, PATIENCE)
        cls.box = cls.create("box", "compute-instance",
                             {"name": "box", "instance_type": "t3.small", "volume_size": 20})
        cls.settings = cls.create("settings", "json-object", {"name": "settings", "content": CONTENT})

    @classmethod
    def create(cls, name, template, parameters):
        return cls.admin.post(f"/v1/projects/web/stacks?stackId={name}",
                              {"templateVersion": f"templates/{template}/versions/1",
                               "parameters": parameters})

    def usage(self, *metrics):
        lines = self.admin.get("/v1/projects/web/quota/usage")["usage"]
        committed = {line["metric"]: int(line["committed"]) for line in lines}
        return [committed[metric] for metric in metrics]

    def review(self, stack):
        """Waits for the change request of a stack."""
        def probe():
            found = self.admin.get(f"/v1/projects/web/stacks/{stack}")
            if found["state"] == "FAILED":
                raise AssertionError(json.dumps(found["stateDetail"]))
            return found["state"] == "AWAITING_APPROVAL" and found["changeRequest"]
        name = eventually(probe, f"{stack} waits for review", PATIENCE)
        return self.admin.get(f"/v1/{name}")

    def approve(self, request):
        self.mesh.rest("dave").post(f"/v1/{request['name']}:approve",
                                    {"planDigest": request["planDigest"]})

    def test_compute_instance(self):
        request = self.review("box")
        price = {a["metric"]: int(a["value"]) for a in request["amounts"]}
        self.assertEqual(price, {"instances": 1, "vcpu": 2, "volume_gib": 20, "stacks": 1})
        plan = self.admin.get(f"/v1/{request['revision']}")["plan"]
        # t3.small: two vCPU at 10400 millionths; 20 GiB at 110.
        self.assertEqual((plan["estimatedMicrosPerHour"], plan["currency"]), ("23000", "USD"))
        self.assertEqual(self.emulator.instances(), {})

        self.approve(request)
        stack = self.admin.succeed(self.box, PATIENCE)
        outputs = {name: output.get("value") for name, output in stack["outputs"].items()}
        made = self.emulator.instances()
        self.assertEqual(list(made), [outputs["instance_id"]])
        instance = made[outputs["instance_id"]]
        self.assertEqual(instance.findtext("instanceType"), "t3.small")
        self.assertEqual(instance.findtext("vpcId"), outputs["vpc_id"])
        self.assertEqual(instance.findtext("privateIpAddress"), outputs["private_ip"])
        tags = {item.findtext("key"): item.findtext("value") for item in instance.iter("item")
                if item.findtext("key")}
        self.assertEqual(tags["stackyard:stack-uid"], stack["uid"])
        metrics = ("instances", "vcpu", "volume_gib")
        eventually(lambda: self.usage(*metrics) == [1, 2, 20], "usage is what the state holds")

        self.admin.succeed(self.admin.delete(f"/v1/{stack['name']}"), PATIENCE)
        self.assertEqual(self.emulator.instances(), {})
        vpcs = [v.findtext("vpcId") for v in self.emulator.ec2("DescribeVpcs").iter("item")]
        self.assertNotIn(outputs["vpc_id"], vpcs)
        eventually(lambda: self.usage(*metrics) == [0, 0, 0], "the quota is free")

    def test_json_object(self):
        stack = self.admin.succeed(self.settings, PATIENCE)
        outputs = {name: output.get("value") for name, output in stack["outputs"].items()}
        self.assertEqual(self.emulator.buckets(), [outputs["bucket"]])
        path = f"/{outputs['bucket']}/{outputs['key']}"
        self.assertEqual(json.loads(self.emulator.call("GET", path, service="s3").text), CONTENT)
        eventually(lambda: self.usage("buckets", "objects") == [1, 1], "usage is what the state holds")

        self.admin.succeed(self.admin.delete(f"/v1/{stack['name']}"), PATIENCE)
        self.assertEqual(self.emulator.buckets(), [])
        eventually(lambda: self.usage("buckets", "objects") == [0, 0], "the quota is free")


if __name__ == "__main__":
    suite.main()
