#!/usr/bin/env python3
"""The chart with the real images on a real node: confined runs, updates under load, a drain in the middle
of an apply, runners by the length of the queue. scripts/node-test.sh runs it."""

import base64
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

# pylint: disable=wrong-import-position
import bundles
import clients
import node as nodes
import suite
from load import Load
from mesh import ENVIRONMENT, ROOT, eventually
from node import IMAGES, NAME, PROFILE, Node

import release
import confinement
from database import Database
from scaler import METRIC, Scaler

NAMESPACE, RELEASE = "mesh", "stackyard"
RUNNER = "app.kubernetes.io/component=runner"
OTHER = "0" * 40
CLI = ROOT / "build/bin/stackyard"
CLUSTER = DATABASE = MESH = TAG = TOKEN = None
REST = None
# An update waits for drains; the machine may be busy.
PATIENCE = 400
# Of all pods.
USER = 65532


def values(tag, **runner):
    """Of the release: small, and all of it at least twice."""
    small = {"requests": {"cpu": "20m", "memory": "32Mi"}}
    service = {"autoscaling": {"enabled": False}, "replicas": 2, "resources": small}
    return {
        "image": {"prefix": "localhost", "tag": tag},
        "gateway": {**service, "limits": {"userRate": 0, "addressRate": 0}},
        "rest": {"resources": small},
        "stacks": {**service, "catalogPolicy": {"provisioners": ["local-exec"]}},
        "quota": service,
        "runner": {"replicas": 2, "resources": small, "drainSeconds": 120, "seccompProfile": PROFILE,
                   "providerDirect": False, **runner},
        "database": {"existingSecret": "databases"},
        "storage": {"type": "pvc", "pvc": {"accessMode": "ReadWriteMany", "size": "1Gi"}},
        "smokeTest": {"timeoutSeconds": 300}}


def volume():
    """A folder of this machine, as storage that many pods write to."""
    path = CLUSTER.dir / "blobs"
    path.mkdir()
    os.chown(path, USER, USER)
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "blobs"},
            "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany"],
                     "hostPath": {"path": str(path)}}}


def databases():
    """The Secret with the URLs."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "databases", "namespace": NAMESPACE},
            "stringData": {name: DATABASE.url(name) for name in ("gateway", "stacks", "quota")}}


def setUpModule():
    global CLUSTER, DATABASE, MESH, TAG, TOKEN, REST
    TAG = json.loads((IMAGES / "images.json").read_text())[0]["reference"].rsplit(":", 1)[1]
    release.WAIT = f"{PATIENCE}s"
    CLUSTER = Node().start()
    try:
        DATABASE = Database()
        CLUSTER.another_tag(TAG, OTHER)
        # What pods of the chart may do, the runner's included, is checked by the API server.
        CLUSTER.namespace(NAMESPACE, **{"pod-security.kubernetes.io__enforce": "baseline"})
        CLUSTER.apply([volume(), databases()])
        began = time.monotonic()
        MESH = release.Release(CLUSTER, RELEASE, NAMESPACE).install(values(TAG))
        print(f"    installed and ready after {time.monotonic() - began:.0f} s", file=sys.stderr)
        token = MESH.secret("admin-token")["data"]["token"]
        TOKEN = base64.b64decode(token).decode().strip()
        REST = clients.Rest(f"{service_address()}:8080", TOKEN)
        REST.post("/v1/projects?projectId=web", {})
        bundles.published(REST, "slow", "1", bundles.pack(bundles.slow()))
    except BaseException:
        show()
        tearDownModule()
        raise


def tearDownModule():
    if DATABASE:
        DATABASE.close()
    CLUSTER.close()


def show():
    """What a reader of a failure wants to see."""
    for arguments in (("get", "pods", "-o", "wide"), ("get", "events", "--sort-by=.lastTimestamp")):
        print(CLUSTER.run("-n", NAMESPACE, *arguments).stdout[-6000:], file=sys.stderr)
    for pod in json.loads(CLUSTER.run("-n", NAMESPACE, "get", "pods", "-o", "json").stdout)["items"]:
        name = pod["metadata"]["name"]
        log = CLUSTER.run("-n", NAMESPACE, "logs", name, "--all-containers", "--tail=12").stdout
        print(f"--- the end of {name}\n{log}", file=sys.stderr)


def service_address():
    """Of the gateway's Service."""
    return MESH.get("service", f"{MESH.fullname}-gateway")["spec"]["clusterIP"]


