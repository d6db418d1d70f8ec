#!/usr/bin/env python3
"""What else happens to stacks: previews, imports, rollbacks, retries, labels, and being forgotten."""

import base64
import json
import pathlib
import subprocess
import tempfile

import bundles
import checker
import clients
import suite
from mesh import TERRAFORM, Mesh, eventually

MESH = None
GATE = """
resource "terraform_data" "gated" {
  provisioner "local-exec" {
    command = "test -e '${var.gate}'"
  }
}
"""


def setUpModule():
    global MESH
    MESH = Mesh(runners=1, slots=2).start()
    try:
        admin = MESH.rest("admin")
        admin.post("/v1/projects?projectId=web", {})
        MESH.person("ann", web="dev")
        MESH.person("dave", web="devops", everywhere="devops")
        gated = {"main.tf": GATE, "variables.tf": 'variable "gate" {\n  type = string\n}\n',
                 "template.yaml": bundles.COUNTED_YAML.replace(
                     "parameters:\n  amount: {minimum: 0, maximum: 20}\n", "") % "auto"}
        for name, files in (("auto", bundles.counted()), ("reviewed", bundles.counted("required")),
                            ("gated", gated)):
            bundles.published(MESH.rest("dave"), name, "1", bundles.pack(files))
    except BaseException:
        MESH.close(show_logs=True)
        raise


def tearDownModule():
    MESH.close()


