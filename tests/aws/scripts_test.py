#!/usr/bin/env python3
"""scripts/deploy.sh, destroy.sh and tf.sh as they are, in a copy, with AWS, Terraform, Helm and a
cluster that are played by small programs: in what order things are done, and what is waited for."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

# pylint: disable=wrong-import-position
import suite

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SCRIPTS = ("deploy.sh", "destroy.sh", "tf.sh", "tf-lib.sh", "lib.sh", "env.sh",
           "environment-lib.sh")

PLAYED = {
    "terraform": """#!/bin/bash
echo "terraform $TF_VAR_region $*" >>"$PLAY/journal"
case $2 in output) cat "$PLAY/outputs.json" ;; esac
""",
    "aws": """#!/bin/bash
case $* in *get-caller-identity*) echo 123456789012 ;; esac
""",
    "helm": """#!/bin/bash
echo "helm $1 $2" >>"$PLAY/journal"
""",
    "databases.sh": """#!/bin/bash
echo "databases $*" >>"$PLAY/journal"
""",
    # Secrets are copied when somebody asks for it, at the second look; or never.
    "kubectl": """#!/bin/bash
shift $((2 * ($(echo "$1" | grep -c namespace))))
case "$1 $2 $*" in
  'get externalsecrets '*'output name') cat "$PLAY/names" ;;
  'get externalsecrets '*)
    looks=$(($(cat "$PLAY/looks" 2>/dev/null || echo 0) + 1))
    copied=0
    if [ -e "$PLAY/asked" ]; then
      echo $looks >"$PLAY/looks"
      [ $looks -lt 2 ] || copied=1
    fi
    jq --argjson copied $copied '.items[0].status.syncedResourceVersion += ($copied | tostring)
      | if .items[1] then .items[1].status.refreshTime += ($copied | tostring) else . end' \\
      "$PLAY/secrets"
    ;;
  'annotate '*)
    echo "annotate ${*: -1}" | sed 's/=.*/=NOW/' >>"$PLAY/journal"
    touch "$PLAY/asked"
    ;;
  'get deployments '*) cat "$PLAY/deployments" ;;
  'delete '*) echo "delete $2" >>"$PLAY/journal"; [ "$(cat "$PLAY/stuck" 2>/dev/null)" != "$2" ] ;;
