#!/usr/bin/env python3
"""The chart on a real control plane with simulated nodes: installed, upgraded, rolled back, scaled,
drained, beside another release; what its accounts may do, and what Pod Security says of its pods."""

import base64
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "e2e"))

# pylint: disable=wrong-import-position
import helm
import pki
import suite
from control_plane import ControlPlane, missing
from helm import LEAST, merged, objects, pod
from mesh import eventually
from release import Release

SERVICES = ("gateway", "stacks", "quota", "runner")
CLUSTER = None


def setUpModule():
    global CLUSTER
    if lack := helm.missing("helm"):
        raise AssertionError(lack)
    if lack := missing():
        raise AssertionError(lack)
    CLUSTER = ControlPlane(nodes=4).start()
    CLUSTER.volumes(4)


def tearDownModule():
    if CLUSTER:
        CLUSTER.close()


def decoded(secret, key):
    return base64.b64decode(secret["data"][key])


class TrialTest(unittest.TestCase):
    """The variant that needs nothing but a cluster, from its installation to its end."""

    @classmethod
    def setUpClass(cls):
        CLUSTER.namespace("trial")
        cls.release = Release(CLUSTER, "stackyard", "trial").install(helm.variant("trial"))

    def test_1_everything_runs(self):
        for service in (*SERVICES, "postgresql"):
            self.assertEqual(len(self.release.pods(service)), 1, service)
        self.assertEqual(len(self.release.endpoints("stacks")), 1)

    def test_2_the_job_makes_secrets_once(self):
        first = self.release.make_secrets()
        names = sorted(line.split()[-1] for line in first.stdout.splitlines())
        self.assertEqual(names, sorted(f"stackyard-{n}" for n in (
            "admin-token", "seal-key", "session-keys", "postgresql", "ca", *(f"{s}-tls" for s in SERVICES))))
        before = self.release.get("secrets")
        self.assertEqual(self.release.make_secrets().stdout, "")
        self.assertEqual(self.release.get("secrets"), before)
        database = self.release.secret("postgresql")
        password = decoded(database, "stacks-password").decode()
        self.assertEqual(decoded(database, "stacks").decode(),
                         f"postgresql://stacks:{password}@stackyard-postgresql.trial.svc:5432/stacks")

    def test_3_certificates_are_what_services_take(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            for service in SERVICES:
                secret = self.release.secret(f"{service}-tls")
                for key in ("tls.crt", "ca.crt"):
                    (path / key).write_bytes(decoded(secret, key))
                for purpose in ("sslserver", "sslclient"):
                    subprocess.run(["openssl", "verify", "-purpose", purpose, "-CAfile", path / "ca.crt",
                                    path / "tls.crt"], check=True, capture_output=True)
                text = subprocess.run(["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in",
                                       path / "tls.crt"], check=True, capture_output=True, text=True).stdout
                self.assertEqual(text.count("URI:"), 1)
                self.assertIn(f"URI:spiffe://cluster.local/ns/trial/stackyard/stackyard/{service}", text)
                self.assertIn(f"DNS:stackyard-{service}.trial.svc", text)

    def test_4_a_seal_key_is_never_made_over_another(self):
        key = decoded(self.release.secret("seal-key"), "seal.key")
        self.release.kubectl("patch", "secret", "stackyard-seal-key", "--type=json",
                             "-p", '[{"op": "move", "from": "/data/seal.key", "path": "/data/other"}]')
        result = self.release.make_secrets(check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("Secret stackyard-seal-key: is there, but lacks seal.key; it is not touched", result.stderr)
        self.release.kubectl("patch", "secret", "stackyard-seal-key", "--type=json",
                             "-p", '[{"op": "move", "from": "/data/other", "path": "/data/seal.key"}]')
        self.assertEqual(decoded(self.release.secret("seal-key"), "seal.key"), key)

    def test_5_another_authority(self):
        """As README.md says: trusted beside the old one, then put in its place, then the job."""
        with tempfile.TemporaryDirectory() as folder:
            new = pki.Authority(folder, days="3650")
            certificate, key = (new.path(name).read_bytes() for name in ("ca.crt", "ca.key"))
            old = decoded(self.release.secret("ca"), "tls.crt")
            for service in SERVICES:
                self.put(f"{service}-tls", {"ca.crt": old + certificate})
            self.put("ca", {"tls.crt": certificate, "tls.key": key, "ca.crt": certificate})
            said = self.release.make_secrets().stdout
            self.assertEqual(said.count("it is of another authority"), len(SERVICES), said)
            for service in SERVICES:
                secret = self.release.secret(f"{service}-tls")
                self.assertEqual(decoded(secret, "ca.crt"), old + certificate)
                leaf = pathlib.Path(folder) / "leaf.crt"
                leaf.write_bytes(decoded(secret, "tls.crt"))
                subprocess.run(["openssl", "verify", "-CAfile", new.path("ca.crt"), leaf], check=True,
                               capture_output=True)
        self.assertEqual(self.release.make_secrets().stdout, "")

    def put(self, name, data):
        data = {key: base64.b64encode(value).decode() for key, value in data.items()}
        self.release.kubectl("patch", "secret", f"stackyard-{name}", "-p", json.dumps({"data": data}))

    def test_6_helm_test(self):
        said = self.release.helm("test", "stackyard", "--timeout", "60s")
        self.assertIn("stackyard-smoke-test", said)
        self.assertIn("Succeeded", said)

    def test_7_what_must_not_be_lost_outlives_the_release(self):
        before = {s["metadata"]["name"]: s["data"] for s in self.release.get("secrets")["items"]
                  if s["type"] != "helm.sh/release.v1"}
        self.release.uninstall()
        after = {s["metadata"]["name"]: s["data"] for s in self.release.get("secrets")["items"]}
        self.assertEqual(after, before)
        claims = {c["metadata"]["name"] for c in self.release.get("pvc")["items"]}
        self.assertEqual(claims, {"stackyard-blobs", "data-stackyard-postgresql-0"})
        # Helm leaves tests to be looked at.
        others = "app.kubernetes.io/name=stackyard,app.kubernetes.io/component!=smoke-test"
        self.assertEqual(self.release.get("deployments,services,configmaps,networkpolicies,jobs,cronjobs",
                                          "--selector", others)["items"], [])


class LifeTest(unittest.TestCase):
    """A release with outside databases, through the changes of its life."""

    VALUES = merged(LEAST, {"gateway": {"autoscaling": {"maxReplicas": 4}}})

    @classmethod
    def setUpClass(cls):
        CLUSTER.namespace("shop")
        cls.release = Release(CLUSTER, "shop", "shop").install(cls.VALUES)

    def tagged(self, tag):
        return merged(self.VALUES, {"image": {"tag": tag}})

    def least_available(self, service, change):
        """Makes a change, and answers the fewest replicas that were there meanwhile."""
        name = f"{self.release.fullname}-{service}"
        with tempfile.TemporaryFile("w+") as out:
            watch = subprocess.Popen(
                [*CLUSTER.command(), "--namespace", "shop", "get", "deployment", name, "--watch", "-o",
                 'jsonpath={.status.availableReplicas}{"\\n"}'], stdout=out, env=CLUSTER.environment())
            try:
                change()
            finally:
                watch.terminate()
                watch.wait()
            out.seek(0)
            seen = [int(line or 0) for line in out.read().split("\n")[:-1]]
        self.assertGreater(len(seen), 2, "the change was not seen")
        return min(seen)

    def test_1_upgrade_and_rollback(self):
        first = self.release.revision()
        old = {s: self.release.image(s) for s in SERVICES}
        for service in ("gateway", "stacks"):
            tag = f"new-{service}"
            self.assertEqual(self.least_available(service, lambda t=tag: self.release.upgrade(self.tagged(t))), 2)
            self.assertEqual({self.release.image(s).split(":")[1] for s in SERVICES}, {tag})
        self.release.rollback(first)
        self.assertEqual({s: self.release.image(s) for s in SERVICES}, old)
        self.assertEqual({len(self.release.pods(s)) for s in SERVICES}, {2})

    def test_2_kubectl_undoes_one_deployment(self):
        old = self.release.image("quota")
        self.release.upgrade(self.tagged("bad"))
        self.assertEqual(self.release.image("quota"), "stackyard-quota:bad")
        name = f"deployment/{self.release.fullname}-quota"
        self.release.kubectl("rollout", "undo", name)
        self.release.kubectl("rollout", "status", name, "--timeout=60s")
        self.assertEqual(self.release.image("quota"), old)
        self.release.upgrade(self.VALUES)

    def test_3_a_refused_upgrade_changes_nothing(self):
        before, revision = self.release.get("deployments")["items"], self.release.revision()
        with self.assertRaises(helm.HelmError) as caught:
            self.release.upgrade(self.tagged("latest"))
        self.assertIn("/image/tag", str(caught.exception))
        self.assertEqual(self.release.revision(), revision)
        self.assertEqual([d["metadata"]["generation"] for d in self.release.get("deployments")["items"]],
                         [d["metadata"]["generation"] for d in before])

    def test_4_accounts_may_do_nothing(self):
        for service in (*SERVICES, "default"):
            name = service if service == "default" else f"{self.release.fullname}-{service}"
            account = f"system:serviceaccount:shop:{name}"
            rules = CLUSTER.kubectl("auth", "can-i", "--list", "--as", account, "-n", "shop", "--no-headers")
            resources = {line.split()[0] for line in rules.splitlines() if not line.startswith(" ")}
            # What everybody may ask: who am I, and what may I.
            self.assertEqual({r for r in resources if not r.startswith(("self", "["))}, set(), account)

    def test_5_the_job_may_do_what_it_must(self):
        account = f"system:serviceaccount:shop:{self.release.fullname}-secrets"
        for verb, what, wanted in (
                ("create", "secrets", True), ("get", "secrets/shop-stackyard-seal-key", True),
                ("update", "secrets/shop-stackyard-gateway-tls", True), ("get", "secrets/databases", False),
                ("list", "secrets", False), ("delete", "secrets/shop-stackyard-seal-key", False),
                ("get", "configmaps", False), ("create", "pods", False), ("get", "nodes", False)):
            answer = CLUSTER.run("auth", "can-i", verb, what, "--as", account, "-n", "shop")
            self.assertEqual(answer.stdout.strip() == "yes", wanted, (verb, what))
        other = CLUSTER.run("auth", "can-i", "create", "secrets", "--as", account, "-n", "default")
        self.assertEqual(other.stdout.strip(), "no")

    def test_6_autoscaling_out_and_in(self):
        CLUSTER.wait_for_metrics()

        def replicas():
            return self.release.deployment("gateway")["spec"]["replicas"]

        self.assertEqual(replicas(), 2)
        # Requested are 350m by gateway and REST; usage counts for each container of a pod.
        self.release.use("gateway", "400m")

        def grown():
            self.release.use("gateway", "400m")
            return replicas() == 4

        eventually(grown, lambda: f"four replicas, not {replicas()}", 150, 2)

        def shrunk():
            self.release.use("gateway", "1m")
            return replicas() == 2

        eventually(shrunk, lambda: f"two replicas again, not {replicas()}", 240, 2)
    def test_7_a_drain_waits_for_the_budget(self):
        nodes = [n["metadata"]["name"] for n in CLUSTER.items("nodes")]
        where = {p["spec"]["nodeName"] for p in self.release.pods("stacks")}
        self.assertEqual(len(where), 2, "both replicas are on one node")
        try:
            # Nobody can take the place of what is evicted.
            for node in nodes:
                CLUSTER.kubectl("cordon", node)
            first, second = sorted(where)
            drain = ("drain", "--ignore-daemonsets", "--delete-emptydir-data", "--force",
                     "--pod-selector=app.kubernetes.io/component=stacks")
            CLUSTER.kubectl(*drain, first, "--timeout=60s")
            held = CLUSTER.run(*drain, second, "--timeout=8s")
            self.assertNotEqual(held.returncode, 0)
            self.assertIn("violate the pod's disruption budget", held.stderr)
            self.assertEqual(len([p for p in self.release.pods("stacks") if p["spec"].get("nodeName")]), 1)
            free = next(n for n in nodes if n not in where)
            CLUSTER.kubectl("uncordon", free)
            CLUSTER.kubectl(*drain, second, "--timeout=90s")
        finally:
            for node in nodes:
                CLUSTER.kubectl("uncordon", node)
        self.release.kubectl("rollout", "status", f"deployment/{self.release.fullname}-stacks", "--timeout=60s")

    def test_8_another_release_beside_it(self):
        CLUSTER.namespace("elsewhere")
        beside = Release(CLUSTER, "other", "shop").install(LEAST)
        same_name = Release(CLUSTER, "shop", "elsewhere").install(LEAST)
        for service in ("gateway", "stacks", "quota", "runner"):
            ends = [r.endpoints(service) for r in (self.release, beside, same_name)]
            for release, names in zip((self.release, beside, same_name), ends):
                self.assertEqual(names, {p["metadata"]["name"] for p in release.pods(service)}, service)
            self.assertFalse(ends[0] & ends[1])
        before = {p["metadata"]["uid"] for s in SERVICES for p in self.release.pods(s)}
        beside.uninstall()
        same_name.uninstall()
        self.assertEqual({p["metadata"]["uid"] for s in SERVICES for p in self.release.pods(s)}, before)


class ProductionTest(unittest.TestCase):
    """The variant with operators, whose custom resources are taken though nobody acts on them."""

    def test_all_of_it_is_installed(self):
        CLUSTER.namespace("production")
        # The runners have nodes of their own.
        CLUSTER.kubectl("label", "node", "node-3", "stackyard.dev/pool=runners")
        release = Release(CLUSTER, "stackyard", "production")
        # Nobody gives the load balancer an address: so pods are waited for, not all of it.
        release.helm("install", "stackyard", helm.CHART, values=helm.variant("production"))
        for service in ("gateway", "stacks", "quota", "runner"):
            release.kubectl("rollout", "status", f"deployment/stackyard-{service}", "--timeout=90s")
        self.assertEqual({p["spec"]["nodeName"] for p in release.pods("runner")}, {"node-3"})
        for kind, count in (("certificates", 6), ("issuers", 2), ("scaledobjects", 1), ("externalsecrets", 3),
                            ("triggerauthentications", 1), ("servicemonitors", 1), ("ingresses", 1),
                            ("prometheusrules", len(list((helm.CHART / "rules").glob("*.yaml"))))):
            self.assertEqual(len(release.get(kind)["items"]), count, kind)
        boards = release.get("configmaps", "--selector", "grafana_dashboard=1")["items"]
        self.assertEqual(len(boards), len(list((helm.CHART / "dashboards").glob("*.json"))))
        release.helm("uninstall", "stackyard")


class PodSecurityTest(unittest.TestCase):
    """Which level each pod is let in by, as the API server says when it is made."""

    @classmethod
    def setUpClass(cls):
        for level in ("privileged", "baseline", "restricted"):
            CLUSTER.namespace(f"pods-{level}", **{"pod-security.kubernetes.io__enforce": level})

    @staticmethod
    def account(docs, namespace):
        names = {pod(d)["spec"].get("serviceAccountName", "default") for d in helm.workloads(docs)}
        CLUSTER.apply([{"apiVersion": "v1", "kind": "ServiceAccount",
                        "metadata": {"name": n, "namespace": namespace}} for n in names - {"default"}])

    def violations(self, doc, level):
        """What the API server has against the pod, or nothing."""
        spec = dict(pod(doc)["spec"])
        spec["volumes"] = spec["volumes"] + [{"name": claim["metadata"]["name"], "emptyDir": {}}
                                             for claim in doc["spec"].get("volumeClaimTemplates", [])]
        body = {"apiVersion": "v1", "kind": "Pod", "spec": spec,
                "metadata": {"name": "one", "namespace": f"pods-{level}"}}
        result = CLUSTER.run("create", "--dry-run=server", "-f", "-", stdin=json.dumps(body))
        if result.returncode == 0:
            return None
        self.assertIn("violates PodSecurity", result.stderr)
        return result.stderr

    def test_all_but_the_runner_are_restricted(self):
        for name in ("trial", "production", "restricted"):
            docs = objects(helm.variant(name))
            self.account(docs, "pods-restricted")
            for doc in helm.workloads(docs):
                if doc["metadata"]["name"].endswith("-runner"):
                    continue
                with self.subTest(variant=name, pod=doc["metadata"]["name"]):
                    self.assertIsNone(self.violations(doc, "restricted"))

    def test_the_runner(self):
        unconfined = {"confinement": "full", "seccompProfile": "unconfined"}
        profiled = {"confinement": "full", "seccompProfile": "profiles/stackyard-runner.json"}
        for values, levels in ((unconfined, {"privileged": None, "baseline": "seccompProfile",
                                             "restricted": "seccompProfile"}),
                               (profiled, {"privileged": None, "baseline": None, "restricted": "procMount"}),
                               ({"confinement": "degraded"}, {"baseline": None, "restricted": None})):
            docs = objects(merged(LEAST, {"runner": values}))
            doc = helm.find(docs, "Deployment", "-runner")
            for level, fault in levels.items():
                with self.subTest(level=level, **values):
                    self.account(docs, f"pods-{level}")
                    found = self.violations(doc, level)
                    if fault:
                        self.assertIn(fault, found or "nothing")
                    else:
                        self.assertIsNone(found)


class ServerTest(unittest.TestCase):
    """Every variant is taken by the API server as it is, custom resources included."""

    def test_strict_validation(self):
        CLUSTER.namespace("platform")
        for name in helm.VARIANTS:
            with self.subTest(name):
                text = helm.rendered(helm.variant(name))
                said = CLUSTER.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text)
                self.assertIn("networkpolicy", said)

    def test_rendered_again_nothing_differs(self):
        """As GitOps applies it: what is rendered twice is the same."""
        values = helm.variant("trial")
        self.assertEqual(helm.rendered(values), helm.rendered(values))


if __name__ == "__main__":
    suite.main(1800)
