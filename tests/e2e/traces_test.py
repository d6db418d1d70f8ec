#!/usr/bin/env python3
"""Traces through the whole mesh: one request, one trace, from REST to the steps of its runs; what
begins later names it; and a collector that is away, slow or unwilling harms nobody."""

import json
import time
import unittest
import urllib.request

import bundles
import collector
import suite
from mesh import UNLIMITED, Mesh, eventually, free_port

# How long spans, which are sent each second, may take on a busy machine.
SOON = 60
# What a service may hold more while nobody takes its spans.
MEMORY_MIB = 24
PLANTED = "Xyzzy"
MESH = COLLECTOR = METRICS = None


def setUpModule():
    global MESH, COLLECTOR, METRICS
    COLLECTOR = collector.Collector()
    METRICS = f"127.0.0.1:{free_port()}"
    MESH = Mesh(runners=1, environment={**UNLIMITED,
                                        "STACKYARD_OTLP_ENDPOINT": COLLECTOR.address,
                                        "STACKYARD_REST_OTLP_ENDPOINT": COLLECTOR.address})
    MESH["gateway"].command += ["--metrics-listen", METRICS]
    MESH.start()
    try:
        admin = MESH.rest("admin")
        admin.post("/v1/projects?projectId=web", {})
        for metric in ("resources", "stacks"):
            admin.put(f"/v1/projects/web/quota/limits/{metric}", {"value": 100})
        MESH.person("ann", web="dev")
        MESH.person("dave", web="devops", everywhere="devops")
        hello = bundles.read("hello")
        bundles.published(admin, "hello", "1", bundles.pack(hello))
        bundles.published(admin, "auto", "1", bundles.pack(bundles.automatic(hello)))
    except BaseException:
        MESH.close(show_logs=True)
        raise


def tearDownModule():
    COLLECTOR.close()
    MESH.close()


