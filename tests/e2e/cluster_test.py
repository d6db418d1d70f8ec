#!/usr/bin/env python3
"""What a cluster asks of the services: how many runners are wanted (as KEDA asks), who is alive and
ready (as a kubelet asks), and to go without a lost run, a failed call or a lost administrator."""

import json
import re
import signal
import subprocess
import threading
import unittest
import urllib.error
import urllib.request

import bundles
import postgres
import suite
from mesh import ROOT, UNLIMITED, Mesh, eventually, free_port, make_certificates

GRPCURL = str(ROOT / "build/tools/bin/grpcurl")
# Long enough for a run on a busy machine.
PATIENCE = 120


class Probe:
    """A kubelet: asks for health in plain text, without a certificate."""

    def __init__(self, address):
        self.address = address

    def __call__(self, name):
        done = subprocess.run(
            [GRPCURL, "-plaintext", "-max-time", "20", "-import-path", str(ROOT / "build/deps/protos"),
             "-proto", "grpc/health/v1/health.proto", "-d", json.dumps({"service": name}),
             self.address, "grpc.health.v1.Health/Check"], capture_output=True, text=True, check=False)
        return json.loads(done.stdout)["status"] if done.returncode == 0 else done.stderr

    def told(self):
        return {name: self(name) for name in ("liveness", "readiness", "")}


ALIVE_AND_READY = {"liveness": "SERVING", "readiness": "SERVING", "": "SERVING"}
ALIVE_ONLY = {"liveness": "SERVING", "readiness": "NOT_SERVING", "": "NOT_SERVING"}


def with_health(mesh):
    """Has every C++ service serve health in plain text; answers the probes by name."""
    probes = {}
    for name, service in mesh.services.items():
        if name != "rest":
            address = f"127.0.0.1:{free_port()}"
            service.command += ["--health-listen", address]
            probes[name] = Probe(address)
    return probes


def slow_stacks(mesh):
    """A project, and a template whose runs take as long as they are told to."""
    mesh.rest("admin").post("/v1/projects?projectId=web", {})
    mesh.person("dave", web="devops", everywhere="devops")
    bundles.published(mesh.rest("admin"), "slow", "1", bundles.pack(bundles.slow()))


def create(mesh, name, **parameters):
    parameters["journal"] = str(mesh.mark(f"{name}.journal"))
    mesh.rest("admin").post(f"/v1/projects/web/stacks?stackId={name}",
                            {"templateVersion": "templates/slow/versions/1", "parameters": parameters})


def reach(mesh, name, state):
    def get():
        return mesh.rest("admin").get(f"/v1/projects/web/stacks/{name}")

    return eventually(lambda: (lambda stack: stack["state"] == state and stack)(get()),
                      lambda: f"{name} {state}: {json.dumps(get())}", PATIENCE)


