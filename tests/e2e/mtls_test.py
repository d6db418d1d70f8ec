#!/usr/bin/env python3
"""The mesh by mutual TLS: a stack from its request to READY, certificates and authorities that are
replaced while a run goes on, intruders, and what the mesh tells of itself."""

import json
import shutil
import ssl
import subprocess

import bundles
import suite
from mesh import ROOT, Mesh, eventually, make_certificates, tls_flags

MESH = None
SERVICES = ("gateway", "stacks", "quota", "runner", "keda")
# In settings, where nobody may see it.
PLANTED = "hunter2-planted"
# Long enough for a run on a busy machine.
PATIENCE = 90

# Methods by who may call them, apart from health, which every service may.
METHODS = {
    "stacks": {
        "/stackyard.v1.ProjectService/ListProjects": {"gateway"},
        "/stackyard.v1.StackService/CreateStack": {"gateway"},
        "/stackyard.v1.CredentialService/ListCredentials": {"gateway"},
        "/stackyard.internal.v1.RunQueueService/Heartbeat": {"runner"},
        "/stackyard.internal.v1.RunQueueService/ReadBlob": {"runner"},
        "/stackyard.internal.v1.IntrospectionService/Describe": {"gateway"},
        "/externalscaler.ExternalScaler/IsActive": {"keda"},
    },
    "quota": {
        "/stackyard.v1.QuotaService/ListQuotaLimits": {"gateway"},
        "/stackyard.internal.v1.LedgerService/ListHeld": {"stacks"},
        "/stackyard.internal.v1.QuotaChangeService/ApplyQuotaChange": {"stacks"},
        "/stackyard.internal.v1.IntrospectionService/Describe": {"gateway"},
    },
    "runner-1": {"/stackyard.internal.v1.IntrospectionService/Describe": {"gateway"}},
}


def setUpModule():
    global MESH
    MESH = Mesh(runners=1, mtls=True, stacks_flags=[
        "--smtp-server", f"smtp://bob:{PLANTED}@127.0.0.1:9", "--smtp-from", "a@example.org"]).start()
    try:
        MESH.rest("admin").post("/v1/projects?projectId=web", {})
        MESH.person("dave", web="devops", everywhere="devops")
        bundles.published(MESH.rest("admin"), "slow", "1", bundles.pack(bundles.slow()))
    except BaseException:
        MESH.close(show_logs=True)
        raise


def tearDownModule():
    MESH.close()


class Answer:
    """What a server said to a call; `status` is None when there was no answer at all."""

    def __init__(self, done):
        headers = dict(line.split(": ", 1) for line in done.stdout.decode(errors="replace").split("\r\n")
                       if ": " in line)
        self.status = int(headers["grpc-status"]) if "grpc-status" in headers else None
        self.message = headers.get("grpc-message", "")
        self.text = f"curl {done.returncode}: {headers}"


def call(address, path, folder=None, service=None, plain=False):
    """A call with an empty request, by the certificate of a service in a folder, or none."""
    command = ["curl", "-s", "--noproxy", "*", "--max-time", "10", "-D", "-", "-o", "/dev/null"]
    command += ["--http2-prior-knowledge"] if plain else ["--http2", "--insecure"]
    if service:
        command += ["--cert", f"{folder}/{service}.pem", "--key", f"{folder}/{service}.key"]
    for header in ("content-type: application/grpc", "te: trailers"):
        command += ["-H", header]
    scheme = "http" if plain else "https"
    return Answer(subprocess.run([*command, "--data-binary", "@-", f"{scheme}://{address}{path}"],
                                 input=b"\0\0\0\0\0", capture_output=True, check=False))


def refused(address, path, service, metadata=()):
    """Whether a call with the certificate of a service was refused because it is that service's."""
    headers = [part for header in metadata for part in ("-rpc-header", header)]
    done = subprocess.run(
        [str(ROOT / "build/tools/bin/grpcurl"), "-insecure", "-max-time", "20",
         "-cert", f"{MESH.certs}/{service}.pem", "-key", f"{MESH.certs}/{service}.key", *headers,
         "-d", "{}", address, path.removeprefix("/")], capture_output=True, text=True, check=False)
    if "Code: Unavailable" in done.stderr or "Failed to" in done.stderr:
        raise AssertionError(f"{service} gets no answer from {path}: {done.stderr}")
    return "Code: PermissionDenied" in done.stderr and "Message: PEER_REFUSED: " in done.stderr


def log_lines(name, message):
    lines = (json.loads(line) for line in MESH[name].log.read_text().splitlines()
             if line.startswith("{"))
    return [line for line in lines if line["message"] == message]