esac
""",
}


class ScriptsTest(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="sy-scripts-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.repo, self.play = self.dir / "repo", self.dir / "play"
        for folder in (self.repo / "scripts", self.repo / "terraform/staging",
                       self.repo / "terraform/modules", self.play / "bin"):
            folder.mkdir(parents=True)
        for name in SCRIPTS:
            shutil.copy2(ROOT / "scripts" / name, self.repo / "scripts")
        (self.repo / "terraform/staging/provider.tf").write_text('version = "1"\n')
        for name, text in PLAYED.items():
            path = (self.repo / "scripts" if name.endswith(".sh") else self.play / "bin") / name
            path.write_text(text)
            path.chmod(0o755)
        self.outputs()
        self.deployed(None)
        self.write("names", "")
        self.write("secrets", json.dumps({"items": []}))

    def write(self, name, text):
        (self.play / name).write_text(text)

    def outputs(self, version=1, durable="false"):
        values = (
            f'"gateway":\n  "podAnnotations":\n    "stackyard.dev/password-version": "{version}"\n'
            f'"ingress":\n  "annotations":\n    "x": "deletion_protection.enabled={durable}"\n')
        told = {"helm_values": values, "image_prefix": "registry.example.com",
                "namespace": "stackyard", "url": "https://x", "grpc_target": "x:443",
                "region": "eu-west-1", "cluster_name": "x"}
        self.write("outputs.json", json.dumps({name: {"value": of} for name, of in told.items()}))

    def deployed(self, version):
        notes = {} if version is None else {"stackyard.dev/password-version": str(version)}
        self.write("deployments", json.dumps({"items": [
            {"spec": {"template": {"metadata": of}}} for of in ({}, {"annotations": notes})]}))

    def with_secrets(self, ready="True"):
        status = {"refreshTime": "2026", "syncedResourceVersion": "1-x"}
        self.write("names", "externalsecret/database\nexternalsecret/seal-key\n")
        self.write("secrets", json.dumps({"items": [
            {"metadata": {"name": name},
             "status": {**status, "conditions": [{"type": "Ready", "status": of}]}}
            for name, of in (("database", "True"), ("seal-key", ready))]}))

    def script(self, name, *arguments, code=0, said="", **environment):
        (self.play / "journal").write_text("")
        for mark in ("asked", "looks"):
            (self.play / mark).unlink(missing_ok=True)
        done = subprocess.run(
            [self.repo / "scripts" / name, *arguments], cwd=self.repo, input=said,
            capture_output=True, text=True, check=False,
            env={"PATH": f"{self.play}/bin:{os.environ['PATH']}", "HOME": str(self.dir),
                 "PLAY": str(self.play), "KUBECONFIG": "/nowhere",
                 "STACKYARD_TERRAFORM": "terraform", "STACKYARD_SECRETS_SECONDS": "20",
                 **environment})
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.journal = (self.play / "journal").read_text().splitlines()
        return done.stdout + done.stderr

    def steps(self):
        return [line for line in self.journal if not line.startswith("terraform")]

    # ---- Deploy ------------------------------------------------------------------------------

    def test_a_first_release_has_no_secrets_to_wait_for(self):
        self.script("deploy.sh", "staging", COMMIT)
        self.assertEqual(self.steps(), ["databases staging", "helm upgrade stackyard",
                                        "helm test stackyard"])

    def test_pods_start_once_the_secrets_are_those_of_now(self):
        self.with_secrets()
        self.deployed(1)
        self.script("deploy.sh", "staging", COMMIT)
        self.assertEqual(self.steps(), ["databases staging", "annotate force-sync=NOW",
                                        "helm upgrade stackyard", "helm test stackyard"])
        self.assertEqual((self.play / "looks").read_text(), "2\n")

    def test_new_passwords_end_the_old_ones_at_last(self):
        self.with_secrets()
        for before, now, rests in ((1, 2, "a"), (2, 3, "b")):
            with self.subTest(now=now):
                self.deployed(before)
                self.outputs(now)
                self.script("deploy.sh", "staging", COMMIT)
                self.assertEqual(self.steps()[-2:], ["helm test stackyard",
                                                     f"databases --rest {rests} staging"])

    def test_secrets_that_are_not_copied_stop_the_deployment(self):
        self.with_secrets(ready="False")
        told = self.script("deploy.sh", "staging", COMMIT, code=1, STACKYARD_SECRETS_SECONDS="2")
        self.assertIn("the secrets were not copied", told)
        self.assertNotIn("helm upgrade stackyard", self.steps())

    # ---- Destroy -----------------------------------------------------------------------------

    def test_what_controllers_made_goes_first(self):
        self.script("destroy.sh", "staging", "-auto-approve")
        self.assertEqual(self.steps(), [
            "helm uninstall stackyard", "delete ingresses", "helm uninstall prometheus",
            "delete persistentvolumeclaims", "delete persistentvolumeclaims",
            "delete persistentvolumes"])
        self.assertRegex(self.journal[-1], "^terraform .* destroy -auto-approve$")

    def test_what_is_not_gone_is_waited_for(self):
        self.write("stuck", "ingresses")
        self.assertIn("ingresses of stackyard are not gone", self.script(
            "destroy.sh", "staging", "-auto-approve", code=1))
        self.assertNotIn("destroy", "".join(self.journal))

    def test_nothing_is_destroyed_by_mistake(self):
        self.assertIn("nothing was taken away",
                      self.script("destroy.sh", "staging", code=1, said="yes\n"))
        self.outputs(durable="true")
        self.assertIn("staging is durable",
                      self.script("destroy.sh", "staging", "-auto-approve", code=1))
        self.assertEqual(self.steps(), [])
        self.outputs()
        self.script("destroy.sh", "staging", said="staging\n")
        self.assertIn("delete ingresses", self.journal)

    # ---- Terraform ---------------------------------------------------------------------------

    def test_the_region_is_that_of_the_state(self):
        home = {"AWS_REGION": "eu-west-1"}
        for environment, region in (({}, "eu-central-1"), (home, "eu-west-1"),
                                    ({**home, "TF_VAR_region": "us-east-1"}, "us-east-1")):
            with self.subTest(region=region):
                self.script("tf.sh", "staging", "plan", **environment)
                self.assertTrue(self.journal[-1].startswith(f"terraform {region} "), self.journal)
                self.assertTrue(self.journal[-1].endswith(" plan"), self.journal)


if __name__ == "__main__":
    suite.main()
