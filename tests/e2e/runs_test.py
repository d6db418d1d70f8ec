#!/usr/bin/env python3
"""What people see of runs: large plans, long logs, progress, and what the policy says; through the
whole mesh. slow/runs_test.py does the same with 5,000 resources and 100 MB."""

import datetime
import json
import os
import pathlib
import time
import unittest

import bundles
import runs
import suite
from mesh import Mesh, eventually

RESOURCES = int(os.environ.get("STACKYARD_RUNS_RESOURCES") or 2000)
LOG_MB = int(os.environ.get("STACKYARD_RUNS_LOG_MB") or 12)
# The log is cut beyond this, so that the short form sees it as well.
LOG_LIMIT_MIB = int(os.environ.get("STACKYARD_RUNS_LOG_LIMIT_MIB") or 4)
# How long an event may take to be seen while a log comes in, in seconds, on a busy machine.
SOON = 3
# What a service may take more for it. The runner holds at most 8 MiB of log that is to be sent.
MEMORY_MIB = 160

OPA = pathlib.Path(__file__).resolve().parents[2] / "build/tools/bin/opa"
RULES = """package stackyard

deny contains {"msg": msg, "address": change.address} if {
  some change in input.resource_changes
  contains(json.marshal(change.change.after), "Mallory")
  msg := sprintf("no greeting for Mallory in %s", [input.stackyard.project])
}

warn contains "a long name" if count(input.stackyard.parameters.name) > 5
"""
MESH = POLICED = None


def setUpModule():
    global MESH
    MESH = Mesh(runners=1, stacks_flags=["--run-log-mib", str(LOG_LIMIT_MIB)]).start()
    try:
        admin = MESH.rest("admin")
        admin.post("/v1/projects?projectId=web", {})
        admin.put("/v1/projects/web/quota/limits/resources", {"value": 10000})
        MESH.person("ann", web="dev")
        MESH.person("dave", web="devops", everywhere="devops")
        bundles.published(admin, "many", "1", bundles.pack(runs.many()))
        bundles.published(admin, "loud", "1", bundles.pack(runs.loud()))
    except BaseException:
        MESH.close(show_logs=True)
        raise


def tearDownModule():
    MESH.close()


