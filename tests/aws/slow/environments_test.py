#!/usr/bin/env python3
"""The whole of terraform/ against an emulator of AWS, by the scripts that people use: the state bucket
makes itself and moves its own state into it; then what environments share, and staging and production:
made, planned anew without a change, and taken away. Nothing is left out, and no difference is let pass.

The tests are one story and run in the order of their names."""

import base64
import json
import pathlib
import shutil
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "e2e"), str(HERE.parents[1] / "k8s"), str(HERE.parent)]
import control_plane
import suite
from checkout import ACCOUNT, REGION, Checkout, missing
from emulator import Emulator

BUCKET = f"stackyard-tfstate-{ACCOUNT}-{REGION}"
ADMIN = f"arn:aws:iam::{ACCOUNT}:role/platform-admin"
SERVICES = ("gateway", "stacks", "quota")
IMAGES = (*SERVICES, "rest", "runner", "cli")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
LONGEST_SECONDS = 3600

# The control plane knows what the chart makes; where secrets come from is the cluster's own.
SECRET_STORES = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": "clustersecretstores.external-secrets.io"},
    "spec": {"group": "external-secrets.io", "scope": "Cluster",
             "names": {"kind": "ClusterSecretStore", "plural": "clustersecretstores"},
             "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                 "type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]}}


