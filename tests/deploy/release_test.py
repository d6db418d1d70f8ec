#!/usr/bin/env python3
"""scripts/release.sh and its neighbours, in a checkout of their own, with a cluster and a registry that
are played by small programs: what is deployed, what is refused, and what is brought back."""

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

IMAGES = ("gateway", "rest", "stacks", "quota", "runner", "cli")
PREFIX = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"

# The cluster is a file with the revision in force; each call leaves a line in a journal.
HELM = """#!/bin/bash
echo "helm $*" >>"$PLAY/journal"
case $1 in
  list) printf '[{"revision":"%s"}]' "$(cat "$PLAY/revision")" ;;
  rollback) echo $(($(cat "$PLAY/revision") + 1)) >"$PLAY/revision" ;;
esac
"""
DEPLOY = """#!/bin/bash
echo "deploy $* $(jq -r .digests.gateway "$STACKYARD_RELEASE" | cut -c1-10)" >>"$PLAY/journal"
case $(cat "$PLAY/outcome") in
  refused) exit 1 ;;
  broken) echo 8 >"$PLAY/revision"; exit 1 ;;
  *) echo 8 >"$PLAY/revision" ;;
esac
"""
AWS = """#!/bin/bash
echo "aws $*" >>"$PLAY/journal"
case $* in
  *get-login-password*) echo the-password ;;
  *describe-images*) cat "$PLAY/registry" ;;
esac
"""
# Terraform ends as it is told, and shows the plan that it is given.
TF = """#!/bin/bash
echo "tf $*" >>"$PLAY/journal"
case $2 in
  state) cat "$PLAY/state" ;;
esac
"""
TERRAFORM = """#!/bin/bash
echo "terraform $*" >>"$PLAY/journal"
case $2 in
  init) cp "${1#-chdir=}"/drift_override.tf "$PLAY"; cp build/drift/staging/state "$PLAY/copied" ;;
  plan) echo 'a secret of the plan'; exit "$(cat "$PLAY/outcome")" ;;
  show) cat "$PLAY/plan" ;;
esac
"""
BUILDAH = """#!/bin/bash
echo "buildah $* <$(cat)" >>"$PLAY/journal"
"""
BUILD = """#!/bin/bash
echo "images $*" >>"$PLAY/journal"
mkdir -p build/images
for image in gateway rest stacks quota runner cli; do
  printf 'sha256:%064d' 7 >"build/images/stackyard-$image.digest"
done
"""


