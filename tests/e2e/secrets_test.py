#!/usr/bin/env python3
"""No secret shows up where it does not belong. Secrets of every kind are planted, runs succeed, fail
and crash with them, and then everything is searched: logs, answers, streams, databases, blobs,
folders, command lines, metrics."""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import tempfile
import threading
import unittest
import urllib.request

import aws_test
import emulator
import bundles
import clients
import suite
from mesh import MIRROR, Mesh, eventually, free_port
from planted import CommandLines, Gate, Planted
from receivers import Hooks

# What may be where. Whatever is not here must not be.
ALLOWED = [
    # (path in the mesh's folder, which secrets or None for all, why)
    (r"runner-\d+/work/runs/.*", None, "a run's own folder, while it goes on: parameters, plan, state"),
    (r"runner-\d+/work/plans/.*", None, "plan files that wait to be applied"),
    (r"runner-\d+/work/prepared/.*", {"module"}, "what the module's author wrote"),
    (r"admin\.token", {"admin's token"}, "the file that first start gives the admin's token by"),
    (r"secret/.*", None, "what the test itself gives to the command line tool"),
]

VARIABLES = """
variable "password" {
  type      = string
  sensitive = true
}
variable "keys" {
  type      = object({ one = string, many = list(string) })
  sensitive = true
}
variable "mode" {
  type    = string
  default = "fine"
}
variable "gate" {
  type    = number
  default = 0
}
"""

# The author of a module may call a value harmless. It is not, and stays hidden all the same.
MAIN = r"""
locals {
  said = nonsensitive(var.password)
  more = nonsensitive(var.keys)
}

resource "terraform_data" "kept" {
  input = { password = var.password, keys = var.keys }
}

resource "terraform_data" "talk" {
  triggers_replace = [var.mode]

  lifecycle {
    precondition {
      condition     = var.mode != "condition"
      error_message = "The password ${local.said} and ${jsonencode(local.more)} are no good."
    }
  }

  provisioner "local-exec" {
    interpreter = ["/bin/bash", "-c"]
    environment = { SAID = local.said, MORE = jsonencode(local.more), MODE = var.mode, GATE = var.gate }
    command     = <<-EOT
      say() {
        echo "said $1"
        echo "said $1" >&2
        printf 'user:%s' "$1" | base64 -w0; echo
        printf '%s' "$1" | base64 -w0 | tr '+/' '-_'; echo
        printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'; echo
        printf '%s' "$1" | od -An -v -tx1 | tr -d '\n' | tr ' ' '%'; echo
      }
      say "$SAID"; say "$MORE"; say "$GITHUB_TOKEN"; say "$PASSED_TOKEN"
      env | base64 -w0; echo
      env
      if [ "$GATE" != 0 ]; then exec 3<>"/dev/tcp/127.0.0.1/$GATE"; read -r rest <&3; fi
      [ "$MODE" != provisioner ]
    EOT
  }
}

output "password" {
  value     = terraform_data.kept.output.password
  sensitive = true
}
output "mode" {
  value = var.mode
}
"""

YAML = """
title: Vault
description: Talks about its secrets.
meters:
  - {metric: resources, resource_type: terraform_data}
approval: {mode: %s, reviewer_role: devops, required_approvals: 1, expires_after: 24h}
lease: {default: 24h, maximum: 168h}
"""


def vault(approval):
    return {"variables.tf": VARIABLES, "main.tf": MAIN, "template.yaml": YAML % approval}


class Listener:
    """Keeps what a stream sends until it is closed."""

    def __init__(self, rest, path):
        self.text, self.connection = [], http.client.HTTPConnection(rest.address)
        self.connection.request("GET", path, headers=rest.headers)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            # The head of the answer comes with the first message.
            answer = self.connection.getresponse()
            while line := answer.readline():
                self.text.append(line)

    def close(self):
        with contextlib.suppress(OSError, AttributeError):
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join(10)
        self.connection.close()


