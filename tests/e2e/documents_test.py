#!/usr/bin/env python3
"""Documents: their bytes, etags and readers; outputs that stacks publish; files that stacks offer."""

import base64
import json
import re
import subprocess

import bundles
import clients
import suite
from mesh import ROOT, Mesh, eventually

MESH = None
SERVICE = "stackyard.v1.DocumentService"
# No number of it is what a double makes of it, and the keys are in no order.
BYTES = b'{"b":1.0,"a":12345678901234567890}'
KUBECONFIG = "apiVersion: v1\nkind: Config\n"

FILES_MAIN = """
resource "terraform_data" "one" {
  input = var.name
}
"""
FILES_VARIABLES = """
variable "name" {
  type = string
}
"""
FILES_OUTPUTS = """
output "kubeconfig" {
  value     = "apiVersion: v1\\nkind: Config\\n"
  sensitive = true
}
output "address" {
  value = "https://${terraform_data.one.output}.example.com"
}
output "ports" {
  value = { https = 443, big = 12345678901234567890 }
}
"""


def offering():
    """A template whose stacks offer files."""
    return {
        "main.tf": FILES_MAIN, "variables.tf": FILES_VARIABLES, "outputs.tf": FILES_OUTPUTS,
        "template.yaml": bundles.SLOW_YAML % "auto" + "files:\n"
        "  - {filename: kubeconfig, output: kubeconfig}\n  - {filename: ports.json, output: ports}\n",
    }


def setUpModule():
    global MESH
    MESH = Mesh().start()
    try:
        MESH.rest("admin").post("/v1/projects?projectId=web", {})
        MESH.person("ann", web="dev")
        MESH.person("dave", everywhere="devops")
        MESH.person("vera", everywhere="viewer")
        bundles.published(MESH.rest("admin"), "offering", "1", bundles.pack(offering()))
    except BaseException:
        MESH.close(show_logs=True)
        raise


def tearDownModule():
    MESH.close()


class Answer:
    """What a call that answers bytes says, with its headers."""

    def __init__(self, done):
        self.failed = done.code != 0
        self.text = done.out + done.err
        headers = re.search(r"Response headers received:\n(.*?)\n\n", done.out, re.S)
        self.headers = dict(line.split(": ", 1) for line in headers.group(1).splitlines()
                            if ": " in line) if headers else {}
        body = re.search(r"Response contents:\n(.*?)\n\n", done.out, re.S)
        message = json.loads(body.group(1)) if body else {}
        self.type = message.get("content_type")
        self.bytes = base64.b64decode(message.get("data", ""))


def call(user, method, request, *flags):
    """grpcurl with a request of any size."""
    token = MESH.tokens.get(user)
    headers = ["-H", f"authorization: Bearer {token}"] if token else []
    done = subprocess.run(
        [str(ROOT / "build/tools/bin/grpcurl"), *flags, "-plaintext", "-max-time", "60", *headers,
         "-d", "@", MESH.grpc, method],
        input=json.dumps(request), capture_output=True, text=True, timeout=70, check=False)
    return clients.Done(done.returncode, done.stdout, done.stderr)


def read(user, method, request):
    return Answer(call(user, method, request, "-v"))