def metric(name):
    """The sum of a metric's series at the gateway."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://{METRICS}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines
               if line.startswith((name + "{", name + " ")))


class Trace:
    """The spans of a trace as a tree."""

    def __init__(self, spans):
        self.spans = spans
        self.by_id = {span.id: span for span in spans}

    def named(self, name, kind=None):
        found = [span for span in self.spans if span.name == name and kind in (None, span.kind)]
        assert len(found) == 1, f"{len(found)} spans are called {name}: {self}"
        return found[0]

    def has(self, name):
        return any(span.name == name for span in self.spans)

    def way(self, span):
        """From a span up to the first of its trace."""
        way = []
        while span:
            way.append((span.service.removeprefix("stackyard-"), span.name))
            span = self.by_id.get(span.parent)
        return way

    def __str__(self):
        return "\n" + "\n".join(f"{span.id} of {span.parent or '-':16} {span.service} {span.name}"
                                for span in sorted(self.spans, key=lambda span: span.start))


class TracesTest(suite.MeshTestCase):
    def setUp(self):
        COLLECTOR.answer = 200
        self.ann, self.dave = MESH.rest("ann"), MESH.rest("dave")

    def ask(self, who, path, body, request):
        """Posts under an id of ours and answers what is said."""
        code, _, data = who.raw("POST", path, body, {"X-Request-Id": request})
        self.assertEqual(code, 200, data)
        return json.loads(data)

    def create(self, name, template, **stack):
        return self.ask(self.ann, f"/v1/projects/web/stacks?stackId={name}&reason=e2e",
                        {"templateVersion": f"templates/{template}/versions/1",
                         "parameters": {"name": PLANTED}, **stack}, f"create-{name}")

    def trace_id(self, request):
        """Of a request to REST."""
        def find():
            return [span.trace for span in COLLECTOR.spans()
                    if span.service == "stackyard-rest" and span.kind == collector.SERVER
                    and span.attributes["stackyard.request_id"] == request]

        found = eventually(find, f"a span of {request}", SOON)
        self.assertEqual(len(found), 1)
        return found[0]

    def trace(self, trace, until):
        """A trace, as soon as it has the spans of these names, and no orphans."""
        def complete():
            got = Trace(COLLECTOR.trace(trace))
            orphans = [span for span in got.spans if span.parent and span.parent not in got.by_id]
            return got if not orphans and all(got.has(name) for name in until) else None

        return eventually(complete, lambda: f"whole: {Trace(COLLECTOR.trace(trace))}", SOON)

    def lines(self, service, message):
        """The log lines of a service with this message."""
        lines = [json.loads(line) for line in MESH[service].log.read_text().splitlines()
                 if line.startswith("{")]
        return [line for line in lines if line["message"] == message]

    def test_a_request_is_one_trace_down_to_the_steps_of_its_runs(self):
        self.ann.succeed(self.create("whole", "auto"))
        trace_id = self.trace_id("create-whole")
        trace = self.trace(trace_id, ["run plan", "run apply", "stackyard.internal.v1.LedgerService/Commit"])
        create = "stackyard.v1.StackService/CreateStack"
        complete = "stackyard.internal.v1.RunQueueService/CompleteRun"
        request = [("stacks", create), ("gateway", create), ("gateway", create), ("rest", create),
                   ("rest", "POST /v1/{parent=projects/*}/stacks")]
        plan = [("runner", "run plan"), ("stacks", "queue plan"), *request]
        reserve = [("stacks", "task reserve"), ("stacks", complete), ("runner", complete), *plan]

        roots = [span for span in trace.spans if not span.parent]
        self.assertEqual([(root.service, root.kind) for root in roots],
                         [("stackyard-rest", collector.SERVER)], trace)
        self.assertEqual({span.service for span in trace.spans},
                         {f"stackyard-{name}" for name in ("rest", "gateway", "stacks", "quota", "runner")})
        self.assertEqual(trace.way(trace.named("step apply")),
                         [("runner", "step apply"), ("runner", "run apply"), ("stacks", "queue apply"),
                          *reserve], trace)
        self.assertEqual(trace.way(trace.named("step show")), [("runner", "step show"), *plan])
        ledger = "stackyard.internal.v1.LedgerService/Reserve"
        self.assertEqual(trace.way(trace.named(ledger, collector.SERVER)),
                         [("quota", ledger), ("stacks", ledger), *reserve], trace)
        # What is written down for a request is part of it.
        written = [span for span in trace.spans if span.name == "db write"]
        self.assertIn(("stacks", create), [trace.way(span)[1] for span in written], trace)
        self.assertEqual({span.attributes["db.system"] for span in written}, {"sqlite"})
        for span in trace.spans:
            self.assertLessEqual(span.start, span.end)
            if span.parent:
                self.assertLessEqual(trace.by_id[span.parent].start, span.start, span)
            self.assertFalse(span.failed, span)
        [call] = [span for span in trace.spans if span.service == "stackyard-gateway"
                  and span.kind == collector.SERVER]
        self.assertEqual({key: call.attributes[key] for key in
                          ("rpc.system", "rpc.service", "rpc.method", "rpc.grpc.status_code",
                           "stackyard.request_id", "stackyard.resource")},
                         {"rpc.system": "grpc", "rpc.service": "stackyard.v1.StackService",
                          "rpc.method": "CreateStack", "rpc.grpc.status_code": 0,
                          "stackyard.request_id": "create-whole", "stackyard.resource": "projects/web"})

        # Log lines lead to their spans.
        [asked] = [line for line in self.lines("rest", "request")
                   if line["request_id"] == "create-whole"]
        self.assertEqual((asked["trace_id"], asked["span_id"]), (trace_id, roots[0].id))
        begun = [line for line in self.lines("runner-1", "run begins") if line.get("trace_id") == trace_id]
        self.assertEqual([line["span_id"] for line in begun],
                         [trace.named("run plan").id, trace.named("run apply").id])

    def test_an_apply_belongs_to_its_approval_and_names_the_request(self):
        operation = self.create("reviewed", "hello")
        waiting = eventually(lambda: [
            request for request in self.dave.get("/v1/projects/web/changeRequests?filter=state=PENDING")
            .get("changeRequests", []) if request["stack"] == "projects/web/stacks/reviewed"],
            "a request for review")
        request = waiting[0]
        self.ask(self.dave, f"/v1/{request['name']}:approve",
                 {"planDigest": request["planDigest"]}, "approve-reviewed")
        self.ann.succeed(operation)
        asked = self.trace(self.trace_id("create-reviewed"), ["run plan"])
        self.assertFalse(asked.has("run apply"), asked)
        approved = self.trace(self.trace_id("approve-reviewed"), ["run apply"])
        self.assertEqual([link[0] for link in approved.named("queue apply").links],
                         [asked.spans[0].trace])
        self.assertEqual(approved.way(approved.named("run apply"))[-1][0], "rest", approved)

    def test_what_a_timer_begins_has_a_trace_of_its_own(self):
        self.ann.succeed(self.create("short", "auto", lease={"duration": "20s"}))
        first = self.trace_id("create-short")
        ended = eventually(lambda: [
            span for span in COLLECTOR.spans() if span.name == "task end_lease"
            and span.attributes["stackyard.stack"] == "projects/web/stacks/short" and not span.failed],
            "the end of the lease", 120)
        self.assertFalse(ended[-1].parent)
        self.assertNotEqual(ended[-1].trace, first)
        self.assertEqual([link[0] for link in ended[-1].links], [first])
        self.trace(ended[-1].trace, ["run destroy", "step destroy"])

    def test_a_service_that_fails_is_found_by_the_trace(self):
        MESH["quota"].kill()
        operation = self.create("troubled", "auto")
        trace_id = self.trace_id("create-troubled")
        put_off = eventually(lambda: [line for line in self.lines("stacks", "a task is put off")
                                      if line.get("trace_id") == trace_id], "a task that is put off")
        MESH["quota"].start()
        self.ann.succeed(operation)
        trace = self.trace(trace_id, ["run apply"])
        failed = [span for span in trace.spans if span.name == "task reserve" and span.failed]
        self.assertIn(put_off[0]["span_id"], [span.id for span in failed], trace)
        self.assertEqual({span.message for span in failed}, {"DEPENDENCY_UNAVAILABLE"})

    def test_nothing_private_is_told(self):
        self.ann.succeed(self.create("private", "auto"))
        self.trace(self.trace_id("create-private"), ["run apply"])
        told = b"".join(COLLECTOR.bodies)
        self.assertIn(b"projects/web/stacks/private", told)
        for secret in (PLANTED, *MESH.tokens.values()):
            self.assertNotIn(secret.encode(), told)

    def test_what_the_collector_refuses_is_counted(self):
        before = metric("stackyard_trace_spans_dropped_total")
        COLLECTOR.answer = 400
        self.ann.get("/v1/whoami")
        eventually(lambda: metric("stackyard_trace_spans_dropped_total") > before, "spans dropped", SOON)
        COLLECTOR.answer = 200
        taken = metric("stackyard_trace_spans_exported_total")
        self.ann.get("/v1/whoami")
        eventually(lambda: metric("stackyard_trace_spans_exported_total") > taken, "spans taken", SOON)

    def test_a_collector_that_does_not_answer_harms_nobody(self):
        def resident(service):
            text = open(f"/proc/{MESH[service].process.pid}/status").read()
            return int(text.split("VmRSS:")[1].split()[0]) / 1024

        self.ann.get("/v1/whoami")
        COLLECTOR.hold.clear()
        try:
            services = ("gateway", "stacks", "quota", "rest")
            before = {name: resident(name) for name in services}
            slowest = 0
            for _ in range(500):
                start = time.monotonic()
                self.ann.get("/v1/projects/web/stacks?pageSize=1")
                slowest = max(slowest, time.monotonic() - start)
            self.assertLess(slowest, 4, "a request waited for the collector")
            for name in services:
                self.assertLess(resident(name) - before[name], MEMORY_MIB, name)
            start = time.monotonic()
            MESH["gateway"].stop()
            self.assertLess(time.monotonic() - start, 15, "the gateway did not go down")
        finally:
            COLLECTOR.hold.set()
            MESH["gateway"].start()

    def test_what_is_left_is_sent_at_the_end(self):
        self.ask(self.ann, "/v1/projects/web/stacks?stackId=no&validateOnly=true",
                 {"templateVersion": "templates/auto/versions/1", "parameters": {"name": "x"}}, "last-words")
        MESH["gateway"].stop()
        try:
            names = [span.attributes.get("stackyard.request_id") for span in COLLECTOR.spans()
                     if span.service == "stackyard-gateway"]
            self.assertIn("last-words", names)
        finally:
            MESH["gateway"].start()


if __name__ == "__main__":
    suite.main()