def everything(rest, project):
    """All that somebody may read of a project: (path, bytes)."""
    base = f"/v1/projects/{project}"
    paths = [base, "/v1/projects", "/v1/whoami", "/v1/operations?pageSize=1000",
             "/v1/templates", "/v1/templates/vault", "/v1/templates/vault/versions",
             "/v1/templates/vault/versions/1", f"{base}/events:verify"]
    for kind in ("stacks", "changeRequests", "events", "credentials", "channels", "quota/limits",
                 "quota/reservations", "quota/usage"):
        paths.append(f"{base}/{kind}" + ("" if kind == "quota/usage" else "?pageSize=1000"))
    done = set()
    while paths:
        path = paths.pop()
        if path in done:
            continue
        done.add(path)
        code, _, data = rest.raw("GET", path)
        if code not in (200, 403):
            raise AssertionError(f"{path}: {code} {data}")
        yield path, data
        if code != 200 or "?" not in path:
            continue
        items = [item for value in json.loads(data).values() if isinstance(value, list)
                 for item in value if isinstance(item, dict) and "name" in item]
        for item in items:
            paths.append(f"/v1/{item['name']}")
            if re.fullmatch(r"projects/[^/]+/stacks/[^/]+", item["name"]):
                paths += [f"/v1/{item['name']}/{kind}?pageSize=1000"
                          for kind in ("runs", "revisions", "resources", "stateVersions")]
            elif "/runs/" in item["name"]:
                paths += [f"/v1/{item['name']}/events?pageSize=1000",
                          f"/v1/{item['name']}:readLog?limit=1048576&offset=0"]


CLI = [("stacks", "list"), ("stacks", "get", "{stack}"), ("stacks", "outputs", "{stack}"),
       ("stacks", "resources", "{stack}"), ("stacks", "revisions", "{stack}"), ("runs", "list", "{stack}"),
       ("runs", "get", "{stack}"), ("runs", "logs", "{stack}"), ("runs", "events", "{stack}"),
       ("requests", "list"), ("events", "list"), ("operations", "list"),
       ("credentials", "list"), ("credentials", "get", "git"), ("channels", "list"),
       ("templates", "describe", "vault")]

GRPC = [("StackService/ListStacks", {"parent": "projects/web"}),
        ("StackService/GetStack", {"name": "projects/web/stacks/vault"}),
        ("StackService/ListRevisions", {"parent": "projects/web/stacks/vault"}),
        ("StackService/ListResources", {"parent": "projects/web/stacks/vault"}),
        ("RunService/ListRuns", {"parent": "projects/web/stacks/vault"}),
        ("RunService/ReadLog", {"name": "projects/web/stacks/vault/runs/2", "limit": 1 << 20}),
        ("EventService/ListEvents", {"parent": "projects/web", "pageSize": 1000}),
        ("ChangeRequestService/ListChangeRequests", {"parent": "projects/web"}),
        ("OperationService/ListOperations", {}),
        ("CredentialService/ListCredentials", {"parent": "projects/web"}),
        ("CredentialService/GetCredential", {"name": "projects/web/credentials/git"}),
        ("NotificationService/ListNotificationChannels", {"parent": "projects/web"})]