class MtlsTest(suite.MeshTestCase):
    def setUp(self):
        self.admin = MESH.rest("admin")

    def create(self, name, **parameters):
        parameters["journal"] = str(MESH.mark(f"{name}.journal"))
        self.admin.post(f"/v1/projects/web/stacks?stackId={name}",
                        {"templateVersion": "templates/slow/versions/1", "parameters": parameters})

    def get(self, name):
        return self.admin.get(f"/v1/projects/web/stacks/{name}")

    def reach(self, name, state):
        def probe():
            stack = self.get(name)
            return stack if stack["state"] == state else None
        return eventually(probe, lambda: f"{name} {state}: {json.dumps(self.get(name))}", PATIENCE)

    def take_up(self, change):
        """Changes certificate files, and waits until every service has read them."""
        names = ("gateway", "stacks", "quota", "runner-1")
        before = {name: len(log_lines(name, "certificates read")) for name in names}
        change()
        eventually(lambda: all(len(log_lines(name, "certificates read")) > before[name]
                               for name in names), "new certificates read by all", PATIENCE)

    def system(self, user, method):
        done = MESH.grpcurl(user)(f"stackyard.v1.SystemService/{method}")
        self.assertEqual(done.code, 0, done)
        return done.json(), done.out

    def test_certificates_and_authority_are_replaced_while_a_run_goes_on(self):
        self.create("long", steps=4, seconds=20)
        self.reach("long", "APPLYING")
        self.take_up(lambda: make_certificates(MESH.certs))
        # gRPC shows a new one soon after it was read.
        for name in ("quota", "stacks", "runner-1"):
            host, port = MESH.internal[name].split(":")
            wanted = (MESH.certs / f"{name.split('-')[0]}.pem").read_text()
            eventually(lambda: ssl.get_server_certificate((host, int(port))) == wanted,
                       f"{name} shows its new certificate", PATIENCE)

        fresh = make_certificates(MESH.dir / "fresh")
        old_ca, new_ca = ((folder / "ca.pem").read_text() for folder in (MESH.certs, fresh))
        old = shutil.copytree(MESH.certs, MESH.dir / "old")
        def trust(text):
            (MESH.certs / "ca.pem").write_text(text)
        def move_over():
            for service in SERVICES:
                for end in ("pem", "key"):
                    shutil.copy(fresh / f"{service}.{end}", MESH.certs / f"{service}.{end}")
        self.take_up(lambda: trust(old_ca + new_ca))
        self.take_up(move_over)
        self.take_up(lambda: trust(new_ca))

        self.assertEqual(self.get("long")["state"], "APPLYING", "too late: nothing went on meanwhile")
        self.reach("long", "READY")
        self.assertEqual(sorted((MESH.shared / "long.journal").read_text().split()),
                         ["0", "1", "2", "3", "last"])
        # New connections everywhere.
        MESH["quota"].restart()
        MESH["stacks"].restart()
        eventually(lambda: self.admin.raw("GET", "/v1/projects/web")[0] == 200,
                   "the gateway connects anew", PATIENCE)
        self.create("after", steps=1)
        self.reach("after", "READY")
        # What the old authority signed opens nothing any more.
        for name, address in MESH.internal.items():
            answer = call(address, "/grpc.health.v1.Health/Check", old, "gateway")
            self.assertIsNone(answer.status, f"{name}: {answer.text}")

    def test_each_service_calls_what_it_may_and_nothing_else(self):
        for name, methods in METHODS.items():
            for path, allowed in methods.items():
                for service in SERVICES:
                    self.assertEqual(refused(MESH.internal[name], path, service),
                                     service not in allowed, f"{service} calls {path} of {name}")
            for service in SERVICES:
                answer = call(MESH.internal[name], "/grpc.health.v1.Health/Check", MESH.certs, service)
                self.assertEqual(answer.status, 0, answer.text)

    def test_nobody_but_the_gateway_speaks_for_a_user(self):
        # users/admin, everywhere, as the gateway would write it.
        forged = ["x-stackyard-principal-bin: Cgt1c2Vycy9hZG1pbhgB"]
        for name, methods in METHODS.items():
            for path in (*methods, "/grpc.health.v1.Health/Check"):
                for service in ("stacks", "quota", "runner", "keda"):
                    self.assertTrue(refused(MESH.internal[name], path, service, forged),
                                    f"{service} calls {path} of {name}")

    def test_intruders_get_no_answer_and_the_log_says_why(self):
        other = make_certificates(MESH.dir / "other")
        # The same authority, for another mesh and for one that has ended.
        elsewhere, ended = MESH.dir / "elsewhere", MESH.dir / "ended"
        for folder, options in ((elsewhere, {"trust_domain": "elsewhere"}), (ended, {"days": -1})):
            folder.mkdir()
            authority = MESH.dir / ("fresh" if (MESH.dir / "fresh").exists() else "certs")
            for file in ("ca.pem", "ca.key"):
                shutil.copy(authority / file, folder / file)
            make_certificates(folder, **options)
        intruders = {
            "it shows no certificate": (None, None),
            "no authority of --mtls-ca signed it": (other, "gateway"),
            "it is spiffe://elsewhere/gateway, not spiffe://stackyard/": (elsewhere, "gateway"),
            "certificate has expired at": (ended, "gateway"),
        }
        for name, methods in METHODS.items():
            for path in (*methods, "/grpc.health.v1.Health/Check"):
                answer = call(MESH.internal[name], path, plain=True)
                self.assertIsNone(answer.status, f"{name} {path} in plain text: {answer.text}")
                for why, (folder, service) in intruders.items():
                    answer = call(MESH.internal[name], path, folder, service)
                    self.assertIsNone(answer.status, f"{name} {path} {why}: {answer.text}")
            for why in intruders:
                self.assertTrue([line for line in log_lines(name, "a connection was refused")
                                 if why in line["error"]], f"{name} does not log: {why}")

    def test_a_false_quota_is_not_believed(self):
        other = make_certificates(MESH.dir / "false")
        quota = MESH["quota"]
        command = quota.command
        quota.stop()
        first = command.index("--mtls-cert")
        quota.command = command[:first] + tls_flags(other, "quota") + command[first + 6:]
        quota.spawn()
        try:
            done = MESH.grpcurl("admin")
            answer = eventually(
                lambda: next((said for said in [done("stackyard.v1.QuotaService/ListUsage",
                                                     {"parent": "projects/web"}).err]
                              if "DEPENDENCY_UNAVAILABLE" in said), None), "a refusal", PATIENCE)
            self.assertNotIn("OK", answer)
            for name in ("gateway", "stacks"):
                eventually(lambda: [line for line in log_lines(name, "a service is not who it should be")
                                    if line["expected"] == "quota"], f"{name} says so", PATIENCE)
        finally:
            quota.kill()
            quota.command = command
            quota.start()

    def test_the_mesh_tells_how_it_is(self):
        def told():
            answer, _ = self.system(None, "GetSystemStatus")
            return answer
        def all_well():
            answer = told()
            return answer if answer.get("ok") else None
        answer = eventually(all_well, lambda: f"all well: {told()}", PATIENCE)
        names = [dependency["name"] for dependency in answer["dependencies"]]
        self.assertEqual(sorted(names), ["database", "quota", "quota/database", "stacks",
                                         "stacks/blobs", "stacks/database", "stacks/quota"])
        self.assertTrue(answer["version"] and answer["instance"] and answer["start_time"])
        for address in (*MESH.internal.values(), MESH.grpc):
            self.assertNotIn(address, json.dumps(answer))

        MESH["quota"].kill()
        try:
            def without_quota():
                bad = {d["name"]: d["error"] for d in told()["dependencies"] if not d.get("ok")}
                return bad if {"quota", "stacks/quota"} <= set(bad) else None
            bad = eventually(without_quota, lambda: f"quota is away: {told()}", PATIENCE)
            self.assertEqual(set(bad), {"quota", "stacks/quota"})
            self.assertLessEqual(set(bad.values()), {"does not answer", "does not answer in time"})
            self.assertFalse(told().get("ok"))
        finally:
            MESH["quota"].start()
        eventually(all_well, lambda: f"all well again: {told()}", PATIENCE)

    def test_settings_are_the_administrators_and_hold_no_secret(self):
        answer, text = self.system("admin", "ListConfigs")
        self.assertNotIn(PLANTED, text)
        configs = {config["service"]: {setting["flag"]: setting for setting in config["settings"]}
                   for config in answer["configs"]}
        self.assertEqual(set(configs), {"gateway", "stacks", "quota"})
        self.assertEqual(configs["stacks"]["smtp-server"]["value"], "smtp://bob:***@127.0.0.1:9")
        self.assertEqual(configs["stacks"]["smtp-server"]["source"], "command line")
        self.assertEqual(configs["stacks"]["mtls-key"]["value"], str(MESH.certs / "stacks.key"))
        self.assertEqual(configs["quota"]["drain"]["source"], "default")
        done = MESH.grpcurl("dave")("stackyard.v1.SystemService/ListConfigs")
        self.assertIn("PermissionDenied", done.err)
        done = MESH.grpcurl(None)("stackyard.v1.SystemService/ListConfigs")
        self.assertIn("Unauthenticated", done.err)


if __name__ == "__main__":
    suite.main()