class KedaTest(suite.MeshTestCase):
    """The scaler by mutual TLS, with a client that checks what Go's TLS checks."""

    @classmethod
    def setUpClass(cls):
        cls.mesh = Mesh(runners=1, slots=2, mtls=True)
        make_certificates(cls.mesh.certs, "stacks", dns="localhost")
        cls.probes = with_health(cls.mesh)
        cls.mesh.start()
        slow_stacks(cls.mesh)

    @classmethod
    def tearDownClass(cls):
        cls.mesh.close()

    def command(self, method, request, service, extra=()):
        port = self.mesh.internal["stacks"].split(":")[1]
        certs = self.mesh.certs
        return [GRPCURL, "-cacert", f"{certs}/ca.pem", "-cert", f"{certs}/{service}.pem", "-key",
                f"{certs}/{service}.key", "-max-time", str(PATIENCE), *extra, "-d",
                json.dumps(request), f"localhost:{port}", f"externalscaler.ExternalScaler/{method}"]

    def ask(self, method, request, service="keda"):
        return subprocess.run(self.command(method, request, service), capture_output=True, text=True,
                              check=False)

    def runs(self):
        done = self.ask("GetMetrics", {"metricName": "stackyard_runs"})
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["metricValues"][0].get("metricValueFloat", 0)

    def test_the_queue_is_what_is_told(self):
        reference = {"name": "runners", "namespace": "stackyard",
                     "scalerMetadata": {"targetRunsPerRunner": "3", "scalerAddress": "stacks:7301"}}
        done = self.ask("GetMetricSpec", reference)
        self.assertEqual(json.loads(done.stdout), {"metricSpecs": [
            {"metricName": "stackyard_runs", "targetSize": "3", "targetSizeFloat": 3}]}, done.stderr)
        self.assertEqual(self.runs(), 0)

        with subprocess.Popen(self.command("StreamIsActive", reference, "keda"),
                              stdout=subprocess.PIPE, text=True) as stream:
            try:
                # One answer at once, and one for each change.
                self.assertEqual(self.next_answer(stream), {})
                self.mesh.runners()[0].kill()
                for name in ("one", "two", "three"):
                    create(self.mesh, name, steps=1)
                self.assertEqual(self.next_answer(stream), {"result": True})
                self.assertEqual(self.runs(), 3)
                self.mesh.runners()[0].start()
                for name in ("one", "two", "three"):
                    reach(self.mesh, name, "READY")
                eventually(lambda: self.runs() == 0, "nothing is to be done", PATIENCE)
            finally:
                stream.kill()

    def next_answer(self, stream):
        """The next JSON object that grpcurl prints."""
        text = ""
        for line in stream.stdout:
            text += line
            try:
                return json.loads(text)
            except json.JSONDecodeError:
                pass
        raise AssertionError(f"the stream ended: {text}")

    def test_wrong_metadata_is_named(self):
        done = self.ask("IsActive", {"scalerMetadata": {"targetRunsPerRunner": "many"}})
        self.assertIn("InvalidArgument", done.stderr)
        self.assertIn("targetRunsPerRunner", done.stderr)

    def test_nobody_else_asks_and_keda_asks_nothing_else(self):
        self.assertIn("PEER_REFUSED", self.ask("IsActive", {}, "runner").stderr)
        done = subprocess.run(
            [part.replace("externalscaler.ExternalScaler/IsActive",
                          "stackyard.v1.ProjectService/ListProjects")
             for part in self.command("IsActive", {}, "keda")],
            capture_output=True, text=True, check=False)
        self.assertIn("PEER_REFUSED", done.stderr)

    def test_health_is_told_in_plain_text_and_nothing_else_is(self):
        for name, probe in self.probes.items():
            eventually(lambda p=probe: p.told() == ALIVE_AND_READY, f"{name} is ready", PATIENCE)
            self.assertIn("NotFound", probe("stackyard.v1.StackService"))
            for method in ("stackyard.v1.ProjectService/ListProjects",
                           "stackyard.internal.v1.IntrospectionService/Describe"):
                done = subprocess.run(
                    [GRPCURL, "-plaintext", "-max-time", "20", "-import-path", str(ROOT / "protos"),
                     "-import-path", str(ROOT / "build/deps/protos"), "-proto",
                     "stackyard/v1/projects.proto", "-proto", "stackyard/internal/v1/introspection.proto",
                     probe.address, method], capture_output=True, text=True, check=False)
                self.assertIn("Unimplemented", done.stderr, f"{name}: {method}")


class RunnerDrainTest(suite.MeshTestCase):
    def setUp(self):
        # A lease that a runner would lose within the time of a run, did it not go on to keep it.
        self.metrics = f"127.0.0.1:{free_port()}"
        self.mesh = Mesh(runners=1, slots=2, stacks_flags=["--run-lease", "2s"],
                         runner_flags=["--heartbeat-interval", "300ms", "--drain", "1h",
                                       "--metrics-listen", self.metrics])
        self.probe = with_health(self.mesh)["runner-1"]
        self.mesh.start()
        slow_stacks(self.mesh)
        self.runner = self.mesh.runners()[0]

    def tearDown(self):
        self.mesh.close()

    def draining(self):
        with urllib.request.urlopen(f"http://{self.metrics}/metrics", timeout=20) as answer:
            text = answer.read().decode()
        return float(re.search(r"^stackyard_runner_draining (\S+)$", text, re.MULTILINE)[1])

    def generations(self, name):
        runs = self.mesh.rest("admin").get(f"/v1/projects/web/stacks/{name}/runs")["runs"]
        return sorted((run["type"], run["generation"]) for run in runs)

    def test_runs_come_to_their_end_and_then_the_process_does(self):
        eventually(lambda: self.probe.told() == ALIVE_AND_READY, "the runner is ready", PATIENCE)
        self.assertEqual(self.draining(), 0)
        create(self.mesh, "long", steps=2, seconds=6)
        reach(self.mesh, "long", "APPLYING")
        self.runner.process.send_signal(signal.SIGTERM)
        eventually(lambda: self.probe.told() == ALIVE_ONLY, "the runner drains", PATIENCE)
        self.assertEqual(self.draining(), 1)
        create(self.mesh, "later", steps=1)
        reach(self.mesh, "long", "READY")
        self.assertEqual(self.runner.process.wait(PATIENCE), 0)
        self.assertEqual(self.generations("long"), [("APPLY", "1"), ("PLAN", "1")])
        self.assertEqual((self.mesh.shared / "long.journal").read_text().split(), ["0", "1", "last"])
        # What came meanwhile was left to others.
        self.assertEqual(self.mesh.rest("admin").get("/v1/projects/web/stacks/later")["state"],
                         "PENDING")
        self.runner.start()
        reach(self.mesh, "later", "READY")

    def test_a_second_signal_hands_the_run_over(self):
        create(self.mesh, "long", steps=2, seconds=15)
        reach(self.mesh, "long", "APPLYING")
        self.runner.process.send_signal(signal.SIGTERM)
        eventually(lambda: self.probe.told() == ALIVE_ONLY, "the runner drains", PATIENCE)
        self.runner.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.runner.process.wait(PATIENCE), 0)
        self.runner.start()
        reach(self.mesh, "long", "READY")


