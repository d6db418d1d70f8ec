"""The lives of some stacks, with all that dashboards are there to show: reviews, failures, quota that
is short, people who are not let in, webhooks, and a runner that dies in the middle of an apply."""

import json
import pathlib
import random
import signal
import time

import bundles
import issuer as issuers
from clients import ApiError, Rest
from emulator import Emulator, missing
from mesh import MIRROR, Mesh, eventually
from receivers import Hooks

PATIENCE = 240
KEY = "a key that receivers know"
BROKEN = {
    "main.tf": 'resource "terraform_data" "it" {\n'
               '  provisioner "local-exec" {\n    command = "exit 7"\n  }\n}\n',
    "template.yaml": "title: Broken\ndescription: Fails when it is applied.\n"
                     "meters:\n  - {metric: resources, resource_type: terraform_data}\n"
                     "approval: {mode: auto}\nlease: {default: 24h, maximum: 168h}\n",
}


class Lives:
    """A mesh that shows its metrics, and what happens in it."""

    def __init__(self):
        self.mesh = Mesh(
            runners=2, mtls=True, metrics=True, environment={"STACKYARD_ADDRESS_RATE": "0"},
            stacks_flags=["--run-lease", "3s", "--reconcile-interval", "2s",
                          "--allow-webhook-network", "127.0.0.1", "--delivery-attempts", "2",
                          "--delivery-pause", "100ms", "--delivery-timeout", "2s"],
            runner_flags=["--heartbeat-interval", "500ms"])
        self.closed = []
        try:
            self.hooks = self.kept(Hooks())
            self.hooks.answers["/broken"] = 500
            self.issuer = self._issuer()
            # Runs with a provider need the emulator.
            self.emulator = None if missing() else self._emulator()
            self.mesh.start()
        except BaseException:
            self.close()
            raise
        self.admin = self.mesh.rest("admin")
        self.admin.timeout = PATIENCE

    def kept(self, thing):
        self.closed.append(thing)
        return thing

    def _issuer(self):
        if issuers.missing():
            return None
        issuer = self.kept(issuers.Issuer(self.mesh.dir))
        file = self.mesh.dir / "oidc.json"
        file.write_text(json.dumps([issuer.provider()]))
        self.mesh["gateway"].command += ["--oidc-file", str(file)]
        return issuer

    def _emulator(self):
        emulator = self.kept(Emulator(self.mesh.dir / "log" / "moto.log"))
        self.mesh.environment.update(
            AWS_ENDPOINT_URL=f"http://{emulator.address}", AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test", AWS_REGION="us-east-1",
            AWS_EC2_METADATA_DISABLED="true")
        for runner in self.mesh.runners():
            runner.command += [
                "--provider-mirror", MIRROR, "--no-provider-direct", "--pass-env",
                "AWS_ENDPOINT_URL,AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY,AWS_REGION,"
                "AWS_EC2_METADATA_DISABLED"]
        return emulator

    def close(self):
        self.mesh.close()
        for thing in reversed(self.closed):
            thing.close()

    # ---- Helpers ----------------------------------------------------------------------------

    def create(self, project, stack, template, parameters=None, lease="86400s", who=None):
        return (who or self.admin).post(
            f"/v1/projects/{project}/stacks?stackId={stack}&reason=play",
            {"templateVersion": f"templates/{template}/versions/1",
             "parameters": parameters or {}, "lease": {"duration": lease}})

    def refused(self, call, *arguments):
        try:
            call(*arguments)
        except ApiError:
            return
        raise AssertionError("it was let through")

    def awaits_review(self, operation):
        def probe():
            now = self.admin.get(f"/v1/{operation['name']}")
            if "error" in now:
                raise AssertionError(json.dumps(now["error"]))
            ready = now["metadata"].get("stage") == "AWAITING_APPROVAL"
            return ready and now["metadata"]["changeRequest"]
        return eventually(probe, "a plan awaits review", PATIENCE)

    # ---- The play ---------------------------------------------------------------------------

    def play(self):
        self.people_and_templates()
        self.strangers()
        provider = self.with_a_provider()
        self.stacks_of_web()
        self.quota_is_short()
        self.a_runner_dies()
        if provider:
            self.admin.succeed(provider, PATIENCE)

    def go_on(self, until):
        """Days of a small team, shortened: stacks come, are looked at, and most of them go."""
        dice = random.Random(7)
        ann = self.mesh.rest("ann")
        for project in ("web", "data"):
            for metric in ("resources", "stacks"):
                self.admin.put(f"/v1/projects/{project}/quota/limits/{metric}", {"value": 200})
        self.admin.put("/v1/projects/data/quota/limits/resources", {"value": 3})
        day, old = 0, []
        while time.time() < until:
            day += 1
            new = [self.create("web", f"day-{day}-{one}", dice.choice(["counted"] * 9 + ["broken"]))
                   for one in range(dice.randint(1, 4))]
            for operation in new:
                self.admin.wait(operation, PATIENCE)
            for _ in range(dice.randint(10, 60)):
                ann.get("/v1/projects/web/stacks")
                ann.get("/v1/projects/web/quota/usage")
            old += [self.admin.get(f"/v1/{operation['name']}")["metadata"]["target"]
                    for operation in new]
            kept = dice.randint(2, 9)
            gone, old = old[:-kept], old[-kept:]
            for operation in [self.admin.delete(f"/v1/{stack}") for stack in gone]:
                self.admin.wait(operation, PATIENCE)

    def people_and_templates(self):
        for project in ("web", "data"):
            self.admin.post(f"/v1/projects?projectId={project}", {})
            self.admin.put(f"/v1/projects/{project}/quota/limits/resources", {"value": 60})
            self.admin.put(f"/v1/projects/{project}/quota/limits/stacks", {"value": 20})
        self.mesh.person("ann", web="dev", data="dev")
        self.mesh.person("dave", web="devops", data="devops", everywhere="devops")
        for channel, path in (("ops", "/ok"), ("broken", "/broken")):
            self.admin.post(f"/v1/projects/web/channels?notificationChannelId={channel}",
                            {"webhook": {"url": self.hooks.address + path, "secretKey": KEY},
                             "eventTypes": ["*"]})
        hello = bundles.read("hello")
        for name, files in (("hello", hello), ("counted", bundles.counted()),
                            ("slow", bundles.slow()), ("broken", BROKEN)):
            bundles.published(self.admin, name, "1", bundles.pack(files))

    def strangers(self):
        """Who is not let in, and who is by an ID token."""
        self.refused(Rest(self.mesh.rest_address, "sy_nobody").get, "/v1/projects")
        self.refused(self.mesh.rest("ann").post, "/v1/projects?projectId=mine", {})
        if self.issuer:
            for token in (self.issuer.token("erin"),
                          self.issuer.token("erin", key=issuers.Key("stranger"))):
                try:
                    Rest(self.mesh.rest_address, token).get("/v1/whoami")
                except ApiError:
                    continue

    def with_a_provider(self):
        """A stack of AWS begins; it takes a while."""
        if not self.emulator:
            return None
        bundles.published(self.admin, "json-object", "1", bundles.pack(bundles.read("json-object")))
        return self.create("data", "settings", "json-object",
                           {"name": "settings", "content": {"debug": True}})

    def stacks_of_web(self):
        ann, dave = self.mesh.rest("ann"), self.mesh.rest("dave")
        operations = [self.create("web", f"shop-{number}", "counted", {"amount": number + 2})
                      for number in range(3)]
        operations.append(self.create("data", "night", "counted", {"amount": 4}, lease="1800s"))
        for operation in operations:
            self.admin.succeed(operation, PATIENCE)
        # One is approved, one waits for somebody.
        approved = self.create("web", "api", "hello", {"name": "Ann"}, who=ann)
        request = self.admin.get(f"/v1/{self.awaits_review(approved)}")
        dave.post(f"/v1/{request['name']}:approve", {"planDigest": request["planDigest"]})
        self.admin.succeed(approved, PATIENCE)
        self.awaits_review(self.create("web", "blog", "hello", {"name": "Blog"}, who=ann))
        failing = self.create("web", "wrong", "broken")
        assert "error" in self.admin.wait(failing, PATIENCE)
        self.admin.succeed(self.admin.post("/v1/projects/web/stacks:preview", {
            "stack": {"templateVersion": "templates/counted/versions/1",
                      "parameters": {"amount": 1}}}), PATIENCE)
        self.admin.succeed(self.admin.post("/v1/projects/web/stacks/shop-0:checkDrift", {}),
                           PATIENCE)
        self.admin.succeed(self.admin.delete("/v1/projects/web/stacks/shop-0"), PATIENCE)

    def quota_is_short(self):
        """More than there is is asked for; then there is less than what is held."""
        self.admin.put("/v1/projects/data/quota/limits/resources", {"value": 10})
        short = self.create("data", "huge", "counted", {"amount": 20})
        assert "error" in self.admin.wait(short, PATIENCE)
        self.admin.put("/v1/projects/data/quota/limits/resources", {"value": 3})

    def a_runner_dies(self):
        journal = self.mesh.mark("journal")
        operation = self.create("web", "lasting", "slow",
                                {"steps": 3, "seconds": 3, "journal": str(journal)})
        run = eventually(
            lambda: self._applying("lasting", pathlib.Path(journal)), "the apply goes on", PATIENCE)
        victim = self.mesh.runner_called(run["runner"])
        victim.process.send_signal(signal.SIGKILL)
        victim.process.wait()
        self.admin.wait(operation, PATIENCE)
        victim.start()

    def _applying(self, stack, journal):
        if not journal.read_text():
            return None
        active = self.admin.get(f"/v1/projects/web/stacks/{stack}").get("activeRun")
        return active and self.admin.get(f"/v1/{active}")