class DocumentsTest(suite.MeshTestCase):
    def setUp(self):
        self.admin, self.dave, self.vera = (MESH.rest(user) for user in ("admin", "dave", "vera"))

    def put(self, document, content, user="dave", **fields):
        request = {"name": f"documents/{document}",
                   "content": {"data": base64.b64encode(content).decode()}, **fields}
        return call(user, f"{SERVICE}/PutDocument", request)

    def written(self, document, content, **fields):
        done = self.put(document, content, **fields)
        self.assertEqual(done.code, 0, done)
        return done.json()

    def bytes_of(self, document, user="vera"):
        answer = read(user, f"{SERVICE}/ReadDocument", {"name": f"documents/{document}"})
        self.assertFalse(answer.failed, answer.text)
        return answer.bytes

    def public(self, document):
        """As somebody without a token."""
        return read(None, f"{SERVICE}/ReadPublicDocument", {"document": document})

    def ready(self, name, document):
        operation = MESH.rest("ann").post(f"/v1/projects/web/stacks?stackId={name}", {
            "templateVersion": "templates/offering/versions/1", "parameters": {"name": name},
            "publishDocument": document})
        return self.admin.succeed(operation)

    # ---- Documents --------------------------------------------------------------------------

    def test_bytes_come_back_as_they_were(self):
        made = self.written("exact", BYTES)
        self.assertEqual(self.bytes_of("exact"), BYTES)
        shown = self.vera.get("/v1/documents/exact")
        self.assertEqual(shown["content"], {"b": 1, "a": 12345678901234567000})
        self.assertEqual((shown["digest"], shown["etag"], shown["sizeBytes"]),
                         (made["digest"], made["etag"], str(len(BYTES))))
        large = json.dumps({"text": "x" * ((1 << 20) - 12)}).encode()
        self.assertEqual(len(large), 1 << 20)
        self.written("large", large)
        self.assertEqual(self.bytes_of("large"), large)

    def test_faults_are_told_with_their_place(self):
        for content, fault in ((b'{"a":1,"a":2}', "stands twice"), (b'{\n"a": tru}', "line 2"),
                               (b"[1]", "must be a JSON object"), (b" " * (1 << 20) + b"{}", "at most"),
                               (b'{"a":' + b"[" * 100, "nested")):
            done = self.put("faulty", content)
            self.assertIn("InvalidArgument", done.err)
            self.assertIn(fault, done.err)
        self.refused(404, "RESOURCE_NOT_FOUND", self.vera.get, "/v1/documents/faulty")

    def test_etags_guard_and_tell_caches(self):
        first = self.written("guarded", b"{}")
        second = self.written("guarded", BYTES, etag=first["etag"])
        self.assertIn("Aborted", self.put("guarded", b"{}", etag=first["etag"]).err)
        answer = read("vera", f"{SERVICE}/ReadDocument", {"name": "documents/guarded"})
        self.assertEqual(answer.type, "application/json")
        self.assertEqual(answer.headers["etag"], f'"{second["digest"]}"')
        self.assertEqual(answer.headers["cache-control"], "no-store")
        self.assertRegex(answer.headers["last-modified"], r"^\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$")
        self.refused(409, "ETAG_MISMATCH", self.dave.delete,
                     f"/v1/documents/guarded?etag={first['etag']}")
        self.dave.delete(f"/v1/documents/guarded?etag={second['etag']}")
        self.refused(404, "RESOURCE_NOT_FOUND", self.vera.get, "/v1/documents/guarded")

    def test_only_open_ones_are_read_by_strangers(self):
        self.written("open", BYTES)
        self.assertIn("NotFound", self.public("open").text)
        self.dave.patch("/v1/documents/open?updateMask=public", {"public": True})
        answer = self.public("open")
        self.assertEqual(answer.bytes, BYTES)
        self.assertEqual(answer.headers["cache-control"], "public, max-age=60")
        self.dave.patch("/v1/documents/open?updateMask=public", {"public": False})
        self.assertIn("NotFound", self.public("open").text)

    def test_permissions(self):
        self.written("mine", b"{}")
        self.assertIn("PermissionDenied", self.put("mine", b"{}", user="vera").err)
        self.assertIn("PermissionDenied", self.put("mine", b"{}", user="ann").err)
        self.assertIn("Unauthenticated", read(None, f"{SERVICE}/ReadDocument",
                                              {"name": "documents/mine"}).text)
        names = [d["name"] for d in self.vera.get("/v1/documents?filter=name:mine")["documents"]]
        self.assertEqual(names, ["documents/mine"])

    def test_a_restart_loses_nothing(self):
        self.written("kept", BYTES)
        MESH["stacks"].restart()
        self.assertEqual(eventually(lambda: self.bytes_of("kept"), "it answers"), BYTES)

    # ---- Published outputs ------------------------------------------------------------------

    def test_a_stack_publishes_its_outputs_while_it_lives(self):
        stack = self.ready("site", "documents/web.site")
        self.assertEqual(stack["publishDocument"], "documents/web.site")
        want = b'{"address":"https://site.example.com","ports":{"big":12345678901234567890,"https":443}}'
        eventually(lambda: any(d["name"] == "documents/web.site"
                               for d in self.vera.get("/v1/documents")["documents"]), "it is published")
        self.assertEqual(self.bytes_of("web.site"), want)
        self.assertIn("FailedPrecondition", self.put("web.site", b"{}").err)
        self.assertIn("NotFound", self.public("web.site").text)
        self.dave.patch("/v1/documents/web.site?updateMask=public", {"public": True})
        self.assertEqual(self.public("web.site").bytes, want)

        self.admin.succeed(self.admin.patch(
            "/v1/projects/web/stacks/site?updateMask=parameters.name", {"parameters": {"name": "new"}}))
        eventually(lambda: b"https://new.example.com" in self.public("web.site").bytes,
                   "the document follows")
        self.admin.succeed(self.admin.delete("/v1/projects/web/stacks/site"))
        self.assertIn("NotFound", self.public("web.site").text)
        self.refused(404, "RESOURCE_NOT_FOUND", self.vera.get, "/v1/documents/web.site")

    def test_names_of_others_are_refused(self):
        self.written("web.taken", b"{}")
        path = "/v1/projects/web/stacks?stackId=thief"
        body = {"templateVersion": "templates/offering/versions/1", "parameters": {"name": "x"}}
        ann = MESH.rest("ann")
        self.refused(409, "RESOURCE_EXISTS", ann.post, path,
                     {**body, "publishDocument": "documents/web.taken"})
        self.refused(403, "PERMISSION_MISSING", ann.post, path,
                     {**body, "publishDocument": "documents/prices"})
        self.refused(404, "RESOURCE_NOT_FOUND", ann.get, "/v1/projects/web/stacks/thief")

    # ---- Files ------------------------------------------------------------------------------

    def test_files_are_downloaded(self):
        stack = self.ready("cluster", "")
        self.assertEqual(stack["files"], ["kubeconfig", "ports.json"])
        method = "stackyard.v1.StackService/DownloadFile"
        answer = read("ann", method, {"name": "projects/web/stacks/cluster/files/kubeconfig"})
        self.assertEqual((answer.bytes.decode(), answer.type), (KUBECONFIG, "application/yaml"))
        answer = read("ann", method, {"name": "projects/web/stacks/cluster/files/ports.json"})
        self.assertEqual((answer.bytes, answer.type),
                         (b'{"big":12345678901234567890,"https":443}', "application/json"))
        name = "projects/web/stacks/cluster/files/kubeconfig"
        self.assertIn("PermissionDenied", read("vera", method, {"name": name}).text)
        self.assertIn("NotFound", read("ann", method, {"name": name + "x"}).text)
        events = self.admin.get("/v1/projects/web/events?filter=type%20%3D%20stack.fileDownloaded")
        self.assertEqual({e["actor"] for e in events["events"]}, {"users/ann"})
        self.admin.succeed(self.admin.delete("/v1/projects/web/stacks/cluster"))
        self.assertIn("FailedPrecondition", read("ann", method, {"name": name}).text)


if __name__ == "__main__":
    suite.main()