class ReleaseTest(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="sy-release-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.repo, self.play = self.dir / "repo", self.dir / "play"
        (self.repo / "scripts").mkdir(parents=True)
        (self.play / "bin").mkdir(parents=True)
        for name in ("release.sh", "lib.sh", "env.sh", "changed-parts.sh", "drift.sh",
                     "tf-lib.sh"):
            shutil.copy2(ROOT / "scripts" / name, self.repo / "scripts")
        for path, text in ((self.repo / "scripts/deploy.sh", DEPLOY), (self.repo / "scripts/tf.sh", TF), (self.repo / "scripts/images.sh", BUILD),
                           (self.play / "bin/helm", HELM), (self.play / "bin/aws", AWS),
                           (self.play / "bin/terraform", TERRAFORM),
                           (self.play / "bin/buildah", BUILDAH)):
            path.write_text(text)
            path.chmod(0o755)
        (self.repo / ".gitignore").write_text("/build/\n")
        self.git("init", "-q", "-b", "main")
        self.commit = self.committed("README.md")
        for name, text in (("revision", "7"), ("outcome", "fine"), ("registry", self.digest("gateway"))):
            (self.play / name).write_text(text)

    def git(self, *arguments):
        return subprocess.run(["git", "-c", "user.name=test", "-c", "user.email=test@example.com", *arguments],
                              cwd=self.repo, check=True, capture_output=True, text=True).stdout.strip()

    def committed(self, *paths):
        for path in paths:
            file = self.repo / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a") as out:
                out.write("x\n")
        self.git("add", "-A")
        self.git("commit", "-qm", "x")
        return self.git("rev-parse", "HEAD")

    @staticmethod
    def digest(_):
        return f"sha256:{'0' * 63}7"

    def file(self, **changes):
        path = self.dir / "release.json"
        path.write_text(json.dumps({"commit": self.commit, "prefix": PREFIX,
                                    "digests": {i: self.digest(i) for i in IMAGES}, **changes}))
        return path

    def script(self, name, *arguments, code=0):
        environment = {"PATH": f"{self.play}/bin:{os.environ['PATH']}", "HOME": str(self.dir),
                       "PLAY": str(self.play), "KUBECONFIG": "/nowhere"}
        done = subprocess.run([self.repo / "scripts" / name, *map(str, arguments)], cwd=self.repo, check=False,
                              env=environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def deploy(self, environment="staging", code=0, **changes):
        return self.script("release.sh", "deploy", environment, self.file(**changes), code=code)

    def journal(self, word):
        path = self.play / "journal"
        return [line for line in path.read_text().splitlines() if line.startswith(word)] if path.exists() else []

    # ---- Deploy ------------------------------------------------------------------------------

    def test_a_release_is_deployed_by_its_digests(self):
        said = self.deploy("production")
        self.assertIn(f"production runs {self.commit}, revision 8", said)
        self.assertEqual(self.journal("deploy"), [f"deploy production {self.commit} sha256:000"])
        self.assertEqual(len(self.journal("aws ecr describe-images")), len(IMAGES))
        self.assertEqual(self.journal("helm rollback"), [])

    def test_what_fails_is_rolled_back(self):
        (self.play / "outcome").write_text("broken")
        said = self.deploy(code=1)
        self.assertIn("revision 7 runs as before", said)
        self.assertEqual([line.split("--")[0] for line in self.journal("helm rollback")],
                         ["helm rollback stackyard 7 "])

    def test_what_changed_nothing_needs_no_rollback(self):
        (self.play / "outcome").write_text("refused")
        self.deploy(code=1)
        self.assertEqual(self.journal("helm rollback"), [])

    def test_a_first_deployment_that_fails_says_so(self):
        (self.play / "revision").write_text("")
        (self.play / "outcome").write_text("refused")
        self.assertIn("nothing to go back to", self.deploy(code=1))

    def test_bad_releases_are_refused_before_anything_happens(self):
        for changes, wanted in (
                ({"commit": "main"}, "'main' is no commit id"), ({"commit": None}, "names no commit"),
                ({"commit": "0" * 40}, "this checkout is not"),
                ({"digests": {i: self.digest(i) for i in IMAGES[1:]}}, "no digest of gateway"),
                ({"digests": {i: "latest" for i in IMAGES}}, "no digest of gateway")):
            self.assertIn(wanted, self.deploy(code=1, **changes))
        self.assertIn("no environment 'prod'", self.deploy("prod", code=1))
        self.assertIn("there is no release", self.script("release.sh", "deploy", "staging", "/none", code=1))
        self.assertEqual(self.journal("deploy"), [])

    def test_a_forged_digest_is_refused(self):
        (self.play / "registry").write_text(f"sha256:{'f' * 64}")
        self.assertIn("find out who made that file", self.deploy(code=1))
        self.assertEqual(self.journal("deploy"), [])

    def test_only_what_is_merged_is_deployed(self):
        self.git("checkout", "-q", "-b", "mine")
        self.commit = self.committed("helm/x")
        self.assertIn("is not on main", self.deploy(code=1))

    # ---- Push --------------------------------------------------------------------------------

    def test_a_push_writes_what_it_pushed(self):
        file = self.dir / "out.json"
        self.script("release.sh", "push", PREFIX, file)
        self.assertEqual(json.loads(file.read_text()), {
            "commit": self.commit, "prefix": PREFIX, "digests": {i: self.digest(i) for i in IMAGES}})
        self.assertEqual(self.journal("images"), [f"images --prefix {PREFIX} --push"])
        # The password goes by a pipe.
        self.assertEqual(self.journal("buildah"),
                         [f"buildah login --username AWS --password-stdin {PREFIX} <the-password"])
        self.deploy()

    def test_a_strange_prefix_is_refused(self):
        for prefix in ("", "-x", "a b", "$(id)"):
            self.assertIn("is no prefix", self.script("release.sh", "push", prefix, "x", code=1))
        self.assertEqual(self.journal("images"), [])

    def test_a_tree_with_changes_has_no_images_but_for_lock_files(self):
        shutil.copy2(ROOT / "scripts/images.sh", self.repo / "scripts/build-images.sh")
        # It gets as far as what lays out the programs, no further.
        (self.repo / "deploy/images").mkdir(parents=True)
        (self.repo / "deploy/images/programs.sh").write_text("#!/bin/sh\nexit 1\n")
        (self.repo / "deploy/images/programs.sh").chmod(0o755)
        lock, version = "terraform/staging/.terraform.lock.hcl", "common/version.h"
        self.committed(lock, version)
        (self.play / "programs").mkdir()
        (self.play / "programs/stackyard-stacks").touch(mode=0o755)
        refusal = "the tree has changes that are in no commit"
        for path, refused in ((lock, False), (version, True)):
            with (self.repo / path).open("a") as out:
                out.write("more\n")
            said = self.script("build-images.sh", "--bin", self.play / "programs", code=1)
            self.assertEqual(refusal in said, refused, said)

    # ---- Drift -------------------------------------------------------------------------------

    SECRET = "aws_secretsmanager_secret_version"

    def drift(self, outcome, code, changes=(), outputs=None):
        (self.repo / "terraform/staging").mkdir(parents=True, exist_ok=True)
        (self.play / "outcome").write_text(str(outcome))
        (self.play / "state").write_text(json.dumps({"version": 4, "resources": [
            {"mode": "managed", "type": kind, "name": "x"}
            for kind in ("aws_s3_bucket", self.SECRET)]}))
        # What is always there: what is kept, the secrets that nobody may read, an autoscaler's work.
        (self.play / "plan").write_text(json.dumps({
            "resource_changes": [
                {"type": kind, "address": f"{kind}.{name}",
                 "change": {"actions": actions, "after": "hush"}}
                for kind, name, actions in (("aws_s3_bucket", "kept", ["no-op"]),
                                            (self.SECRET, "unread", ["create"]), *changes)],
            "output_changes": {"kept": {"actions": ["no-op"]}, **(outputs or {})},
            "resource_drift": [
                {"address": "aws_eks_node_group.sized", "change": {"after": "hush"}}]}))
        return self.script("drift.sh", "staging", code=code)

    def test_drift_is_told_by_address(self):
        self.assertIn("staging is as its Terraform says", self.drift(0, code=0))
        said = self.drift(2, code=1, changes=[("aws_s3_bucket", "mine", ["delete", "create"])])
        self.assertIn("delete and create aws_s3_bucket.mine", said)
        self.assertIn("changed outside of Terraform: aws_eks_node_group.sized", said)
        for word in ("kept", "hush", "secret of", "unread"):
            self.assertNotIn(word, said)
        said = self.drift(2, code=1, outputs={"url": {"actions": ["update"]}})
        self.assertIn("update output url", said)
        self.assertIn("no plan of staging could be made", self.drift(1, code=1))
        for call in self.journal("terraform -chdir") + self.journal("tf staging"):
            if " plan " in call:
                self.assertIn("-detailed-exitcode -input=false -lock=false", call)
        self.assertIn("there is no terraform/x", self.script("drift.sh", "x", code=1))

    def test_drift_reads_no_secret(self):
        self.assertIn("staging is as its Terraform says", self.drift(2, code=0))
        # The plan is made of a copy, whose state knows nothing of them.
        self.assertEqual(self.journal("tf"), ["tf staging state pull"])
        copied = json.loads((self.play / "copied").read_text())
        self.assertEqual([r["type"] for r in copied["resources"]], ["aws_s3_bucket"])
        folder = self.repo / "build/drift/staging"
        self.assertIn(f'path = "{folder}/state"', (self.play / "drift_override.tf").read_text())
        for call in self.journal("terraform"):
            self.assertIn(f"-chdir={folder}/terraform/staging", call)
        self.assertFalse(folder.exists())
        # Another change of a secret than making it is one.
        said = self.drift(2, code=1, changes=[(self.SECRET, "gone", ["delete"])])
        self.assertIn(f"delete {self.SECRET}.gone", said)

    def test_drift_without_a_state_is_a_fault(self):
        (self.repo / "scripts/tf.sh").write_text("#!/bin/sh\necho no bucket >&2; exit 2\n")
        self.assertIn("no plan of staging could be made", self.drift(0, code=1))

    # ---- Parts of a change -------------------------------------------------------------------

    def parts(self, base):
        return self.script("changed-parts.sh", base).split()

    def test_parts_of_a_change(self):
        for paths, product, deploy in (
                (["docs/a.md", "common/README.md", "README.md"], "false", "false"),
                (["common/sql.cc"], "true", "false"), (["tests/e2e/life_test.py"], "true", "false"),
                (["helm/stackyard/values.yaml"], "false", "true"), (["tests/k8s/a_test.py"], "false", "true"),
                (["terraform/staging/main.tf", "docs/a.md"], "false", "true"),
                ([".github/workflows/a.yml"], "false", "true"), (["scripts/setup.sh"], "true", "true"),
                (["deployed.cc"], "true", "false")):
            base = self.git("rev-parse", "HEAD")
            self.committed(*paths)
            self.assertEqual(self.parts(base), [f"product={product}", f"deploy={deploy}"], paths)

    def test_without_an_answer_everything_is_checked(self):
        for base in ("", "0" * 40, "no-such-branch"):
            self.assertEqual(self.parts(base), ["product=true", "deploy=true"])


if __name__ == "__main__":
    suite.main()
