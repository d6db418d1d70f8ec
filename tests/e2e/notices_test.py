#!/usr/bin/env python3
"""Who is told what: inboxes, webhooks to a real web server, mail to a real mail server; and that
nothing is lost or told twice when the stacks service is killed in between."""

import collections
import json
import re
import threading
import unittest
import uuid

import bundles
import clients
import suite
from mesh import ROOT, Mesh, eventually
from receivers import Hooks, Mails, smtp_program

KEY = "a key that only two know"
TRIES = 3
MESH = HOOKS = MAILS = None


def setUpModule():
    global MESH, HOOKS, MAILS
    if not smtp_program():
        raise unittest.SkipTest("no mail server: aiosmtpd is not installed (make setup)")
    MESH = Mesh(runners=1)
    HOOKS = Hooks()
    MAILS = Mails(MESH.dir / "mails")
    MESH["stacks"].command += [
        "--allow-webhook-network", "127.0.0.1", "--smtp-server", f"smtp://{MAILS.address}",
        "--smtp-from", "stackyard@example.com", "--delivery-attempts", str(TRIES),
        "--delivery-pause", "100ms", "--delivery-timeout", "2s"]
    try:
        MESH.start()
        admin = MESH.rest("admin")
        admin.post("/v1/projects?projectId=web", {})
        MESH.person("ann", web="dev")
        MESH.person("dave", web="devops", everywhere="devops")
        MESH.person("rita", web="devops")
        MESH.person("vera", web="viewer")
        hello = bundles.read("hello")
        bundles.published(admin, "hello", "1", bundles.pack(hello))
        bundles.published(admin, "quick", "1", bundles.pack(bundles.automatic(hello)))
    except BaseException:
        MESH.close(show_logs=True)
        raise


def tearDownModule():
    if MESH:
        MESH.close()
        HOOKS.close()
        MAILS.close()


def documented_check():
    """The function that docs/notices.md gives to receivers."""
    text = (ROOT / "docs/notices.md").read_text()
    scope = {}
    exec(re.search(r"```python\n(.*?)```", text, re.S).group(1), scope)
    return scope["is_ours"]


