#!/usr/bin/env python3
"""States on a real stack: pulled, pushed, locked and rolled back by the command line tool, and saved
from the folder of a runner that was killed."""

import json

import bundles
import suite
from mesh import Mesh, eventually

MESH = None
PATIENCE = 60
# Longer than any test waits: only who finds the dead runner's folder ends its lease before.
LEASE = "10m"

# Each waits until its gate, a file outside of the run, is there.
GATED_MAIN = """
resource "terraform_data" "first" {
  input = "first"
  provisioner "local-exec" {
    command = "echo first >> '${var.folder}/journal'"
  }
}
resource "terraform_data" "second" {
  depends_on = [terraform_data.first]
  input      = "second"
  provisioner "local-exec" {
    command = "while [ ! -e '${var.folder}/second' ]; do sleep 0.1; done; echo second >> '${var.folder}/journal'"
  }
}
resource "terraform_data" "third" {
  input = "third"
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
        drift = self.admin.succeed(self.admin.post("/v1/projects/web/stacks/pushed:checkDrift"))
        self.assertEqual([c["address"] for c in drift["drift"]["changes"]], ["terraform_data.one[1]"])
        path.write_text(json.dumps({**state, "lineage": "another"}))
        self.assertEqual(self.cli("states", "push", "pushed", path).code, 6)

        self.assertIn(str(serial), self.cli.ok("states", "list", "pushed").out)
        self.cli.ok("states", "rollback", f"pushed/{serial}", "--reason", "it was right")
        back = json.loads(self.cli.ok("states", "pull", "pushed").out)
        self.assertEqual((back["serial"], len(back["resources"][0]["instances"])), (serial + 2, 2))
        self.assertEqual(self.get("pushed")["resourceCount"], 2)
        eventually(lambda: self.held("pushed").get("resources") == 2, lambda: self.held("pushed"))
        drift = self.admin.succeed(self.admin.post("/v1/projects/web/stacks/pushed:checkDrift"))
        self.assertEqual(drift["drift"]["changes"], [])

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

    def test_what_a_killed_runner_left_is_found(self):
        folder = MESH.dir / "gates"
        folder.mkdir()
        journal = folder / "journal"
        operation = self.create("killed", "gated", folder=str(folder))

        def written(word):
            return lambda: journal.exists() and word in journal.read_text().split()
        eventually(written("first"), "the first is made", PATIENCE)
        path = "/v1/projects/web/stacks/killed/resources"
        eventually(lambda: [r["address"] for r in self.admin.get(path)["resources"]]
                   == ["terraform_data.first"], lambda: self.admin.get(path), PATIENCE)
        run = next(r for r in self.admin.get("/v1/projects/web/stacks/killed/runs")["runs"]
                   if r["type"] == "APPLY")
        eventually(lambda: "terraform_data.third" in self.admin.get(f"/v1/{run['name']}")["progress"]["active"],
                   "the third is begun", PATIENCE)

        # With nobody to save it to, the second is in the runner's folder alone.
        MESH["stacks"].kill()
        (folder / "second").touch()
        eventually(written("second"), "the second is made", PATIENCE)

        def local():
            for found in MESH.dir.glob("runner-1/work/runs/*/*/module/terraform.tfstate"):
                if '"second"' in found.read_text():
                    return json.loads(found.read_text())
            return None
        state = eventually(local, "the second is in the local state", PATIENCE)
        MESH["runner-1"].kill()
        (folder / "third").touch()
        MESH["stacks"].start()
        MESH["runner-1"].start()

        lost = eventually(lambda: (lambda r: r if r["state"] == "FAILED" else None)(
            self.admin.get(f"/v1/{run['name']}")), "the lease ends without waiting", 20)
        self.assertEqual(lost["unsavedResources"], ["terraform_data.third"])
        self.assertIn("terraform_data.third", lost["error"]["message"])
        stack = self.admin.succeed(operation)
        self.assertEqual(stack["state"], "READY")
        self.assertEqual(stack["resourceCount"], 3)
        ids = {r["name"]: r["instances"][0]["attributes"]["id"] for r in state["resources"]
               if r["name"] in ("first", "second")}
        self.assertEqual(stack["outputs"]["ids"]["value"], [ids["first"], ids["second"]])
        self.assertEqual(sorted(journal.read_text().split()), ["first", "second"])
        self.assertIn("terraform_data.third", self.cli.ok("stacks", "get", "killed").out)
        types = [e["type"] for e in self.admin.get("/v1/projects/web/events?pageSize=1000")["events"]]
        self.assertEqual(types.count("state.salvaged"), 1)
        eventually(lambda: not list(MESH.dir.glob("runner-1/work/runs/*/*/lease.json")),
                   "the dead runner's folder is gone", PATIENCE)

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
        MESH["stacks"].start()
        self.assertEqual(self.get("sealed")["state"], "READY")


if __name__ == "__main__":
    suite.main()