@unittest.skipIf(missing(), missing())
class EnvironmentsTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.dir = pathlib.Path(tempfile.mkdtemp(prefix="stackyard-aws-"))
        cls.addClassCleanup(shutil.rmtree, cls.dir, ignore_errors=True)
        cls.emulator = Emulator(cls.dir / "moto.log", program=HERE.parent / "moto_with_eks.py")
        cls.addClassCleanup(cls.emulator.close)
        cls.checkout = Checkout(cls.dir, cls.emulator.url)
        zone = cls.checkout.aws("route53", "create-hosted-zone", "--name", "example.com",
                                "--caller-reference", "test", "--query", "HostedZone.Id")
        cls.zone = zone.rpartition("/")[2]

    @classmethod
    def tearDownClass(cls):
        for what, seconds in cls.checkout.times:
            if seconds > 5:
                print(f"    {seconds:6.1f} s  {what}")

    # ---- Helpers ----------------------------------------------------------------------------

    def settings(self, layer, **more):
        values = {"domain": f"{layer}.example.com", "zone_id": self.zone,
                  "admin_role_arns": {"platform": ADMIN}, "alarm_emails": ["platform@example.com"],
                  "public_access_cidrs": ["203.0.113.0/24"], **more}
        self.checkout.write(f"terraform/{layer}/terraform.tfvars.json", json.dumps(values))

    def apply(self, layer):
        return self.checkout.terraform(layer, "apply", "-auto-approve", "-no-color")

    def assert_planned_clean(self, layer):
        answer = self.checkout.try_run("scripts/tf.sh", layer, "plan", "-no-color", "-detailed-exitcode")
        self.assertEqual(answer.returncode, 0, answer.stdout[-6000:] + answer.stderr[-3000:])
        self.assertIn("No changes.", answer.stdout)

    def secret(self, name):
        return self.checkout.aws("secretsmanager", "get-secret-value", "--secret-id", name,
                                 "--query", "SecretString")

    def left(self):
        """What there is in the account that costs money, or holds data."""
        aws = self.checkout.aws
        return {
            "clusters": aws("eks", "list-clusters", "--query", "clusters"),
            "databases": aws("rds", "describe-db-instances", "--query", "DBInstances[].DBInstanceIdentifier"),
            "networks": aws("ec2", "describe-vpcs", "--filters", "Name=tag:application,Values=stackyard",
                            "--query", "Vpcs[].VpcId"),
            "nats": aws("ec2", "describe-nat-gateways", "--filter", "Name=state,Values=available",
                        "--query", "NatGateways[].NatGatewayId"),
            "buckets": [b for b in aws("s3api", "list-buckets", "--query", "Buckets[].Name").split()
                        if b != BUCKET],
            "secrets": aws("secretsmanager", "list-secrets", "--query", "SecretList[].Name"),
        }

    def destroy(self, layer):
        return self.checkout.terraform(layer, "destroy", "-auto-approve", "-no-color")

    # ---- The state bucket -------------------------------------------------------------------

    def test_10_bootstrap_makes_its_own_bucket(self):
        told = self.checkout.run("scripts/bootstrap.sh", "-auto-approve", "-no-color")
        self.assertIn("the first start", told)
        state = json.loads(self.checkout.run(
            "aws", "s3", "cp", f"s3://{BUCKET}/bootstrap/terraform.tfstate", "-"))
        self.assertIn("aws_s3_bucket", {r["type"] for r in state["resources"]})
        folder = self.checkout.root / "terraform/bootstrap"
        self.assertEqual([p.name for p in folder.iterdir() if "tfstate" in p.name or "override" in p.name], [])
        told = self.checkout.run("scripts/bootstrap.sh", "-auto-approve", "-no-color")
        self.assertIn("No changes.", told)
        self.assertNotIn("the first start", told)

    def test_11_bootstrap_goes_on_after_an_interruption(self):
        # As it is when the machine is switched off between the apply and the move.
        folder = self.checkout.root / "terraform/bootstrap"
        state = self.checkout.terraform("bootstrap", "state", "pull")
        self.checkout.aws("s3", "rm", f"s3://{BUCKET}/bootstrap/terraform.tfstate")
        (folder / "terraform.tfstate").write_text(state)
        told = self.checkout.run("scripts/bootstrap.sh", "-auto-approve", "-no-color")
        self.assertIn("No changes.", told)
        self.assertFalse((folder / "terraform.tfstate").exists())
        self.assertEqual(self.checkout.terraform("bootstrap", "output", "-raw", "bucket"), BUCKET)

    def test_12_bootstrap_does_not_make_twice_what_it_cannot_see(self):
        state = self.checkout.terraform("bootstrap", "state", "pull")
        self.checkout.aws("s3", "rm", f"s3://{BUCKET}/bootstrap/terraform.tfstate")
        answer = self.checkout.try_run("scripts/bootstrap.sh", "-auto-approve")
        self.assertNotEqual(answer.returncode, 0)
        self.assertIn("holds no state of terraform/bootstrap", answer.stderr)
        (self.dir / "state").write_text(state)
        self.checkout.aws("s3", "cp", str(self.dir / "state"), f"s3://{BUCKET}/bootstrap/terraform.tfstate")

    # ---- What environments share ------------------------------------------------------------

    def test_20_global(self):
        self.checkout.write("terraform/global/terraform.tfvars.json",
                            json.dumps({"github_repository": "example/stackyard"}))
        self.apply("global")
        self.assert_planned_clean("global")
        roles = json.loads(self.checkout.terraform("global", "output", "-json", "github_role_arns"))
        self.assertEqual(roles["staging"], f"arn:aws:iam::{ACCOUNT}:role/stackyard-github-staging")
        names = self.checkout.aws("ecr", "describe-repositories", "--query", "repositories[].repositoryName")
        self.assertEqual(set(names.split()), {f"stackyard-{image}" for image in IMAGES})

    # ---- Staging ----------------------------------------------------------------------------

    def test_30_staging(self):
        self.settings("staging")
        self.apply("staging")
        self.assert_planned_clean("staging")
        self.assertIn("staging is as its Terraform says", self.checkout.run("scripts/drift.sh", "staging"))
        self.assertEqual(self.checkout.terraform("staging", "output", "-raw", "url"),
                         "https://staging.example.com")

    def test_31_no_state_holds_a_secret(self):
        state = self.checkout.terraform("staging", "state", "pull")
        for service in SERVICES:
            secret = json.loads(self.secret(f"stackyard-staging/database/{service}"))
            self.assertEqual(secret["username"], f"{service}_a")
            self.assertRegex(secret["password"], "^[0-9a-f]{48}$")
            self.assertTrue(secret["url"].startswith(f"postgresql://{service}_a:{secret['password']}@"))
            self.assertTrue(secret["url"].endswith(f"/{service}?sslmode=require"), secret["url"])
            self.assertNotIn(secret["password"], state)
        seal = self.secret("stackyard-staging/seal-key")
        self.assertRegex(seal, "^[0-9a-f]{64}$")
        self.assertNotIn(seal, state)
        session = self.secret("stackyard-staging/session-keys")
        self.assertEqual(len(base64.b64decode(session, validate=True)), 32)
        self.assertNotIn(session, state)

    def test_32_new_passwords_leave_the_seal_key_alone(self):
        before = [self.secret(f"stackyard-staging/{name}") for name in ("database/stacks", "seal-key", "session-keys")]
        main = self.checkout.root / "terraform/staging/main.tf"
        text = main.read_text()
        main.write_text(text.replace("    multi_az       = false\n",
                                     "    multi_az       = false\n    password_version = 2\n"))
        self.checkout.terraform("staging", "apply", "-auto-approve", "-no-color",
                                "-target=module.environment.module.secrets")
        after = [self.secret(f"stackyard-staging/{name}") for name in ("database/stacks", "seal-key", "session-keys")]
        self.assertEqual(json.loads(after[0])["username"], "stacks_b")
        self.assertNotEqual(json.loads(after[0])["password"], json.loads(before[0])["password"])
        self.assertEqual(after[1:], before[1:])

    # ---- A release --------------------------------------------------------------------------

    def push_images(self):
        digests = {}
        for image in IMAGES:
            manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 2,
                                   "digest": "sha256:" + "0" * 64}, "layers": [],
                        "annotations": {"image": image}}
            digests[image] = self.checkout.aws(
                "ecr", "put-image", "--repository-name", f"stackyard-{image}", "--image-tag", COMMIT,
                "--image-manifest", json.dumps(manifest), "--query", "image.imageId.imageDigest")
        return digests

    def deploy(self, *arguments):
        return self.checkout.try_run("scripts/deploy.sh", *arguments)

    def test_33_what_cannot_be_deployed_is_refused(self):
        for arguments, fault in (
                (["staging", "latest"], "latest is no image tag"),
                (["staging"], "the image tag is missing"),
                (["staging", COMMIT], f"there is no image stackyard-gateway:{COMMIT}"),
                (["nowhere", COMMIT], "there is no environment 'nowhere'"),
                (["--timeout", "soon", "staging", COMMIT], "--timeout soon is no duration")):
            with self.subTest(arguments=arguments):
                answer = self.deploy(*arguments)
                self.assertEqual(answer.returncode, 1, answer.stderr)
                self.assertIn(fault, answer.stderr)

    @unittest.skipIf(control_plane.missing(), control_plane.missing())
    def test_34_staging_is_deployed_to_a_control_plane(self):
        digests = self.push_images()
        told = self.checkout.run("scripts/cluster.sh", "--dry-run", "staging")
        self.assertIn("helm upgrade keda keda --install", told)
        self.assertIn("helm upgrade external-dns", told)
        with control_plane.ControlPlane() as cluster:
            cluster.kubectl("apply", "-f", "-", stdin=json.dumps(SECRET_STORES))
            cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s",
                            "crd/clustersecretstores.external-secrets.io")
            # As Terraform's node group of runners has it.
            cluster.kubectl("label", "node", "node-2", "stackyard.dev/group=runners")
            cluster.kubectl("taint", "node", "node-2", "stackyard.dev/group=runners:NoSchedule")
            self.checkout.run("scripts/cluster.sh", "--no-charts", "staging", KUBECONFIG=str(cluster.kubeconfig))
            # Who deploys is nobody else: what the group may do is enough.
            deployer = cluster.user("deployer", "/O=stackyard:deployers/CN=github")
            told = self.checkout.run("scripts/deploy.sh", "--no-test", "staging", COMMIT,
                                     KUBECONFIG=str(deployer))
            self.assertIn("staging has its databases and users", told)
            self.assertIn("https://staging.example.com", told)

            def get(*arguments):
                return json.loads(cluster.kubectl("-n", "stackyard", "get", *arguments, "-o", "json"))["items"]
            images = {c["image"] for d in get("deployments") for c in d["spec"]["template"]["spec"]["containers"]}
            registry = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
            self.assertEqual(images, {f"{registry}/stackyard-{image}@{digests[image]}"
                                      for image in IMAGES if image != "cli"})
            keys = {d["remoteRef"]["key"] for e in get("externalsecrets") for d in e["spec"]["data"]}
            # And the owner's password is no longer asked for.
            self.assertEqual(keys, {f"stackyard-staging/{name}" for name in (
                "database/gateway", "database/stacks", "database/quota", "seal-key", "session-keys")})
            [job] = [j for j in get("jobs") if j["metadata"]["name"].startswith("stackyard-databases-")]
            self.assertEqual(job["status"]["succeeded"], 1)
            accounts = {a["metadata"]["name"] for a in get("serviceaccounts")}
            self.assertLessEqual({"stackyard-stacks", "stackyard-runner"}, accounts)

            # By digests: those images, and none of what the registry says of the tag.
            other = self.dir / "digests.json"
            other.write_text(json.dumps(dict.fromkeys(IMAGES, "sha256:" + "1" * 64)))
            self.checkout.run("scripts/deploy.sh", "--no-test", "--no-databases", "--digests", other, "staging",
                              COMMIT, KUBECONFIG=str(deployer))
            images = {c["image"] for d in get("deployments") for c in d["spec"]["template"]["spec"]["containers"]}
            self.assertEqual({image.rpartition("@")[2] for image in images}, {"sha256:" + "1" * 64})
            # Who deploys may not weaken the namespace, nor look into another.
            for verb, what, where in (("patch", "namespaces", "stackyard"), ("get", "secrets", "kube-system")):
                answer = cluster.run("auth", "can-i", verb, what, "-n", where, "--as=github",
                                     "--as-group=stackyard:deployers")
                self.assertEqual(answer.stdout.strip(), "no")

    def test_39_staging_is_taken_away(self):
        self.destroy("staging")
        left = self.left()
        self.assertEqual(left, dict.fromkeys(left, "") | {"buckets": []})

    # ---- Production -------------------------------------------------------------------------

    def test_40_production(self):
        self.settings("production")
        self.apply("production")
        self.assert_planned_clean("production")
        values = self.checkout.terraform("production", "output", "-raw", "helm_values")
        self.assertIn("stackyard-production-blobs", values)

    def test_49_production_is_not_taken_away_by_mistake(self):
        answer = self.checkout.try_run("scripts/tf.sh", "production", "destroy", "-auto-approve", "-no-color",
                                       "-target=module.environment.module.database.aws_db_instance.this")
        self.assertNotEqual(answer.returncode, 0)
        self.assertIn("deletion protection", (answer.stdout + answer.stderr).lower())
        # Who means it says so first.
        main = self.checkout.root / "terraform/production/main.tf"
        main.write_text(main.read_text().replace("durable            = true", "durable            = false"))
        self.apply("production")
        self.destroy("production")
        left = self.left()
        self.assertEqual(left, dict.fromkeys(left, "") | {"buckets": []})


if __name__ == "__main__":
    suite.main(LONGEST_SECONDS)