class Load:
    """Calls again and again over connections of their own, and remembers what failed."""

    def __init__(self, url):
        self.url, self.answered, self.failed = url, 0, []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def _run(self):
        while not self.over.is_set():
            try:
                with urllib.request.urlopen(self.url, timeout=20) as answer:
                    self.answered += answer.status == 200
            except OSError as error:
                self.failed.append(str(error))
                return


class RollingTest(suite.MeshTestCase):
    """Between the signal and the time that everybody has heard of it, no call fails."""

    def setUp(self):
        self.mesh = Mesh(runners=0, environment=UNLIMITED)
        self.probes = with_health(self.mesh)
        for service in self.mesh.services.values():
            service.command += ["--drain-delay", "1h"]
        self.mesh.start()

    def tearDown(self):
        self.mesh.close()

    def code(self, path):
        try:
            with urllib.request.urlopen(f"http://{self.mesh.rest_address}{path}", timeout=20) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def test_calls_are_served_until_the_delay_is_over(self):
        for name, probe in self.probes.items():
            eventually(lambda p=probe: p.told() == ALIVE_AND_READY, f"{name} is ready", PATIENCE)
        self.assertEqual((self.code("/livez"), self.code("/readyz")), (200, 200))
        with Load(f"http://{self.mesh.rest_address}/testme") as load:
            for name in ("quota", "stacks", "gateway", "rest"):
                self.mesh[name].process.send_signal(signal.SIGTERM)
            for name, probe in self.probes.items():
                eventually(lambda p=probe: p.told() == ALIVE_ONLY, f"{name} drains", PATIENCE)
            self.assertEqual((self.code("/livez"), self.code("/readyz")), (200, 503))
            before = load.answered
            eventually(lambda: load.answered > before + 20 or load.failed, "calls go on", PATIENCE)
            # Over connections of its own, to the gateway itself.
            done = self.mesh.grpcurl("admin")("stackyard.v1.IdentityService/WhoAmI")
            self.assertEqual(done.code, 0, done)
        self.assertEqual(load.failed, [])
        # Whoever cannot wait says so again.
        for name in ("rest", "gateway", "stacks", "quota"):
            self.assertIsNone(self.mesh[name].process.poll(), name)
            self.mesh[name].process.send_signal(signal.SIGTERM)
            self.assertEqual(self.mesh[name].process.wait(PATIENCE), 0, name)


@unittest.skipUnless(postgres.programs(), "PostgreSQL is not installed")
class DatabaseTest(suite.MeshTestCase):
    """A database that is away makes replicas unready, and restarts none."""

    def setUp(self):
        self.database = postgres.Postgres()
        self.mesh = Mesh(runners=0)
        self.probes = with_health(self.mesh)
        for name in ("gateway", "stacks", "quota"):
            self.mesh[name].command += ["--database", self.database.database(name)]
        # A Secret, as every replica has it.
        token = self.mesh.dir / "first.token"
        token.write_text("syt_k8secret0001_ZYxwvutsrqPONMLKJIHGFEdcba9876543210-_abcde\n")
        gateway = self.mesh["gateway"]
        at = gateway.command.index("--admin-token-file")
        gateway.command[at:at + 2] = ["--first-admin-token-file", str(token)]
        # Where the mesh looks for the token of its administrator.
        (self.mesh.dir / "admin.token").write_text(token.read_text())
        self.mesh.start()

    def tearDown(self):
        self.mesh.close()
        self.database.close()

    def test_liveness_does_not_hang_on_the_database(self):
        whoami = self.mesh.rest("admin").get("/v1/whoami")
        self.assertEqual(whoami["user"]["name"], "users/admin")
        for name, probe in self.probes.items():
            eventually(lambda p=probe: p.told() == ALIVE_AND_READY, f"{name} is ready", PATIENCE)
        self.database.stop()
        for name, probe in self.probes.items():
            eventually(lambda p=probe: p.told() == ALIVE_ONLY, f"{name} is alive, not ready", PATIENCE)
        self.database.start()
        for name, probe in self.probes.items():
            eventually(lambda p=probe: p.told() == ALIVE_AND_READY, f"{name} is ready again", PATIENCE)
        eventually(lambda: self.mesh.rest("admin").raw("GET", "/v1/projects")[0] == 200,
                   "calls are answered again", PATIENCE)


if __name__ == "__main__":
    suite.main()