class NoticesTest(suite.MeshTestCase):
    def setUp(self):
        self.admin, self.ann = MESH.rest("admin"), MESH.rest("ann")
        self.dave, self.rita, self.vera = MESH.rest("dave"), MESH.rest("rita"), MESH.rest("vera")
        self.mark = uuid.uuid4().hex[:8]

    # ---- Helpers ----------------------------------------------------------------------------

    def new_project(self):
        self.admin.post(f"/v1/projects?projectId=p{self.mark}", {})
        return f"p{self.mark}"

    def channel(self, name, project, events=("*",), **target):
        return self.admin.post(f"/v1/projects/{project}/channels?notificationChannelId={name}",
                               {"eventTypes": list(events), **target})

    def hook(self, name, project, path, events=("*",)):
        return self.channel(name, project, events,
                            webhook={"url": HOOKS.address + path, "secretKey": KEY})

    def touch(self, project, text):
        """Makes something happen in a project."""
        return self.admin.patch(f"/v1/projects/{project}?updateMask=description", {"description": text})

    def events(self, project):
        return self.admin.get(f"/v1/projects/{project}/events?pageSize=1000&orderBy=sequence")["events"]

    def make(self, name, template="quick"):
        return self.ann.post(f"/v1/projects/web/stacks?stackId={name}&reason=e2e",
                             {"templateVersion": f"templates/{template}/versions/1",
                              "parameters": {"name": "Ann"}})

    @staticmethod
    def inbox(rest, extra=""):
        return rest.get(f"/v1/users/me/notifications?pageSize=1000{extra}")["notifications"]

    def about(self, rest, stack):
        return [n for n in self.inbox(rest) if n["resource"].endswith(f"/{stack}")]

    def calm(self, call, *args):
        """None while the service is on its way up."""
        try:
            return call(*args)
        except (clients.ApiError, OSError):
            return None

    def restart(self):
        """Kills the stacks service and waits until the others find it again."""
        MESH["stacks"].restart()
        eventually(lambda: self.calm(self.admin.get, "/v1/projects/web"), "stacks answers")

    # ---- Inboxes ----------------------------------------------------------------------------

    def test_people_hear_of_what_concerns_them(self):
        name = f"told-{self.mark}"
        operation = self.make(name, "hello")
        request = eventually(lambda: self.admin.get(f"/v1/projects/web/stacks/{name}")["changeRequest"],
                             f"{name} is reviewed")

        def asked(rest):
            return [n for n in self.inbox(rest) if n["resource"] == request]
        for reviewer in (self.dave, self.rita):
            notice = eventually(lambda rest=reviewer: asked(rest), "the reviewer hears")[0]
            self.assertIn("asks for review", notice["title"])
        self.assertEqual(asked(self.vera) + asked(self.ann) + asked(self.admin), [])

        digest = self.dave.get(f"/v1/{request}")["planDigest"]
        self.dave.post(f"/v1/{request}:approve", {"planDigest": digest})
        self.ann.succeed(operation)
        ready = eventually(lambda: self.about(self.ann, name), "ann hears")
        self.assertEqual([n["title"] for n in ready], [f"Stack web/{name} is ready"])
        self.assertEqual(len([n for n in self.inbox(self.ann) if n["resource"] == request]), 1)
        self.assertEqual(self.about(self.rita, name), [])

    def test_a_rejection_comes_with_its_reason_once(self):
        name = f"not-{self.mark}"
        self.make(name, "hello")
        request = eventually(lambda: self.admin.get(f"/v1/projects/web/stacks/{name}")["changeRequest"],
                             f"{name} is reviewed")
        self.dave.post(f"/v1/{request}:reject", {"reason": "not on a Friday"})
        notice = eventually(lambda: [n for n in self.inbox(self.ann) if n["resource"] == request], "ann hears")
        self.assertEqual([n["eventType"] for n in notice], ["changeRequest.rejected"])
        self.assertIn("not on a Friday", notice[0]["text"])
        self.assertEqual(self.about(self.ann, name), [])

    def test_reading_is_everybodys_own(self):
        name = f"read-{self.mark}"
        self.ann.succeed(self.make(name))
        notice = eventually(lambda: self.about(self.ann, name), "ann hears")[0]
        self.assertFalse(notice["read"])
        self.refused(400, "INVALID_FIELD", self.vera.post, "/v1/users/me/notifications:markRead",
                     {"names": [notice["name"].replace("users/ann", "users/vera")]})
        self.refused(403, "PERMISSION_MISSING", self.vera.get, "/v1/users/ann/notifications")
        self.refused(403, "PERMISSION_MISSING", self.vera.post, "/v1/users/ann/notifications:markRead", {})
        self.ann.post("/v1/users/me/notifications:markRead", {"names": [notice["name"]]})
        self.assertTrue(self.about(self.ann, name)[0]["read"])
        unread = self.inbox(self.ann, "&filter=read%20%3D%20false")
        self.assertNotIn(notice["name"], [n["name"] for n in unread])

    # ---- Webhooks ---------------------------------------------------------------------------

    def test_a_webhook_gets_every_event_signed(self):
        project = self.new_project()
        made = self.hook("all", project, f"/{self.mark}")
        self.assertEqual(made["webhook"]["secretKey"], "")
        self.touch(project, "one")
        self.touch(project, "two")
        # REST adds links to what the log has.
        log = [{key: value for key, value in event.items() if key != "links"}
               for event in self.events(project)[1:]]
        posts = eventually(lambda: len(HOOKS.to(f"/{self.mark}")) >= len(log) and HOOKS.to(f"/{self.mark}"),
                           "all events arrive")
        self.assertEqual(sorted((json.loads(p.body) for p in posts), key=lambda e: int(e["sequence"])), log)
        check = documented_check()
        for post in posts:
            signature = post.headers["X-Stackyard-Signature"]
            self.assertTrue(check(KEY.encode(), post.body, signature))
            self.assertFalse(check(b"another key", post.body, signature))
            self.assertFalse(check(KEY.encode(), post.body + b" ", signature))
            old = re.sub(r"t=\d+", "t=1600000000", signature)
            self.assertFalse(check(KEY.encode(), post.body, old))
            self.assertFalse(check(KEY.encode(), post.body, signature, tolerance=-1))
            self.assertEqual(post.headers["X-Stackyard-Event"], json.loads(post.body)["type"])
        self.assertEqual(len({p.headers["X-Stackyard-Delivery"] for p in posts}), len(log))

    def test_failures_are_tried_again_then_replayed(self):
        project, path = self.new_project(), f"/{self.mark}"
        HOOKS.answers[path] = 503
        name = self.hook("ops", project, path, ["project.updated"])["name"]
        self.touch(project, "one")
        channel = eventually(lambda: (c := self.admin.get(f"/v1/{name}"))["deadLetters"] and c,
                             "a dead letter")
        self.assertEqual(channel["deadLetters"], 1)
        self.assertIn("503", channel["lastError"])
        tries = HOOKS.to(path)
        self.assertEqual(len(tries), TRIES)
        self.assertEqual(len({p.headers["X-Stackyard-Delivery"] for p in tries}), 1)
        # It fails once more before it works.
        HOOKS.answers[path] = lambda post: (500 if len(HOOKS.to(path)) == TRIES + 1 else 200, {})
        self.assertEqual(self.admin.post(f"/v1/{name}:replay")["queued"], 1)
        eventually(lambda: len(HOOKS.to(path)) == TRIES + 2, "the replay arrives")
        channel = eventually(lambda: not (c := self.admin.get(f"/v1/{name}"))["lastError"] and c,
                             "the failure is forgotten")
        self.assertEqual(channel["deadLetters"], 0)
        self.assertEqual(self.admin.post(f"/v1/{name}:replay")["queued"], 0)

    def test_a_redirect_is_not_followed(self):
        project, path = self.new_project(), f"/{self.mark}"
        with_redirect = Hooks("127.0.0.2")
        self.addCleanup(with_redirect.close)
        for target in (HOOKS.address + path + "/inner", with_redirect.address + "/inner"):
            HOOKS.answers[path] = lambda post, to=target: (307, {"Location": to})
            name = self.hook(f"to-{uuid.uuid4().hex[:6]}", project, path, ["project.deleted"])["name"]
            answer = self.admin.post(f"/v1/{name}:test")
            self.assertFalse(answer["delivered"])
            self.assertIn("307", answer["message"])
        self.assertEqual(HOOKS.to(path + "/inner") + with_redirect.posts, [])

    def test_addresses_that_are_not_public_are_refused(self):
        project = self.new_project()
        closed = Hooks("127.0.0.2")
        self.addCleanup(closed.close)
        for url in (closed.address, "http://169.254.169.254/latest", "http://[::1]/", "http://0.0.0.0/",
                    "http://10.0.0.1/", "http://2130706434/", "file:///etc/passwd", "gopher://x"):
            with self.assertRaises(clients.ApiError, msg=url) as caught:
                self.channel("bad", project, webhook={"url": url, "secretKey": KEY})
            self.assertEqual(caught.exception.fields(), ["notification_channel.webhook.url"], url)
        # What was allowed once is not any more, when the operator says so.
        path = f"/{self.mark}"
        name = self.hook("ops", project, path)["name"]
        self.assertTrue(self.admin.post(f"/v1/{name}:test")["delivered"])
        eventually(lambda: len(HOOKS.to(path)) == 2, "the channel's own creation arrives too")
        stacks = MESH["stacks"]
        command, seen = stacks.command, len(HOOKS.to(path))
        at = command.index("--allow-webhook-network")
        try:
            stacks.command = command[:at] + command[at + 2:]
            self.restart()
            answer = self.admin.post(f"/v1/{name}:test")
            self.assertFalse(answer["delivered"])
            self.assertIn("not a public one", answer["message"])
            self.assertEqual(len(HOOKS.to(path)), seen)
        finally:
            stacks.command = command
            self.restart()

    def test_a_slow_receiver_holds_up_nobody(self):
        project, path = self.new_project(), f"/{self.mark}"
        release = threading.Event()
        self.addCleanup(release.set)
        HOOKS.answers[path + "/slow"] = lambda post: (release.wait(20), (200, {}))[1]
        self.hook("slow", project, path + "/slow", ["project.updated"])
        self.hook("quick", project, path + "/quick", ["project.updated"])
        for i in range(8):
            self.touch(project, str(i))
        eventually(lambda: len(HOOKS.to(path + "/quick")) == 8, "the quick one has all", 20)

    # ---- Mail -------------------------------------------------------------------------------

    def test_mail_arrives(self):
        self.admin.patch("/v1/users/rita?updateMask=email", {"email": f"{self.mark}@example.com"})
        # What the gateway remembers of a caller is renewed in a moment.
        def wants_mail():
            return self.calm(self.rita.patch, "/v1/users/me/notificationSettings?updateMask=email,muted",
                             {"email": True, "muted": ["changeRequest.*"]})
        self.assertTrue(eventually(wants_mail, "rita's address is known")["email"])
        self.channel("team", "web", ["stack.applied"], email={"to": [f"team-{self.mark}@example.com"]})
        name = f"mail-{self.mark}"
        self.rita.succeed(self.rita.post(
            f"/v1/projects/web/stacks?stackId={name}",
            {"templateVersion": "templates/quick/versions/1", "parameters": {"name": "Rita"}}))
        for address in (f"{self.mark}@example.com", f"team-{self.mark}@example.com"):
            mail = eventually(lambda to=address: MAILS.to(to), f"mail to {address}")[0]
            self.assertEqual(mail["Subject"], f"Stack web/{name} is ready")
            self.assertEqual(mail["From"], "stackyard@example.com")
            self.assertIn(f"projects/web/stacks/{name}", mail.get_payload(decode=True).decode())
        self.rita.patch("/v1/users/me/notificationSettings?updateMask=email,muted", {})
        self.admin.delete("/v1/projects/web/channels/team")

    # ---- The command line -------------------------------------------------------------------

    def test_command_line(self):
        project, path = self.new_project(), f"/{self.mark}"
        cli = MESH.cli("admin", project)
        key = MESH.dir / f"key-{self.mark}"
        key.write_text(KEY + "\n")
        cli.ok("channels", "create", "webhook", "ops", "--url", HOOKS.address + path, "--key-file", key,
               "--event", "project.*")
        cli.ok("channels", "create", "email", "team", "--to", "team@example.com", "--event", "*")
        self.assertIn("ops", cli.ok("channels", "list").out)
        self.assertNotIn(KEY, cli.ok("channels", "get", "ops", "-o", "json").out)
        cli.ok("channels", "test", "ops")
        self.touch(project, "one")
        posts = eventually(lambda: [p for p in HOOKS.to(path) if p.headers["X-Stackyard-Event"] ==
                                    "project.updated"], "the event arrives")
        self.assertTrue(documented_check()(KEY.encode(), posts[0].body,
                                           posts[0].headers["X-Stackyard-Signature"]))
        cli.ok("channels", "update", "ops", "--disable")
        self.assertTrue(cli.ok("channels", "get", "ops", "-o", "json").json()["disabled"])
        HOOKS.answers[path] = 500
        self.assertNotEqual(cli("channels", "test", "ops").code, 0)
        cli.ok("channels", "replay", "ops")
        cli.ok("channels", "delete", "ops")
        self.assertNotIn("ops", cli.ok("channels", "list").out)
        ann = MESH.cli("ann")
        name = f"cli-{self.mark}"
        self.ann.succeed(self.make(name))
        eventually(lambda: name in ann.ok("notices", "list", "--unread").out, "the notice is listed")
        ann.ok("notices", "read")
        self.assertNotIn(name, ann.ok("notices", "list", "--unread").out)
        ann.ok("notices", "settings", "--mute", "stack.driftFound")
        self.assertIn("stack.driftFound", ann.ok("notices", "settings").out)
        ann.ok("notices", "settings", "--unmute", "stack.driftFound")
        self.assertNotIn("stack.driftFound", ann.ok("notices", "settings").out)
        verified = cli.ok("events", "verify").out
        self.assertIn("as written", verified)

    # ---- Crashes ----------------------------------------------------------------------------

    def test_killed_while_a_delivery_is_on_its_way(self):
        project, path = self.new_project(), f"/{self.mark}"
        arrived, release = threading.Event(), threading.Event()
        self.addCleanup(release.set)

        def hold(post):
            if not arrived.is_set():
                arrived.set()
                release.wait(20)
            return 200, {}
        HOOKS.answers[path] = hold
        self.hook("ops", project, path, ["project.updated"])
        self.touch(project, "one")
        self.assertTrue(arrived.wait(20))
        self.restart()
        release.set()
        posts = eventually(lambda: len(HOOKS.to(path)) >= 2 and HOOKS.to(path), "it is sent again")
        self.assertEqual(len({p.headers["X-Stackyard-Delivery"] for p in posts}), 1)
        self.assertEqual({p.body for p in posts}, {posts[0].body})

    def test_killed_again_and_again_loses_nothing_and_tells_nobody_twice(self):
        path = f"/{self.mark}"
        failed = set()

        def now_and_then(post):
            # The other side fails as well, but none so often that it is given up.
            delivery = post.headers["X-Stackyard-Delivery"]
            if len(HOOKS.to(path)) % 5 != 0 or delivery in failed:
                return 200, {}
            failed.add(delivery)
            return 503, {}
        HOOKS.answers[path] = now_and_then
        self.hook("crash", "web", path)
        first = int(self.events("web")[-1]["sequence"])
        names = [f"kill-{i}-{self.mark}" for i in range(6)]
        for name in names:
            eventually(lambda n=name: self.calm(
                self.ann.post, f"/v1/projects/web/stacks?stackId={n}&requestId={n}",
                {"templateVersion": "templates/quick/versions/1", "parameters": {"name": "Ann"}}),
                f"{name} is asked for")
            MESH["stacks"].restart()

        def all_ready():
            stacks = [self.calm(self.admin.get, f"/v1/projects/web/stacks/{n}") for n in names]
            return all(s and s["state"] == "READY" for s in stacks)
        eventually(all_ready, "all stacks are ready", 120)
        self.touch("web", self.mark)
        self.restart()

        def missing():
            log = {e["name"] for e in self.events("web") if int(e["sequence"]) >= first}
            return log - {json.loads(p.body)["name"] for p in HOOKS.to(path)}
        eventually(lambda: not missing(), lambda: f"every event arrives; missing: {missing()}", 90)
        told = collections.Counter(
            (n["resource"].split("/")[-1], n["eventType"]) for n in self.inbox(self.ann)
            if n["resource"].split("/")[-1] in names)
        self.assertEqual(told, {(name, "stack.applied"): 1 for name in names})
        by_event = collections.defaultdict(set)
        for post in HOOKS.to(path):
            by_event[json.loads(post.body)["name"]].add(post.headers["X-Stackyard-Delivery"])
        self.assertEqual({len(ids) for ids in by_event.values()}, {1})
        self.assertEqual(self.admin.get("/v1/projects/web/channels/crash")["deadLetters"], 0)
        self.assertTrue(self.admin.get("/v1/projects/web/events:verify")["intact"])


if __name__ == "__main__":
    suite.main()
