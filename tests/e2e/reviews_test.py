#!/usr/bin/env python3
"""Who decides, and for how long: refused for quota and let through by a grant that others approved,
longer leases, ends that wait for review, two reviewers, and a stack that cannot be destroyed."""

import datetime
import re
import uuid

import bundles
import clients
import suite
from mesh import Mesh, eventually

MESH = None

# What is made cannot be destroyed.
STUBBORN = {
    "main.tf": """
resource "terraform_data" "stubborn" {
  provisioner "local-exec" {
    when    = destroy
    command = "echo 'I stay' && exit 1"
  }
}
""",
    "template.yaml": """
title: Stubborn
meters:
  - {metric: resources, resource_type: terraform_data}
  - {resource_type: terraform_data, price: {per_hour: 0.25, currency: USD, date: 2026-01-31}}
  - {metric: budget, cost: true}
approval: {mode: auto}
lease: {default: 24h, maximum: 168h, warnings: [48h, 5s]}
""",
}


def with_approval(files, approval):
    """The same template with another policy."""
    text = re.sub(r"(?m)^approval: .*$", f"approval: {approval}", files["template.yaml"])
    return {**files, "template.yaml": text}


def setUpModule():
    global MESH
    MESH = Mesh(runners=1, slots=2).start()
    try:
        admin = MESH.rest("admin")
        MESH.person("dave", everywhere="devops")
        MESH.person("eve", everywhere="devops")
        admin.post("/v1/metrics?metricId=budget", {"unit": "µUSD/h", "defaultLimit": "1000000"})
        hello = bundles.read("hello")
        for name, files in {
            "hello": hello,
            "quick": bundles.automatic(hello),
            "careful": with_approval(hello, "{mode: auto, reviewer_role: devops, review_destroy: true}"),
            "strict": with_approval(hello, "{mode: required, reviewer_role: devops, required_approvals: 2}"),
            "stubborn": STUBBORN,
        }.items():
            bundles.published(admin, name, "1", bundles.pack(files))
    except BaseException:
        MESH.close(show_logs=True)
        raise


def tearDownModule():
    MESH.close()


