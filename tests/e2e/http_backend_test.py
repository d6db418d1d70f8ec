#!/usr/bin/env python3
"""Plain Terraform as a client: its `http` backend against the state of a stack, by the real program.
The same for OpenTofu where there is one as well."""

import base64
import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import unittest

import bundles
import clients
import suite
from mesh import ENVIRONMENT, TERRAFORM, Mesh, eventually

MESH = None
PATIENCE = 60
SECRET = "hunter2-in-the-state"

# Waits in the middle of an apply until a file is there.
GATED_MAIN = """
variable "gate" {
  type    = string
  default = ""
}
resource "terraform_data" "first" {
  input = "first"
}
resource "terraform_data" "gated" {
  depends_on = [terraform_data.first]
  input      = "gated"
  provisioner "local-exec" {
    command = "while [ -n '${var.gate}' ] && [ ! -e '${var.gate}' ]; do sleep 0.1; done"
  }
}
"""
GATED_YAML = """
title: Gated
description: Waits until it is let.
meters:
  - {metric: resources, resource_type: terraform_data}
approval: {mode: auto}
lease: {default: 24h, maximum: 168h}
"""


def setUpModule():
    global MESH
    MESH = Mesh().start()
    try:
        admin = MESH.rest("admin")
        admin.post("/v1/projects?projectId=web", {})
        admin.put("/v1/projects/web/quota/limits/stacks", {"value": 100})
        MESH.person("dan", web="devops")
        MESH.person("dora", web="devops")
        MESH.person("vera", web="viewer")
        # Writes states, and breaks nobody's lock.
        admin.post("/v1/roles?roleId=editor", {
            "displayName": "Editor", "permissions": ["states.get", "states.download", "states.write"]})
        MESH.person("eve", web="editor")
        for name, files in (("counted", bundles.counted()), ("reviewed", bundles.counted("required")),
                            ("gated", {"main.tf": GATED_MAIN, "template.yaml": GATED_YAML})):
            bundles.published(admin, name, "1", bundles.pack(files))
    except BaseException:
        MESH.close(show_logs=True)
        raise


def tearDownModule():
    MESH.close()


