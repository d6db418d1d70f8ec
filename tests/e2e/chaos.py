"""Many people work on many stacks while every service is killed, as by a power cut, again and again.
What they do is drawn from a seed; when it takes effect is up to the machine."""

import collections
import http.client
import itertools
import random
import threading
import time

import bundles
import checker
import clients
from mesh import Mesh, eventually

TEMPLATES = ("auto", "reviewed")
# Answers that say what the caller may do now, not that something is wrong.
FAIR = ("WRONG_STATE", "REQUEST_CLOSED", "PLAN_STALE", "ETAG_MISMATCH", "RESOURCE_EXISTS",
        "QUOTA_EXCEEDED", "RESOURCE_NOT_FOUND")
# Long enough for lost leases and second plans on a busy machine.
PATIENCE = 240


def start_mesh():
    """A mesh that notices the death of a runner soon, with the people and templates of the chaos."""
    mesh = Mesh(runners=2, slots=3, stacks_flags=["--run-lease", "3s", "--reconcile-interval", "2s"],
                runner_flags=["--heartbeat-interval", "500ms"]).start()
    try:
        mesh.rest("admin").post("/v1/projects?projectId=web", {})
        for user in ("ann", "bob", "cyd", "dan"):
            mesh.person(user, web="dev")
        for user in ("rae", "rob"):
            mesh.person(user, web="devops", everywhere="devops")
        for name, files in (("auto", bundles.counted()), ("reviewed", bundles.counted("required"))):
            bundles.published(mesh.rest("admin"), name, "1", bundles.pack(files))
    except BaseException:
        mesh.close(show_logs=True)
        raise
    return mesh