class RunsTest(suite.MeshTestCase):
    def setUp(self):
        self.ann, self.dave = MESH.rest("ann"), MESH.rest("dave")

    def create(self, name, template, **parameters):
        return self.ann.post(f"/v1/projects/web/stacks?stackId={name}&reason=e2e",
                             {"templateVersion": template, "parameters": parameters})

    def assert_progress(self, run, done):
        self.assertEqual(run["progress"], {"total": done, "done": done, "failed": 0, "active": []})

    def assert_phases(self, run, **counts):
        """How often each phase was told of what is changed."""
        phases = [event["resource"]["phase"] for event in self.events(run["name"])
                  if event.get("resource", {"action": "READ"})["action"] != "READ"]
        self.assertEqual({phase: phases.count(phase) for phase in set(phases)}, counts)

    def events(self, run):
        """All events of a run, page by page."""
        events, token = [], ""
        while True:
            page = self.ann.get(f"/v1/{run}/events?pageSize=1000&pageToken={token}")
            events += page.get("runEvents", [])
            token = page.get("nextPageToken")
            if not token:
                return events

    def delays(self, run):
        """Follows a run to its end; answers how long after each event it was seen, in seconds."""
        stack = run.split("/runs/")[0]
        eventually(lambda: self.ann.get(f"/v1/{stack}").get("activeRun") == run, f"{run} begins", 120)
        return [time.time() - datetime.datetime.fromisoformat(message["event"]["time"]).timestamp()
                for message in self.ann.stream(f"/v1/{run}:watch")]

    def waiting(self, operation):
        def probe():
            now = self.ann.get(f"/v1/{operation['name']}")
            self.assertNotIn("error", now)
            return now["metadata"] if now["metadata"].get("stage") == "AWAITING_APPROVAL" else None
        return eventually(probe, "the plan waits for review", 240)

    def test_a_plan_of_very_many_resources(self):
        operation = self.create("many", "templates/many/versions/1", amount=RESOURCES)
        request = self.ann.get(f"/v1/{self.waiting(operation)['changeRequest']}")
        self.assertIn(f"{RESOURCES} to create", request["summary"])
        plan = self.ann.get(f"/v1/{request['revision']}")["plan"]
        self.assertEqual(plan["toCreate"], RESOURCES)
        self.assertEqual(len(plan["changes"]), RESOURCES)
        self.assertIn({"metric": "resources", "value": str(RESOURCES)}, plan["amounts"])
        self.assertTrue(all(change["attributes"] for change in plan["changes"]))
        shown = MESH.cli("dave").ok("requests", "get", request["name"].rsplit("/", 1)[1])
        self.assertIn(f"terraform_data.one[{RESOURCES - 1}]", shown.out)

        self.dave.post(f"/v1/{request['name']}:reject", {"reason": "nobody needs so many"})
        # Terraform takes minutes to make them, quadratically; the plan is what must pass.

    def test_each_resource_is_told_of_and_counted(self):
        operation = self.create("some", "templates/many/versions/1", amount=100)
        request = self.ann.get(f"/v1/{self.waiting(operation)['changeRequest']}")
        self.dave.post(f"/v1/{request['name']}:approve", {"planDigest": request["planDigest"]})
        self.ann.succeed(operation)
        run = self.ann.get("/v1/projects/web/stacks/some/runs/2")
        self.assert_progress(run, 100)
        self.assert_phases(run, STARTED=100, DONE=100)
        # Who reads the stream in pieces misses nothing and sees nothing twice.
        seen, token = [], ""
        for most in (1, 2, 150, 10**6):
            resume = f"?resumeToken={token}" if token else ""
            for message in self.ann.stream(f"/v1/{run['name']}:watch{resume}"):
                seen.append(message["event"])
                token = message["resumeToken"]
                if len(seen) >= most:
                    break
        self.assertEqual(seen, self.events(run["name"]))
        self.ann.succeed(self.ann.delete("/v1/projects/web/stacks/some"))
        run = self.ann.get("/v1/projects/web/stacks/some/runs/3")
        self.assert_progress(run, 100)
        self.assert_phases(run, PLANNED=100, STARTED=100, DONE=100)
        reads = [e for e in self.events(run["name"]) if e.get("resource", {}).get("action") == "READ"]
        self.assertEqual(len(reads), 200, "each was looked at before")

    def test_a_very_long_log(self):
        lines = LOG_MB * 1000
        processes = [MESH["stacks"].process, MESH["runner-1"].process]
        before = [runs.forget_peak(process) for process in processes]
        operation = self.create("loud", "templates/loud/versions/1", lines=lines)
        delays = self.delays("projects/web/stacks/loud/runs/2")
        print(f"    events came after {max(delays):.2f} s at most", flush=True)
        self.assertLess(max(delays), SOON, "no event waits behind the log")
        self.ann.succeed(operation, 60)
        grown = [runs.peak_mib(process) - was for process, was in zip(processes, before)]
        print("    peak memory, MiB: " + ", ".join(
            f"{name} {was} -> {was + more}" for name, was, more
            in zip(("stacks", "runner"), before, grown)), flush=True)
        self.assertLess(max(grown), MEMORY_MIB, "MiB, stacks and runner")

        run = self.ann.get("/v1/projects/web/stacks/loud/runs/2")
        size = int(run["logSize"])
        self.assertGreater(size, LOG_MB * 500_000)
        tail = "".join(m["text"] for m in self.ann.stream(f"/v1/{run['name']}:tailLog") if "text" in m)
        self.assertLess(len(tail), (LOG_LIMIT_MIB + 6) << 20)
        self.assertIn("0000000001 ", tail, "the beginning")
        self.assertIn(f"{lines - 1:010d} ", tail, "the end")
        self.assertIn("bytes of the log are left out here)", tail)
        self.assertIn("Apply complete!", tail)
        part = self.ann.get(f"/v1/{run['name']}:readLog?offset={size - 100}")
        self.assertEqual(part["text"], tail[-100:])
        self.assertEqual(int(part["nextOffset"]), size)
        events = {event["resource"]["address"]: event for event in self.events(run["name"])
                  if event.get("resource", {}).get("phase") == "DONE"}
        self.assert_progress(run, 3)
        self.assertEqual(set(events), {f"terraform_data.{n}" for n in ("loud", "beside", "quiet")})

    def test_the_log_from_any_offset(self):
        operation = self.create("short", "templates/loud/versions/1", lines=3)
        self.ann.succeed(operation)
        name = "projects/web/stacks/short/runs/2"
        whole = "".join(m["text"] for m in self.ann.stream(f"/v1/{name}:tailLog"))
        for offset in (0, 1, 17, len(whole) - 1, len(whole)):
            tail = "".join(m["text"] for m in self.ann.stream(f"/v1/{name}:tailLog?offset={offset}"))
            self.assertEqual(tail, whole[offset:])
        self.assertEqual(list(self.ann.stream(f"/v1/{name}:tailLog?offset={len(whole) + 99}")), [])


