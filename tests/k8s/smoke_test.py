#!/usr/bin/env python3
"""The chart and the programs that it starts, without a cluster: the smoke test of `helm test` against a
running mesh, the start of the bundled PostgreSQL, and whether programs have the flags that they get."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

# pylint: disable=wrong-import-position
import helm
import postgres
import suite
from mesh import BIN, ROOT, Mesh, eventually, free_port

TEMPLATE = ROOT / "helm/stackyard/files/hello"
SCRIPT = ROOT / "helm/stackyard/files/postgresql.sh"


class SmokeTest(suite.MeshTestCase):
    @classmethod
    def setUpClass(cls):
        cls.mesh = Mesh().start()

    @classmethod
    def tearDownClass(cls):
        cls.mesh.close()

    def smoke(self, *extra, token=None):
        file = self.mesh.dir / "token"
        file.write_text(token or self.mesh.tokens["admin"])
        return subprocess.run(
            [BIN / "stackyard-release", "smoke", "--url", f"http://{self.mesh.rest_address}", "--token-file",
             file, "--template", TEMPLATE, "--timeout=60s", *extra], capture_output=True, text=True, check=False)

    def stacks(self):
        return self.mesh.rest("admin").get("/v1/projects/smoke-test/stacks")["stacks"]

    def test_1_a_mesh_that_works(self):
        for first in (True, False):
            result = self.smoke()
            self.assertEqual(result.returncode, 0, result.stderr)
            lines = [line.split(" ")[0] for line in result.stdout.splitlines()]
            self.assertEqual(lines, ["/testme:", *(["template"] if first else []), "stack", "stack"])
        self.assertEqual(self.stacks(), [])

    def test_2_a_token_that_is_none(self):
        result = self.smoke(token="syt_wrong")
        self.assertEqual(result.returncode, 1)
        self.assertIn("401", result.stderr)

    def test_3_a_part_that_is_away(self):
        self.mesh["quota"].kill()
        # What was found a moment ago is told again.
        eventually(lambda: not self.mesh.rest("admin").get("/testme")["ok"], "quota is missed")
        result = self.smoke("--timeout=3s")
        self.mesh["quota"].start()
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, r"/testme: do not work: .*quota")

    def test_4_no_runner(self):
        self.assertEqual(self.smoke().returncode, 0)
        self.mesh["runner-1"].stop()
        result = self.smoke("--timeout=3s")
        self.assertEqual(result.returncode, 1)
        self.assertIn("provisioning smoke-", result.stderr)
        # It was called off, and nothing is made of it once there is a runner again.
        self.mesh["runner-1"].start()
        eventually(lambda: {s["state"] for s in self.stacks()} <= {"FAILED"},
                   lambda: f"nothing comes of it: {self.stacks()}", 60)


@unittest.skipUnless(postgres.programs(), "PostgreSQL is not installed")
class PostgresTest(unittest.TestCase):
    """The bundled database starts, has three databases, and starts again."""

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="sp-", dir="/tmp"))
        self.user = {"user": "postgres"} if os.geteuid() == 0 else {}
        if self.user:
            shutil.chown(self.dir, "postgres")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        shutil.copy(SCRIPT, self.dir / "start.sh")
        (self.dir / "start.sh").chmod(0o755)
        self.port = str(free_port())
        self.process = None
        self.addCleanup(self.stop)

    def start(self):
        environment = {"PATH": f"{postgres.programs()}:{os.environ['PATH']}", "PGDATA": f"{self.dir}/data",
                       "POSTGRES_PASSWORD": "it's", **{f"PASSWORD_{s}": f"of'{s}" for s in
                                                       ("gateway", "stacks", "quota")}}
        log = (self.dir / "log").open("ab")
        self.addCleanup(log.close)
        self.process = subprocess.Popen(
            ["/bin/sh", self.dir / "start.sh", "-c", f"port={self.port}", "-c",
             f"unix_socket_directories={self.dir}", "-c", "listen_addresses=127.0.0.1"], env=environment,
            stdout=log, stderr=log, cwd=self.dir, **self.user)
        eventually(lambda: self.query("postgres", "postgres", "it's").returncode == 0,
                   lambda: f"PostgreSQL answers\n{(self.dir / 'log').read_text()}", 60)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def query(self, user, database, password, text="SELECT 1"):
        return subprocess.run(
            [postgres.programs() / "psql", "-tA", "-h", "127.0.0.1", "-p", self.port, "-U", user, "-d", database,
             "-c", text], env={"PGPASSWORD": password}, capture_output=True, text=True, check=False)

    def test_three_databases_with_a_user_each(self):
        self.start()
        for service in ("gateway", "stacks", "quota"):
            made = self.query(service, service, f"of'{service}", "CREATE TABLE kept(x int)")
            self.assertEqual(made.returncode, 0, made.stderr)
            self.assertIn("password authentication failed", self.query(service, service, "wrong").stderr)
        self.assertIn("permission denied", self.query("quota", "stacks", "of'quota").stderr)
        self.stop()
        self.start()
        self.assertEqual(self.query("stacks", "stacks", "of'stacks", "SELECT count(*) FROM kept").stdout, "0\n")

    def test_what_was_interrupted_is_begun_anew(self):
        half = self.dir / "data.new"
        half.mkdir()
        (half / "PG_VERSION").write_text("15\n")
        if self.user:
            shutil.chown(half, "postgres")
        self.start()
        self.assertEqual(self.query("quota", "quota", "of'quota").stdout, "1\n")


@unittest.skipIf(helm.missing("helm"), "Helm is not set up here")
class FlagsTest(unittest.TestCase):
    def test_programs_have_the_flags_that_they_get(self):
        helps = {}
        for name in helm.VARIANTS:
            for doc in helm.workloads(helm.objects(helm.variant(name))):
                for one in helm.pod(doc)["spec"]["containers"]:
                    if one["name"] == "postgresql":
                        continue
                    command = [BIN / "stackyard-release", one["args"][0]] if "command" in one \
                        else [BIN / f"stackyard-{one['name']}"]
                    key = tuple(map(str, command))
                    if key not in helps:
                        said = subprocess.run([*command, "--help"], capture_output=True, text=True, check=False)
                        # Go's programs tell flags with one dash.
                        helps[key] = set(re.findall(r"(?m)(?:^ *|,)--?([a-z][a-z-]+)", said.stdout + said.stderr))
                    given = {arg[2:].split("=")[0] for arg in one["args"] if arg.startswith("--")}
                    with self.subTest(variant=name, container=one["name"]):
                        self.assertEqual(given - helps[key], set())

    def test_programs_take_the_values_of_their_flags(self):
        """They read all their flags before they miss the files of a pod, or the right to confine."""
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("STACKYARD_")}
        for name in helm.VARIANTS:
            for doc in helm.workloads(helm.objects(helm.variant(name))):
                for one in helm.pod(doc)["spec"]["containers"]:
                    if one["name"] not in ("gateway", "rest", "stacks", "quota", "runner"):
                        continue
                    rest = one["name"] == "rest"
                    with self.subTest(variant=name, container=one["name"]), tempfile.TemporaryDirectory() as data:
                        given = [arg.replace("/data", data) for arg in one["args"]]
                        result = subprocess.run(
                            [BIN / f"stackyard-{one['name']}", *given, *(["--version"] if rest else [])],
                            env=environment, capture_output=True, text=True, check=False,
                            timeout=60)
                        said = result.stdout + result.stderr
                        self.assertEqual(result.returncode == 0, rest, said)
                        self.assertNotIn("--help tells", said)
                        self.assertRegex(said, "stackyard-rest" if rest else
                                         "=/etc/stackyard/.* cannot|--mtls-cert=/etc/stackyard/|"
                                         "runs cannot be confined")


if __name__ == "__main__":
    suite.main()
