#!/usr/bin/env python3
"""Streams over two replicas of the stacks service on one PostgreSQL: what is done through one is seen
through the other, in order, nothing missed and nothing twice, also by who reconnects to the other."""

import threading
import time
import unittest
import uuid

import bundles
import clients
import postgres
import suite
from mesh import Mesh, Service, eventually, free_port

# How long a change may take to be seen through the other replica, on a busy machine.
SOON = 3
MESH = DATABASE = None


class Replicated(Mesh):
    """The mesh with a second stacks service, behind a gateway and a REST of its own."""

    def __init__(self, server):
        super().__init__(runners=1)
        stacks, gateway, rest = (self.services[n] for n in ("stacks", "gateway", "rest"))
        stacks.command += ["--database", server.database("stacks")]
        gateway.command += ["--database", server.database("gateway")]
        self.grpc_b, self.rest_b = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        swaps = {
            "stacks": {f"{self.dir}/stacks.sock": f"{self.dir}/stacks-b.sock"},
            "gateway": {f"{self.dir}/stacks.sock": f"{self.dir}/stacks-b.sock", self.grpc: self.grpc_b,
                        f"{self.dir}/admin.token": f"{self.dir}/admin-b.token"},
            "rest": {self.rest_address: self.rest_b, self.grpc: self.grpc_b},
        }
        for original in (stacks, gateway, rest):
            def swapped(text, swap=swaps[original.name]):
                for old, new in swap.items():
                    text = text.replace(old, new)
                return text
            twin = Service(self, original.name + "-b", "", [], [swapped(h) for h in original.health])
            twin.command = [original.command[0], *map(swapped, original.command[1:])]
            self.services[twin.name] = twin

    def through(self, replica, user="admin"):
        address = self.rest_address if replica == "a" else self.rest_b
        return clients.Rest(address, self.tokens[user])


def setUpModule():
    global MESH, DATABASE
    if not postgres.programs():
        raise unittest.SkipTest("PostgreSQL is not installed")
    DATABASE = postgres.Postgres()
    try:
        MESH = Replicated(DATABASE).start()
        admin = MESH.through("a")
        admin.post("/v1/projects?projectId=web", {})
        bundles.published(admin, "quick", "1", bundles.pack(bundles.automatic(bundles.read("hello"))))
    except BaseException:
        if MESH:
            MESH.close(show_logs=True)
        DATABASE.close()
        raise


def tearDownModule():
    if MESH:
        MESH.close()
        DATABASE.close()


class Watch:
    """Reads a stream on a thread of its own, and keeps when what came."""

    def __init__(self, rest, path, token=""):
        separator = "&" if "?" in path else "?"
        self.messages, self.ended, self.stopped = [], threading.Event(), False
        self.error = None

        def read():
            try:
                for message in rest.stream(path + (f"{separator}resumeToken={token}" if token else "")):
                    self.messages.append((time.monotonic(), message))
                    if self.stopped:
                        break
            except (clients.ApiError, OSError) as error:
                self.error = error
            self.ended.set()
        self.thread = threading.Thread(target=read, daemon=True)
        self.thread.start()

    def tokens(self):
        return [message["resumeToken"] for _, message in list(self.messages)]


