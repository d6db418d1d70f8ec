#!/usr/bin/env python3
"""What REST adds to the API, against the real services: links, expand, etags, idempotency keys,
problems, events, compression."""

import gzip
import http.client
import json

import bundles
import mesh
import suite

MESH = None
STACK = "/v1/projects/web/stacks/shop"


def setUpModule():
    global MESH
    MESH = mesh.Mesh(runners=1).start()
    admin = MESH.rest("admin")
    admin.post("/v1/projects?projectId=web", {})
    MESH.person("ann", web="dev")
    bundles.published(admin, "quick", "1", bundles.pack(bundles.automatic(bundles.read("hello"))))
    made = MESH.rest("ann").post("/v1/projects/web/stacks?stackId=shop", {
        "templateVersion": "templates/quick/versions/1", "parameters": {"name": "Ada"}})
    MESH.rest("ann").succeed(made)


def tearDownModule():
    MESH.close()


class RestTest(suite.MeshTestCase):
    def setUp(self):
        self.ann, self.admin = MESH.rest("ann"), MESH.rest("admin")

    def test_every_link_leads_somewhere(self):
        seen, waiting = set(), [STACK]
        while waiting:
            path = waiting.pop()
            if path in seen or len(seen) > 60:
                continue
            seen.add(path)
            code, _, data = self.admin.raw("GET", path)
            # What nobody has made yet may be absent, and what is another's own closed.
            self.assertIn(code, (200, 403, 404, 501), (path, data))
            self.assertNotIn(b"no such path", data)
            answer = json.loads(data)
            for entry in [answer, *(e for v in answer.values() if isinstance(v, list) for e in v)]:
                if isinstance(entry, dict):
                    waiting += entry.get("links", {}).values()
        self.assertLessEqual({STACK, f"{STACK}/runs", "/v1/projects/web", "/v1/users/ann",
                              "/v1/templates/quick/versions/1"}, seen)

    def test_expand_shows_what_the_caller_may_see(self):
        stack = self.admin.get(f"{STACK}?expand=creator,templateVersion,runs,parent,operation")
        self.assertEqual(set(stack["expanded"]), {"creator", "templateVersion", "runs", "parent", "operation"})
        self.assertEqual(stack["expanded"]["creator"]["name"], "users/ann")
        self.assertTrue(stack["expanded"]["runs"]["runs"][0]["links"]["self"].startswith(f"{STACK}/runs/"))
        # Developers do not read users.
        own = self.ann.get(f"{STACK}?expand=creator,templateVersion")
        self.assertEqual(set(own["expanded"]), {"templateVersion"})
        self.assertIn(own["notExpanded"]["creator"]["reason"], ("PERMISSION_MISSING", "RESOURCE_NOT_FOUND"))
        listed = self.admin.get("/v1/projects/-/stacks?expand=creator")["stacks"]
        self.assertEqual(listed[0]["expanded"]["creator"]["name"], "users/ann")
        self.refused(400, "INVALID_FIELD", self.ann.get, f"{STACK}?expand=shoe")

    def test_etags_guard_and_save(self):
        code, headers, _ = self.ann.raw("GET", STACK)
        tag = headers["Etag"]
        self.assertEqual(self.ann.raw("GET", STACK, headers={"If-None-Match": tag})[0], 304)
        code, _, data = self.ann.raw("PATCH", STACK, {"displayName": "Shop"}, {"If-Match": tag})
        self.assertEqual(code, 200, data)
        self.assertTrue(json.loads(data)["done"])
        code, _, data = self.ann.raw("PATCH", STACK, {"displayName": "Other"}, {"If-Match": tag})
        self.assertEqual((code, json.loads(data)["reason"]), (412, "ETAG_MISMATCH"))
        self.assertEqual(self.ann.raw("GET", STACK, headers={"If-None-Match": tag})[0], 200)
        # What was read can be sent back.
        project = self.admin.get("/v1/projects/web")
        project["description"] = "Sells things"
        self.assertEqual(self.admin.patch("/v1/projects/web", project)["description"], "Sells things")

    def test_a_key_makes_a_repetition_safe(self):
        body = {"displayName": "Once"}
        first, again = (self.admin.raw("POST", "/v1/projects?projectId=once", body, {"Idempotency-Key": "k-1"})
                        for _ in range(2))
        self.assertEqual((first[0], again[0], first[2]), (200, 200, again[2]))
        self.assertEqual(first[1]["Location"], "/v1/projects/once")
        self.refused(409, "RESOURCE_EXISTS", self.admin.post, "/v1/projects?projectId=once", body)

    def test_problems(self):
        code, headers, data = self.ann.raw("POST", "/v1/projects/web/stacks?stackId=Not%20one", {
            "templateVersion": "templates/quick/versions/1", "displayName": "x" * 500})
        problem = json.loads(data)
        self.assertEqual((code, headers["Content-Type"]), (400, "application/problem+json"))
        self.assertEqual((problem["reason"], problem["status"], problem["code"]),
                         ("INVALID_FIELD", 400, "INVALID_ARGUMENT"))
        self.assertEqual(problem["instance"], f"urn:stackyard:request:{headers['X-Request-Id']}")
        self.assertIn("stackId", [e.get("parameter") for e in problem["errors"]])
        page, _, anchor = problem["type"].partition("#")
        self.assertIn(f'id="{anchor}"'.encode(), self.ann.raw("GET", page)[2])

    def test_events_go_on_where_they_ended(self):
        operation = self.ann.get(STACK)["operation"]
        connection = http.client.HTTPConnection(MESH.rest_address, timeout=60)
        headers = {**self.ann.headers, "Accept": "text/event-stream"}
        connection.request("GET", f"/v1/{operation}:watch", headers=headers)
        answer = connection.getresponse()
        self.assertEqual(answer.getheader("Content-Type"), "text/event-stream")
        # The operation is done, so the stream ends by itself.
        events = [dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
                  for block in answer.read().decode().split("\n\n") if block]
        self.assertEqual((events[0], events[-1]), ({"retry": "2000"}, {"event": "end", "data": "{}"}))
        last = events[-2]
        self.assertTrue(json.loads(last["data"])["operation"]["done"])
        connection.request("GET", f"/v1/{operation}:watch", headers={**headers, "Last-Event-ID": last["id"]})
        self.assertNotIn("data: {\"operation\"", connection.getresponse().read().decode())
        connection.close()

    def test_logs_as_events_go_on_at_their_offset(self):
        run = self.ann.get(f"{STACK}/runs?pageSize=1")["runs"][0]["name"]
        log = self.ann.get(f"/v1/{run}:readLog")
        code, _, data = self.ann.raw("GET", f"/v1/{run}:tailLog", headers={"Accept": "text/event-stream"})
        texts = [json.loads(line[6:])["text"] for line in data.decode().splitlines()
                 if line.startswith("data: {\"text\"")]
        self.assertEqual((code, "".join(texts)), (200, log["text"]))
        _, _, rest = self.ann.raw("GET", f"/v1/{run}:tailLog", headers={
            "Accept": "text/event-stream", "Last-Event-ID": log["nextOffset"]})
        self.assertNotIn(b'"text"', rest)

    def test_compression(self):
        path = "/v1/templates/quick/versions/1"
        plain = self.ann.raw("GET", path)[2]
        code, headers, data = self.ann.raw("GET", path, headers={"Accept-Encoding": "gzip"})
        self.assertEqual((code, headers["Content-Encoding"], json.loads(gzip.decompress(data))),
                         (200, "gzip", json.loads(plain)))


if __name__ == "__main__":
    suite.main()