class SecretsTestCase(suite.MeshTestCase):
    """A mesh with people, and the search."""

    @classmethod
    def begin(cls, runner_flags=(), environment=None):
        cls.planted = Planted()
        cls.texts = []
        cls.metrics = [f"127.0.0.1:{free_port()}" for _ in range(2)]
        cls.mesh = Mesh(runner_flags=["--metrics-listen", cls.metrics[0], *runner_flags],
                        stacks_flags=["--metrics-listen", cls.metrics[1], "--allow-webhook-network",
                                      "127.0.0.1", "--delivery-pause", "100ms"],
                        environment=environment(cls.planted) if environment else None)
        cls.addClassCleanup(cls.mesh.close)
        cls.mesh.start()
        cls.planted.know("admin's token", cls.mesh.tokens["admin"])
        cls.admin = cls.mesh.rest("admin")
        cls.admin.post("/v1/projects?projectId=web", {})
        for user, role in {"ann": "dev", "dave": "devops", "vera": "viewer"}.items():
            cls.mesh.person(user, web=role)
            cls.planted.know(f"{user}'s token", cls.mesh.tokens[user])
        cls.ann, cls.dave, cls.vera = (cls.mesh.rest(user) for user in ("ann", "dave", "vera"))
        (cls.mesh.dir / "secret").mkdir()
        cls.hooks = Hooks()
        cls.addClassCleanup(cls.hooks.close)

    def secret_file(self, name, text):
        path = self.mesh.dir / "secret" / name
        path.write_text(text)
        return path

    def keep(self, place, data):
        """Text that is searched at the end."""
        self.texts.append((place, data if isinstance(data, bytes) else data.encode()))

    def keep_answers(self, stack, more=()):
        """All that people can read, by each of the three ways; `more` are commands."""
        for user in ("vera", "ann", "dave"):
            for path, data in everything(self.mesh.rest(user), "web"):
                self.keep(f"{user} at {path}", data)
        for user in ("vera", "ann"):
            for command in [*CLI, *more]:
                for form in ("table", "json"):
                    words = [word.format(stack=stack) for word in command]
                    done = self.mesh.cli(user)(*words, "-o", form)
                    if user == "ann":
                        self.assertEqual(done.code, 0, done)
                    self.keep(f"{user}: stackyard {' '.join(words)} -o {form}", done.out + done.err)
            grpcurl = self.mesh.grpcurl(user)
            if pathlib.Path(grpcurl.program).exists():
                for method, request in GRPC:
                    done = grpcurl(f"stackyard.v1.{method}", request)
                    self.keep(f"{user} by gRPC: {method}", done.out + done.err)
        for address in self.metrics:
            with urllib.request.urlopen(f"http://{address}/metrics") as page:
                self.keep(f"metrics of {address}", page.read())

    def search(self, allowed=()):
        leaks = [(what, place) for place, data in self.texts for what in self.planted.secrets_in(data)]
        leaks += self.planted.leaks_in_folder(self.mesh.dir, [*ALLOWED, *allowed])
        self.assertEqual(leaks, [])

    def search_command_lines(self, lines):
        self.assertTrue(any(b"apply" in line and b"-json" in line for line in lines.seen),
                        "no command line of Terraform was seen")
        leaks = [(what, line) for line in lines.seen for what in self.planted.secrets_in(line)]
        self.assertEqual(leaks, [])

    def search_core_dumps(self):
        self.assertEqual([str(p) for p in self.mesh.dir.rglob("core*") if p.is_file()], [])

    def review(self, stack):
        """Waits for the change request of a stack and answers it."""
        def probe():
            found = self.admin.get(f"/v1/projects/web/stacks/{stack}")
            if found["state"] == "FAILED":
                raise AssertionError(json.dumps(found["stateDetail"]))
            return found["state"] == "AWAITING_APPROVAL" and found["changeRequest"]
        return self.admin.get("/v1/" + eventually(probe, f"{stack} waits for review", 120))

    def approve(self, request):
        self.dave.post(f"/v1/{request['name']}:approve", {"planDigest": request["planDigest"]})

    def log_of(self, run):
        return self.vera.raw("GET", f"/v1/{run}:readLog?limit=1048576")[2].decode()

    def run_name(self, stack):
        runs = self.vera.get(f"/v1/projects/web/stacks/{stack}/runs?pageSize=1000")["runs"]
        return max((run["name"] for run in runs), key=lambda name: int(name.rsplit("/", 1)[1]))