class WatchTest(suite.MeshTestCase):
    def setUp(self):
        self.mark = uuid.uuid4().hex[:8]
        self.a, self.b = MESH.through("a"), MESH.through("b")

    def new_project(self):
        self.a.post(f"/v1/projects?projectId=p{self.mark}", {})
        return f"p{self.mark}"

    def touch(self, rest, project, text):
        rest.patch(f"/v1/projects/{project}?updateMask=description", {"description": text})

    def follow(self, rest, project, token):
        return Watch(rest, f"/v1/projects/{project}/events:watch", token)

    def log(self, project):
        return self.a.get(f"/v1/projects/{project}/events?pageSize=1000&orderBy=sequence")["events"]

    def test_events_of_one_replica_are_seen_through_the_other(self):
        project = self.new_project()
        watch = self.follow(self.b, project, "1")
        waits = []
        for i in range(20):
            before, seen = time.monotonic(), len(watch.messages)
            self.touch(self.a, project, str(i))
            eventually(lambda n=seen: len(watch.messages) > n, "the event is seen", 20, 0.01)
            waits.append(watch.messages[seen][0] - before)
        self.assertLess(sorted(waits)[len(waits) // 2], 1, waits)
        self.assertLess(max(waits), SOON, waits)
        self.assertEqual([m["event"] for _, m in watch.messages], self.log(project)[1:])

    def test_who_reconnects_to_the_other_replica_misses_nothing(self):
        project = self.new_project()

        def write(rest):
            own = clients.Rest(rest.address, MESH.tokens["admin"])
            for i in range(40):
                self.touch(own, project, f"{rest.address} {i}")
            own.close()
        writers = [threading.Thread(target=write, args=(rest,)) for rest in (self.a, self.b)]
        for writer in writers:
            writer.start()
        seen, token, turn = [], "1", 0
        deadline = time.monotonic() + 120
        # Goes from one replica to the other after every few events, and behind all that is there.
        while len(seen) < 80:
            self.assertLess(time.monotonic(), deadline, f"only {len(seen)} events")
            rest = MESH.through("ab"[turn % 2])
            turn += 1
            for message in rest.stream(f"/v1/projects/{project}/events:watch?resumeToken={token}"):
                seen.append(message["event"])
                token = message["resumeToken"]
                if len(seen) >= 80 or len(seen) % 7 == 0:
                    break
        for writer in writers:
            writer.join()
        self.assertGreater(turn, 10)
        self.assertEqual([int(e["sequence"]) for e in seen], list(range(2, 82)))
        self.assertEqual(seen, self.log(project)[1:])

    def test_a_stack_and_its_operation_are_followed_through_the_other(self):
        name = f"seen-{self.mark}"
        operation = self.a.post(f"/v1/projects/web/stacks?stackId={name}",
                                {"templateVersion": "templates/quick/versions/1",
                                 "parameters": {"name": "Ann"}})
        stack = Watch(self.b, f"/v1/projects/web/stacks/{name}:watch")
        done = Watch(self.b, f"/v1/{operation['name']}:watch")
        self.assertTrue(done.ended.wait(60), "the operation's stream ends with it")
        self.assertIsNone(done.error)
        self.assertTrue(done.messages[-1][1]["operation"]["done"])
        versions = [int(token) for token in done.tokens()]
        self.assertEqual(versions, sorted(set(versions)), "in order, none twice")

        def states():
            return [m["stack"]["state"] for _, m in list(stack.messages)]
        eventually(lambda: "READY" in states(), lambda: f"the stack is seen READY: {states()}", 10)
        order = ["PENDING", "PLANNING", "APPLYING", "READY"]
        self.assertEqual(states(), sorted(states(), key=order.index))
        self.assertEqual(len(stack.tokens()), len(set(stack.tokens())), "none twice")

        # With the token, on the other replica: only what is new.
        again = Watch(self.a, f"/v1/projects/web/stacks/{name}:watch", stack.tokens()[-1])
        self.b.patch(f"/v1/projects/web/stacks/{name}?updateMask=labels", {"labels": {"team": "red"}})
        eventually(lambda: again.messages, "the change is seen", 20)
        self.assertEqual(again.messages[0][1]["stack"]["labels"], {"team": "red"})
        eventually(lambda: stack.tokens()[-1] == again.tokens()[-1], "by both", 20)
        stack.stopped = again.stopped = True
        self.b.delete(f"/v1/projects/web/stacks/{name}")

    def test_a_replica_that_dies_ends_its_streams_and_the_other_goes_on(self):
        project = self.new_project()
        watch = self.follow(self.b, project, "1")
        self.touch(self.a, project, "before")
        eventually(lambda: len(watch.messages) == 1, "the first event", 20)
        MESH["stacks-b"].kill()
        self.assertTrue(watch.ended.wait(30), "the stream ends")
        self.touch(self.a, project, "meanwhile")
        again = self.follow(self.a, project, watch.tokens()[-1])
        eventually(lambda: len(again.messages) == 1, "what was missed", 20)
        MESH["stacks-b"].start()
        self.touch(self.a, project, "after")
        eventually(lambda: len(again.messages) == 2, "and what is new", 20)

        def answers():
            try:
                return self.b.get(f"/v1/projects/{project}")
            except clients.ApiError:
                return None
        eventually(answers, "its gateway finds it again")
        behind = self.follow(self.b, project, again.tokens()[0])
        eventually(lambda: len(behind.messages) == 1, "on the one that came back", 20)
        self.assertEqual([m["event"] for w in (watch, again) for _, m in w.messages], self.log(project)[1:])


if __name__ == "__main__":
    suite.main()
