#!/usr/bin/env python3
"""A mesh is saved while it is at work, goes on, is lost and brought back: by scripts/backup.py on SQLite
and folders, and on PostgreSQL and S3 (moto). Then the books are right, states can be read, and what was
made since the backup is found by scripts/salvage.py and the reconciler."""

import base64
import collections
import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

# pylint: disable=wrong-import-position
import bundles
import checker
import postgres
import suite
from emulator import Emulator, moto_server
from mesh import ROOT, Mesh, eventually

PATIENCE = 120
DATABASES = ("gateway", "stacks", "quota")
BUCKET = "stackyard"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
FLAGS = ["--run-lease", "3s", "--reconcile-interval", "1s", "--reconcile-grace", "1s"]


class Life:
    """What people do in a mesh, before and after it was saved."""

    def __init__(self, mesh):
        self.mesh, self.admin = mesh, mesh.rest("admin")

    def begin(self):
        self.admin.post("/v1/projects?projectId=web", {})
        self.mesh.person("dan", web="devops", everywhere="devops")
        self.admin.put("/v1/projects/web/quota/limits/resources", {"value": 40})
        for name, files in (("counted", bundles.counted()), ("slow", bundles.slow()),
                            ("reviewed", bundles.counted("required"))):
            bundles.published(self.admin, name, "1", bundles.pack(files))

    def asked(self, name, template="counted", **parameters):
        return self.admin.post(f"/v1/projects/web/stacks?stackId={name}", {
            "templateVersion": f"templates/{template}/versions/1", "parameters": parameters})

    def made(self, name, **parameters):
        self.admin.succeed(self.asked(name, **parameters))
        return self.get(name)

    def get(self, name):
        return self.admin.get(f"/v1/projects/web/stacks/{name}")

    def changed(self, name, **parameters):
        self.admin.succeed(self.admin.patch(
            f"/v1/projects/web/stacks/{name}?updateMask=parameters", {"parameters": parameters}))

    def gone(self, name):
        self.admin.succeed(self.admin.delete(f"/v1/projects/web/stacks/{name}"))

    def reach(self, name, state):
        return eventually(lambda: self.get(name)["state"] == state and self.get(name),
                          lambda: f"{name} is {state}: {json.dumps(self.get(name))}", PATIENCE)

    def state(self, name):
        answer = self.admin.get(f"/v1/projects/web/stacks/{name}/stateVersions/latest:download")
        return json.loads(base64.b64decode(answer["state"]))

    def used(self):
        return {line["metric"]: int(line["committed"])
                for line in self.admin.get("/v1/projects/web/quota/usage")["usage"] if not line["user"]}

    def events(self, kind):
        return [event for event in checker.pages(self.admin, "/v1/projects/web/events", "events")
                if event["type"] == kind]

    def answers(self):
        """Waits until the services have found each other again."""
        def attempt():
            try:
                return self.admin.get("/v1/projects/web")
            except Exception:  # pylint: disable=broad-except
                return None
        eventually(attempt, "an answer", PATIENCE)


def script(name, *arguments, environment=None, code=0):
    """Runs a script as an operator does, and answers what it says."""
    done = subprocess.run([ROOT / "build/tools/py/bin/python", ROOT / "scripts" / name, *map(str, arguments)],
                          env={**os.environ, **(environment or {})}, capture_output=True, text=True,
                          check=False)
    assert done.returncode == code, f"{name} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def time_of(backup):
    return json.loads((backup / "manifest.json").read_text())["time"]


def stop(mesh):
    for service in reversed(list(mesh.services.values())):
        service.stop(60)


def next_second():
    """Files and objects know seconds, so what comes next must be of a later one."""
    began = int(time.time())
    eventually(lambda: int(time.time()) > began + 1, "a second passes", 10, 0.05)


