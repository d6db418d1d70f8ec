#!/usr/bin/env python3
"""The template eks-cluster through the whole mesh, against an emulator of AWS: made, counted, planned
anew and taken away, with a kubeconfig that names what the emulator's own API shows."""

import json
import unittest

import bundles
import suite
from emulator import Emulator, missing
from mesh import MIRROR, Mesh, eventually

# The AWS provider takes long to start on a busy machine.
PATIENCE = 300
METRICS = ("clusters", "nodes", "vcpu", "volume_gib")


@unittest.skipIf(missing(), missing())
class EksTest(suite.MeshTestCase):
    @classmethod
    def setUpClass(cls):
        cls.mesh = Mesh(runner_flags=[
            "--provider-mirror", MIRROR or "", "--no-provider-direct", "--pass-env",
            "AWS_ENDPOINT_URL,AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY,AWS_EC2_METADATA_DISABLED"])
        cls.emulator = Emulator(cls.mesh.dir / "log" / "moto.log")
        cls.addClassCleanup(cls.emulator.close)
        cls.mesh.environment.update(
            AWS_ENDPOINT_URL=cls.emulator.url, AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test", AWS_EC2_METADATA_DISABLED="true")
        cls.mesh.start()
        cls.addClassCleanup(cls.mesh.close)
        cls.admin = cls.mesh.rest("admin")
        # A call may wait for a whole run of the provider.
        cls.admin.timeout = PATIENCE + 60
        cls.admin.post("/v1/projects?projectId=web", {})
        cls.mesh.person("dave", web="devops")
        bundle = bundles.pack(bundles.read("eks-cluster"))
        cls.admin.succeed(bundles.publish(cls.admin, "eks-cluster", "1", bundle), PATIENCE)

    def eks(self, path):
        answer = self.emulator.call("GET", path, service="eks")
        return answer.status, json.loads(answer.text)

    def usage(self):
        lines = self.admin.get("/v1/projects/web/quota/usage")["usage"]
        committed = {line["metric"]: int(line["committed"]) for line in lines}
        return [committed[metric] for metric in METRICS]

    def review(self, revision):
        """Waits for the review of a revision and answers the request."""
        def probe():
            found = self.admin.get("/v1/projects/web/stacks/shop")
            if found["state"] == "FAILED" or found["stateDetail"].get("error"):
                raise AssertionError(json.dumps(found["stateDetail"]))
            return found["state"] == "AWAITING_APPROVAL" and found["changeRequest"]
        name = eventually(probe, "the cluster waits for review", PATIENCE)
        request = self.admin.get(f"/v1/{name}")
        self.assertTrue(request["revision"].endswith(f"/revisions/{revision}"), request)
        return request

    def amounts(self, request):
        price = {a["metric"]: int(a["value"]) for a in request["amounts"]}
        return [price[metric] for metric in METRICS]

    def test_eks_cluster(self):
        operation = self.admin.post(
            "/v1/projects/web/stacks?stackId=shop",
            {"templateVersion": "templates/eks-cluster/versions/1",
             "parameters": {"name": "shop", "instance_type": "t3.large", "desired_capacity": 3,
                            "volume_size": 30, "kubernetes_version": "1.33"}})
        request = self.review(1)
        self.assertEqual(self.amounts(request), [1, 3, 6, 90])
        plan = self.admin.get(f"/v1/{request['revision']}")["plan"]
        # The control plane at 100000 millionths; three nodes at 83200; 90 GiB at 110.
        self.assertEqual((plan["estimatedMicrosPerHour"], plan["currency"]), ("359500", "USD"))

        dave = self.mesh.rest("dave")
        dave.post(f"/v1/{request['name']}:approve", {"planDigest": request["planDigest"]})
        stack = self.admin.succeed(operation, PATIENCE)
        outputs = {name: output.get("value") for name, output in stack["outputs"].items()}
        cluster = self.eks("/clusters/shop")[1]["cluster"]
        self.assertEqual((cluster["version"], cluster["tags"]["stackyard:stack-uid"]),
                         ("1.33", stack["uid"]))
        self.assertEqual(len(cluster["resourcesVpcConfig"]["subnetIds"]), 2)
        self.assertEqual(outputs["endpoint"], cluster["endpoint"])
        [group] = self.eks("/clusters/shop/node-groups")[1]["nodegroups"]
        nodes = self.eks(f"/clusters/shop/node-groups/{group}")[1]["nodegroup"]
        self.assertEqual((nodes["instanceTypes"], nodes["scalingConfig"]["maxSize"]), (["t3.large"], 3))
        self.assertEqual(outputs["node_role_arn"], nodes["nodeRole"])
        for expected in (cluster["endpoint"], cluster["certificateAuthority"]["data"], "get-token"):
            self.assertIn(expected, outputs["kubeconfig"])
        version = self.admin.get("/v1/templates/eks-cluster/versions/1")
        self.assertEqual(version["files"], [{"filename": "kubeconfig", "output": "kubeconfig"}])
        eventually(lambda: self.usage() == [1, 3, 6, 90], self.usage)

        # Nothing but the size is planned: the cluster and its nodes stay. The emulator knows no
        # updates of EKS, so that this is as far as it goes.
        self.admin.patch("/v1/projects/web/stacks/shop?updateMask=parameters.desired_capacity",
                         {"parameters": {"desired_capacity": 2}})
        request = self.review(2)
        self.assertEqual(self.amounts(request), [1, 2, 4, 60])
        changes = {c["address"]: c["action"] for c in
                   self.admin.get(f"/v1/{request['revision']}")["plan"]["changes"]}
        self.assertEqual(changes, {"aws_eks_node_group.this": "UPDATE", "terraform_data.node[2]": "DELETE"})
        dave.post(f"/v1/{request['name']}:reject", {"reason": "three it is"})

        self.admin.succeed(self.admin.delete(f"/v1/{stack['name']}"), PATIENCE)
        self.assertEqual(self.eks("/clusters/shop")[0], 404)
        vpcs = [v.findtext("vpcId") for v in self.emulator.ec2("DescribeVpcs").iter("item")]
        self.assertNotIn(outputs["vpc_id"], vpcs)
        eventually(lambda: self.usage() == [0, 0, 0, 0], self.usage)


if __name__ == "__main__":
    suite.main()
