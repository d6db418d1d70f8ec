#!/usr/bin/env python3
"""The life of a stack, from a published template to its end, as the people who use it see it:
over REST, the command line tool and gRPC, against the real services and the real Terraform."""

import base64
import json
import pathlib
import tempfile
import urllib.parse
import uuid

import bundles
import clients
import suite
from mesh import Mesh, eventually

MESH = None
HELLO = "templates/hello/versions/1"


def setUpModule():
    global MESH
    MESH = Mesh(runners=2).start()
    try:
        admin = MESH.rest("admin")
        for project in ("web", "lab"):
            admin.post(f"/v1/projects?projectId={project}", {"displayName": project.capitalize()})
        MESH.person("ann", web="dev", lab="devops")
        MESH.person("dave", web="devops", everywhere="devops")
        MESH.person("vera", web="viewer")
        MESH.person("sam")
        hello = bundles.read("hello")
        bundles.published(MESH.rest("dave"), "hello", "1", bundles.pack(hello))
        bundles.published(MESH.rest("dave"), "quick", "1", bundles.pack(bundles.automatic(hello)))
    except BaseException:
        MESH.close(show_logs=True)
        raise


def tearDownModule():
    MESH.close()


class LifeTest(suite.MeshTestCase):
    def setUp(self):
        self.admin, self.ann = MESH.rest("admin"), MESH.rest("ann")
        self.dave, self.vera = MESH.rest("dave"), MESH.rest("vera")

    # ---- Helpers ----------------------------------------------------------------------------

    def create(self, name, template=HELLO, project="web", rest=None, extra="", **parameters):
        return (rest or self.ann).post(
            f"/v1/projects/{project}/stacks?stackId={name}&reason=e2e{extra}",
            {"templateVersion": template, "parameters": {"name": "Ann", **parameters}})

    def stack(self, name, project="web"):
        return self.admin.get(f"/v1/projects/{project}/stacks/{name}")

    def reach(self, name, state, project="web"):
        def probe():
            stack = self.stack(name, project)
            return stack if stack["state"] == state else None
        return eventually(probe, lambda: f"{name} {state}: {json.dumps(self.stack(name, project))}")

    def request_of(self, name, project="web"):
        stack = self.reach(name, "AWAITING_APPROVAL", project)
        return self.dave.get("/v1/" + stack["changeRequest"])

    def approve(self, request):
        return self.dave.post(f"/v1/{request['name']}:approve",
                              {"planDigest": request["planDigest"], "comment": "fine"})

    def usage(self, project):
        lines = self.admin.get(f"/v1/projects/{project}/quota/usage")["usage"]
        return {line["metric"]: (int(line["committed"]), int(line["pending"]))
                for line in lines if line["user"] == ""}

    def new_project(self):
        project = "p" + uuid.uuid4().hex[:8]
        self.admin.post(f"/v1/projects?projectId={project}", {})
        return project

    # ---- Templates --------------------------------------------------------------------------

    def test_published_template_shows_what_the_module_asks_for(self):
        version = self.vera.get(f"/v1/{HELLO}")
        self.assertEqual(version["state"], "ACTIVE")
        self.assertEqual([p["name"] for p in version["parameters"] if not p["injected"]],
                         ["name", "greeting", "shout", "repeat"])
        repeat = next(p for p in version["parameters"] if p["name"] == "repeat")
        self.assertEqual((repeat["type"], repeat["minimum"], repeat["maximum"],
                          repeat["defaultValue"], repeat["required"]), ("number", 1, 100, 1, False))
        self.assertEqual([o["name"] for o in version["outputs"]], ["message", "messages", "ids"])
        self.assertEqual(version["publisher"], "users/dave")
        self.assertEqual(self.vera.get("/v1/templates/hello/versions/latest")["name"], HELLO)

    def test_published_bundle_can_be_fetched_again(self):
        bundle = bundles.pack(bundles.read("hello"))
        answer = self.vera.get(f"/v1/{HELLO}:download")
        self.assertEqual(base64.b64decode(answer["bundle"]), bundle)

    def test_taken_version_is_refused(self):
        bundle = bundles.pack(bundles.read("hello"))
        self.refused(409, "RESOURCE_EXISTS", bundles.publish, self.dave, "hello", "1", bundle)

    def test_bad_module_fails_with_file_and_line(self):
        files = bundles.read("hello")
        files["main.tf"] = "locals {\n  broken = var.no\n}\n" + files["main.tf"]
        operation = bundles.publish(self.dave, "bad-module", "1", bundles.pack(files))
        error = self.dave.wait(operation)["error"]
        failure = clients.status_error(error)
        self.assertEqual(failure.reason, "MODULE_INVALID", error)
        self.assertIn("main.tf:2", failure.message)
        version = self.dave.get("/v1/templates/bad-module/versions/1")
        self.assertEqual(version["state"], "FAILED")
        # The same id can be published again.
        again = bundles.published(self.dave, "bad-module", "1", bundles.pack(bundles.read("hello")))
        self.assertEqual(again["state"], "ACTIVE")

    def test_bad_template_yaml_names_every_fault_with_its_line(self):
        text = "title: Bad\nmeters:\n  - {metrik: vcpu}\napproval: {mode: maybe}\ncolour: blue\n"
        bundle = bundles.pack({**bundles.read("hello"), "template.yaml": text})
        error = self.refused(400, "INVALID_FIELD", bundles.publish, self.dave, "bad-yaml", "1", bundle)
        for place in ("template.yaml:3", "template.yaml:4", "template.yaml:5"):
            self.assertIn(place, error.fields())
        for word in ("metrik", "approval.mode", "colour"):
            self.assertIn(word, error.message)
        self.refused(404, "RESOURCE_NOT_FOUND", self.dave.get, "/v1/templates/bad-yaml")

    def test_bundle_that_reaches_outside_is_refused(self):
        for path in ("../outside.tf", "/etc/outside.tf", "a/../../outside.tf"):
            bundle = bundles.pack({**bundles.read("hello"), path: "x"})
            error = self.refused(400, "BUNDLE_INVALID", bundles.publish, self.dave, "outside", "1", bundle)
            self.assertIn("outside.tf", error.message)

    def test_bundle_that_unpacks_to_a_gigabyte_is_refused(self):
        bundle = bundles.huge(bundles.read("hello"), 1 << 30)
        self.assertLess(len(bundle), 8 << 20)
        error = self.refused(400, "BUNDLE_INVALID", bundles.publish, self.dave, "huge", "1", bundle)
        self.assertIn("zeros.bin", error.message)

    def test_cli_publishes_a_folder_and_tells_faults(self):
        cli = MESH.cli("dave")
        with tempfile.TemporaryDirectory() as folder:
            for path, text in bundles.read("hello").items():
                target = pathlib.Path(folder, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
            cli.ok("templates", "publish", folder, "--name", "by-cli", "--version", "1", "--wait")
            self.assertIn("ACTIVE", cli.ok("templates", "describe", "by-cli@1", "-o", "json").out)
            self.assertEqual(
                cli("templates", "publish", folder, "--name", "by-cli", "--version", "1").code, 6)
            pathlib.Path(folder, "template.yaml").write_text("title: x\nwrong: 1\n")
            done = cli("templates", "publish", folder, "--name", "by-cli", "--version", "2")
            self.assertEqual(done.code, 2, done)
            self.assertIn("template.yaml:2", done.err)

    # ---- Asking for a stack -----------------------------------------------------------------

    def test_wrong_parameters_are_named_at_once_and_change_nothing(self):
        wrong = {"nam": "x", "shout": "maybe", "repeat": 1000}
        error = self.refused(400, "INVALID_FIELD", self.ann.post,
                             "/v1/projects/web/stacks?stackId=wrong",
                             {"templateVersion": HELLO, "parameters": wrong})
        self.assertEqual(error.fields(), [f"stack.parameters.{p}" for p in ("nam", "name", "repeat", "shout")])
        # Words that the tool cannot read as the parameter's type are for the service to refuse.
        done = MESH.cli("ann")("stacks", "create", "wrong", "-t", "hello@1", "--set", "nam=x",
                               "--set-json", 'shout="maybe"', "--set", "repeat=1000")
        self.assertEqual(done.code, 2, done)
        for name in ("nam", "name", "shout", "repeat"):
            self.assertRegex(done.err, rf"\b{name}\b")
        grpc = MESH.grpcurl("ann")("stackyard.v1.StackService/CreateStack", {
            "parent": "projects/web", "stack_id": "wrong",
            "stack": {"template_version": HELLO, "parameters": wrong}})
        self.assertNotEqual(grpc.code, 0)
        self.assertIn("InvalidArgument", grpc.err)
        self.refused(404, "RESOURCE_NOT_FOUND", self.ann.get, "/v1/projects/web/stacks/wrong")
        events = self.dave.get("/v1/projects/web/events?pageSize=1000")["events"]
        self.assertEqual([e for e in events if e["resource"].endswith("/wrong")], [])

    def test_whole_life(self):
        project = self.new_project()
        MESH.person(f"ann-{project}", **{project: "dev"})
        MESH.person(f"devops-{project}", **{project: "devops"})
        ann, cli = MESH.rest(f"ann-{project}"), MESH.cli(f"ann-{project}", project)

        operation = self.create("life", project=project, rest=ann, repeat=3)
        self.assertFalse(operation["done"])
        request = self.request_of("life", project)
        self.assertEqual(request["type"], "PROVISION")
        self.assertEqual({a["metric"]: a["value"] for a in request["amounts"]},
                         {"resources": "3", "stacks": "1"})
        self.assertEqual(self.usage(project)["resources"], (0, 3))
        revision = ann.get("/v1/" + request["revision"])
        plan = revision["plan"]
        self.assertEqual((plan["digest"], plan["toCreate"]), (request["planDigest"], 3))
        self.assertEqual({c["address"] for c in plan["changes"]},
                         {f"terraform_data.greeting[{i}]" for i in range(3)})

        # Nobody reviews their own request, nor without the role, nor another plan.
        self.refused(403, "PERMISSION_MISSING", ann.post, f"/v1/{request['name']}:approve",
                     {"planDigest": request["planDigest"]})
        self.refused(400, "PLAN_STALE", self.dave.post, f"/v1/{request['name']}:approve",
                     {"planDigest": "0" * 64})
        self.refused(400, "INVALID_FIELD", self.dave.post, f"/v1/{request['name']}:approve", {})
        self.assertEqual(self.stack("life", project)["state"], "AWAITING_APPROVAL")

        # The command line tool sends the digest that it read.
        MESH.cli(f"devops-{project}", project).ok("requests", "approve", request["name"].split("/")[-1],
                                                  "--comment", "fine")
        stack = ann.succeed(operation)
        self.assertEqual(stack["state"], "READY")
        self.assertEqual(stack["outputs"]["message"]["value"], "Hello, Ann!")
        self.assertEqual(stack["resourceCount"], 3)
        resources = ann.get(f"/v1/{stack['name']}/resources")["resources"]
        self.assertEqual(sorted(r["id"] for r in resources), sorted(stack["outputs"]["ids"]["value"]))
        self.assertIn(stack["uid"], resources[0]["attributesJson"])
        one = ann.get(f"/v1/{resources[1]['name']}".replace("[", "%5B").replace("]", "%5D"))
        self.assertEqual(one, resources[1])
        eventually(lambda: self.usage(project)["resources"] == (3, 0), "usage is committed")
        self.assertEqual(cli.ok("stacks", "outputs", "life", "message").out.strip(), "Hello, Ann!")
        runs = ann.get(f"/v1/{stack['name']}/runs")["runs"]
        self.assertEqual([(r["type"], r["state"], r["generation"]) for r in runs],
                         [("APPLY", "SUCCEEDED", "1"), ("PLAN", "SUCCEEDED", "1")])

        # An update, in place: the same resources.
        update = ann.patch(f"/v1/{stack['name']}?updateMask=parameters.shout&reason=louder",
                           {"parameters": {"shout": True}})
        request = self.request_of("life", project)
        self.assertEqual(request["type"], "UPDATE")
        self.approve(request)
        updated = ann.succeed(update)
        self.assertEqual(updated["outputs"]["message"]["value"], "HELLO, ANN!")
        self.assertEqual(updated["outputs"]["ids"], stack["outputs"]["ids"])
        self.assertEqual((updated["latestRevision"], updated["appliedRevision"]), ("2", "2"))

        # A rejected update leaves what is there.
        update = ann.patch(f"/v1/{stack['name']}?updateMask=parameters.repeat&reason=more",
                           {"parameters": {"repeat": 50}})
        request = self.request_of("life", project)
        self.assertEqual(self.usage(project)["resources"], (3, 47))
        self.dave.post(f"/v1/{request['name']}:reject", {"reason": "too much"})
        error = clients.status_error(ann.wait(update)["error"])
        self.assertEqual(error.reason, "REQUEST_CLOSED")
        self.assertIn("too much", error.message)
        kept = self.stack("life", project)
        self.assertEqual((kept["state"], kept["parameters"]["repeat"], kept["appliedRevision"]),
                         ("READY", 3, "2"))
        eventually(lambda: self.usage(project)["resources"] == (3, 0), "the rejected amount is free")

        # A roll back to the first revision is a revision of its own.
        rollback = ann.post(f"/v1/{stack['name']}:rollback", {"revision": 1, "reason": "quiet"})
        self.approve(self.request_of("life", project))
        back = ann.succeed(rollback)
        self.assertEqual(back["outputs"]["message"]["value"], "Hello, Ann!")
        self.assertEqual(back["outputs"]["ids"], stack["outputs"]["ids"])
        self.assertEqual(ann.get(f"/v1/{stack['name']}/revisions/4")["rollbackOf"], "1")

        # The end.
        cli.ok("stacks", "delete", "life", "--wait")
        gone = self.stack("life", project)
        self.assertEqual((gone["state"], gone["resourceCount"]), ("DESTROYED", 0))
        eventually(lambda: self.usage(project)["resources"] == (0, 0) == self.usage(project)["stacks"],
                   "the quota is free")
        reservations = self.admin.get(f"/v1/projects/{project}/quota/reservations")["reservations"]
        self.assertEqual({r["state"] for r in reservations}, {"RELEASED"})

        events = self.admin.get(f"/v1/projects/{project}/events?pageSize=1000")["events"]
        moves = [(e["fromState"], e["toState"]) for e in reversed(events)
                 if e["resource"] == stack["name"] and e["fromState"] != e["toState"]]
        self.assertEqual(moves[:5], [("", "PENDING"), ("PENDING", "PLANNING"),
                                     ("PLANNING", "AWAITING_APPROVAL"),
                                     ("AWAITING_APPROVAL", "APPLYING"), ("APPLYING", "READY")])
        self.assertEqual(moves[-2:], [("READY", "DESTROYING"), ("DESTROYING", "DESTROYED")])
        verified = self.admin.get(f"/v1/projects/{project}/events:verify")
        self.assertEqual((verified["intact"], verified["checked"]), (True, str(len(events))))

    def test_reviewer_does_not_review_their_own_request(self):
        self.create("own", rest=self.dave)
        request = self.request_of("own")
        self.refused(403, "SELF_REVIEW", self.approve, request)
        done = MESH.cli("dave")("requests", "approve", request["name"].split("/")[-1])
        self.assertEqual(done.code, 4, done)
        self.refused(403, "PERMISSION_MISSING", self.ann.post, f"/v1/{request['name']}:withdraw", {})
        self.dave.post(f"/v1/{request['name']}:withdraw", {})
        self.assertEqual(self.reach("own", "REJECTED")["resourceCount"], 0)
        self.refused(400, "REQUEST_CLOSED", self.admin.post, f"/v1/{request['name']}:approve",
                     {"planDigest": request["planDigest"]})

    def test_taken_name_is_refused_until_it_is_free(self):
        self.ann.succeed(self.create("taken", "templates/quick/versions/1"))
        first = self.stack("taken")
        self.refused(409, "RESOURCE_EXISTS", self.create, "taken")
        self.assertEqual(MESH.cli("ann")("stacks", "create", "taken", "-t", "quick@1",
                                         "--set", "name=Ann").code, 6)
        self.ann.succeed(self.ann.delete("/v1/projects/web/stacks/taken"))
        second = self.ann.succeed(self.create("taken", "templates/quick/versions/1"))
        self.assertNotEqual(first["uid"], second["uid"])
        self.assertEqual(self.stack("taken")["uid"], second["uid"])

    def test_request_id_replays_the_first_answer(self):
        key = f"&requestId={uuid.uuid4().hex}"
        first = self.create("replayed", "templates/quick/versions/1", extra=key)
        self.ann.succeed(first)
        again = self.create("replayed", "templates/quick/versions/1", extra=key)
        self.assertEqual(again["name"], first["name"])
        self.assertEqual(self.stack("replayed")["latestRevision"], "1")
        self.refused(409, "REQUEST_ID_REUSED", self.create, "replayed-not",
                     "templates/quick/versions/1", extra=key)

    def test_etag_guards_deletion(self):
        stack = self.ann.succeed(self.create("guarded", "templates/quick/versions/1"))
        self.refused(409, "ETAG_MISMATCH", self.ann.delete, "/v1/projects/web/stacks/guarded?etag=old")
        current = self.stack("guarded")["etag"]
        self.ann.succeed(self.ann.delete(f"/v1/{stack['name']}?etag={current}"))

    def test_validate_only_changes_nothing(self):
        operation = self.create("checked", extra="&validateOnly=true")
        self.assertTrue(operation["done"])
        self.refused(404, "RESOURCE_NOT_FOUND", self.ann.get, "/v1/projects/web/stacks/checked")

    # ---- Quota ------------------------------------------------------------------------------

    def test_quota_refusal_names_metric_limit_and_use(self):
        project = self.new_project()
        self.admin.put(f"/v1/projects/{project}/quota/limits/resources", {"value": 5})
        self.admin.succeed(self.create("first", "templates/quick/versions/1", project, self.admin, repeat=4))
        eventually(lambda: self.usage(project)["resources"] == (4, 0), "the first is committed")
        operation = self.admin.wait(self.create("second", "templates/quick/versions/1", project,
                                                self.admin, repeat=2))
        error = clients.status_error(operation["error"])
        self.assertEqual(error.reason, "QUOTA_EXCEEDED", error.body)
        self.assertRegex(error.message, r"resources.*\b5\b")
        self.assertRegex(error.message, r"\b4\b")
        self.assertIsNotNone(error.detail("QuotaFailure"))
        second = self.stack("second", project)
        self.assertEqual((second["state"], second["resourceCount"]), ("FAILED", 0))
        self.assertEqual(self.usage(project)["resources"], (4, 0))
        done = MESH.cli("admin", project)("stacks", "create", "third", "-t", "quick@1", "--set",
                                          "name=Ann", "--set", "repeat=2", "--wait")
        self.assertEqual(done.code, 5, done)
        # What frees capacity is admitted, and then there is room: the retry succeeds.
        self.admin.succeed(self.admin.patch(
            f"/v1/projects/{project}/stacks/first?updateMask=parameters.repeat",
            {"parameters": {"repeat": 1}}))
        eventually(lambda: self.usage(project)["resources"] == (1, 0), "the decrease is committed")
        retried = self.admin.succeed(self.admin.post(f"/v1/projects/{project}/stacks/second:retry"))
        self.assertEqual(retried["state"], "READY")
        eventually(lambda: self.usage(project)["resources"] == (3, 0), "both are committed")

    # ---- Who may do what --------------------------------------------------------------------

    def test_permissions(self):
        self.ann.succeed(self.create("seen", "templates/quick/versions/1"))
        self.assertEqual(self.vera.get("/v1/projects/web/stacks/seen")["state"], "READY")
        self.refused(403, "PERMISSION_MISSING", self.create, "by-vera", rest=self.vera)
        self.refused(403, "PERMISSION_MISSING", self.vera.delete, "/v1/projects/web/stacks/seen")
        self.refused(403, "PERMISSION_MISSING", bundles.publish, self.ann, "by-ann", "1",
                     bundles.pack(bundles.read("hello")))
        self.assertEqual(MESH.cli("vera")("stacks", "delete", "seen").code, 4)

        # Who may see nothing of a project cannot tell it from one that is not there.
        sam = MESH.rest("sam")
        hidden = self.refused(404, "RESOURCE_NOT_FOUND", sam.get, "/v1/projects/web/stacks/seen")
        missing = self.refused(404, "RESOURCE_NOT_FOUND", sam.get, "/v1/projects/nope/stacks/seen")
        self.assertEqual(hidden.message.replace("web", "nope"), missing.message)
        self.assertEqual(sam.get("/v1/projects/-/stacks")["stacks"], [])
        self.assertEqual(sam.get("/v1/projects")["projects"], [])
        self.assertNotIn("projects/lab", [p["name"] for p in self.vera.get("/v1/projects")["projects"]])

        for nobody in (clients.Rest(MESH.rest_address, None), clients.Rest(MESH.rest_address, "wrong")):
            error = self.refused(401, "TOKEN_INVALID", nobody.get, "/v1/projects/web/stacks/seen")
            self.assertIn("Www-Authenticate", {name.title() for name in error.headers})
            nobody.close()
        self.assertIn("Unauthenticated", MESH.grpcurl(None)("stackyard.v1.StackService/GetStack",
                                                            {"name": "projects/web/stacks/seen"}).err)

    def test_forged_principal_is_ignored(self):
        sam = MESH.rest("sam")
        code, _, _ = sam.raw("GET", "/v1/projects/web/stacks", headers={
            "X-Stackyard-Principal-Bin": "Cgt1c2Vycy9hZG1pbg", "Grpc-Metadata-X-Stackyard-Principal-Bin":
            "Cgt1c2Vycy9hZG1pbg"})
        self.assertEqual(code, 404)

    def test_internal_services_are_out_of_reach(self):
        for method in ("stackyard.internal.v1.RunQueue/AcquireRun",
                       "stackyard.internal.v1.Reservations/Reserve"):
            done = MESH.grpcurl("admin")(method)
            self.assertNotEqual(done.code, 0, done)
        listed = MESH.grpcurl("admin").services()
        self.assertIn("stackyard.v1.StackService", listed)
        self.assertEqual([name for name in listed if "internal" in name], [])

    # ---- Lists ------------------------------------------------------------------------------

    def test_filters_and_paging(self):
        project = self.new_project()
        body = {"templateVersion": "templates/quick/versions/1", "parameters": {"name": "Ann"}}
        operations = [
            self.admin.post(f"/v1/projects/{project}/stacks?stackId=s{i}",
                            {**body, "labels": {"team": "red" if i % 2 else "blue"}})
            for i in range(5)
        ]
        for operation in operations:
            self.admin.succeed(operation)
        path = f"/v1/projects/{project}/stacks"

        names, token, pages = [], "", 0
        while True:
            page = self.admin.get(f"{path}?pageSize=2&pageToken={token}")
            self.assertLessEqual(len(page["stacks"]), 2)
            names += [s["name"].split("/")[-1] for s in page["stacks"]]
            pages, token = pages + 1, page["nextPageToken"]
            if not token:
                break
        self.assertEqual((names, pages), (["s0", "s1", "s2", "s3", "s4"], 3))

        def filtered(text):
            page = self.admin.get(f"{path}?filter={urllib.parse.quote(text)}")
            return [stack["name"].split("/")[-1] for stack in page["stacks"]]

        self.assertEqual(filtered('labels.team = "red"'), ["s1", "s3"])
        self.assertEqual(filtered('state = READY AND NOT labels.team = "red"'), ["s0", "s2", "s4"])
        self.assertEqual(filtered("state = FAILED"), [])
        error = self.refused(400, "INVALID_FIELD", filtered, "state = = READY")
        self.assertIn("filter", error.fields())
        self.refused(400, "INVALID_FIELD", self.admin.get, f"{path}?pageSize=2&pageToken=made-up")
        self.refused(400, "INVALID_FIELD", self.admin.get, f"{path}?pageSize=-1")
        listed = MESH.cli("admin", project).ok("stacks", "list", "--filter", 'labels.team = "red"',
                                               "-o", "name").out.split()
        self.assertEqual([name.split("/")[-1] for name in listed], ["s1", "s3"])

    # ---- Streams ----------------------------------------------------------------------------

    def test_watch_follows_a_stack_and_resumes(self):
        operation = self.create("watched")
        self.request_of("watched")
        states, token = [], ""
        stream = self.ann.stream("/v1/projects/web/stacks/watched:watch")
        for message in stream:
            states.append(message["stack"]["state"])
            token = message["resumeToken"]
            if states[-1] == "AWAITING_APPROVAL":
                break
        stream.close()
        self.approve(self.request_of("watched"))
        self.ann.succeed(operation)
        # From the token on: nothing of before, all of after.
        resumed = []
        for message in self.ann.stream(f"/v1/projects/web/stacks/watched:watch?resumeToken={token}"):
            resumed.append(message["stack"]["state"])
            if resumed[-1] == "READY":
                break
        self.assertNotIn("AWAITING_APPROVAL", resumed)

        events, token = [], ""
        for message in self.ann.stream("/v1/projects/web/stacks/watched/runs/2:watch"):
            events.append(message["event"])
        self.assertEqual([int(e["sequence"]) for e in events], list(range(1, len(events) + 1)))
        self.assertIn("DONE", [e["resource"]["phase"] for e in events if "resource" in e])

    def test_log_tail_equals_what_was_read(self):
        operation = self.create("logged", "templates/quick/versions/1", repeat=2)
        eventually(lambda: self.stack("logged")["activeRun"] or self.stack("logged")["state"] == "READY",
                   "a run")
        # Tailing while it runs and reading afterwards give the same text.
        tailed = "".join(m["text"] for m in self.ann.stream("/v1/projects/web/stacks/logged/runs/1:tailLog"))
        self.ann.succeed(operation)
        read, offset = "", 0
        while True:
            part = self.ann.get(f"/v1/projects/web/stacks/logged/runs/1:readLog?offset={offset}&limit=64")
            read, offset = read + part["text"], int(part["nextOffset"])
            if part["complete"] and not part["text"]:
                break
        self.assertEqual(tailed, read)
        self.assertIn("terraform_data.greeting[1]", read)
        cli = MESH.cli("ann").ok("runs", "logs", "logged/1").out
        self.assertEqual(cli.strip(), read.strip())

    def test_docs_and_description_are_served(self):
        nobody = clients.Rest(MESH.rest_address, None)
        self.addCleanup(nobody.close)
        description = nobody.get("/api-docs")
        self.assertTrue(description["openapi"].startswith("3."))
        self.assertIn("/v1/projects/{project}/stacks", description["paths"])
        code, headers, page = nobody.raw("GET", "/docs")
        if code in (301, 302, 307, 308):
            code, headers, page = nobody.raw("GET", {k.lower(): v for k, v in headers.items()}["location"])
        self.assertEqual(code, 200)
        self.assertNotRegex(page.decode(), r'(src|href)="https?://')


if __name__ == "__main__":
    suite.main()
