#!/usr/bin/env python3
"""What the services tell Prometheus, after the life of some stacks: all that docs/metrics.md names
and nothing else, with values that say what was done, and labels that nobody can make up."""

import http.client
import shutil
import signal
import subprocess
import time
import unittest
import uuid

import bundles
import clients
import exposition
import suite
from mesh import Mesh, eventually

MESH = None
SERVICES = {"gateway": "gateway", "rest": "rest", "stacks": "stacks", "quota": "quota",
            "runner": "runner-1"}
# Of Go's client, and of the endpoint that C++ services show metrics at.
UNNAMED = {name: ("go_", "process_") if name == "rest" else ("exposer_",) for name in SERVICES}
STACK_ROUTE = "/v1/projects/{project}/stacks/{stack}"


def setUpModule():
    global MESH
    began = time.time()
    MESH = Mesh(metrics=True).start()
    MESH.began = began
    try:
        admin = MESH.rest("admin")
        admin.post("/v1/projects?projectId=web", {})
        MESH.person("ann", web="dev")
        MESH.person("dave", everywhere="devops")
        hello = bundles.read("hello")
        bundles.published(MESH.rest("dave"), "hello", "1", bundles.pack(hello))
        bundles.published(MESH.rest("dave"), "slow", "1", bundles.pack(bundles.slow()))
        play()
    except BaseException:
        MESH.close(show_logs=True)
        raise


def tearDownModule():
    MESH.close()


def create(stack, template, **parameters):
    return MESH.rest("ann").post(
        f"/v1/projects/web/stacks?stackId={stack}",
        {"templateVersion": f"templates/{template}/versions/1", "parameters": parameters})


def reach(name, state):
    def probe():
        stack = MESH.rest("admin").get(f"/v1/projects/web/stacks/{name}")
        return stack if stack["state"] == state else None
    return eventually(probe, f"{name} is {state}")


def play():
    """A stack that is in use, one that was and is gone, one that waits for review, one that failed;
    and a call that is refused."""
    ann, dave = MESH.rest("ann"), MESH.rest("dave")
    for name in ("kept", "gone"):
        create(name, "hello", name="Ann")
        request = dave.get("/v1/" + reach(name, "AWAITING_APPROVAL")["changeRequest"])
        dave.post(f"/v1/{request['name']}:approve", {"planDigest": request["planDigest"]})
        reach(name, "READY")
    ann.wait(ann.delete("/v1/projects/web/stacks/gone"))
    create("waits", "hello", name="Bob")
    reach("waits", "AWAITING_APPROVAL")
    ann.wait(create("broken", "slow", journal="/no/such/folder", steps=1))
    reach("broken", "FAILED")
    try:
        ann.post("/v1/projects?projectId=mine", {})
        raise AssertionError("ann may not make projects")
    except clients.ApiError:
        pass


def whole_pool(shown):
    both = shown.sum("stackyard_db_connections")
    return shown if both == shown.value("stackyard_db_connections_max") > 0 else None


def refreshed(service, probe, what):
    """What a service shows, as soon as its gauges say what `probe` waits for."""
    seen = []

    def look():
        seen[:] = [MESH.scrape(SERVICES[service])]
        return probe(seen[0])
    eventually(look, lambda: f"{what}\n{seen[0].text}", 30)
    return seen[0]