class ReviewsTest(suite.MeshTestCase):
    def setUp(self):
        self.admin, self.dave, self.eve = MESH.rest("admin"), MESH.rest("dave"), MESH.rest("eve")
        self.project = "p" + uuid.uuid4().hex[:8]
        self.admin.post(f"/v1/projects?projectId={self.project}", {})
        self.user = f"ann-{self.project}"
        MESH.person(self.user, **{self.project: "dev"})
        self.ann, self.cli = MESH.rest(self.user), MESH.cli(self.user, self.project)

    # ---- Helpers ----------------------------------------------------------------------------

    def create(self, name, template="quick", lease="7200s", **parameters):
        body = {"templateVersion": f"templates/{template}/versions/1", "lease": {"duration": lease}}
        if template != "stubborn":
            body["parameters"] = {"name": "Ann", **parameters}
        return self.ann.post(f"/v1/projects/{self.project}/stacks?stackId={name}&reason=e2e", body)

    def stack(self, name):
        return self.ann.get(f"/v1/projects/{self.project}/stacks/{name}")

    def request_of(self, name):
        return self.ann.get("/v1/" + self.stack(name)["changeRequest"])

    def approve(self, who, request):
        return who.post(f"/v1/{request['name']}:approve",
                        {"planDigest": request["planDigest"], "comment": "fine"})

    def used(self, metric="resources"):
        lines = self.admin.get(f"/v1/projects/{self.project}/quota/usage")["usage"]
        return next(int(l["committed"]) + int(l["pending"]) for l in lines
                    if l["metric"] == metric and not l["user"])

    def limit(self, metric="resources"):
        lines = self.admin.get(f"/v1/projects/{self.project}/quota/usage")["usage"]
        return next(int(l["limit"]) for l in lines if l["metric"] == metric and not l["user"])

    def events(self, kind):
        events = self.admin.get(f"/v1/projects/{self.project}/events?pageSize=1000")["events"]
        return [e for e in reversed(events) if e["type"] == kind]

    # ---- Quota ------------------------------------------------------------------------------

    def test_a_grant_that_another_person_approves_lets_a_refused_stack_through(self):
        self.admin.put(f"/v1/projects/{self.project}/quota/limits/resources", {"value": 2})
        done = self.cli("stacks", "create", "big", "-t", "quick@1", "--set", "name=Ann",
                        "--set", "repeat=5", "--lease", "2h", "--wait")
        self.assertEqual(done.code, 5, done)
        self.assertRegex(done.err, r"resources: 5 asked, 0 of 2 used")
        self.assertIn("stackyard quota request", done.err)
        self.assertEqual(self.stack("big")["state"], "FAILED")

        asked = self.cli.ok("quota", "request", "resources=3", "--for", "3h", "--reason", "a sale").out
        name = re.search(r"projects/\S+/changeRequests/\d+", asked)[0]
        request = self.ann.get("/v1/" + name)
        self.assertEqual((request["type"], request["state"]), ("QUOTA", "PENDING"))
        self.assertEqual(self.limit(), 2)
        self.refused(403, "PERMISSION_MISSING", self.ann.post, f"/v1/{name}:approve", {})
        shown = MESH.cli("dave", self.project).ok("requests", "show", name).out
        self.assertIn("3 more resources from", shown)
        self.assertIn("a sale", shown)
        MESH.cli("dave", self.project).ok("requests", "approve", name)
        eventually(lambda: self.limit() == 5, "the grant is there")
        grant = self.ann.get(f"/v1/projects/{self.project}/quota/grants")["quotaGrants"][0]
        self.assertEqual((grant["changeRequest"], grant["reason"]), (name, "a sale"))

        retried = self.ann.succeed(self.ann.post(f"/v1/projects/{self.project}/stacks/big:retry"))
        self.assertEqual((retried["state"], retried["resourceCount"]), ("READY", 5))
        self.assertEqual(len(self.events("changeRequest.applied")), 1)

    def test_a_limit_is_raised_for_good_once(self):
        before = self.limit()
        request = self.ann.post(f"/v1/projects/{self.project}/changeRequests:quota",
                                {"quotaChange": {"amount": {"metric": "resources", "value": 7}},
                                 "reason": "we grow"})
        self.approve(self.dave, request)
        eventually(lambda: self.limit() == before + 7, "the limit is raised")
        self.refused(400, "REQUEST_CLOSED", self.approve, self.eve, request)
        self.assertEqual(self.limit(), before + 7)

    def test_wrong_quota_requests_name_every_fault(self):
        error = self.refused(400, "INVALID_FIELD", self.ann.post,
                             f"/v1/projects/{self.project}/changeRequests:quota",
                             {"quotaChange": {"amount": {"metric": "unicorns", "value": -1},
                                              "endTime": "2020-01-01T00:00:00Z"}})
        self.assertEqual(error.fields(), ["quota_change.amount.metric", "quota_change.amount.value",
                                          "quota_change.end_time", "reason"])
        listed = self.ann.get(f"/v1/projects/{self.project}/changeRequests")["changeRequests"]
        self.assertEqual(listed, [])

    # ---- Leases -----------------------------------------------------------------------------

    def test_a_longer_lease(self):
        operation = self.create("shop", "hello", repeat=2)
        eventually(lambda: self.stack("shop")["state"] == "AWAITING_APPROVAL", "a plan")
        self.approve(self.dave, self.request_of("shop"))
        before = self.ann.succeed(operation)
        over = self.cli("stacks", "extend", "shop", "--by", "200h", "--reason", "for ever")
        self.assertEqual(over.code, 2, over)
        self.assertIn("at most 166h", over.err)
        self.assertIn("Asked for in", self.cli.ok("stacks", "extend", "shop", "--by", "24h",
                                                  "--reason", "the sale goes on").out)
        request = self.request_of("shop")
        self.assertEqual((request["type"], request["extension"]), ("EXTENSION", "86400s"))
        self.assertEqual(self.used(), 2, "the longer window holds nothing twice")
        self.refused(400, "WRONG_STATE", self.ann.patch,
                     f"/v1/{before['name']}?updateMask=parameters.shout", {"parameters": {"shout": True}})
        self.approve(self.dave, request)
        after = self.stack("shop")
        self.assertTrue(after["lease"]["extended"])
        self.assertEqual(after["lease"]["duration"], f"{(24 + 2) * 3600}s")
        self.assertEqual(self.cli("stacks", "extend", "shop", "--by", "1h", "--reason", "x").code, 6)

        def held():
            page = self.admin.get(f"/v1/projects/{self.project}/quota/reservations")
            return [r for r in page["reservations"] if r["state"] != "RELEASED"]
        eventually(lambda: len(held()) == 1, "one reservation is left")
        # Quota counts in microseconds.
        self.assertEqual((held()[0]["state"], held()[0]["endTime"][:26]),
                         ("COMMITTED", after["lease"]["endTime"][:26]))
        self.assertEqual([e["resource"] for e in self.events("stack.leaseExtended")], [after["name"]])
        self.ann.succeed(self.ann.delete(f"/v1/{after['name']}"))
        eventually(lambda: self.used() == 0, "the quota is free")

    def test_a_stack_that_is_booked_ahead_begins_then(self):
        start = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=15)
        operation = self.ann.post(f"/v1/projects/{self.project}/stacks?stackId=later", {
            "templateVersion": "templates/quick/versions/1", "parameters": {"name": "Ann"},
            "lease": {"duration": "3600s", "startTime": start.isoformat().replace("+00:00", "Z")}})
        ready = self.ann.succeed(operation)
        apply = self.ann.get(f"/v1/{ready['name']}/runs")["runs"][0]
        self.assertEqual(apply["type"], "APPLY")
        self.assertGreaterEqual(apply["startTime"], start.strftime("%Y-%m-%dT%H:%M:%S"))
        done = self.cli("stacks", "create", "past", "-t", "quick@1", "--set", "name=Ann",
                        "--start", "2020-01-01")
        self.assertEqual(done.code, 2, done)
        self.assertIn("stack.lease.start_time", done.err)

    def test_a_longer_lease_that_quota_does_not_admit_asks_nobody(self):
        self.ann.succeed(self.create("shop", repeat=2))
        self.admin.put(f"/v1/projects/{self.project}/quota/limits/resources", {"value": 1})
        error = self.refused(429, "QUOTA_EXCEEDED", self.ann.post,
                             f"/v1/projects/{self.project}/stacks/shop:extend",
                             {"duration": "3600s", "reason": "more"})
        self.assertIn("resources", error.message)
        self.assertEqual(self.events("changeRequest.created"), [])
        self.assertEqual(self.stack("shop")["state"], "READY")

    def test_what_cannot_be_destroyed_is_loud_and_counted(self):
        stack = self.ann.succeed(self.create("stubborn", "stubborn", lease="15s"))
        self.assertEqual((stack["estimatedMicrosPerHour"], stack["currency"], stack["priceDate"]),
                         ("250000", "USD", "2026-01-31"))
        self.assertIn("about 0.2500 USD per hour (an estimate, from prices of 2026-01-31)",
                      self.cli.ok("stacks", "get", "stubborn").out)
        self.assertEqual(self.used("budget"), 250_000)
        eventually(lambda: self.events("stack.destroyFailed"), "the end of the lease is tried", 90)
        self.assertEqual([e["details"]["lead"] for e in self.events("stack.leaseWarning")], ["5s"])
        event = self.events("stack.destroyFailed")[0]
        self.assertEqual(event["details"]["attempts"], 1)
        self.assertIn("I stay", self.cli.ok("runs", "logs", "stubborn").out)
        stack = self.stack("stubborn")
        self.assertEqual((stack["state"], stack["resourceCount"]), ("FAILED", 1))
        self.assertIn("tried again at", stack["stateDetail"]["message"])
        self.assertEqual(self.used(), 1, "what is there is counted beyond its lease")
        self.ann.succeed(self.ann.delete(f"/v1/{stack['name']}?abandon=true"))
        eventually(lambda: self.used() == 0, "the quota is free")

    # ---- Ends that are reviewed -------------------------------------------------------------

    def test_an_end_waits_for_review(self):
        stack = self.ann.succeed(self.create("kept", "careful", repeat=2))
        first = self.ann.delete(f"/v1/{stack['name']}?reason=done")
        request = self.request_of("kept")
        self.assertEqual((request["type"], request["summary"], request["reason"]),
                         ("DESTROY", "2 resources to destroy", "done"))
        self.assertEqual(self.stack("kept")["state"], "READY")
        self.dave.post(f"/v1/{request['name']}:reject", {"reason": "others use it"})
        error = clients.status_error(self.ann.wait(first)["error"])
        self.assertEqual(error.reason, "REQUEST_CLOSED")
        self.assertIn("others use it", error.message)
        self.assertIn("others use it", self.stack("kept")["stateDetail"]["message"])

        done = self.cli.ok("stacks", "delete", "kept", "--until", "awaiting-approval")
        self.assertEqual(done.code, 0, done)
        request = self.request_of("kept")
        self.approve(self.dave, request)
        eventually(lambda: self.stack("kept")["state"] == "DESTROYED", "it is gone")
        eventually(lambda: self.used() == 0, "the quota is free")

    # ---- Two reviewers ----------------------------------------------------------------------

    def test_two_of_devops_must_approve(self):
        operation = self.create("strict", "strict")
        eventually(lambda: self.stack("strict")["state"] == "AWAITING_APPROVAL", "a plan")
        request = self.request_of("strict")
        self.approve(self.dave, request)
        self.approve(self.dave, request)
        self.assertEqual(self.stack("strict")["state"], "AWAITING_APPROVAL", "one person counts once")
        shown = self.cli.ok("requests", "show", request["name"]).out
        self.assertRegex(shown, r"Approvals:?\s+1 of 2 by role devops")
        self.approve(self.eve, request)
        self.assertEqual(self.ann.succeed(operation)["state"], "READY")
        self.assertEqual(len(self.events("changeRequest.approved")), 1)


if __name__ == "__main__":
    suite.main()