class Desk:
    """A folder with a module, and somebody who runs Terraform in it."""

    def __init__(self, program, user, stack, files=None, token=None):
        self.program, self.user = program, user
        self.dir = MESH.dir / f"desk-{len(list(MESH.dir.glob('desk-*')))}-{user}"
        self.dir.mkdir()
        for name, text in (files or bundles.counted()).items():
            if name.endswith(".tf"):
                (self.dir / name).write_text(text)
        (self.dir / "cli.tfrc").write_text("")
        self.address = f"http://{MESH.rest_address}/v1/projects/web/stacks/{stack}/state"
        self.environment = {
            **{k: v for k, v in ENVIRONMENT.items() if not k.startswith(("TF_", "STACKYARD_"))},
            "TF_CLI_CONFIG_FILE": str(self.dir / "cli.tfrc"), "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1", "NO_COLOR": "1", "no_proxy": "*",
            "TF_HTTP_PASSWORD": token or MESH.tokens[user],
        }

    def __call__(self, *args, stdin=None, timeout=PATIENCE):
        done = subprocess.run([self.program, *map(str, args)], cwd=self.dir, env=self.environment,
                              input=stdin or "", capture_output=True, text=True, timeout=timeout)
        return clients.Done(done.returncode, done.stdout, done.stderr)

    def ok(self, *args, **kwargs):
        done = self(*args, **kwargs)
        if done.code != 0:
            raise AssertionError(f"{' '.join(map(str, args))}: {done}")
        return done

    def start(self, *args):
        """Begins a command that goes on by itself."""
        log = (self.dir / "out.log").open("wb")
        return subprocess.Popen([self.program, *map(str, args)], cwd=self.dir, env=self.environment,
                                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def said(self):
        return (self.dir / "out.log").read_text()

    def use_backend(self):
        (self.dir / "backend.tf").write_text('terraform {\n  backend "http" {}\n}\n')

    def settings(self, posts=False):
        lock, unlock = (":lock", ":unlock") if posts else ("", "")
        values = {"address": self.address, "lock_address": self.address + lock,
                  "unlock_address": self.address + unlock, "username": "token", "retry_wait_min": 1}
        if posts:
            values.update(lock_method="POST", unlock_method="POST")
        return [f"-backend-config={name}={value}" for name, value in values.items()]

    def init(self, *args, posts=False):
        self.use_backend()
        return self.ok("init", "-input=false", *self.settings(posts), *args)

    def state(self):
        return json.loads(self.ok("state", "pull").out)


class HttpBackendTest(suite.MeshTestCase):
    program = TERRAFORM

    def setUp(self):
        self.admin = MESH.rest("admin")

    def stack(self, name, template="counted", **parameters):
        """A stack of this test and program."""
        name = f"{name}-{pathlib.Path(self.program).name}"
        self.operation = self.admin.post(
            f"/v1/projects/web/stacks?stackId={name}",
            {"templateVersion": f"templates/{template}/versions/1", "parameters": parameters})
        return name

    def ready(self, name, template="counted", **parameters):
        name = self.stack(name, template, **parameters)
        self.admin.succeed(self.operation)
        return name

    def get(self, name):
        return self.admin.get(f"/v1/projects/web/stacks/{name}")

    def lock_of(self, name):
        return self.admin.get(f"/v1/projects/web/stacks/{name}/stateLock")

    def desk(self, user, stack, files=None, **init):
        desk = Desk(self.program, user, stack, files)
        desk.init(**init)
        return desk

    @contextlib.contextmanager
    def in_the_middle(self, name, user="dan"):
        """Somebody's apply of the gated module, which holds the lock until its gate opens."""
        desk = self.desk(user, name, {"main.tf": GATED_MAIN})
        gate = desk.dir / "gate"
        process = desk.start("apply", "-auto-approve", "-input=false", f"-var=gate={gate}",
                             "-replace=terraform_data.gated")
        try:
            eventually(lambda: self.lock_of(name)["lockId"], lambda: desk.said(), PATIENCE)
            yield desk, process, gate
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    # ---- The daily work ---------------------------------------------------------------------

    def test_plan_apply_and_state_commands(self):
        name = self.ready("daily", amount=2)
        desk = self.desk("dan", name)
        self.assertEqual(desk.ok("state", "list").out.split(),
                         ["terraform_data.one[0]", "terraform_data.one[1]"])
        self.assertIn("No changes.", desk.ok("plan", "-var=amount=2", "-detailed-exitcode").out)
        before = desk.state()

        desk.ok("apply", "-auto-approve", "-var=amount=3")
        stack = self.get(name)
        self.assertEqual((stack["state"], stack["resourceCount"]), ("READY", 3))
        self.assertEqual(self.lock_of(name)["lockId"], "")
        after = desk.state()
        self.assertEqual((after["lineage"], after["serial"]), (before["lineage"], before["serial"] + 1))
        versions = self.admin.get(f"/v1/projects/web/stacks/{name}/stateVersions")["stateVersions"]
        self.assertEqual(versions[0]["creator"], "users/dan")
        self.assertFalse(versions[0]["draft"])

        desk.ok("state", "rm", "terraform_data.one[2]")
        self.assertEqual(self.get(name)["resourceCount"], 2)
        pushed = {**desk.state(), "serial": after["serial"] + 5}
        (desk.dir / "pushed.json").write_text(json.dumps(pushed))
        desk.ok("state", "push", "pushed.json")
        self.assertGreaterEqual(desk.state()["serial"], after["serial"] + 5)
        desk.ok("destroy", "-auto-approve")
        self.assertEqual(self.get(name)["resourceCount"], 0)
        self.assertEqual(desk.ok("state", "list").out, "")

    def test_locks_by_posts_alone(self):
        name = self.ready("posts", amount=1)
        desk = self.desk("dan", name, posts=True)
        desk.ok("apply", "-auto-approve", "-var=amount=2")
        self.assertEqual(self.get(name)["resourceCount"], 2)
        self.assertEqual(self.lock_of(name)["lockId"], "")

    def test_a_stack_that_has_no_state_yet(self):
        name = self.stack("fresh", "reviewed", amount=1)
        eventually(lambda: self.get(name)["state"] == "AWAITING_APPROVAL", lambda: self.get(name))
        code, _, body = MESH.rest("dan").raw("GET", f"/v1/projects/web/stacks/{name}/state")
        self.assertEqual(code, 404, body)
        desk = self.desk("dan", name)
        self.assertIn("No state file", desk("state", "list").err)
        desk.ok("apply", "-auto-approve", "-var=amount=1")
        # What waits for review was planned from nothing.
        self.assertEqual(self.get(name)["resourceCount"], 1)
        requests = self.admin.get("/v1/projects/web/changeRequests?pageSize=1000")["changeRequests"]
        states = sorted(r["state"] for r in requests if r["stack"] == f"projects/web/stacks/{name}")
        self.assertIn("STALE", states, requests)

    def test_a_large_state_and_its_secrets(self):
        name = self.ready("large", amount=1)
        desk = self.desk("dan", name, {"main.tf": """
            variable "text" { sensitive = true }
            resource "terraform_data" "large" {
              count = 5
              input = format("%-1048576s", var.text)
            }"""})
        desk.environment["TF_VAR_text"] = SECRET
        desk.ok("apply", "-auto-approve")
        text = desk.ok("state", "pull").out
        # Each is in it twice, as input and output.
        self.assertGreater(len(text), 10 << 20)
        self.assertEqual(text.count(SECRET), 10)
        code, headers, body = MESH.rest("dan").raw("GET", f"/v1/projects/web/stacks/{name}/state")
        self.assertEqual(code, 200)
        self.assertEqual(headers["Content-Md5"], base64.b64encode(hashlib.md5(body).digest()).decode())
        for log in (MESH.dir / "log").glob("*.log"):
            written = log.read_text(errors="replace")
            self.assertNotIn(SECRET, written, log)
            self.assertNotIn(MESH.tokens["dan"], written, log)
        self.assertNotIn(SECRET, json.dumps(self.admin.get(f"/v1/projects/web/stacks/{name}/resources")))

    # ---- Locks ------------------------------------------------------------------------------

    def test_of_two_one_waits(self):
        name = self.ready("two", "gated")
        with self.in_the_middle(name) as (first, process, gate):
            second = self.desk("dora", name, {"main.tf": GATED_MAIN})
            refused = second("plan")
            self.assertEqual(refused.code, 1)
            held = self.lock_of(name)
            self.assertIn("state lock", refused.err)
            self.assertIn(held["lockId"], refused.err)
            self.assertTrue(held["who"].startswith("users/dan ("), held)
            code, _, body = MESH.rest("dora").raw(
                "LOCK", f"/v1/projects/web/stacks/{name}/state", {"ID": "mine"})
            told = json.loads(body)
            self.assertEqual((code, sorted(told)), (423, sorted(
                ["ID", "Operation", "Info", "Who", "Version", "Created", "Path"])))
            self.assertEqual((told["ID"], told["Who"], told["Operation"], told["Created"]),
                             (held["lockId"], held["who"], "OperationTypeApply", held["createTime"]))

            waiting = second.start("plan", "-lock-timeout=60s", "-input=false")
            attempts = f'"path":"/v1/projects/web/stacks/{name}/state","code":423'
            seen = MESH["rest"].log.read_text().count(attempts)
            eventually(lambda: MESH["rest"].log.read_text().count(attempts) > seen, MESH["rest"].tail)
            self.assertIsNone(waiting.poll(), second.said())
            gate.touch()
            self.assertEqual(process.wait(PATIENCE), 0, first.said())
            self.assertEqual(waiting.wait(PATIENCE), 0, second.said())
        self.assertIn("No changes.", second.said())

    def test_a_run_waits_for_terraform(self):
        name = self.ready("queued", "gated")
        with self.in_the_middle(name) as (desk, process, gate):
            operation = self.admin.patch(f"/v1/projects/web/stacks/{name}?updateMask=parameters.gate",
                                         {"parameters": {"gate": "/"}})
            self.assertIn("users/dan", operation["metadata"]["message"])
            self.assertEqual(self.admin.get(f"/v1/{self.get(name)['activeRun']}")["state"], "QUEUED")
            gate.touch()
            self.assertEqual(process.wait(PATIENCE), 0, desk.said())
            stack = self.admin.succeed(operation)
        self.assertEqual((stack["state"], stack["resourceCount"]), ("READY", 2))

    def test_terraform_is_told_of_the_run_that_holds_the_lock(self):
        gate = MESH.shared / f"gate-{pathlib.Path(self.program).name}"
        name = self.stack("running", "gated", gate=str(gate))
        eventually(lambda: self.get(name)["state"] == "APPLYING", lambda: self.get(name), PATIENCE)
        desk = self.desk("dan", name, {"main.tf": GATED_MAIN})
        refused = desk("plan")
        self.assertEqual(refused.code, 1)
        self.assertIn(self.get(name)["activeRun"], refused.err)
        broken = desk("force-unlock", "-force", "any")
        self.assertEqual(broken.code, 1, broken)
        gate.touch()
        stack = self.admin.succeed(self.operation)
        self.assertEqual(stack["resourceCount"], 2)
        self.assertIn("No changes.", desk.ok("plan").out)

    def test_what_a_killed_terraform_leaves(self):
        name = self.ready("killed", "gated")
        serial = self.get_serial(name)
        with self.in_the_middle(name) as (desk, process, _):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        held = self.lock_of(name)
        self.assertTrue(held["who"].startswith("users/dan ("), held)
        self.assertEqual(desk("plan").code, 1, "the lock stays, also for who held it")

        # As Terraform saves while it goes on.
        path = f"/v1/projects/web/stacks/{name}/state"
        half = json.loads(MESH.rest("dan").raw("GET", path)[2])
        half["serial"] += 1
        half["resources"] = half["resources"][:1]
        code, _, body = MESH.rest("dan").raw("POST", f"{path}?ID={held['lockId']}", half)
        self.assertEqual(code, 200, body)
        self.assertEqual(self.get_serial(name), serial, "a draft is not the current state")

        eve = self.desk("eve", name, {"main.tf": GATED_MAIN})
        refused = eve("force-unlock", "-force", held["lockId"])
        self.assertEqual(refused.code, 1, refused)
        code, _, body = MESH.rest("eve").raw("UNLOCK", path)
        self.assertEqual((code, json.loads(body)["reason"]), (403, "PERMISSION_MISSING"), body)
        self.assertIn("states.forceUnlock", json.loads(body)["detail"])
        self.assertEqual(self.lock_of(name)["lockId"], held["lockId"])

        dora = self.desk("dora", name, {"main.tf": GATED_MAIN})
        dora.ok("force-unlock", "-force", held["lockId"])
        self.assertEqual(self.lock_of(name)["lockId"], "")
        # Nothing of what was written is lost: it can be made the current state.
        events = self.admin.get("/v1/projects/web/events?pageSize=1000")["events"]
        broken = [e for e in events if e["type"] == "state.forceUnlocked"
                  and e["resource"] == f"projects/web/stacks/{name}"]
        self.assertEqual(len(broken), 1)
        self.assertIn("users/dan", broken[0]["message"])
        [draft] = broken[0]["details"]["drafts"]
        self.assertIn("No changes.", dora.ok("plan").out)
        self.admin.post(f"/v1/{draft}:rollback", {"reason": "what it had made"})
        self.assertEqual(len(dora.state()["resources"]), 1)
        code, _, body = MESH.rest("dan").raw("POST", f"{path}?ID={held['lockId']}", half)
        self.assertEqual(code, 409, body)

    def get_serial(self, name):
        return json.loads(MESH.rest("dan").raw("GET", f"/v1/projects/web/stacks/{name}/state")[2])["serial"]

    # ---- Moving in --------------------------------------------------------------------------

    def local_state(self, name, amount):
        """A desk whose module was applied with a local state."""
        desk = Desk(self.program, "dan", name)
        desk.ok("init", "-input=false")
        desk.ok("apply", "-auto-approve", f"-var=amount={amount}")
        return desk

    def test_a_local_state_becomes_a_stack(self):
        desk = self.local_state(f"moved-{pathlib.Path(self.program).name}", 2)
        ids = {r["attributes"]["id"] for one in json.loads(
            (desk.dir / "terraform.tfstate").read_text())["resources"] for r in one["instances"]}
        name = f"moved-{pathlib.Path(self.program).name}"
        MESH.cli("dan").ok("stacks", "import", name, "-t", "counted@1", "--state",
                           desk.dir / "terraform.tfstate", "--set", "amount=2", "--wait")
        (desk.dir / "terraform.tfstate").unlink()
        desk.init("-reconfigure")
        self.assertIn("No changes.", desk.ok("plan", "-var=amount=2").out)
        self.assertEqual({r["attributes"]["id"] for one in desk.state()["resources"]
                          for r in one["instances"]}, ids)

    def test_a_local_state_migrates_into_a_stack_without_one(self):
        name = self.stack("migrated", "reviewed", amount=2)
        eventually(lambda: self.get(name)["state"] == "AWAITING_APPROVAL", lambda: self.get(name))
        desk = self.local_state(name, 2)
        desk.init("-migrate-state", "-force-copy")
        self.assertEqual(self.get(name)["resourceCount"], 2)
        # What is there needs nothing made, and so no review.
        eventually(lambda: self.get(name)["state"] == "READY", lambda: self.get(name), PATIENCE)
        self.assertIn("No changes.", desk.ok("plan", "-var=amount=2").out)

    def test_no_state_replaces_that_of_a_stack_in_use(self):
        name = self.ready("in-use", amount=1)
        before = MESH.rest("dan").raw("GET", f"/v1/projects/web/stacks/{name}/state")[2]
        desk = self.local_state(name, 2)
        desk.use_backend()
        refused = desk("init", "-input=false", "-migrate-state", "-force-copy", *desk.settings())
        self.assertEqual(refused.code, 1, refused)
        self.assertTrue((desk.dir / "terraform.tfstate").exists())

        other = self.desk("dan", name)
        state = other.state()
        for change, client, server in (
                ({"lineage": "another"}, "lineage", "has the lineage"),
                ({"serial": 0}, "serial", "serial")):
            (other.dir / "wrong.json").write_text(json.dumps({**state, **change, "outputs": {}}))
            refused = other("state", "push", "wrong.json")
            self.assertEqual(refused.code, 1, refused)
            self.assertIn(client, refused.err)
            code, _, body = MESH.rest("dan").raw("POST", f"/v1/projects/web/stacks/{name}/state",
                                                 {**state, **change, "outputs": {}})
            self.assertIn(code, (400, 409), body)
            self.assertIn(server, json.loads(body)["detail"])
        refused = other("state", "push", "-force", "wrong.json")
        self.assertEqual(refused.code, 1, refused)
        self.assertEqual(self.lock_of(name)["lockId"], "", "who was refused gave the lock back")
        self.assertEqual(MESH.rest("dan").raw("GET", f"/v1/projects/web/stacks/{name}/state")[2], before)

    # ---- Who may ----------------------------------------------------------------------------

    def test_who_may_not(self):
        name = self.ready("guarded", amount=1)
        wrong = Desk(self.program, "dan", name, token="sy_wrong")
        wrong.use_backend()
        refused = wrong("init", "-input=false", *wrong.settings())
        self.assertEqual(refused.code, 1, refused)
        self.assertIn("requires auth", refused.err)
        code, _, body = MESH.rest(None).raw("GET", f"/v1/projects/web/stacks/{name}/state")
        self.assertEqual(code, 401, body)

        vera = Desk(self.program, "vera", name)
        vera.use_backend()
        refused = vera("init", "-input=false", *vera.settings())
        self.assertIn("invalid auth", refused.err)

    def test_a_stack_that_is_not_there_is_no_empty_state(self):
        desk = Desk(self.program, "dan", "nope")
        desk.use_backend()
        refused = desk("init", "-input=false", *desk.settings())
        planned = desk("plan", "-lock=false", "-var=amount=1")
        self.assertNotEqual(planned.code, 0, "it would make everything anew")
        self.assertIn("410", refused.err + planned.err)


class TofuTest(HttpBackendTest):
    program = shutil.which("tofu", path=ENVIRONMENT["PATH"])

    @classmethod
    def setUpClass(cls):
        if not cls.program:
            raise unittest.SkipTest("no tofu on PATH")


if __name__ == "__main__":
    suite.main()