class NodeTest(suite.unittest.TestCase):
    """In the order of their names: each leaves the release as it found it."""

    def run(self, result=None):
        faults = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > faults:
            show()

    # ---- Helpers ----------------------------------------------------------------------------

    def create(self, name, seconds=2, steps=2):
        REST.post(f"/v1/projects/web/stacks?stackId={name}&requestId=create-{name}",
                  {"templateVersion": "templates/slow/versions/1",
                   "parameters": {"journal": "/tmp/journal", "seconds": seconds, "steps": steps}})

    def runs(self, name):
        return REST.get(f"/v1/projects/web/stacks/{name}/runs?pageSize=100")["runs"]

    def reach(self, name, state="READY"):
        def probe():
            stack = REST.get(f"/v1/projects/web/stacks/{name}")
            if stack["state"] == "FAILED" != state:
                raise AssertionError(f"{name} FAILED: {json.dumps(stack)}")
            return stack if stack["state"] == state else None
        return eventually(probe, lambda: f"{name} is {state}: {json.dumps(self.runs(name))}", PATIENCE)

    def running(self, name, kind="APPLY"):
        """Waits for a run that a runner has begun, and answers it."""
        def probe():
            return next((run for run in self.runs(name)
                         if run["type"] == kind and run["state"] == "RUNNING"), None)
        return eventually(probe, f"{name} has a running {kind}", PATIENCE)

    def none_lost(self, name):
        """Each run of a stack was made once, by the runner that began it."""
        for run in self.runs(name):
            self.assertEqual(run["state"], "SUCCEEDED", run)
        kinds = collections.Counter(run["type"] for run in self.runs(name))
        self.assertEqual(kinds, {"PLAN": 1, "APPLY": 1}, name)

    def host_pids(self, pod):
        """Processes of a pod's containers, as the node sees them."""
        identity = MESH.get("pod", pod)["metadata"]["uid"]
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if f"pod{identity}" in (path / "cgroup").read_text():
                    found.append((int(path.name), (path / "cmdline").read_text().split("\0")[0]))
            except OSError:
                continue
        return found

    # ---- Tests ------------------------------------------------------------------------------

    def test_0_a_sandbox_needs_its_proc_and_its_profile(self):
        # In a namespace that enforces `baseline`, which lets no pod go without a profile.
        told = confinement.lacking(CLUSTER, NAMESPACE)
        for name, (_, _, missing) in confinement.LACKING.items():
            self.assertEqual(told[name], missing | confinement.GROUPS, name)
        unconfined = confinement.pod("unconfined", NAMESPACE, None, "Unmasked")
        unconfined["spec"]["securityContext"]["seccompProfile"] = {"type": "Unconfined"}
        refused = CLUSTER.run("apply", "-f", "-", stdin=json.dumps(unconfined))
        self.assertIn('violates PodSecurity "baseline:latest": seccompProfile', refused.stderr)

    def test_1_runs_are_confined(self):
        for pod in MESH.pods("runner"):
            name = pod["metadata"]["name"]
            log = MESH.kubectl("logs", name)
            self.assertIn("runner begins", log)
            self.assertNotIn('"missing":"sandbox"', log)
            runner = next(pid for pid, command in self.host_pids(name) if "stackyard-runner" in command)
            status = pathlib.Path(f"/proc/{runner}/status").read_text()
            # Whoever it is in its pod, it is nobody out here.
            self.assertGreaterEqual(int(re.search(r"\nUid:\t(\d+)", status).group(1)), 65536)
            self.assertIn("\nNoNewPrivs:\t1\n", status)
            self.assertIn("\nSeccomp:\t2\n", status)
        self.create("confined", seconds=15)
        run = self.running("confined")
        pod = run["runner"].rsplit("-", 1)[0]
        runner = next(pid for pid, command in self.host_pids(pod) if "stackyard-runner" in command)

        def sleeping():
            return next((pid for pid, command in self.host_pids(pod) if command.endswith("sleep")), None)

        sleeper = eventually(sleeping, "the run's command", 60)
        for namespace in ("user", "pid", "mnt", "ipc", "uts"):
            self.assertNotEqual(os.readlink(f"/proc/{sleeper}/ns/{namespace}"),
                                os.readlink(f"/proc/{runner}/ns/{namespace}"), namespace)
        self.reach("confined")
        self.none_lost("confined")

    def test_2_smoke_test(self):
        MESH.helm("test", RELEASE, "--timeout", f"{PATIENCE}s")

    def test_3_update_under_load(self):
        environment = {**ENVIRONMENT, "STACKYARD_ENDPOINT": f"{service_address()}:8081",
                       "STACKYARD_TOKEN": TOKEN, "STACKYARD_PROJECT": "web", "NO_COLOR": "1",
                       "STACKYARD_PLAINTEXT": "1"}
        names = [f"rolling-{number}" for number in range(6)]
        began = time.monotonic()
        with Load(f"{service_address()}:8080", [CLI], TOKEN, environment) as load:
            for number, name in enumerate(names):
                self.create(name, seconds=10 + 5 * number)
            self.running(names[0])
            MESH.upgrade(values(OTHER))
            for service in ("gateway", "stacks", "quota", "runner"):
                self.assertIn(OTHER, MESH.image(service))
                self.update_ended(service)
            for name in names:
                self.reach(name)
            load.stop()
        calls = ", ".join(f"{count} by {name}" for name, count in load.calls.items())
        print(f"    updated in {time.monotonic() - began:.0f} s, under {calls}", file=sys.stderr)
        print("".join(f"    {fault}\n" for fault in load.faults[:10]), end="", file=sys.stderr)
        self.assertEqual(len(load.faults), 0)
        for name, count in load.calls.items():
            self.assertGreater(count, 20, name)
        for name in names:
            self.none_lost(name)

    def update_ended(self, service):
        """Until the last pod of the old revision is gone."""
        selector = f"app.kubernetes.io/component={service}"

        def ended():
            pods = MESH.get("pods", "--selector", selector)["items"]
            return all(OTHER in pod["spec"]["containers"][0]["image"] for pod in pods)

        eventually(ended, f"old pods of {service} are gone", PATIENCE, 0.5)

    def test_4_drain_in_the_middle_of_an_apply(self):
        self.create("drained", seconds=25)
        run = self.running("drained")
        drain = subprocess.Popen(
            [nodes.TOOLS / "bin/hyperkube", "kubectl", "drain", NAME, "--delete-emptydir-data",
             "--ignore-daemonsets", f"--pod-selector={RUNNER}", f"--timeout={PATIENCE}s"],
            env=CLUSTER.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            # The disruption budget lets one go at a time, and nothing can take its place.
            eventually(lambda: any(pod["metadata"].get("deletionTimestamp") for pod in
                                   MESH.get("pods", "--selector", RUNNER)["items"]), "a pod is evicted", 60)
            self.reach("drained")
            finished = next(one for one in self.runs("drained") if one["type"] == "APPLY")
            self.assertEqual(finished["runner"], run["runner"])
            CLUSTER.kubectl("uncordon", NAME)
            output = drain.communicate(timeout=PATIENCE)[0]
            self.assertEqual(drain.returncode, 0, output)
        finally:
            drain.kill()
            CLUSTER.kubectl("uncordon", NAME)
        self.none_lost("drained")
        # Both are new, and work.
        eventually(lambda: len(MESH.endpoints("runner")) == 2, "two runners are ready", PATIENCE, 0.5)
        self.create("after")
        self.reach("after")

    def test_5_runners_by_the_queue(self):
        with tempfile.TemporaryDirectory() as folder:
            scaler = Scaler(CLUSTER.authority.path("kubelet-serving.crt"),
                            CLUSTER.authority.path("kubelet-serving.key"), self.stacks_address,
                            self.keda(pathlib.Path(folder)))
            CLUSTER.apply(scaler.objects())
            MESH.upgrade(values(OTHER, slots=1, autoscaling={
                "kind": "external", "minReplicas": 1, "maxReplicas": 4, "targetRuns": 1,
                "scaleDownSeconds": 5, "external": {"metric": METRIC}}))
            eventually(lambda: self.wanted() == 1, "one runner is enough for nothing", PATIENCE, 1)
            names = [f"queued-{number}" for number in range(5)]
            for name in names:
                self.create(name, seconds=30)
            began = time.monotonic()
            eventually(lambda: len(MESH.endpoints("runner")) >= 3, "more runners work", PATIENCE, 1)
            print(f"    3 runners after {time.monotonic() - began:.0f} s", file=sys.stderr)
            for name in names:
                self.reach(name)
            self.assertGreaterEqual(len({run["runner"] for name in names for run in self.runs(name)}), 3)
            eventually(lambda: self.wanted() == 1, "one runner is enough again", PATIENCE, 1)
            for name in names:
                self.none_lost(name)

    def wanted(self):
        return MESH.deployment("runner")["spec"].get("replicas", 1)

    def stacks_address(self):
        """Of a replica of stacks."""
        slices = MESH.get("endpointslices", "--selector",
                          f"kubernetes.io/service-name={MESH.fullname}-stacks")["items"]
        return next(f"{endpoint['addresses'][0]}:7301" for one in slices
                    for endpoint in one["endpoints"] if endpoint["conditions"].get("ready"))

    def keda(self, folder):
        """A certificate of the peer `keda`, by the release's own authority."""
        authority = MESH.secret("ca")["data"]
        for name in ("tls.crt", "tls.key"):
            (folder / name).write_bytes(base64.b64decode(authority[name]))
        name = f"spiffe://cluster.local/ns/{NAMESPACE}/stackyard/{MESH.fullname}/keda"
        (folder / "extensions").write_text(f"subjectAltName=URI:{name}\nextendedKeyUsage=clientAuth\n"
                                           "keyUsage=critical,digitalSignature\n")
        peer = collections.namedtuple("Peer", "crt key")(folder / "keda.crt", folder / "keda.key")
        for command in (["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                         "/CN=keda", "-keyout", peer.key, "-out", folder / "csr"],
                        ["x509", "-req", "-in", folder / "csr", "-CA", folder / "tls.crt", "-CAkey",
                         folder / "tls.key", "-CAcreateserial", "-days", "1", "-extfile",
                         folder / "extensions", "-out", peer.crt]):
            subprocess.run(["openssl", *command], check=True, capture_output=True)
        return peer


if __name__ == "__main__":
    if lacking := nodes.missing():
        raise SystemExit(f"error: {lacking}")
    suite.main(longest_seconds=2700)