class VaultTest(SecretsTestCase):
    """Without any cloud."""

    @classmethod
    def setUpClass(cls):
        def passed(planted):
            return {"PASSED_TOKEN": planted.plant("passed variable"),
                    "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token", "AWS_ROLE_ARN": "arn:of-the-runner",
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials"}
        cls.begin(["--pass-env", "PASSED_TOKEN"], passed)
        for version, approval in (("1", "required"), ("2", "auto")):
            bundles.published(cls.admin, "vault", version, bundles.pack(vault(approval)))

    def update(self, mode, gate=0):
        """Without review: version 2 needs none."""
        return self.ann.patch(f"/v1/{self.stack}?updateMask=template_version,parameters", {
            "templateVersion": "templates/vault/versions/2",
            "parameters": {**self.parameters, "mode": mode, "gate": gate}})

    def terraform(self):
        """The terraform process that works for the mesh's runner."""
        found = []
        for process in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                words = pathlib.Path("/proc", process, "cmdline").read_bytes().split(b"\0")
                folder = os.readlink(f"/proc/{process}/cwd")
                program = os.readlink(f"/proc/{process}/exe")
                if b"apply" in words and "terraform" in program and str(self.mesh.dir) in folder:
                    found.append(int(process))
        return found

    def test_nothing_shows(self):
        planted = self.planted
        cli = self.mesh.cli("dave")
        with CommandLines(ours=[self.mesh.grpcurl("ann").program]) as lines:
            # What people put in.
            cli.ok("credentials", "create", "static", "git", "--var", "GITHUB_OWNER=acme", "--secret-file",
                   f"GITHUB_TOKEN={self.secret_file('token', planted.plant('secret of a credential'))}")
            cli.ok("channels", "create", "webhook", "hook", "--url", f"{self.hooks.address}/hook", "--event",
                   "*", "--key-file", self.secret_file("key", planted.plant("key of a webhook", plain=True)))
            self.parameters = {
                "password": planted.plant("sensitive parameter"),
                "keys": {"one": planted.plant("member of a sensitive parameter"),
                         "many": [planted.plant("element of a sensitive parameter")]}}
            listeners = [Listener(self.vera, "/v1/projects/web/events:watch")]

            # A run that talks, and is looked at while it does.
            gate = Gate()
            self.addCleanup(gate.close)
            operation = self.ann.post("/v1/projects/web/stacks?stackId=vault", {
                "templateVersion": "templates/vault/versions/1",
                "parameters": {**self.parameters, "gate": gate.port}})
            self.stack = "projects/web/stacks/vault"
            listeners += [Listener(self.vera, f"/v1/{self.stack}:watch"),
                          Listener(self.ann, f"/v1/{operation['name']}:watch")]
            request = self.review("vault")
            self.keep_answers("vault")
            self.approve(request)
            gate.wait()
            apply_run = self.run_name("vault")
            listeners.append(Listener(self.vera, f"/v1/{apply_run}:tailLog"))
            eventually(lambda: self.log_of(apply_run).count("(sensitive)") > 20,
                       lambda: f"the log has it all\n{self.log_of(apply_run)}", 30)
            self.search()
            gate.open()
            stack = self.admin.succeed(operation)
            self.assertEqual(stack["outputs"]["mode"]["value"], "fine")
            self.assertIn("said (sensitive)", self.log_of(apply_run))
            self.assertIn("GITHUB_OWNER=acme", self.log_of(apply_run), "what is no secret is shown")
            # The log has the whole environment: nothing of the runner's own is in it.
            self.assertIn("AWS_EC2_METADATA_DISABLED=true", self.log_of(apply_run))
            for name in ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_CONTAINER"):
                self.assertNotIn(name, self.log_of(apply_run))

            # Runs that fail in ways that name the secrets.
            condition = self.admin.wait(self.update("condition"))
            self.assertIn("The password (sensitive)", json.dumps(condition["error"]))
            self.keep("error of a condition", json.dumps(condition))
            provisioner = self.admin.wait(self.update("provisioner"))
            self.assertIn("local-exec provisioner error", json.dumps(provisioner["error"]))
            self.keep("error of a provisioner", json.dumps(provisioner))

            # Terraform crashes with a trace of its stacks.
            second = Gate()
            self.addCleanup(second.close)
            broken = self.update("crash", second.port)
            second.wait()
            victims = self.terraform()
            self.assertTrue(victims, "no terraform to crash")
            for victim in victims:
                os.kill(victim, signal.SIGABRT)
            crash = self.admin.wait(broken)
            self.assertIn("error", crash)
            self.keep("error of a crash", json.dumps(crash))
            self.assertIn("goroutine", self.log_of(self.run_name("vault")), "no trace of the crash")
            second.open()

            # Faults of requests are told without what was sent.
            with self.assertRaises(clients.ApiError) as caught:
                self.dave.post("/v1/projects/web/credentials?credentialId=bad", {"static": {
                    "secretVariables": {"PATH": planted.plant("refused credential"),
                                        planted.plant("secret as a name"): "x"}}})
            self.keep("a refused credential", json.dumps(caught.exception.body))
            eventually(lambda: self.hooks.to("/hook"), "the webhook was called", 30)

            self.keep_answers("vault", [("requests", "get", "1"), ("channels", "get", "hook")])
            for listener in listeners:
                listener.close()
                self.assertTrue(listener.text, "a stream sent nothing")
                self.keep("a stream", b"".join(listener.text))
            for post in self.hooks.to("/hook"):
                self.keep("a webhook", json.dumps(post.headers).encode() + post.body)
        self.search_command_lines(lines)
        self.search_core_dumps()
        self.search()
        # What would be found, were it there.
        self.assertEqual(planted.secrets_in(self.parameters["password"]), ["sensitive parameter"])

        # Nothing stays with the runner once all is done and it is started anew.
        self.mesh["runner-1"].stop()
        self.mesh["runner-1"].start()
        runs = list((self.mesh.dir / "runner-1/work/runs").glob("*/*-*"))
        self.assertEqual([str(run) for run in runs if run.is_dir() and "projects_" in run.name], [])


CLOUD_MAIN = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  skip_region_validation      = true
  s3_use_path_style           = true
}

