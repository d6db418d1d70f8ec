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

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

# pylint: disable=wrong-import-position
import suite

IMAGES = ("gateway", "rest", "stacks", "quota", "runner", "cli")
PREFIX = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"

# The cluster is a file with the revision in force; each call leaves a line in a journal. --atomic
# of the real one goes back by itself.
HELM = """#!/bin/bash
echo "helm $*" >>"$PLAY/journal"
now=$(cat "$PLAY/revision")
case $1 in
  upgrade)
    [ "$(cat "$PLAY/outcome")" != unready ] || exit 1
    release=$2
    while [ $# -gt 0 ]; do [ "$1" != --values ] || cp "$2" "$PLAY/values-$release"; shift; done
    echo $((now + 1)) >"$PLAY/revision" ;;
  test) [ "$(cat "$PLAY/outcome")" != broken ] ;;
  history) jq -n --argjson now "$now" \\
    '[range(1; $now) | {revision: ., status: "superseded"}]
      + [{revision: $now, status: "deployed"}]' ;;
  rollback) echo $((now + 1)) >"$PLAY/revision" ;;
esac
"""
KUBECTL = """#!/bin/bash
echo "kubectl $*" >>"$PLAY/journal"
case $* in
  *seal-key*jsonpath*) base64 -w 0 "$PLAY/copied" ;;
  *'get secret grafana-admin'*)
    ! grep -q 'create secret' "$PLAY/journal" || echo secret/grafana-admin ;;
  *'get secret'*) base64 -w 0 "$PLAY/token" ;;
  *'apply --filename -') cat >/dev/null ;;
  *annotate*) cp "$PLAY/stored" "$PLAY/copied" ;;
esac
"""
CURL = """#!/bin/bash
echo "curl ${!#} <$(cat)" >>"$PLAY/journal"
cat "$PLAY/answer"
[ "$(cat "$PLAY/answer")" != 000 ]
"""
DATABASES = """#!/bin/bash
echo "databases $*" >>"$PLAY/journal"
"""
AWS = """#!/bin/bash
echo "aws $*" >>"$PLAY/journal"
case $* in
  *get-login-password*) echo the-password ;;
  *describe-images*) cat "$PLAY/registry" ;;
  *get-caller-identity*) echo 123456789012 ;;
  *get-secret-value*) cat "$PLAY/stored"; echo ;;
  *put-secret-value*) cp "$(grep -oP 'file://\\K\\S+' <<<"$*")" "$PLAY/stored" ;;
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
case $* in *'output -json'*) cat "$PLAY/outputs"; exit ;; esac
echo "terraform $*" >>"$PLAY/journal"
case $2 in
  init)
    if [ -e "${1#-chdir=}"/drift_override.tf ]; then
      cp "${1#-chdir=}"/drift_override.tf "$PLAY"
      cp build/drift/staging/state "$PLAY/copied"
    fi ;;
  plan) echo 'a secret of the plan'; exit "$(cat "$PLAY/outcome")" ;;
  show) cat "$PLAY/plan" ;;
esac
"""
TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"
OUTPUTS = {name: {"value": value} for name, value in {
    "helm_values": "image:\n  prefix: of-terraform", "image_prefix": "of-terraform",
    "namespace": "stackyard", "url": "https://stackyard.example.com",
    "grpc_target": "grpc.stackyard.example.com:443",
    "region": "eu-central-1", "cluster_name": "stackyard-staging",
    "add_ons": {"vpc_id": "vpc-1", "domain": "example.com", "external_dns": False,
                "prometheus_endpoint": "https://aps/", "log_group": "logs",
                "alarm_topic": TOPIC}}.items()}
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
        for name in ("release.sh", "deploy.sh", "environment-lib.sh", "cluster.sh", "seal-key.sh",
                     "tf-lib.sh", "lib.sh", "env.sh", "changed-parts.sh", "drift.sh"):
            shutil.copy2(ROOT / "scripts" / name, self.repo / "scripts")
        shutil.copytree(ROOT / "deploy/aws", self.repo / "deploy/aws")
        for name in ("staging", "production"):
            (self.repo / "terraform" / name).mkdir(parents=True)
        (self.repo / "terraform/modules").mkdir()
        for name, text in (("tf.sh", TF), ("images.sh", BUILD), ("databases.sh", DATABASES)):
            self.program(self.repo / "scripts" / name, text)
        for name, text in (("helm", HELM), ("kubectl", KUBECTL), ("curl", CURL), ("aws", AWS),
                           ("terraform", TERRAFORM), ("buildah", BUILDAH)):
            self.program(self.play / "bin" / name, text)
        (self.repo / ".gitignore").write_text("/build/\n")
        self.git("init", "-q", "-b", "main")
        self.commit = self.committed("README.md")
        for name, text in (("revision", "7"), ("outcome", "fine"), ("token", "syt_7"),
                           ("registry", self.digest("gateway")), ("answer", "200"),
                           ("outputs", json.dumps(OUTPUTS))):
            (self.play / name).write_text(text)

    @staticmethod
    def program(path, text):
        path.write_text(text)
        path.chmod(0o755)

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

    def script(self, name, *arguments, code=0, kubeconfig="/nowhere"):
        # PREFIX is there as `make` hands it on, and means nothing here.
        environment = {"PATH": f"{self.play}/bin:{os.environ['PATH']}", "HOME": str(self.dir),
                       "PLAY": str(self.play), "PREFIX": "x", "STACKYARD_POLL_SECONDS": "0"}
        if kubeconfig:
            environment["KUBECONFIG"] = str(kubeconfig)
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
        for prefix in (PREFIX, "registry.example.com/platform"):
            (self.play / "journal").write_text("")
            said = self.deploy("production", prefix=prefix)
            self.assertIn(f"production runs {self.commit}", said)
            self.assertEqual(json.loads((self.play / "values-stackyard").read_text()), {"image": {
                "prefix": prefix, "tag": self.commit,
                "digests": {i: self.digest(i) for i in IMAGES}}})
            self.assertEqual(len(self.journal("aws ecr describe-images")),
                             len(IMAGES) if prefix == PREFIX else 0)
            self.assertEqual(self.journal("databases"), ["databases production"])
            self.assertEqual(len(self.journal("helm test")), 1)
            self.assertEqual(self.journal("helm rollback"), [])

    def test_what_fails_is_rolled_back_once(self):
        (self.play / "outcome").write_text("broken")
        self.assertIn("staging runs as revision 7 did", self.deploy(code=1))
        self.assertEqual([line.split("--")[0] for line in self.journal("helm rollback")],
                         ["helm rollback stackyard 7 "])

    def test_what_did_not_get_ready_helm_has_taken_back(self):
        (self.play / "outcome").write_text("unready")
        self.assertIn("staging runs what it ran before", self.deploy(code=1))
        self.assertIn("--atomic", self.journal("helm upgrade")[0])
        self.assertEqual(self.journal("helm rollback"), [])

    def test_a_first_deployment_that_fails_says_so(self):
        (self.play / "revision").write_text("0")
        (self.play / "outcome").write_text("broken")
        self.assertIn("the smoke test of the first release failed", self.deploy(code=1))
        self.assertEqual(self.journal("helm rollback"), [])

    def test_a_dead_token_is_told_before_anything_changes(self):
        (self.play / "answer").write_text("401")
        said = self.deploy(code=1)
        self.assertIn("the token in the Secret stackyard-admin-token is revoked", said)
        self.assertEqual(self.journal("curl"), ["curl https://stackyard.example.com/testme "
                                                '<header = "Authorization: Bearer syt_7"'])
        self.assertEqual(self.journal("databases") + self.journal("helm"), [])
        # Where there is none yet, or the address is out of reach, the smoke test will tell.
        (self.play / "answer").write_text("000")
        self.deploy()
        (self.play / "token").write_text("")
        (self.play / "answer").write_text("401")
        self.deploy()

    def test_the_cluster_is_the_environments(self):
        kept = self.repo / "build/kube/staging.config"
        for kubeconfig in (None, kept):
            self.script("release.sh", "deploy", "staging", self.file(), kubeconfig=kubeconfig)
        self.assertEqual(self.journal("aws eks"), [
            "aws eks update-kubeconfig --region eu-central-1 --name stackyard-staging "
            f"--kubeconfig {kept}"] * 2)
        # One that a shell was left with.
        said = self.script("release.sh", "deploy", "production", self.file(), code=1,
                           kubeconfig=kept)
        self.assertIn("and this is for production", said)

    def test_bad_releases_are_refused_before_anything_happens(self):
        for changes, wanted in (
                ({"commit": "main"}, "'main' is no commit id"), ({"commit": None}, "names no commit"),
                ({"commit": "0" * 40}, "this checkout is not"),
                ({"digests": {i: self.digest(i) for i in IMAGES[1:]}}, "no digest of gateway"),
                ({"digests": {i: "latest" for i in IMAGES}}, "no digest of gateway")):
            self.assertIn(wanted, self.deploy(code=1, **changes))
        self.assertIn("no environment 'prod'", self.deploy("prod", code=1))
        self.assertIn("there is no release", self.script("release.sh", "deploy", "staging", "/none", code=1))
        self.assertEqual(self.journal("kubectl") + self.journal("helm"), [])

    def test_a_forged_digest_is_refused(self):
        (self.play / "registry").write_text(f"sha256:{'f' * 64}")
        self.assertIn("find out who made that file", self.deploy(code=1))
        self.assertEqual(self.journal("kubectl") + self.journal("helm"), [])

    def test_only_what_is_merged_is_deployed(self):
        self.git("checkout", "-q", "-b", "mine")
        self.commit = self.committed("helm/x")
        self.assertIn("is not on main", self.deploy(code=1))

    # ---- A cluster ---------------------------------------------------------------------------

    def test_alerts_of_a_cluster_reach_somebody(self):
        for _ in range(2):
            self.script("cluster.sh", "staging")
        for path in self.play.glob("values-*"):
            self.assertNotIn("${", path.read_text(), path.name)
        values = yaml.safe_load((self.play / "values-prometheus").read_text())
        config = values["alertmanager"]["config"]
        receivers = {one["name"]: one for one in config["receivers"]}
        [told] = receivers[config["route"]["receiver"]]["sns_configs"]
        self.assertEqual(told["topic_arn"], TOPIC)
        for route in config["route"]["routes"]:
            self.assertIn(route["receiver"], receivers)
        # The role is given to the account of that name.
        self.assertIn(f'"{values["alertmanager"]["serviceAccount"]["name"]}"',
                      (ROOT / "terraform/modules/observability/alarms.tf").read_text())

    def test_grafana_has_a_password_of_its_own(self):
        for _ in range(2):
            self.script("cluster.sh", "staging")
        values = yaml.safe_load((self.play / "values-prometheus").read_text())
        self.assertEqual(values["grafana"]["admin"]["existingSecret"], "grafana-admin")
        [made] = self.journal("kubectl --namespace monitoring create secret generic grafana-admin")
        self.assertRegex(made, r" --from-file=password=\S+/password$")

    # ---- The seal key ------------------------------------------------------------------------

    def seal(self, *keys, code=0):
        file = self.dir / "seal.key"
        file.write_text("".join(f"{key}\n" for key in keys))
        return self.script("seal-key.sh", "staging", file, code=code)

    def test_a_new_seal_key_comes_by_two_steps(self):
        old, new = "a" * 64, "b" * 64
        (self.play / "stored").write_text(old)
        (self.play / "copied").write_text(old)
        for keys, wanted in (((new, old), "a new key would seal what pods cannot open yet"),
                             ((new,), "lacks a key that is in force"), ((), "is empty"),
                             ((old, "b" * 63), "has a line that is no key")):
            self.assertIn(wanted, self.seal(*keys, code=1))
        self.assertEqual(self.journal("aws secretsmanager put"), [])
        for keys in ((old, new), (new, old)):
            (self.play / "journal").write_text("")
            self.assertIn("all pods of staging have the 2 keys", self.seal(*keys))
            self.assertEqual((self.play / "stored").read_text().split(), list(keys))
            calls = [line.split(" ", 3)[3] for line in self.journal("kubectl")]
            self.assertIn(" --overwrite force-sync=", calls[0])
            self.assertEqual([call.split(" --")[0] for call in calls], [
                "annotate externalsecret stackyard-seal-key", "get secret stackyard-seal-key",
                "rollout restart deployment/stackyard-stacks",
                "rollout status deployment/stackyard-stacks"])
            # A key never stands among the arguments of a process.
            self.assertNotIn("bbbb", (self.play / "journal").read_text())

    def test_no_pod_is_restarted_before_the_copy_is_the_file(self):
        old = "a" * 64
        (self.play / "stored").write_text(old)
        (self.play / "copied").write_text(old)
        stuck = self.play / "bin/kubectl"
        stuck.write_text(KUBECTL.replace("*annotate*", "never"))
        self.assertIn("does not follow", self.seal(old, "b" * 64, code=1))
        self.assertFalse([line for line in self.journal("kubectl") if "rollout" in line])

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