class Chaos:
    def __init__(self, mesh, seed, stacks, calm=(0.2, 1.5)):
        self.mesh, self.seed, self.stacks, self.calm = mesh, seed, stacks, calm
        self.people = ("ann", "bob", "cyd", "dan")
        self.counts = collections.Counter()
        self.faults = []
        self.over = threading.Event()
        self.numbers = itertools.count(1)

    # ---- Calls ------------------------------------------------------------------------------

    def client(self, user):
        return clients.Rest(self.mesh.rest_address, self.mesh.tokens[user], timeout=30)

    def insist(self, call, *arguments):
        """Calls until somebody answers. An answer, or None for a fair refusal."""
        def attempt():
            try:
                return (call(*arguments),)
            except clients.ApiError as error:
                if error.reason in FAIR:
                    self.counts[error.reason] += 1
                    return (None,)
                # Whoever stood in between may have died while the answer was under way.
                if error.http not in (499, 500, 502, 503, 504) or error.reason == "INTERNAL_FAULT":
                    raise
            except (OSError, http.client.HTTPException):
                pass
            return None
        return eventually(attempt, "an answer", PATIENCE)[0]

    def ask(self, rest, method, path, body=None):
        """A change, safe to be sent again: under one request_id it is done once."""
        sign = "&" if "?" in path else "?"
        key = f"chaos-{self.seed}-{next(self.numbers)}"
        if method == "POST" and ":" in path.rsplit("/", 1)[-1]:
            return self.insist(rest.call, method, path, {**(body or {}), "requestId": key})
        return self.insist(rest.call, method, f"{path}{sign}requestId={key}", body)

    def get(self, rest, name):
        return self.insist(rest.get, f"/v1/projects/web/stacks/{name}")

    def at_rest(self, rest, name):
        """Waits until nobody works on a stack and nobody is asked about it."""
        found = []

        def probe():
            found[:] = [self.get(rest, name)]
            return found[0] is None or found[0]["state"] in checker.SETTLED
        eventually(probe, lambda: f"{name} at rest: {found}", PATIENCE)
        return found[0]

    # ---- People -----------------------------------------------------------------------------

    def live(self, rest, dice, name):
        """One stack, from its creation to its end or to where the user leaves it."""
        template = dice.choice(TEMPLATES)
        self.counts["create"] += 1
        self.ask(rest, "POST", f"/v1/projects/web/stacks?stackId={name}&reason=chaos",
                 {"templateVersion": f"templates/{template}/versions/1",
                  "parameters": {"amount": dice.randint(1, 5), "note": name}})
        for step in range(dice.randint(0, 3)):
            stack = self.at_rest(rest, name)
            if stack is None or stack["state"] in checker.GONE:
                return
            deed = "retry" if stack["state"] == "FAILED" else \
                dice.choice(("update", "update", "rollback", "preview", "label", "drift"))
            self.counts[deed] += 1
            path = f"/v1/projects/web/stacks/{name}"
            if deed == "update":
                self.ask(rest, "PATCH", f"{path}?updateMask=parameters.amount,parameters.note",
                         {"parameters": {"amount": dice.randint(1, 5), "note": f"{name} {step}"}})
            elif deed == "label":
                self.ask(rest, "PATCH", f"{path}?updateMask=labels", {"labels": {"step": str(step)}})
            elif deed == "rollback":
                self.ask(rest, "POST", f"{path}:rollback",
                         {"revision": stack["appliedRevision"], "reason": "chaos"})
            elif deed == "preview":
                self.ask(rest, "POST", "/v1/projects/web/stacks:preview",
                         {"stack": {"name": f"projects/web/stacks/{name}",
                                    "parameters": {"amount": dice.randint(1, 5)}}})
            else:
                self.ask(rest, "POST", f"{path}:{'checkDrift' if deed == 'drift' else deed}")
        ending = dice.choice(("stay", "stay", "delete", "delete", "abandon", "hasty"))
        if ending == "stay":
            return
        # A hasty user does not wait for a review, or for anything else.
        if ending != "hasty":
            self.at_rest(rest, name)
        self.counts[ending] += 1
        self.ask(rest, "DELETE", f"/v1/projects/web/stacks/{name}?abandon="
                 f"{'true' if ending == 'abandon' else 'false'}")

    def user(self, user, names):
        rest, dice = self.client(user), random.Random(f"{self.seed}/{user}/{names[0]}")
        for name in names:
            self.live(rest, dice, name)
        rest.close()

    def reviewer(self, user):
        """Says yes or no to whatever is asked, until nobody asks any more."""
        rest, dice = self.client(user), random.Random(f"{self.seed}/{user}")
        while not self.over.is_set():
            page = self.insist(rest.get, "/v1/projects/web/changeRequests?filter="
                               "state%20%3D%20PENDING&pageSize=100")
            for request in (page or {}).get("changeRequests", []):
                if dice.random() < 0.25:
                    self.counts["reject"] += 1
                    self.ask(rest, "POST", f"/v1/{request['name']}:reject", {"reason": "chaos"})
                else:
                    self.counts["approve"] += 1
                    self.ask(rest, "POST", f"/v1/{request['name']}:approve",
                             {"planDigest": request["planDigest"]})
            self.over.wait(0.2)
        rest.close()

    def killer(self):
        dice = random.Random(f"{self.seed}/killer")
        names = list(self.mesh.services)
        # Each of them at least once, in an order of its own.
        first = dice.sample(names, len(names))
        while not self.over.wait(dice.uniform(*self.calm)):
            victims = [first.pop()] if first else dice.sample(names, dice.choice((1, 1, 1, 2)))
            for name in victims:
                self.mesh[name].kill()
                self.counts[f"kill {name}"] += 1
            # All of them before any is waited for: rest is ready when its gateway is.
            for name in victims:
                self.mesh[name].spawn()
            for name in victims:
                self.mesh[name].wait()

    # ---- All together -----------------------------------------------------------------------

    def thread(self, work, *arguments):
        def body():
            try:
                work(*arguments)
            except BaseException as error:  # Told by the main thread.
                self.faults.append(f"{work.__name__} {arguments}: {error!r}")
        thread = threading.Thread(target=body, daemon=True)
        thread.start()
        return thread

    def run(self, threads_per_person=2):
        print(f"seed {self.seed}: {self.stacks} stacks", flush=True)
        # Room for most of it, so that quota says no now and then.
        for metric, limit in (("resources", self.stacks), ("stacks", self.stacks)):
            self.insist(self.client("admin").put, f"/v1/projects/web/quota/limits/{metric}",
                        {"value": limit})
        names = [f"c{self.seed % 10000}-{i}" for i in range(self.stacks)]
        lanes = len(self.people) * threads_per_person
        workers = [self.thread(self.user, self.people[lane % len(self.people)], names[lane::lanes])
                   for lane in range(lanes) if names[lane::lanes]]
        others = [self.thread(self.reviewer, user) for user in ("rae", "rob")]
        others.append(self.thread(self.killer))
        began = time.monotonic()
        for worker in workers:
            worker.join()
        self.over.set()
        for other in others:
            other.join()
        print(f"{time.monotonic() - began:.0f} s: {dict(sorted(self.counts.items()))}", flush=True)
        assert not self.faults, "\n".join(self.faults)

    def clear(self, rest):
        """Everything is deleted in peace; FAILED ones are asked for again."""
        def left():
            stacks = checker.pages(rest, "/v1/projects/web/stacks", "stacks")
            for stack in stacks:
                if stack["state"] in ("READY", "FAILED", checker.WAITING):
                    self.ask(rest, "DELETE", f"/v1/{stack['name']}")
            return stacks
        eventually(lambda: not left(), lambda: f"all are gone: {left()}", PATIENCE, 0.5)


def play(mesh, seed, stacks, **options):
    """Chaos, then the books; then everything is taken away, and the books again."""
    chaos = Chaos(mesh, seed, stacks, **options)
    chaos.run()
    admin, data = chaos.client("admin"), mesh.dir / "stacks"
    facts = checker.check(admin, data, PATIENCE)
    chaos.clear(admin)
    after = checker.check(admin, data, PATIENCE)
    held = [r["name"] for r in after["reservations"] if r["state"] != "RELEASED"]
    assert not held, f"still held after everything is gone: {held}"
    admin.close()
    return chaos, facts