class EmbeddedTest(suite.MeshTestCase):
    """SQLite and folders."""

    def test_all_is_lost_and_comes_back(self):
        mesh = self.mesh = Mesh(runners=1, stacks_flags=FLAGS).start()
        self.addCleanup(lambda: mesh.close())
        life = Life(mesh)
        life.begin()
        life.made("shop", amount=3)
        life.changed("shop", amount=4)
        life.made("mail", amount=2)
        life.asked("wish", template="reviewed", amount=5)
        wish = life.reach("wish", "AWAITING_APPROVAL")
        life.asked("busy", template="slow", steps=2, seconds=3, journal=str(mesh.mark("busy")))
        life.reach("busy", "APPLYING")
        state, used = life.state("shop"), life.used()
        backup = mesh.dir / "backup"
        said = script("backup.py", "save", backup, "--data", mesh.dir)
        self.assertIn("3 databases", said)
        self.assertFalse(list(backup.rglob("*seal*")), "the key is kept apart from what it opens")
        script("backup.py", "check", backup)
        self.assertIn("there already", script("backup.py", "save", backup, "--data", mesh.dir, code=1))

        # What is forgotten.
        life.changed("shop", amount=9)
        life.gone("mail")
        life.made("late", amount=1)
        life.reach("busy", "READY")

        for service in mesh.services.values():
            service.kill()
        key = (mesh.dir / "stacks/seal.key").read_bytes()
        self.assertIn("there already", script("backup.py", "restore", backup, "--data", mesh.dir, code=1))
        for name in (*DATABASES, "runner-1"):
            shutil.rmtree(mesh.dir / name)
            (mesh.dir / name).mkdir(mode=0o711)
        self.assertIn("restored 3 databases", script("backup.py", "restore", backup, "--data", mesh.dir))
        (mesh.dir / "stacks/seal.key").write_bytes(key)
        (mesh.dir / "stacks/seal.key").chmod(0o600)
        for service in mesh.services.values():
            service.start()
        life.answers()

        life.reach("busy", "READY")
        checker.check(mesh.rest("admin"), mesh.dir / "stacks")
        self.assertEqual(life.state("shop"), state)
        self.assertEqual(life.get("shop")["state"], "READY")
        self.assertEqual(life.get("mail")["state"], "READY")
        self.assertEqual(life.get("wish")["changeRequest"], wish["changeRequest"])
        self.assertNotIn("late", [s["name"].split("/")[-1] for s in checker.pages(
            mesh.rest("admin"), "/v1/projects/-/stacks?showDeleted=true", "stacks")])
        # 4 and 2, and the three of the run that was under way.
        self.assertEqual(life.used()["resources"], used["resources"] + 3)
        # Life goes on.
        request = mesh.rest("dan").get("/v1/" + wish["changeRequest"])
        mesh.rest("dan").post(f"/v1/{request['name']}:approve", {"planDigest": request["planDigest"]})
        life.reach("wish", "READY")
        life.changed("shop", amount=5)
        checker.check(mesh.rest("admin"), mesh.dir / "stacks")

    def test_a_backup_that_was_touched_is_refused(self):
        mesh = self.mesh = Mesh(runners=0).start()
        self.addCleanup(lambda: mesh.close())
        mesh.rest("admin").post("/v1/projects?projectId=web", {})
        backup = mesh.dir / "backup"
        script("backup.py", "save", backup, "--data", mesh.dir)
        with (backup / "quota.db").open("ab") as file:
            file.write(b"x")
        for command in ("check", "restore"):
            self.assertIn("quota.db was changed", script(
                "backup.py", command, backup, "--data", mesh.dir / "elsewhere", code=1))
        self.assertFalse((mesh.dir / "elsewhere").exists(), "nothing was begun")
        self.assertIn("is no backup", script("backup.py", "check", mesh.dir / "log", code=1))
        # Half of one is none.
        (mesh.dir / "quota/quota.db").rename(mesh.dir / "quota/away.db")
        half = mesh.dir / "half"
        self.assertIn("there is no database", script("backup.py", "save", half, "--data", mesh.dir, code=1))
        self.assertEqual(list(mesh.dir.glob("half*")), [])


