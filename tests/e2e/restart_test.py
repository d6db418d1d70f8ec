#!/usr/bin/env python3
"""Services are killed (as by a power cut) and started again in the middle of things. In the end
nothing is stuck, nothing was done twice, the quota's books are right and the event log is intact."""

import collections
import http.client
import json
import os
import pathlib
import signal

import bundles
import clients
import suite
from mesh import Mesh, eventually

MESH = None
SETTLED = ("READY", "FAILED", "REJECTED", "DESTROYED")
# Long enough for a lost lease, a second plan and a second apply on a busy machine.
PATIENCE = 60


def setUpModule():
    global MESH
    MESH = Mesh(runners=2, stacks_flags=["--run-lease", "3s"],
                runner_flags=["--heartbeat-interval", "500ms"]).start()
    try:
        MESH.rest("admin").post("/v1/projects?projectId=web", {})
        MESH.person("dave", web="devops", everywhere="devops")
        for name, files in (("slow", bundles.slow()), ("reviewed", bundles.slow("required"))):
            bundles.published(MESH.rest("admin"), name, "1", bundles.pack(files))
    except BaseException:
        MESH.close(show_logs=True)
        raise


def tearDownModule():
    MESH.close()


def processes_in(folder):
    """Commands of the processes that work in a folder."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if pathlib.Path(os.readlink(process / "cwd")).is_relative_to(folder):
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def insist(call, *args):
    """Calls until somebody answers: what is down comes back. Answers and refusals pass."""
    def attempt():
        try:
            return (call(*args),)
        except clients.ApiError as error:
            if error.http not in (503, 504):
                raise
        except (OSError, http.client.HTTPException):
            pass
        return None
    return eventually(attempt, "an answer", PATIENCE)[0]


class RestartTest(suite.MeshTestCase):
    def setUp(self):
        self.admin, self.dave = MESH.rest("admin"), MESH.rest("dave")

    # ---- Helpers ----------------------------------------------------------------------------

    def journal(self, name):
        """How often each step of a stack was really made."""
        path = MESH.shared / f"{name}.journal"
        return collections.Counter(path.read_text().split()) if path.exists() else {}

    def create(self, name, template="slow", **parameters):
        parameters["journal"] = str(MESH.mark(f"{name}.journal"))
        return insist(self.admin.post, f"/v1/projects/web/stacks?stackId={name}&requestId=create-{name}",
                      {"templateVersion": f"templates/{template}/versions/1", "parameters": parameters})

    def get(self, name):
        return insist(self.admin.get, f"/v1/projects/web/stacks/{name}")

    def runs(self, name):
        return insist(self.admin.get, f"/v1/projects/web/stacks/{name}/runs?pageSize=100")["runs"]

    def reach(self, name, *states):
        def probe():
            stack = self.get(name)
            return stack if stack["state"] in states else None
        return eventually(probe, lambda: f"{name} in {states}: {json.dumps(self.get(name))} "
                          f"{json.dumps(self.runs(name))}", PATIENCE)

    def running(self, name, kind):
        """Waits for a run that a runner has begun, and answers it."""
        def probe():
            return next((run for run in self.runs(name)
                         if run["type"] == kind and run["state"] == "RUNNING"), None)
        return eventually(probe, lambda: f"{name} has a running {kind}: {json.dumps(self.runs(name))}",
                          PATIENCE)

    def settle(self, name):
        """Waits until a stack is READY; FAILED must tell why, and come right by a retry."""
        for _ in range(3):
            stack = self.reach(name, "READY", "FAILED")
            if stack["state"] == "READY":
                return stack
            error = clients.status_error(stack["stateDetail"]["error"])
            self.assertTrue(error.message and error.reason, stack)
            insist(self.admin.post, f"/v1/projects/web/stacks/{name}:retry")
        self.fail(f"{name} fails again and again: {self.get(name)}")

    def destroy(self, name):
        insist(self.admin.delete, f"/v1/projects/web/stacks/{name}?requestId=delete-{name}")

    def check_books(self):
        """What must hold when everything has settled."""
        open_operations = eventually(
            lambda: [insist(self.admin.get, "/v1/operations?filter=done%20%3D%20false")["operations"]]
            if not insist(self.admin.get, "/v1/operations?filter=done%20%3D%20false")["operations"]
            else None, "no operation goes on", PATIENCE)
        self.assertEqual(open_operations, [[]])
        stacks = insist(self.admin.get, "/v1/projects/web/stacks?pageSize=1000&showDeleted=true")["stacks"]
        held = {}
        for stack in stacks:
            self.assertIn(stack["state"], SETTLED, stack)
            self.assertEqual(stack["activeRun"], "", stack)
            if stack["amounts"]:
                held[stack["name"]] = {a["metric"]: a["value"] for a in stack["amounts"]}
            applied = collections.Counter(
                run["revision"] for run in self.runs(stack["name"].split("/")[-1])
                if run["type"] == "APPLY" and run["state"] == "SUCCEEDED")
            self.assertTrue(all(count == 1 for count in applied.values()), (stack, applied))
            if stack["state"] == "READY":
                self.assertIn(stack["appliedRevision"], applied)

        def books():
            reservations = insist(self.admin.get,
                                  "/v1/projects/web/quota/reservations?pageSize=1000")["reservations"]
            return collections.Counter(r["state"] for r in reservations)["PENDING"] == 0 and {
                r["holder"]: {a["metric"]: a["value"] for a in r["amounts"]}
                for r in reservations if r["state"] == "COMMITTED"}
        eventually(lambda: books() == held, lambda: f"reservations match stacks: {books()} {held}")
        usage = {line["metric"]: line for line in
                 insist(self.admin.get, "/v1/projects/web/quota/usage")["usage"]}
        for metric in ("resources", "stacks"):
            total = sum(int(amounts.get(metric, 0)) for amounts in held.values())
            self.assertEqual((int(usage[metric]["committed"]), int(usage[metric]["pending"])), (total, 0))
        verified = insist(self.admin.get, "/v1/projects/web/events:verify")
        self.assertTrue(verified["intact"], verified)

    def runner_of(self, run):
        return MESH.runner_called(run["runner"])

    def life_with_restarts(self, service):
        """Kills a service while a stack is planned, applied and destroyed."""
        name = f"life-{service}"
        restart = MESH[service].restart
        self.create(name)
        restart()
        self.running(name, "APPLY")
        restart()
        stack = self.settle(name)
        self.assertEqual(self.journal(name), {"0": 1, "1": 1, "last": 1})
        self.assertEqual(stack["resourceCount"], 3)

        insist(self.admin.patch, f"/v1/projects/web/stacks/{name}?updateMask=parameters.note",
               {"parameters": {"note": "second"}})
        restart()
        updated = self.settle(name)
        eventually(lambda: self.get(name)["appliedRevision"] == "2", "the update is applied", PATIENCE)
        updated = self.settle(name)
        self.assertEqual(updated["outputs"]["ids"], stack["outputs"]["ids"])
        self.assertEqual(updated["outputs"]["notes"]["value"], ["second 0", "second 1"])

        self.destroy(name)
        self.running(name, "DESTROY")
        restart()
        self.reach(name, "DESTROYED")
        self.check_books()

    # ---- Tests ------------------------------------------------------------------------------

    def test_stacks_service_killed(self):
        self.life_with_restarts("stacks")

    def test_quota_service_killed(self):
        self.life_with_restarts("quota")

    def test_gateway_killed(self):
        self.life_with_restarts("gateway")

    def test_rest_killed(self):
        self.life_with_restarts("rest")

    def test_runner_killed_while_it_plans(self):
        self.create("plan-lost", steps=1)
        for runner in MESH.runners():
            runner.kill()
        for runner in MESH.runners():
            runner.start()
        self.settle("plan-lost")
        self.assertEqual(self.journal("plan-lost"), {"0": 1, "last": 1})
        self.check_books()

    def test_runner_killed_while_it_applies(self):
        self.create("apply-lost", seconds=3)
        run = self.running("apply-lost", "APPLY")
        # Both steps are in the saved state while the second one is still busy; the last is not.
        path = "/v1/projects/web/stacks/apply-lost/resources"
        saved = eventually(lambda: self.admin.get(path)["resources"], "a state is saved", PATIENCE)
        self.assertNotIn("terraform_data.last", [r["address"] for r in saved])
        runner = self.runner_of(run)
        runner.kill()
        eventually(lambda: not processes_in(MESH.dir / runner.name),
                   lambda: f"Terraform ended with its runner: {processes_in(MESH.dir / runner.name)}", 5)
        stack = self.settle("apply-lost")
        for resource in saved:
            self.assertIn(resource["id"], stack["outputs"]["ids"]["value"])
        self.assertEqual((self.journal("apply-lost")["0"], self.journal("apply-lost")["last"]), (1, 1))
        runs = self.runs("apply-lost")
        lost = next(r for r in runs if r["name"] == run["name"])
        self.assertEqual(lost["state"], "FAILED")
        self.assertIn(run["runner"], lost["error"]["message"])
        runner.start()
        self.check_books()

    def test_runner_killed_while_it_destroys(self):
        self.create("destroy-lost", steps=1)
        self.settle("destroy-lost")
        self.destroy("destroy-lost")
        runner = self.runner_of(self.running("destroy-lost", "DESTROY"))
        runner.kill()
        self.reach("destroy-lost", "DESTROYED")
        runner.start()
        self.check_books()

    def test_runner_stopped_gently_hands_its_work_over(self):
        self.create("handed-over", seconds=3)
        run = self.running("handed-over", "APPLY")
        eventually(lambda: self.journal("handed-over"), "the first step is made")
        runner = self.runner_of(run)
        # The first signal lets the run come to its end, the second does not.
        runner.process.send_signal(signal.SIGTERM)
        eventually(lambda: "draining" in runner.tail(), "the runner drains")
        runner.stop()
        stack = self.settle("handed-over")
        self.assertEqual(stack["resourceCount"], 3)
        self.assertEqual((self.journal("handed-over")["0"], self.journal("handed-over")["last"]), (1, 1))
        runner.start()
        self.check_books()

    def test_everything_killed_at_once(self):
        self.create("all-ready", steps=1)
        ready = self.settle("all-ready")
        self.create("all-leaving", steps=1)
        self.settle("all-leaving")
        self.create("all-waiting", "reviewed", steps=1)
        self.reach("all-waiting", "AWAITING_APPROVAL")
        request = insist(self.dave.get, "/v1/" + self.get("all-waiting")["changeRequest"])
        self.create("all-applying", seconds=3)
        self.running("all-applying", "APPLY")
        self.destroy("all-leaving")
        self.create("all-planning", steps=1)
        events = insist(self.admin.get, "/v1/projects/web/events?pageSize=1000")["events"]

        for service in MESH.services.values():
            service.kill()
        for service in MESH.services.values():
            service.start()

        # Everything is there: people, templates, stacks, requests, outputs, events.
        self.assertEqual(self.get("all-ready"), ready)
        self.assertEqual(insist(self.dave.get, f"/v1/{request['name']}")["planDigest"], request["planDigest"])
        kept = insist(self.admin.get, "/v1/projects/web/events?pageSize=1000")["events"]
        self.assertEqual([e for e in kept if int(e["sequence"]) <= int(events[0]["sequence"])], events)

        insist(self.dave.post, f"/v1/{request['name']}:approve", {"planDigest": request["planDigest"]})
        for name in ("all-waiting", "all-planning", "all-applying"):
            self.settle(name)
        self.reach("all-leaving", "DESTROYED")
        self.assertEqual(self.journal("all-planning"), {"0": 1, "last": 1})
        self.assertEqual(self.journal("all-waiting"), {"0": 1, "last": 1})
        self.check_books()

    def test_everything_stops_on_sigterm(self):
        for service in reversed(MESH.services.values()):
            service.stop()
            self.assertEqual(service.process.returncode, 0, service.tail())
        for service in MESH.services.values():
            service.start()
        self.check_books()


if __name__ == "__main__":
    suite.main()
