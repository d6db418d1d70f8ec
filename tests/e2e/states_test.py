#!/usr/bin/env python3
"""States on a real stack: pulled, pushed, locked and rolled back by the command line tool, and saved
from the folder of a runner that was killed."""

import json
import shutil

import bundles
import clients
import suite
from mesh import Mesh, eventually

MESH = None
PATIENCE = 60
# Longer than any test waits: only who finds the dead runner's folder ends its lease before.
LEASE = "10m"

# The first is made at once. The others wait for their gates, files outside of the run, and are in no
# state before.
GATED_MAIN = """
resource "terraform_data" "first" {
  input = "first"
}
resource "terraform_data" "second" {
  depends_on = [terraform_data.first]
  input      = "second"
  provisioner "local-exec" {
    command = "while [ ! -e '${var.folder}/second' ]; do sleep 0.1; done"
  }
}
resource "terraform_data" "third" {
  depends_on = [terraform_data.second]
  input      = "third"
  provisioner "local-exec" {
    command = "while [ ! -e '${var.folder}/third' ]; do sleep 0.1; done"
  }
}
"""
GATED_VARIABLES = """
variable "folder" {
  type = string
}
"""
GATED_OUTPUTS = """
output "ids" {
  value = [terraform_data.first.id, terraform_data.second.id]
}
"""


def gated():
    return {"main.tf": GATED_MAIN, "variables.tf": GATED_VARIABLES, "outputs.tf": GATED_OUTPUTS,
            "template.yaml": bundles.SLOW_YAML % "auto"}


def setUpModule():
    global MESH
    MESH = Mesh(stacks_flags=["--run-lease", LEASE], runner_flags=["--heartbeat-interval", "500ms"]).start()
    try:
        MESH.rest("admin").post("/v1/projects?projectId=web", {})
        MESH.person("dan", web="devops")
        MESH.person("dora", web="dev")
        for name, files in (("counted", bundles.counted()), ("gated", gated())):
            bundles.published(MESH.rest("admin"), name, "1", bundles.pack(files))
    except BaseException:
        MESH.close(show_logs=True)
        raise


def tearDownModule():
    MESH.close()