@unittest.skipIf(not postgres.programs(), "PostgreSQL is not installed")
@unittest.skipIf(not moto_server(), "no emulator: moto_server is not installed (make setup)")
class ScaledTest(suite.MeshTestCase):
    """PostgreSQL and a bucket with versions."""

    def setUp(self):
        self.server = postgres.Postgres()
        self.addCleanup(self.server.close)
        self.urls = {name: self.server.database(name) for name in DATABASES}
        mesh = self.mesh = Mesh(runners=1, environment=KEYS)
        self.addCleanup(lambda: mesh.close())
        self.emulator = Emulator(mesh.dir / "log/moto.log")
        self.addCleanup(self.emulator.close)
        self.assertEqual(self.emulator.call("PUT", f"/{BUCKET}", service="s3").status, 200)
        self.keep_versions()
        self.places = {name: f"s3://{BUCKET}/{name}?endpoint={self.emulator.url}&region=us-east-1"
                       for name in ("blobs", "documents")}
        for name in DATABASES:
            mesh[name].command += ["--database", self.urls[name]]
        mesh["stacks"].command += [*FLAGS, "--blobs", self.places["blobs"], "--documents",
                                   self.places["documents"]]
        mesh.start()
        self.life = Life(mesh)
        self.environment = {**KEYS, **{f"STACKYARD_{name.upper()}_DATABASE": url
                                       for name, url in self.urls.items()}}
        self.flags = [word for name, place in self.places.items() for word in (f"--{name}", place)]
        rows = checker.rows
        checker.rows = self.rows
        self.addCleanup(setattr, checker, "rows", rows)

    def keep_versions(self):
        connection = http.client.HTTPConnection(self.emulator.address, timeout=60)
        self.addCleanup(connection.close)
        connection.request(
            "PUT", f"/{BUCKET}?versioning", "<VersioningConfiguration><Status>Enabled</Status>"
            "</VersioningConfiguration>", {"Content-Type": "application/xml", "Authorization":
                                           "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request,"
                                           " SignedHeaders=host, Signature=0"})
        self.assertEqual(connection.getresponse().status, 200)

    def rows(self, _, query, *arguments):
        """As checker.rows, of PostgreSQL."""
        for argument in arguments:
            query = query.replace("?", str(argument), 1)
        return [tuple(line.split("|")) for line in self.psql("stacks", query).splitlines()]

    def psql(self, database, query):
        return subprocess.run(
            ["psql", "-X", "-At", "-h", self.server.dir, "-U", "stackyard", "-d", database, "-c", query],
            check=True, capture_output=True, text=True).stdout

    def empty(self, *names):
        for name in names:
            self.psql("postgres", f"DROP DATABASE {name}")
            self.psql("postgres", f"CREATE DATABASE {name}")

    def start_again(self):
        for service in self.mesh.services.values():
            service.start()
        self.life.answers()

    def play(self):
        """A life, saved in between; answers the backup, and what there was then."""
        life = self.life
        life.begin()
        life.made("shop", amount=3)
        life.made("mail", amount=2)
        state, used = life.state("shop"), life.used()
        backup = self.mesh.dir / "backup"
        next_second()
        said = script("backup.py", "save", backup, *self.flags, environment=self.environment)
        self.assertIn("not copied", said)
        next_second()
        life.changed("shop", amount=6)
        life.gone("mail")
        life.made("late", amount=2)
        life.made("lost", amount=4)
        return backup, state, used

    def find_lost(self, backup, folder):
        return script("salvage.py", "lost", "--since", time_of(backup), "--blobs", self.places["blobs"],
                      "--seal-key", self.mesh.dir / "stacks/seal.key", "--write", folder,
                      environment=self.environment)

    def test_all_databases_are_lost_and_come_back(self):
        backup, state, used = self.play()
        life, mesh = self.life, self.mesh
        late = life.state("late")
        self.assertIn("somebody is connected", script(
            "backup.py", "restore", backup, *self.flags, "--data", "/nowhere",
            environment=self.environment, code=1))
        stop(mesh)
        self.assertIn("is not empty", script(
            "backup.py", "restore", backup, *self.flags, "--data", "/nowhere",
            environment=self.environment, code=1))
        self.empty(*DATABASES)
        # Somebody swept the bucket since; its versions bring it back.
        swept = len(self.emulator.objects(BUCKET))
        for key in self.emulator.objects(BUCKET):
            self.assertEqual(self.emulator.call("DELETE", f"/{BUCKET}/{key}", service="s3").status, 204)
        self.assertEqual(self.emulator.objects(BUCKET), [])
        back = [script("salvage.py", "undelete", "--since", time_of(backup), "--blobs", place,
                       environment=self.environment) for place in self.places.values()]
        self.assertEqual(sum(int(text.split()[0]) for text in back), swept)
        script("backup.py", "restore", backup, *self.flags, "--data", "/nowhere",
               environment=self.environment)
        self.start_again()

        checker.check(mesh.rest("admin"), None)
        self.assertEqual((life.state("shop"), life.used()), (state, used))
        self.assertEqual({name: life.get(name)["state"] for name in ("shop", "mail")},
                         {"shop": "READY", "mail": "READY"})
        # What came after the backup is found, and taken over again.
        folder = mesh.dir / "salvaged"
        found = self.find_lost(backup, folder)
        kinds = collections.Counter(re.findall(r"newer than the backup|at serial \d+ then", found))
        self.assertEqual(kinds["newer than the backup"], 2, found)
        self.assertEqual(sum(kinds.values()), 4, found)
        self.assertIn(late["resources"][0]["instances"][0]["attributes"]["id"], found)
        path = folder / f"{late['lineage']}.tfstate"
        mesh.cli("dan").ok("stacks", "import", "late", "-t", "counted@1", "--state", str(path),
                           "--set", "amount=2", "--wait")
        self.assertEqual(life.state("late")["lineage"], late["lineage"])
        self.assertEqual(life.used()["resources"], used["resources"] + 2)
        mesh.cli("dan").ok("states", "push", "shop", str(folder / f"{state['lineage']}.tfstate"))
        self.assertEqual(len(life.state("shop")["resources"][0]["instances"]), 6)
        eventually(lambda: life.used()["resources"] == used["resources"] + 5, life.used, PATIENCE)
        checker.check(mesh.rest("admin"), None)

    def test_one_database_is_brought_back_alone(self):
        """That of stacks to an earlier time than that of quota, as after a restore to a point in time."""
        backup, state, used = self.play()
        life, mesh = self.life, self.mesh
        stop(mesh)
        self.empty("stacks")
        subprocess.run(["pg_restore", "--exit-on-error", "--single-transaction", "-h", self.server.dir, "-U",
                        "stackyard", "-d", "stacks", backup / "stacks.dump"], check=True)
        self.start_again()
        # Whom the reservations were for is told before they are given back.
        def orphans():
            return {event["message"].split(",")[0] for event in life.events("reservation.orphaned")}
        eventually(lambda: {f"held for projects/web/stacks/{name}" for name in ("late", "lost")} <= orphans(),
                   lambda: orphans(), PATIENCE)
        eventually(lambda: life.used() == used, lambda: f"{life.used()} is {used}", PATIENCE)
        checker.check(mesh.rest("admin"), None)
        self.assertEqual(life.state("shop"), state)


if __name__ == "__main__":
    suite.main()