@unittest.skipUnless(OPA.exists(), "opa is not built")
class PolicyTest(suite.MeshTestCase):
    @classmethod
    def setUpClass(cls):
        cls.mesh = Mesh(runners=1)
        try:
            rules = cls.mesh.dir / "policy"
            rules.mkdir()
            (rules / "stackyard.rego").write_text(RULES)
            cls.mesh["runner-1"].command += ["--opa", str(OPA), "--policy-bundle", str(rules)]
            cls.mesh.start()
            admin = cls.mesh.rest("admin")
            admin.post("/v1/projects?projectId=web", {})
            cls.mesh.person("ann", web="dev")
            hello = bundles.read("hello")
            bundles.published(admin, "hello", "1", bundles.pack(hello))
            bundles.published(admin, "quick", "1", bundles.pack(bundles.automatic(hello)))
        except BaseException:
            cls.mesh.close(show_logs=True)
            raise

    @classmethod
    def tearDownClass(cls):
        cls.mesh.close()

    def create(self, stack, template, name):
        return self.mesh.cli("ann")("stacks", "create", stack, "-t", template, "--set", f"name={name}",
                                    "--reason", "e2e", "--wait", "--until", "awaiting-approval")

    def test_what_is_denied_goes_no_further(self):
        ann = self.mesh.rest("ann")
        for stack, template in (("one", "hello"), ("two", "quick")):
            done = self.create(stack, template, "Mallory")
            self.assertEqual(done.code, 8, done)
            self.assertIn("no greeting for Mallory in web", done.err)
            shown = ann.get(f"/v1/projects/web/changeRequests?filter=stack=\"projects/web/stacks/{stack}\"")
            request = shown["changeRequests"][0]
            self.assertEqual(request["state"], "REJECTED")
            texts = {message["summary"]: message for message in request["policyMessages"]}
            self.assertEqual(texts["no greeting for Mallory in web"]["severity"], "ERROR")
            self.assertEqual(texts["a long name"]["severity"], "WARNING")
            text = self.mesh.cli("ann").ok("requests", "get", request["name"].rsplit("/", 1)[1]).out
            self.assertIn("Policy denies: no greeting for Mallory in web (", text)
            operation = [o for o in ann.get("/v1/operations")["operations"]
                         if o["metadata"].get("changeRequest") == request["name"]][0]
            self.assertIn("POLICY_DENIED", json.dumps(operation["error"]))
        self.refused(404, "RESOURCE_NOT_FOUND", ann.get, "/v1/projects/web/stacks/one/outputs/x")

    def test_warnings_are_shown(self):
        done = self.create("three", "hello", "Annabel")
        self.assertEqual(done.code, 0, done)
        request = self.mesh.rest("ann").get("/v1/projects/web/stacks/three")["changeRequest"]
        text = self.mesh.cli("ann").ok("requests", "get", request.rsplit("/", 1)[1]).out
        self.assertIn("Policy warns: a long name", text)

    def test_a_runner_with_a_broken_bundle_does_not_start(self):
        broken = self.mesh.dir / "broken"
        broken.mkdir(exist_ok=True)
        (broken / "x.rego").write_text("package stackyard\ndeny contains")
        service = self.mesh["runner-1"]
        service.stop()
        whole = service.command
        service.command = [str(broken) if part == str(self.mesh.dir / "policy") else part
                           for part in whole]
        try:
            service.spawn()
            self.assertNotEqual(service.process.wait(30), 0)
            self.assertIn("x.rego:2", service.tail(5))
        finally:
            service.command = whole
            service.start()


if __name__ == "__main__":
    suite.main()