class StatesTest(suite.MeshTestCase):
    def setUp(self):
        self.admin, self.dan, self.cli = MESH.rest("admin"), MESH.rest("dan"), MESH.cli("dan")

    def create(self, name, template, **parameters):
        return self.admin.post(
            f"/v1/projects/web/stacks?stackId={name}",
            {"templateVersion": f"templates/{template}/versions/1", "parameters": parameters})

    def get(self, name):
        return self.admin.get(f"/v1/projects/web/stacks/{name}")

    def start_stacks(self):
        """Starts it again, and waits until the gateway has noticed."""
        MESH["stacks"].start()

        def answered():
            try:
                return self.admin.get("/v1/projects/web")
            except clients.ApiError as error:
                if error.http != 503:
                    raise
                return None
        eventually(answered, "stacks answers", PATIENCE)

    def held(self, name):
        """What quota holds for a stack, by metric."""
        reservations = self.admin.get("/v1/projects/web/quota/reservations?pageSize=1000")["reservations"]
        return {a["metric"]: int(a["value"]) for r in reservations if r["state"] == "COMMITTED"
                and r["holder"] == f"projects/web/stacks/{name}" for a in r["amounts"]}

    def test_pull_push_and_rollback(self):
        self.admin.succeed(self.create("pushed", "counted", amount=2))
        state = json.loads(self.cli.ok("states", "pull", "pushed").out)
        serial = state["serial"]
        self.assertEqual([len(r["instances"]) for r in state["resources"]], [2])

        # As after `terraform state rm`.
        state["serial"] = serial + 1
        del state["resources"][0]["instances"][1]
        path = MESH.dir / "pushed.tfstate"
        path.write_text(json.dumps(state))
        refused = MESH.cli("dora")("states", "push", "pushed", path)
        self.assertIn("states.write", refused.err)
        self.cli.ok("states", "push", "pushed", path)
        self.assertEqual(self.get("pushed")["resourceCount"], 1)
        eventually(lambda: self.held("pushed").get("resources") == 1, lambda: self.held("pushed"))
        self.assertIn("+ terraform_data.one[1]", self.cli.ok("stacks", "preview", "pushed").out)
        path.write_text(json.dumps({**state, "lineage": "another"}))
        self.assertEqual(self.cli("states", "push", "pushed", path).code, 6)

        self.assertIn(str(serial), self.cli.ok("states", "list", "pushed").out)
        self.cli.ok("states", "rollback", f"pushed/{serial}", "--reason", "it was right")
        back = json.loads(self.cli.ok("states", "pull", "pushed").out)
        self.assertEqual((back["serial"], len(back["resources"][0]["instances"])), (serial + 2, 2))
        self.assertEqual(self.get("pushed")["resourceCount"], 2)
        eventually(lambda: self.held("pushed").get("resources") == 2, lambda: self.held("pushed"))
        self.assertNotIn("+ terraform_data", self.cli.ok("stacks", "preview", "pushed").out)

    def test_a_lock_keeps_runs_waiting(self):
        self.admin.succeed(self.create("locked", "counted", amount=1))
        lock = self.cli.ok("states", "lock", "locked", "--info", "surgery").out.strip()
        shown = self.admin.get("/v1/projects/web/stacks/locked/stateLock")
        self.assertEqual((shown["lockId"], shown["who"]), (lock, "users/dan"))
        self.assertIn("users/dan", self.cli.ok("states", "get", "locked").out)
        self.refused(400, "STATE_LOCKED", self.admin.post, "/v1/projects/web/stacks/locked/stateLock:lock",
                     {"lock": {"lockId": "other"}})
        operation = self.admin.patch("/v1/projects/web/stacks/locked?updateMask=parameters.amount",
                                     {"parameters": {"amount": 2}})
        self.assertIn("users/dan", operation["metadata"]["message"])

        # The runner takes other work meanwhile, and leaves this.
        self.admin.succeed(self.create("other", "counted", amount=1))
        run = self.admin.get(f"/v1/{self.get('locked')['activeRun']}")
        self.assertEqual(run["state"], "QUEUED")
        state = json.loads(self.cli.ok("states", "pull", "locked").out)
        state["serial"] += 1
        path = MESH.dir / "locked.tfstate"
        path.write_text(json.dumps(state))
        self.assertEqual(self.cli("states", "push", "locked", path).code, 6)
        self.assertIn("draft", self.cli.ok("states", "push", "locked", path, "--lock-id", lock).out)
        self.assertEqual(json.loads(self.cli.ok("states", "pull", "locked").out)["serial"],
                         state["serial"] - 1)
        self.cli.ok("states", "unlock", "locked", lock)
        stack = self.admin.succeed(operation)
        self.assertEqual(stack["resourceCount"], 2)

        self.cli.ok("states", "lock", "locked", "--id", "forgotten")
        self.cli.ok("states", "force-unlock", "locked", "--reason", "they left")
        self.assertEqual(self.admin.get("/v1/projects/web/stacks/locked/stateLock")["lockId"], "")

    def begin_gated(self, mesh, name):
        """A stack whose apply has saved its first resource and waits; answers its gates, operation and run."""
        gates = mesh.shared / f"{name}-gates"
        gates.mkdir()
        admin = mesh.rest("admin")
        operation = admin.post(f"/v1/projects/web/stacks?stackId={name}",
                               {"templateVersion": "templates/gated/versions/1",
                                "parameters": {"folder": str(gates)}})
        path = f"/v1/projects/web/stacks/{name}"
        eventually(lambda: [r["address"] for r in admin.get(f"{path}/resources")["resources"]]
                   == ["terraform_data.first"], lambda: admin.get(f"{path}/resources"), PATIENCE)
        run = next(r["name"] for r in admin.get(f"{path}/runs")["runs"] if r["type"] == "APPLY")
        eventually(lambda: "terraform_data.second" in admin.get(f"/v1/{run}")["progress"]["active"],
                   lambda: admin.get(f"/v1/{run}"), PATIENCE)
        return gates, operation, run

    def local_state(self, mesh):
        """The state in the runner's folder, once the second resource is in it."""
        def probe():
            for found in mesh.dir.glob("runner-1/work/runs/*/*/module/terraform.tfstate"):
                text = found.read_text()
                if '"second"' in text and text.rstrip().endswith("}"):
                    return json.loads(text)
            return None
        return eventually(probe, "the second is in the local state", PATIENCE)

    def lost(self, mesh, run, seconds):
        """The run, once it was taken over."""
        def probe():
            found = mesh.rest("admin").get(f"/v1/{run}")
            return found if found["state"] == "FAILED" else None
        return eventually(probe, lambda: mesh.rest("admin").get(f"/v1/{run}"), seconds)

    def test_what_a_killed_runner_left_is_found(self):
        gates, operation, run = self.begin_gated(MESH, "killed")
        # With nobody to save it to, the second is in the runner's folder alone.
        MESH["stacks"].kill()
        (gates / "second").touch()
        state = self.local_state(MESH)
        MESH["runner-1"].kill()
        (gates / "third").touch()
        self.start_stacks()
        MESH["runner-1"].start()

        lost = self.lost(MESH, run, 20)
        self.assertEqual(lost["unsavedResources"], [], "it was found")
        stack = self.admin.succeed(operation)
        self.assertEqual((stack["state"], stack["resourceCount"]), ("READY", 3))
        ids = {r["name"]: r["instances"][0]["attributes"]["id"] for r in state["resources"]}
        self.assertEqual(stack["outputs"]["ids"]["value"], [ids["first"], ids["second"]],
                         "nothing is made twice")
        types = [e["type"] for e in self.admin.get("/v1/projects/web/events?pageSize=1000")["events"]]
        self.assertEqual(types.count("state.salvaged"), 1)
        eventually(lambda: len(list(MESH.dir.glob("runner-1/work/runs/*"))) == 1,
                   "the dead runner's folder is gone", PATIENCE)

    def test_what_a_lost_machine_may_have_made_is_told(self):
        with Mesh(stacks_flags=["--run-lease", "3s"],
                  runner_flags=["--heartbeat-interval", "500ms"]) as mesh:
            admin = mesh.rest("admin")
            admin.post("/v1/projects?projectId=web", {})
            bundles.published(admin, "gated", "1", bundles.pack(gated()))
            gates, operation, run = self.begin_gated(mesh, "told")
            mesh["runner-1"].kill()
            shutil.rmtree(mesh.dir / "runner-1" / "work")
            (gates / "second").touch()
            (gates / "third").touch()
            mesh["runner-1"].start()

            lost = self.lost(mesh, run, PATIENCE)
            self.assertEqual(lost["unsavedResources"], ["terraform_data.second"])
            self.assertIn("terraform_data.second", lost["error"]["message"])
            stack = admin.succeed(operation)
            self.assertEqual((stack["state"], stack["resourceCount"]), ("READY", 3))
            self.assertIn("terraform_data.second", mesh.cli("admin").ok("stacks", "get", "told").out)
            self.assertIn("terraform_data.second", mesh.cli("admin").ok("runs", "get", "told/2").out)
            notices = mesh.cli("admin").ok("runs", "events", "told/3").out
            self.assertIn("terraform_data.second", notices)

    def test_nothing_that_is_stored_shows_a_secret(self):
        self.admin.succeed(self.create("sealed", "counted", amount=1, note="hunter2-in-the-state"))
        # It is in the parameters, which are no secret here, but must not be in any blob.
        for blob in (MESH.dir / "stacks" / "blobs").rglob("*"):
            if blob.is_file():
                self.assertNotIn(b"hunter2", blob.read_bytes())
        key = MESH.dir / "stacks" / "seal.key"
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)

        # Without its key the service says what is missing, and makes no other.
        MESH["stacks"].stop()
        key.rename(key.with_suffix(".away"))
        MESH["stacks"].spawn()
        self.assertNotEqual(MESH["stacks"].process.wait(PATIENCE), 0)
        self.assertIn("seal.key is missing", MESH["stacks"].tail())
        self.assertFalse(key.exists())
        key.with_suffix(".away").rename(key)
        self.start_stacks()
        self.assertEqual(self.get("sealed")["state"], "READY")


if __name__ == "__main__":
    suite.main()