class MetricsTest(suite.MeshTestCase):
    # ---- Names ------------------------------------------------------------------------------

    def test_all_that_is_documented_is_there_and_nothing_else(self):
        for service, known in exposition.documented().items():
            shown = MESH.scrape(SERVICES[service])
            with self.subTest(service):
                needless = {name for name in shown
                            if name not in known and not name.startswith(UNNAMED[service])}
                self.assertEqual(needless, set(), "shown, and not in docs/metrics.md")
                always = {name for name, about in known.items() if "With `--" not in about.meaning}
                if service == "rest":
                    always.discard("process_threads")
                self.assertEqual(always - set(shown), set(), "in docs/metrics.md, and not shown")
                for name in always:
                    self.assertEqual(shown[name].kind, known[name].kind, name)
                    self.assertTrue(shown[name].samples, f"{name} has no value")
                    self.assertEqual(shown[name].labels(), {known[name].labels}, name)

    def test_names_keep_to_the_rules_of_prometheus(self):
        promtool = shutil.which("promtool")
        if not promtool:
            raise unittest.SkipTest("promtool is not installed")
        for service, name in SERVICES.items():
            text = MESH.scrape(name).text
            own = "".join(line + "\n" for line in text.splitlines() if "exposer_" not in line)
            done = subprocess.run([promtool, "check", "metrics"], input=own, text=True,
                                  capture_output=True, check=False)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""), service)

    def test_every_service_says_which_program_it_is(self):
        for service, name in SERVICES.items():
            build = MESH.scrape(name)["stackyard_build_info"].samples
            self.assertEqual([(labels["service"], value) for _, labels, value in build],
                             [(service, 1)])
            self.assertRegex(build[0][1]["version"], r"^(\d+\.\d+\.\d+|dev)$")

    # ---- Values -----------------------------------------------------------------------------

    def test_the_process_is_measured(self):
        for service, name in SERVICES.items():
            with self.subTest(service):
                shown = MESH.scrape(name)
                self.assertGreater(shown.value("process_cpu_seconds_total"), 0)
                self.assertGreater(shown.value("process_resident_memory_bytes"), 1 << 20)
                self.assertLess(shown.value("process_open_fds"), shown.value("process_max_fds"))
                self.assertGreater(shown.value("process_open_fds"), 2)
                self.assertAlmostEqual(shown.value("process_start_time_seconds"), MESH.began, delta=60)
                if service != "rest":
                    # As the kernel counts them, this moment.
                    pid = MESH[name].process.pid
                    with open(f"/proc/{pid}/status") as status:
                        threads = next(int(line.split()[1]) for line in status
                                       if line.startswith("Threads:"))
                    self.assertAlmostEqual(shown.value("process_threads"), threads, delta=8)

    def test_runs_are_counted_as_they_ended(self):
        shown = MESH.scrape("stacks")

        def ended(kind, result):
            return shown.value("stackyard_stacks_runs_total", kind=kind, result=result)
        self.assertEqual(ended("inspect", "ok"), 2)
        self.assertEqual((ended("plan", "ok"), ended("plan", "failed")), (4, 0))
        self.assertEqual((ended("apply", "ok"), ended("apply", "failed")), (2, 1))
        self.assertEqual(ended("destroy", "ok"), 1)
        self.assertEqual(shown.value("stackyard_stacks_run_takeovers_total"), 0)
        for kind, count in {"inspect": 2, "plan": 4, "apply": 3, "destroy": 1}.items():
            self.assertEqual(shown.value("stackyard_stacks_run_wait_seconds_count", kind=kind),
                             count)
            self.assertEqual(shown.sum("stackyard_stacks_run_seconds_count", kind=kind), count)
            took = shown.sum("stackyard_stacks_run_seconds_sum", kind=kind)
            self.assertTrue(0.005 * count < took < 60 * count, f"{kind}: {took}")
        runner = MESH.scrape("runner-1")
        for work, result, count in (("plan", "ok", 4), ("apply", "ok", 2), ("apply", "failed", 1),
                                    ("destroy", "ok", 1), ("inspect", "ok", 2)):
            self.assertEqual(
                runner.value("stackyard_runner_runs_total", work=work, result=result), count)
        self.assertEqual(runner.value("stackyard_runner_slots"), 2)
        self.assertEqual(runner.value("stackyard_runner_draining"), 0)

    def test_what_there_is_and_waits_is_shown(self):
        shown = refreshed("stacks", lambda seen: seen.value(
            "stackyard_stacks_change_requests_waiting", kind="provision") == 1, "one waits")
        stacks = {labels["state"]: value
                  for _, labels, value in shown["stackyard_stacks_stacks"].samples}
        self.assertEqual({state: value for state, value in stacks.items() if value},
                         {"ready": 1, "awaiting_approval": 1, "failed": 1})
        self.assertEqual(set(stacks), {"pending", "planning", "awaiting_approval", "applying",
                                       "ready", "failed", "destroying"})
        self.assertGreater(shown.value("stackyard_stacks_change_request_oldest_seconds"), 0)
        self.assertEqual(shown.sum("stackyard_stacks_change_requests_waiting"), 1)
        self.assertEqual(shown.sum("stackyard_stacks_queue_runs"), 0)
        self.assertEqual(shown.value("stackyard_stacks_queue_oldest_seconds"), 0)
        # 24 h and 72 h are what the templates give.
        self.assertEqual(shown.value("stackyard_stacks_leases_ending", within="1h"), 0)
        self.assertGreater(shown.value("stackyard_stacks_leases_ending", within="7d"), 0)
        self.assertEqual(shown.value("stackyard_stacks_past_lease"), 0)
        self.assertLess(abs(shown.value("stackyard_gauges_read_time_seconds") - time.time()), 60)
        refreshed("stacks", lambda seen: seen.sum("stackyard_stacks_outbox_pending") == 0,
                  "all is announced")

    def test_usage_is_what_quota_answers(self):
        usage = MESH.rest("admin").get("/v1/projects/web/quota/usage")["usage"]
        usage = {line["metric"]: line for line in usage if not line["user"]}

        def same(seen):
            shown = {labels["metric"] for _, labels, _ in seen["stackyard_quota_used"].samples}
            return {"stacks", "resources"} <= shown and all(
                (seen.value("stackyard_quota_used", project="web", metric=metric),
                 seen.value("stackyard_quota_pending", project="web", metric=metric),
                 seen.value("stackyard_quota_limit", project="web", metric=metric),
                 seen.value("stackyard_quota_over_committed", project="web", metric=metric)) ==
                (int(usage[metric]["committed"]), int(usage[metric]["pending"]),
                 int(usage[metric]["limit"]), 0) for metric in shown)
        shown = refreshed("quota", same, f"the same as {usage}")
        self.assertGreater(shown.value("stackyard_quota_used", project="web", metric="stacks"), 0)
        self.assertEqual(shown.value("stackyard_quota_series_omitted"), 0)
        self.assertGreater(shown.value("stackyard_quota_ledger_calls_total", method="Reserve",
                                       outcome="OK"), 0)

    def test_calls_are_counted_once_by_each_who_sees_them(self):
        def counted():
            rest, gateway, stacks = (MESH.scrape(name) for name in ("rest", "gateway", "stacks"))
            return (rest.value("stackyard_rest_requests_total", route=STACK_ROUTE, method="GET",
                               code="200"),
                    gateway.value("stackyard_gateway_requests_total",
                                  method="stackyard.v1.StackService/GetStack", code="OK"),
                    stacks.value("grpc_server_handled_total", grpc_type="unary", grpc_code="OK",
                                 grpc_service="stackyard.v1.StackService", grpc_method="GetStack"))
        before = counted()
        for _ in range(7):
            MESH.rest("ann").get("/v1/projects/web/stacks/kept")
        self.assertEqual([after - number for after, number in zip(counted(), before)], [7, 7, 7])

    def test_refusals_have_their_code(self):
        def refused():
            rest, gateway = MESH.scrape("rest"), MESH.scrape("gateway")
            return (rest.sum("stackyard_rest_requests_total", route=STACK_ROUTE, code="404"),
                    gateway.sum("stackyard_gateway_requests_total", code="NOT_FOUND"))
        before = refused()
        with self.assertRaises(clients.ApiError):
            MESH.rest("ann").get("/v1/projects/web/stacks/no-such")
        self.assertEqual([after - number for after, number in zip(refused(), before)], [1, 1])
        self.assertGreater(MESH.scrape("gateway").sum("stackyard_gateway_denials_total"), 0)

    def test_databases_and_blobs_are_timed(self):
        for name in ("gateway", "stacks", "quota"):
            with self.subTest(name):
                # A connection may change hands between the two.
                shown = eventually(lambda name=name: whole_pool(MESH.scrape(name)), "a whole pool", 10)
                for mode in ("read", "write"):
                    done = shown.value("stackyard_db_transaction_seconds_count", mode=mode, result="ok")
                    self.assertGreater(done, 0)
                    self.assertGreaterEqual(
                        shown.value("stackyard_db_wait_seconds_count", mode=mode), done)
                self.assertEqual(
                    shown.sum("stackyard_db_transaction_seconds_count", result="error"), 0)
        stacks = MESH.scrape("stacks")
        for operation in ("put", "get"):
            self.assertGreater(stacks.value("stackyard_blob_request_seconds_count", store="blobs",
                                            operation=operation, result="ok"), 0)
        self.assertEqual(stacks.sum("stackyard_blob_request_seconds_count", result="error"), 0)

    # ---- Bounds -----------------------------------------------------------------------------

    def test_nobody_can_make_up_labels(self):
        ann = MESH.rest("ann")

        def junk(mark):
            for path in (f"/{mark}", f"/v1/{mark}/x", f"/v1/projects/{mark}", f"/docs/{mark}",
                         f"/v1/projects/web/stacks/{mark}",
                         f"/v1/projects/web/stacks/{mark}/state"):
                for method in ("GET", "DELETE", "POST", mark[:8].upper()):
                    ann.raw(method, path)
            grpc = MESH.grpcurl("ann")
            if shutil.which(grpc.program):
                grpc(f"stackyard.v1.{mark}/Get", {})
        junk("m" + uuid.uuid4().hex)
        before = {name: MESH.scrape(name).series() for name in MESH.metrics}
        marks = ["m" + uuid.uuid4().hex for _ in range(5)]
        for mark in marks:
            junk(mark)
        for name in MESH.metrics:
            shown = MESH.scrape(name)
            # A little is new on its own: a code that came for the first time, a method.
            self.assertLess(shown.series() - before[name], 60, name)
            for mark in marks:
                self.assertNotIn(mark, shown.text.lower(), name)

    def test_a_scrape_is_small(self):
        for name in MESH.metrics:
            self.assertLess(len(MESH.scrape(name).text), 2 << 20, name)

    def test_metrics_are_nowhere_else(self):
        connection = http.client.HTTPConnection(MESH.rest_address, timeout=30)
        connection.request("GET", "/metrics")
        self.assertEqual(connection.getresponse().status, 404)
        connection.close()


class StoppedRunnerTest(suite.MeshTestCase):
    """Last: it ends the runner."""

    def test_a_runner_that_stops_says_so_while_its_runs_end(self):
        journal = MESH.mark("drain")
        create("long", "slow", journal=str(journal), steps=2, seconds=3)
        reach("long", "APPLYING")
        eventually(journal.read_text, "the apply has begun")
        busy = MESH.scrape("runner-1")
        self.assertEqual(busy.value("stackyard_runner_slots_busy"), 1)
        refreshed("stacks", lambda seen: seen.value("stackyard_stacks_queue_runs",
                                                    state="running") == 1, "the run is seen")
        MESH["runner-1"].process.send_signal(signal.SIGTERM)

        def draining():
            try:
                return MESH.scrape("runner-1").value("stackyard_runner_draining") == 1
            except OSError:
                raise AssertionError("it ended before it said so") from None
        eventually(draining, "it says so", 10, 0.02)
        MESH["runner-1"].process.wait(60)


if __name__ == "__main__":
    suite.main()
