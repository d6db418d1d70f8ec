#!/usr/bin/env python3
"""Blobs and documents in S3 (an emulator of it): a stack's life with restarts in between, and an
object store that is away for a while."""

import collections
import json
import select
import socket
import subprocess
import threading
import unittest

import bundles
import clients
import suite
from emulator import Emulator, moto_server
from mesh import BIN, Mesh, eventually, free_port

PATIENCE = 120
BUCKET = "stackyard"


class Gate:
    """What leads to the emulator, and can be shut: then nobody gets through, and who was is cut."""

    def __init__(self):
        self.port = free_port()
        self.target = None
        self.lock = threading.Lock()
        self.open_sockets = set()
        self.listener = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def open(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()
        return self

    def shut(self):
        # Wakes who waits in accept, which a close alone does not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for one in self.open_sockets:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _accept(self, listener):
        while True:
            try:
                near = listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near):
        host, port = self.target.split(":")
        with near, socket.create_connection((host, int(port))) as far:
            pair = {near: far, far: near}
            with self.lock:
                self.open_sockets |= set(pair)
            try:
                while True:
                    for ready in select.select(list(pair), [], [])[0]:
                        data = ready.recv(1 << 16)
                        if not data:
                            return
                        pair[ready].sendall(data)
            except OSError:
                pass
            finally:
                with self.lock:
                    self.open_sockets -= set(pair)


def place(prefix, url, bucket=BUCKET):
    return f"s3://{bucket}/{prefix}?endpoint={url}"