resource "aws_secretsmanager_secret" "one" {
  name = var.name
}

# That it is a secret is known from the provider's schema alone.
resource "aws_secretsmanager_secret_version" "one" {
  secret_id     = aws_secretsmanager_secret.one.id
  secret_string = "%s"
}

resource "aws_s3_bucket" "mine" {
  bucket = "bucket-of-${var.name}"
}

# The provider says what it does not like.
resource "aws_sqs_queue" "bad" {
  count = var.bad ? 1 : 0
  name  = "${nonsensitive(var.password)}!"
}
"""
CLOUD_VARIABLES = """
variable "name" {
  type = string
}
variable "bad" {
  type    = bool
  default = false
}
variable "password" {
  type      = string
  sensitive = true
}
"""


def signed_token(secret):
    """A token of the form that Kubernetes gives to a pod."""
    parts = [json.dumps({"alg": "RS256", "kid": "1"}), json.dumps({"sub": secret}), secret]
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)


@unittest.skipIf(emulator.missing(), emulator.missing())
class CloudTest(SecretsTestCase):
    """Projects with keys of their own, each in a cloud of its own, one that takes a role by the runner's
    identity, and a provider that logs all that it sends."""

    @classmethod
    def setUpClass(cls):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="sy-token-"))
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.token = folder / "token"
        # Terraform starts the providers: then all that they log comes through it into the run's log.
        cls.begin(["--provider-mirror", MIRROR or "", "--no-provider-direct", "--pass-env", "TF_LOG",
                   "--provider-pool-max", "0"],
                  lambda planted: {"TF_LOG": "debug", "AWS_WEB_IDENTITY_TOKEN_FILE": str(cls.token)})
        cls.token.write_text(signed_token(cls.planted.plant("the runner's own token", plain=True)))
        cls.clouds = {}
        for project in ("web", "other", "role"):
            if project != "web":
                cls.admin.post(f"/v1/projects?projectId={project}", {})
            cls.clouds[project] = emulator.Emulator(cls.mesh.dir / "log" / f"moto-{project}.log")
            cls.addClassCleanup(cls.clouds[project].close)
        cls.admin.timeout = aws_test.PATIENCE + 60
        files = {"main.tf": CLOUD_MAIN % cls.planted.plant("module", plain=True),
                 "variables.tf": CLOUD_VARIABLES, "template.yaml": YAML % "auto"}
        cls.admin.succeed(bundles.publish(cls.admin, "vault", "1", bundles.pack(files)), aws_test.PATIENCE)

    def create(self, project, **parameters):
        return self.admin.post(f"/v1/projects/{project}/stacks?stackId=vault", {
            "templateVersion": "templates/vault/versions/1",
            "parameters": {"name": f"{project}-1", "password": self.password, **parameters}})

    def test_each_project_in_its_own_cloud_and_nothing_shows(self):
        self.password = self.planted.plant("sensitive parameter")
        with CommandLines(ours=[self.mesh.grpcurl("ann").program]) as lines:
            for project in ("web", "other"):
                cloud = self.clouds[project]
                key = self.planted.plant(f"key of {project}", plain=True)
                self.admin.post(f"/v1/projects/{project}/credentials?credentialId=git", {
                    "providers": ["hashicorp/aws"], "static": {
                        "variables": {"AWS_REGION": emulator.REGION, "AWS_ACCESS_KEY_ID": f"AKIA{project}",
                                      "AWS_ENDPOINT_URL": f"http://{cloud.address}"},
                        "secretVariables": {"AWS_SECRET_ACCESS_KEY": key}}})
            self.admin.post("/v1/projects/role/credentials?credentialId=places", {"static": {"variables": {
                name: f"http://{self.clouds['role'].address}"
                for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS")}}})
            self.admin.post("/v1/projects/role/credentials?credentialId=role", {"webIdentity": {
                "roleArn": "arn:aws:iam::123456789012:role/web", "region": emulator.REGION}})
            operations = [self.create(project) for project in self.clouds]
            for operation in operations:
                self.admin.succeed(operation, aws_test.PATIENCE)
            for project, cloud in self.clouds.items():
                self.assertEqual(cloud.buckets(), [f"bucket-of-{project}-1"])
            # An error of the provider that quotes the value.
            failed = self.admin.wait(self.admin.patch(
                "/v1/projects/web/stacks/vault?updateMask=parameters.bad", {"parameters": {"bad": True}}),
                aws_test.PATIENCE)
            self.assertIn("(sensitive)", json.dumps(failed["error"]))
            self.keep("an error of the provider", json.dumps(failed))
            log = self.log_of("projects/web/stacks/vault/runs/2")
            self.assertIn("AKIAweb", log, "the log tells which key was used")
            roles = self.admin.raw(
                "GET", "/v1/projects/role/stacks/vault/runs/2:readLog?limit=1048576")[2].decode()
            self.assertIn("WebIdentityToken=(sensitive)", roles)
            self.admin.delete("/v1/projects/other/credentials/git")
            # Without its key the project has no way in: not as the other one, and not as the machine.
            lost = self.admin.wait(self.admin.delete("/v1/projects/other/stacks/vault"), aws_test.PATIENCE)
            self.assertIn("credential", json.dumps(lost["error"]).lower())
            self.keep("an error without a key", json.dumps(lost))
            self.assertEqual(self.clouds["other"].buckets(), ["bucket-of-other-1"])
            self.keep_answers("vault")
            self.keep("the log of who took a role", roles)
        self.search_command_lines(lines)
        self.search_core_dumps()
        # The emulators are other people's clouds.
        self.search([(r"log/moto-.*", None, "the cloud itself")])


if __name__ == "__main__":
    suite.main()