class ChangesTest(suite.MeshTestCase):
    def setUp(self):
        self.admin, self.ann, self.dave = (MESH.rest(user) for user in ("admin", "ann", "dave"))
        self.cli = MESH.cli("ann")

    def body(self, template="auto", **parameters):
        return {"templateVersion": f"templates/{template}/versions/1", "parameters": parameters}

    def create(self, name, template="auto", **parameters):
        return self.ann.succeed(self.ann.post(f"/v1/projects/web/stacks?stackId={name}",
                                              self.body(template, **parameters)))

    def stack(self, name):
        return self.ann.get(f"/v1/projects/web/stacks/{name}")

    def runs(self, name):
        return [(r["type"], r["state"]) for r in
                self.ann.get(f"/v1/projects/web/stacks/{name}/runs")["runs"]]

    def waits(self, name):
        """The change request that a stack waits for."""
        def probe():
            found = self.stack(name)
            return found["state"] == "AWAITING_APPROVAL" and found
        return self.dave.get("/v1/" + eventually(probe, lambda: f"{name} waits: {self.stack(name)}")
                             ["changeRequest"])

    def refused_for(self, reason, call, *arguments):
        with self.assertRaises(clients.ApiError) as caught:
            call(*arguments)
        self.assertEqual(caught.exception.reason, reason, caught.exception.body)
        return caught.exception

    # ---- Preview ----------------------------------------------------------------------------

    def test_preview_of_a_new_stack_keeps_nothing(self):
        before = checker.pages(self.admin, "/v1/projects/web/stacks?showDeleted=true", "stacks")
        operation = self.ann.post("/v1/projects/web/stacks:preview",
                                  {"stack": self.body("reviewed", amount=3)})
        answer = self.ann.succeed(operation)
        self.assertTrue(answer["fits"])
        self.assertEqual(answer["plan"]["toCreate"], 3)
        self.assertEqual({a["metric"]: int(a["value"]) for a in answer["plan"]["amounts"]},
                         {"resources": 3, "stacks": 1})
        self.assertEqual(len(answer["plan"]["changes"]), 3)
        run = self.ann.get("/v1/" + self.ann.get(f"/v1/{operation['name']}")["metadata"]["run"])
        self.assertEqual((run["type"], run["state"]), ("PREVIEW", "SUCCEEDED"))
        self.assertIn("3 to add", self.ann.get(f"/v1/{run['name']}:readLog")["text"])
        after = checker.pages(self.admin, "/v1/projects/web/stacks?showDeleted=true", "stacks")
        self.assertEqual(before, after)

    def test_preview_tells_what_is_short(self):
        self.admin.post("/v1/projects?projectId=tight", {})
        self.admin.put("/v1/projects/tight/quota/limits/resources", {"value": 2})
        answer = self.admin.succeed(self.admin.post("/v1/projects/tight/stacks:preview",
                                                    {"stack": self.body(amount=3)}))
        self.assertFalse(answer["fits"])
        (short,) = answer["shortfalls"]
        self.assertEqual((short["metric"], short["requested"], short["limit"]), ("resources", "3", "2"))
        done = MESH.cli("admin", "tight").ok("stacks", "preview", "-t", "auto@1", "--set", "amount=3")
        self.assertIn("+ terraform_data.one[0]", done.out)
        self.assertIn("Quota does not hold for it", done.out)

    def test_preview_of_an_update_tells_what_the_update_does(self):
        self.create("seen", amount=2)
        text = self.cli.ok("stacks", "preview", "seen", "--set", "amount=1").out
        self.assertIn("- terraform_data.one[1]", text)
        self.assertIn("Quota holds for it", text)
        answer = self.ann.succeed(self.ann.post("/v1/projects/web/stacks:preview", {
            "stack": {"name": "projects/web/stacks/seen", "parameters": {"amount": 4}}}))
        self.assertEqual((answer["plan"]["toCreate"], answer["plan"]["toDestroy"]), (2, 0))
        stack = self.stack("seen")
        self.assertEqual((stack["latestRevision"], stack["resourceCount"]), ("1", 2))
        updated = self.ann.succeed(self.ann.patch(
            "/v1/projects/web/stacks/seen?updateMask=parameters.amount", {"parameters": {"amount": 4}}))
        plan = self.ann.get("/v1/projects/web/stacks/seen/revisions/2")["plan"]
        self.assertEqual(plan["toCreate"], answer["plan"]["toCreate"])
        self.assertEqual(updated["amounts"], answer["plan"]["amounts"])

    def test_preview_while_the_stack_waits(self):
        self.ann.post("/v1/projects/web/stacks?stackId=pending", self.body("reviewed", amount=1))
        request = self.waits("pending")
        answer = self.ann.succeed(self.ann.post("/v1/projects/web/stacks:preview", {
            "stack": {"name": "projects/web/stacks/pending", "parameters": {"amount": 2}}}))
        self.assertEqual(answer["plan"]["toCreate"], 2)
        self.assertEqual(self.dave.get(f"/v1/{request['name']}")["state"], "PENDING")

    def test_preview_refuses_what_create_refuses(self):
        error = self.refused_for("INVALID_FIELD", self.ann.post, "/v1/projects/web/stacks:preview",
                             {"stack": self.body(amount=21, colour="blue")})
        self.assertEqual(error.fields(), ["stack.parameters.amount", "stack.parameters.colour"])
        self.refused_for("RESOURCE_NOT_FOUND", self.ann.post, "/v1/projects/web/stacks:preview",
                     {"stack": {"name": "projects/web/stacks/nope"}})

    # ---- Import -----------------------------------------------------------------------------

    def made_elsewhere(self, amount):
        """A state that plain Terraform made."""
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name in ("main.tf", "variables.tf", "outputs.tf"):
                (root / name).write_text(bundles.counted()[name])
            for command in (["init"], ["apply", "-auto-approve", f"-var=amount={amount}"]):
                done = subprocess.run([TERRAFORM, *command, "-input=false", "-no-color"], cwd=root,
                                      env={**MESH.environment, "TF_CLI_CONFIG_FILE": ""},
                                      capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            return (root / "terraform.tfstate").read_text()

    def test_import_takes_over_a_state(self):
        state = self.made_elsewhere(2)
        ids = [i["attributes"]["id"] for r in json.loads(state)["resources"] for i in r["instances"]]
        path = MESH.dir / "elsewhere.tfstate"
        path.write_text(state)
        self.cli.ok("stacks", "import", "moved", "-t", "reviewed@1", "--state", path,
                    "--set", "amount=2", "--reason", "moving in")
        request = self.waits("moved")
        self.assertEqual(request["type"], "PROVISION")
        self.assertEqual({a["metric"]: int(a["value"]) for a in request["amounts"]},
                         {"resources": 2, "stacks": 1})
        self.assertEqual(self.stack("moved")["resourceCount"], 2)
        self.refused_for("STATE_CONFLICT", self.ann.post, "/v1/projects/web/stacks:import",
                     {"stack": self.body(amount=2), "stackId": "copy",
                      "state": base64.b64encode(state.encode()).decode()})
        self.dave.post(f"/v1/{request['name']}:approve", {"planDigest": request["planDigest"]})
        eventually(lambda: self.stack("moved")["state"] == "READY", lambda: f"{self.stack('moved')}")
        stack = self.stack("moved")
        self.assertEqual(stack["outputs"]["ids"]["value"], ids)
        # An update goes on from the imported state.
        self.ann.patch("/v1/projects/web/stacks/moved?updateMask=parameters.amount",
                       {"parameters": {"amount": 3}})
        request = self.waits("moved")
        self.dave.post(f"/v1/{request['name']}:approve", {"planDigest": request["planDigest"]})
        # States come in while the apply goes on.
        eventually(lambda: self.stack("moved")["resourceCount"] == 3
                   and self.stack("moved")["state"] == "READY", lambda: f"{self.stack('moved')}")
        self.assertEqual(self.stack("moved")["outputs"]["ids"]["value"][:2], ids)
        self.ann.succeed(self.ann.delete("/v1/projects/web/stacks/moved"))
        self.assertIn(("DESTROY", "SUCCEEDED"), self.runs("moved"))

    def test_import_that_is_rejected_touches_nothing(self):
        state = base64.b64encode(self.made_elsewhere(1).encode()).decode()
        request = {"stack": self.body("reviewed", amount=5), "stackId": "unwanted", "state": state}
        self.ann.post("/v1/projects/web/stacks:import", request)
        review = self.waits("unwanted")
        plan = self.dave.get(f"/v1/{review['revision']}")["plan"]
        self.assertEqual((plan["toCreate"], plan["toDestroy"]), (4, 0))
        self.dave.post(f"/v1/{review['name']}:reject", {"reason": "not here"})
        stack = self.stack("unwanted")
        self.assertEqual((stack["state"], stack["resourceCount"]), ("REJECTED", 0))
        self.assertEqual(self.runs("unwanted"), [("PLAN", "SUCCEEDED")])
        # The state is free to be imported again.
        self.ann.succeed(self.ann.post("/v1/projects/web/stacks:import",
                                       {**request, "stack": self.body(amount=1)}))

    def test_import_refuses_what_is_no_state(self):
        for state in (b"{}", b"none", b'{"version": 3, "serial": 1, "lineage": "x"}'):
            error = self.refused_for("INVALID_FIELD", self.ann.post, "/v1/projects/web/stacks:import", {
                "stack": self.body(amount=1), "stackId": "broken",
                "state": base64.b64encode(state).decode()})
            self.assertEqual(error.fields(), ["state"])
        self.refused_for("RESOURCE_NOT_FOUND", self.ann.get, "/v1/projects/web/stacks/broken")

    def test_abandoned_resources_can_be_imported_again(self):
        first = self.create("orphan", amount=2)
        download = self.dave.get("/v1/projects/web/stacks/orphan/stateVersions/latest:download")
        self.cli.ok("stacks", "delete", "orphan", "--abandon", "--wait")
        self.assertEqual(self.stack("orphan")["state"], "DESTROYED")
        self.assertNotIn("DESTROY", [kind for kind, _ in self.runs("orphan")[:2]])
        again = self.ann.succeed(self.ann.post("/v1/projects/web/stacks:import", {
            "stack": self.body(amount=2), "stackId": "orphan", "state": download["state"]}))
        self.assertEqual(again["outputs"]["ids"], first["outputs"]["ids"])
        self.assertNotEqual(again["uid"], first["uid"])

    # ---- Rollback, retry, labels ------------------------------------------------------------

    def test_rollback_makes_a_new_revision_from_an_old_one(self):
        first = self.create("back", amount=1, note="one")
        self.ann.succeed(self.ann.patch("/v1/projects/web/stacks/back?updateMask=parameters",
                                        {"parameters": {"amount": 3, "note": "three"}}))
        done = self.cli.ok("stacks", "rollback", "back", "--to", "1", "--reason", "too many", "--wait")
        self.assertIn("READY", done.out)
        stack = self.stack("back")
        self.assertEqual((stack["appliedRevision"], stack["resourceCount"]), ("3", 1))
        self.assertEqual(stack["parameters"], first["parameters"])
        self.assertEqual(stack["outputs"]["notes"]["value"], ["one 0"])
        revision = self.ann.get("/v1/projects/web/stacks/back/revisions/3")
        self.assertEqual((revision["rollbackOf"], revision["reason"]), ("1", "too many"))
        self.refused_for("RESOURCE_NOT_FOUND", self.ann.post, "/v1/projects/web/stacks/back:rollback",
                     {"revision": 9})
        # To a revision of an earlier stack of the name there is no way back.
        self.ann.succeed(self.ann.delete("/v1/projects/web/stacks/back"))
        self.create("back", amount=1)
        error = self.refused_for("INVALID_FIELD", self.ann.post, "/v1/projects/web/stacks/back:rollback",
                             {"revision": 1})
        self.assertEqual(error.fields(), ["revision"])

    def test_retry_goes_on_where_it_failed(self):
        gate = MESH.shared / "gate"
        operation = self.ann.post("/v1/projects/web/stacks?stackId=tried",
                                  self.body("gated", gate=str(gate)))
        error = clients.status_error(self.ann.wait(operation)["error"])
        self.assertEqual(error.reason, "RUN_FAILED")
        self.assertEqual(self.stack("tried")["state"], "FAILED")
        gate.touch()
        self.cli.ok("stacks", "retry", "tried", "--wait")
        self.assertEqual(self.stack("tried")["state"], "READY")
        self.refused_for("WRONG_STATE", self.ann.post, "/v1/projects/web/stacks/tried:retry")

    def test_labels_and_annotations_need_no_run(self):
        before = self.create("worded", amount=1)
        operation = self.ann.patch(
            "/v1/projects/web/stacks/worded?updateMask=labels,annotations,display_name",
            {"labels": {"team": "web"}, "annotations": {"note": "hi"}, "displayName": "Worded"})
        self.assertTrue(operation["done"])
        stack = self.stack("worded")
        self.assertEqual((stack["labels"], stack["annotations"], stack["displayName"]),
                         ({"team": "web"}, {"note": "hi"}, "Worded"))
        self.assertEqual(stack["latestRevision"], before["latestRevision"])
        self.assertNotEqual(stack["etag"], before["etag"])
        self.ann.patch("/v1/projects/web/stacks/worded?updateMask=labels", {"labels": {}})
        self.assertEqual((self.stack("worded")["labels"], self.stack("worded")["annotations"]),
                         ({}, {"note": "hi"}))
        error = self.refused_for("INVALID_FIELD", self.ann.patch,
                             "/v1/projects/web/stacks/worded?updateMask=labels",
                             {"labels": {"Bad Key": "x"}})
        self.assertEqual(error.fields(), ["stack.labels"])
        self.assertEqual(len(self.runs("worded")), 2)

    # ---- Drift ------------------------------------------------------------------------------

    def test_drift_of_what_cannot_drift(self):
        self.create("steady", amount=1)
        done = self.cli.ok("stacks", "drift", "steady", "--wait")
        self.assertIn("READY", done.out)
        stack = self.stack("steady")
        self.assertEqual(stack["drift"]["changes"], [])
        self.assertEqual(self.runs("steady")[0], ("REFRESH", "SUCCEEDED"))
        repaired = self.ann.succeed(self.ann.post("/v1/projects/web/stacks/steady:repairDrift"))
        self.assertEqual((repaired["state"], repaired["appliedRevision"]), ("READY", "2"))

    def test_zz_the_books_are_right(self):
        checker.check(self.admin, MESH.dir / "stacks")


if __name__ == "__main__":
    suite.main()