@unittest.skipIf(not moto_server(), "no emulator: moto_server is not installed (make setup)")
class S3Test(suite.MeshTestCase):
    @classmethod
    def setUpClass(cls):
        cls.gate = Gate()
        cls.mesh = Mesh(
            stacks_flags=["--blobs", place("blobs", cls.gate.url),
                          "--documents", place("documents", cls.gate.url)],
            environment={"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"})
        cls.emulator = Emulator(cls.mesh.dir / "log" / "moto.log")
        cls.addClassCleanup(cls.emulator.close)
        cls.gate.target = cls.emulator.address
        cls.gate.open()
        assert cls.emulator.call("PUT", f"/{BUCKET}", service="s3").status == 200
        cls.mesh.start()
        cls.addClassCleanup(cls.mesh.close)
        cls.admin = cls.mesh.rest("admin")
        cls.admin.post("/v1/projects?projectId=web", {})
        cls.mesh.person("dave", everywhere="devops")
        bundles.published(cls.admin, "hello", "1", bundles.pack(bundles.read("hello")))
        bundles.published(cls.admin, "slow", "1", bundles.pack(bundles.slow()))

    def objects(self, prefix):
        return [key for key in self.emulator.objects(BUCKET) if key.startswith(prefix + "/")]

    def restart(self):
        self.mesh["stacks"].restart()
        # The gateway finds it again.
        def answers():
            try:
                return self.admin.get("/v1/projects/web")
            except clients.ApiError as error:
                if error.http != 503:
                    raise
                return None
        eventually(answers, "stacks answers again", PATIENCE)

    def get(self, name):
        return self.admin.get(f"/v1/projects/web/stacks/{name}")

    def reach(self, name, state):
        return eventually(lambda: self.get(name) if self.get(name)["state"] == state else None,
                          lambda: f"{name} is {state}: {json.dumps(self.get(name))}", PATIENCE)

    def approve(self, name):
        request = self.admin.get("/v1/" + self.reach(name, "AWAITING_APPROVAL")["changeRequest"])
        self.mesh.rest("dave").post(f"/v1/{request['name']}:approve",
                                    {"planDigest": request["planDigest"]})

    def document(self, name):
        """The content, or None while there is no such document."""
        try:
            return self.admin.get(f"/v1/documents/{name}")["content"]
        except clients.ApiError as error:
            if error.http != 404:
                raise
            return None

    # ---- Tests ------------------------------------------------------------------------------

    def test_life_of_a_stack_with_restarts(self):
        self.admin.post("/v1/projects/web/stacks?stackId=hello", {
            "templateVersion": "templates/hello/versions/1", "parameters": {"name": "Ada"},
            "publishDocument": "documents/web.hello"})
        self.reach("hello", "AWAITING_APPROVAL")
        self.restart()
        # The plan comes from S3.
        self.approve("hello")
        stack = self.reach("hello", "READY")
        self.restart()
        resources = self.admin.get("/v1/projects/web/stacks/hello/resources")["resources"]
        self.assertEqual(len(resources), stack["resourceCount"])
        content = eventually(lambda: self.document("web.hello"), "the outputs are published")
        self.assertEqual(content, {name: output["value"] for name, output in stack["outputs"].items()})
        state = self.admin.get("/v1/projects/web/stacks/hello/stateVersions/latest:download")
        self.assertTrue(state["state"])

        self.assertTrue(self.objects("blobs"))
        self.assertTrue(self.objects("documents"))
        self.assertFalse((self.mesh.dir / "stacks" / "blobs").exists(), "nothing is kept beside S3")
        for key in self.objects("blobs"):
            text = self.emulator.call("GET", f"/{BUCKET}/{key}", service="s3")
            self.assertNotIn("terraform_version", text.text, "states are sealed")

        self.admin.delete("/v1/projects/web/stacks/hello")
        self.restart()
        self.reach("hello", "DESTROYED")
        self.assertIsNone(self.document("web.hello"))

    def test_an_object_store_that_is_away_for_a_while(self):
        journal = self.mesh.mark("away.journal")
        self.admin.post("/v1/projects/web/stacks?stackId=away", {
            "templateVersion": "templates/slow/versions/1",
            "parameters": {"journal": str(journal)}})
        eventually(lambda: journal.read_text(), "the first step is made", PATIENCE)
        self.gate.shut()
        try:
            # What is in SQL is answered, and what is not says why.
            self.assertEqual(self.get("away")["state"], "APPLYING")
            error = self.refused(503, "DEPENDENCY_UNAVAILABLE", self.admin.get,
                                 "/v1/templates/slow/versions/1:download")
            self.assertIn("object store", error.message)
            done = self.mesh.grpcurl("admin")("stackyard.v1.DocumentService/PutDocument",
                                              {"name": "documents/x", "content": {"data": "e30="}})
            self.assertIn("Unavailable", done.err)
            # A service that starts now waits for it too.
            self.restart()
            self.assertIn("the object store is not there yet", self.mesh["stacks"].tail(50))
            eventually(lambda: "last" in journal.read_text(), "all steps are made", PATIENCE)
        finally:
            self.gate.open()
        stack = self.reach("away", "READY")
        self.assertEqual(stack["resourceCount"], 3)
        self.assertEqual(collections.Counter(journal.read_text().split()), {"0": 1, "1": 1, "last": 1})
        self.assertIsNone(self.document("x"))
        self.assertTrue(self.admin.get("/v1/projects/web/events:verify")["intact"])
        self.admin.succeed(self.admin.delete("/v1/projects/web/stacks/away"), PATIENCE)

    def test_bad_places_are_refused_at_the_start(self):
        here = place("blobs", self.gate.url)
        for flags, fault in ((["--blobs", place("x", self.gate.url, "no-such-bucket")], "NoSuchBucket"),
                             (["--blobs", here, "--documents", here], "two places"),
                             (["--blobs", "s3://bucket?colour=red"], "colour"),
                             (["--documents", "s3://bucket"], "region")):
            done = subprocess.run(
                [str(BIN / "stackyard-stacks"), "--listen", f"unix:{self.mesh.dir}/bad.sock",
                 "--data", str(self.mesh.dir / "shared"), *flags],
                env=self.mesh.environment, capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 1, done.stderr)
            faults = [line for line in done.stderr.splitlines() if '"level":"info"' not in line]
            self.assertEqual(len(faults), 1, done.stderr)
            self.assertIn(fault, done.stderr)


if __name__ == "__main__":
    suite.main()
