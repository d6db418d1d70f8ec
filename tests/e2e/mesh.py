"""Starts the real services as processes on free loopback ports, and ends them again.

    with Mesh(runners=2) as mesh:
        mesh.rest("admin").get("/v1/whoami")

Environment: STACKYARD_BIN is the folder with the binaries (build/bin), STACKYARD_TERRAFORM the
terraform or tofu to use; what scripts/env.sh knows is taken from there. With STACKYARD_KEEP=1 data
and logs stay after the run.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import clients
import exposition

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEALTH = "/grpc.health.v1.Health/Check"
START_SECONDS = 60
LOG_LINES = 25


def read_environment():
    """The environment that scripts/env.sh makes."""
    if "STACKYARD_ROOT" in os.environ:
        return dict(os.environ)
    text = subprocess.run(
        ["bash", "-c", '. "$0"/scripts/env.sh && env -0', str(ROOT)], check=True, capture_output=True
    ).stdout.decode()
    return dict(line.split("=", 1) for line in text.split("\0") if "=" in line)


ENVIRONMENT = read_environment()
BIN = pathlib.Path(os.environ.get("STACKYARD_BIN", ROOT / "build" / "bin")).resolve()
TERRAFORM = ENVIRONMENT.get("STACKYARD_TERRAFORM") or shutil.which("terraform") or "terraform"
MIRROR = ENVIRONMENT.get("STACKYARD_PROVIDER_MIRROR")
# For Mesh(environment=...): one client may call as often as it can.
UNLIMITED = {"STACKYARD_USER_RATE": "0", "STACKYARD_ADDRESS_RATE": "0",
             "STACKYARD_MAX_OPEN_CALLS_PER_USER": "20000"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(probe, what, seconds=60, every=0.1):
    """Calls `probe` until it answers something true, and answers that. Fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still not: {what() if callable(what) else what}")
        time.sleep(every)


def missing_features(command):
    """What this machine lacks to confine runs, by the names that --allow-without takes."""
    answer = subprocess.run([*command, "--preflight"], capture_output=True, text=True, check=False)
    if answer.returncode not in (0, 3):
        raise AssertionError(f"the preflight ended with {answer.returncode}\n{answer.stderr}")
    if answer.stderr:
        print(f"tests go on without a part of what confines runs:\n{answer.stderr}", file=sys.stderr)
    return answer.stdout.split()


def make_certificates(folder, *services, days=30, trust_domain="stackyard", dns=None):
    """New certificates for services, all of them when none is named; the authority stays."""
    name = ["--dns", dns] if dns else []
    subprocess.run([str(ROOT / "scripts/certs.sh"), "--days", str(days), "--trust-domain",
                    trust_domain, *name, str(folder), *services], check=True, capture_output=True)
    return folder


def tls_flags(folder, service):
    return ["--mtls-cert", str(folder / f"{service}.pem"), "--mtls-key",
            str(folder / f"{service}.key"), "--mtls-ca", str(folder / "ca.pem")]


class Service:
    """One process, which can be killed and started again with the same flags."""

    def __init__(self, mesh, name, binary, flags, health):
        self.mesh, self.name, self.health = mesh, name, health
        self.command = [str(BIN / binary), *flags]
        self.log = mesh.dir / "log" / f"{name}.log"
        self.process = None

    def spawn(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.mesh.environment, start_new_session=True,
            )
        return self

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}\n{self.tail()}")
        answer = subprocess.run(
            ["curl", "-s", "--noproxy", "*", "--max-time", "5", *self.health],
            input=b"\0\0\0\0\0", capture_output=True,
        )
        # SERVING in gRPC's framing; REST answers JSON.
        return answer.returncode == 0 and (answer.stdout.endswith(b"\x08\x01") or "-f" in self.health)

    def start(self):
        self.spawn()
        return self.wait()

    def wait(self):
        eventually(self.ready, lambda: f"{self.name} ready\n{self.tail()}", START_SECONDS, 0.05)
        return self

    def kill(self):
        """As a power cut would: no chance to save anything."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self, seconds=30):
        """SIGTERM, and SIGKILL when that is not heard."""
        if not self.process or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not stop within {seconds} s\n{self.tail()}") from None

    def restart(self):
        self.kill()
        return self.start()

    def tail(self, lines=LOG_LINES):
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return f"--- the end of {self.name}'s log\n" + "\n".join(text.splitlines()[-lines:])


class Mesh:
    """quota, stacks, gateway, rest and runners, with the people of the tests."""

    def __init__(self, runners=1, slots=2, stacks_flags=(), runner_flags=(), environment=None,
                 mtls=False, metrics=False):
        # Services find each other on loopback ports, by mutual TLS.
        self.mtls = mtls
        # Unix sockets want a short path.
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="sy-", dir="/tmp"))
        (self.dir / "log").mkdir()
        # The users of runs go through it to their own folders.
        self.dir.chmod(0o711)
        # What runs see and may write to: marks that tests look for.
        self.shared = self.dir / "shared"
        self.shared.mkdir()
        self.shared.chmod(0o777)
        # Templates of tests leave those marks by programs.
        self.catalog_policy = self.dir / "catalog-policy.yaml"
        self.catalog_policy.write_text("provisioners: [local-exec]\n")
        # What the tests do not set must not come from the shell.
        self.environment = {
            name: value for name, value in ENVIRONMENT.items()
            if not name.startswith(("STACKYARD_", "TF_"))
        }
        self.environment.update(environment or {})
        self.grpc = f"127.0.0.1:{free_port()}"
        self.rest_address = f"127.0.0.1:{free_port()}"
        self.certs = self.dir / "certs"
        self.internal = {}
        if mtls:
            make_certificates(self.certs)
        self.tokens = {}
        self.services = {}
        self.rest_clients = {}
        # Where each service shows its metrics, by name.
        self.metrics = {}
        self._declare(runners, slots, stacks_flags, runner_flags)
        if metrics:
            self._show_metrics()

    def _declare(self, runners, slots, stacks_flags, runner_flags):
        def add(name, flags, health=None, binary=None):
            (self.dir / name).mkdir()
            (self.dir / name).chmod(0o711)
            self.services[name] = Service(self, name, binary or f"stackyard-{name}", flags, health)

        def grpc_health(*where):
            return ["--http2-prior-knowledge", "-H", "content-type: application/grpc",
                    "-H", "te: trailers", "--data-binary", "@-", *where]

        def internal(name):
            if self.mtls:
                address = self.internal[name] = f"127.0.0.1:{free_port()}"
                # A service is known by another name than its host's.
                return address, [
                    "--http2", "--insecure", "--cert", str(self.certs / "gateway.pem"), "--key",
                    str(self.certs / "gateway.key"), *grpc_health(f"https://{address}{HEALTH}")[1:]]
            return f"unix:{self.dir}/{name}.sock", grpc_health(
                "--unix-socket", f"{self.dir}/{name}.sock", f"http://localhost{HEALTH}")

        def tls(name):
            return tls_flags(self.certs, name) if self.mtls else []

        quota, quota_health = internal("quota")
        stacks, stacks_health = internal("stacks")
        add("quota", ["--listen", quota, "--data", f"{self.dir}/quota", *tls("quota")],
            quota_health)
        add("stacks", ["--listen", stacks, "--data", f"{self.dir}/stacks", "--quota-target", quota,
                       "--catalog-policy", str(self.catalog_policy), *tls("stacks"),
                       *stacks_flags], stacks_health)
        add("gateway", ["--listen", self.grpc, "--data", f"{self.dir}/gateway", "--stacks-target",
                        stacks, "--quota-target", quota, "--admin-token-file",
                        f"{self.dir}/admin.token", *tls("gateway")],
            grpc_health(f"http://{self.grpc}{HEALTH}"))
        add("rest", ["--listen", self.rest_address, "--gateway", self.grpc],
            ["-f", f"http://{self.rest_address}/healthz"])
        for number in range(1, runners + 1):
            name = f"runner-{number}"
            listen, health = internal(name)
            flags = ["--listen", listen, "--data", f"{self.dir}/{name}", "--stacks-target", stacks,
                     "--work-dir", f"{self.dir}/{name}/work", "--terraform", TERRAFORM,
                     "--slots", str(slots), "--inspect", str(BIN / "stackyard-inspect"),
                     "--slot-uids", str(700_000 + 2000 * number),
                     "--sandbox-paths", f"{self.shared}:rw", *tls("runner"), *runner_flags]
            add(name, flags, health, "stackyard-runner")

    def _show_metrics(self):
        for name, service in self.services.items():
            self.metrics[name] = f"127.0.0.1:{free_port()}"
            service.command += ["--metrics-listen", self.metrics[name]]
            if name in ("stacks", "quota"):
                # As often as it goes: tests wait for what gauges say.
                service.command += ["--metrics-interval", "1s"]

    def scrape(self, name):
        """What a service tells Prometheus now."""
        return exposition.scrape(self.metrics[name])

    # ---- Life -------------------------------------------------------------------------------

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, error, trace):
        self.close(show_logs=error is not None)

    def start(self):
        missing = [name for name in sorted({s.command[0] for s in self.services.values()})
                   if not os.access(name, os.X_OK)]
        if missing:
            shutil.rmtree(self.dir)
            raise SystemExit(f"error: {', '.join(missing)} missing\nwhat to do: run: make build")
        try:
            self._allow_what_is_missing()
            for service in self.services.values():
                service.start()
        except BaseException:
            self.close()
            raise
        self.tokens["admin"] = (self.dir / "admin.token").read_text().strip()
        return self

    def _allow_what_is_missing(self):
        runners = self.runners()
        missing = missing_features(runners[0].command) if runners else []
        if missing:
            for runner in runners:
                runner.command += ["--allow-without", ",".join(missing)]

    def mark(self, name):
        """A file that runs may write to, whichever user they have."""
        path = self.shared / name
        path.touch()
        path.chmod(0o666)
        return path

    def close(self, show_logs=False):
        for client in self.rest_clients.values():
            client.close()
        if show_logs:
            self.show_logs()
        for service in reversed(self.services.values()):
            service.kill()
        if os.environ.get("STACKYARD_KEEP"):
            print(f"data and logs stay in {self.dir}", file=sys.stderr)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def show_logs(self):
        for service in self.services.values():
            print(service.tail(), file=sys.stderr)

    def __getitem__(self, name):
        return self.services[name]

    def runners(self):
        return [s for name, s in self.services.items() if name.startswith("runner-")]

    def runner_called(self, name):
        """The service of the runner that calls itself so, as runs tell it."""
        for service in self.runners():
            for line in reversed(service.log.read_text().splitlines()):
                entry = json.loads(line) if line.startswith("{") else {}
                if entry.get("message") == "runner begins":
                    if entry["runner"] == name:
                        return service
                    break
        raise AssertionError(f"no runner is called {name}")

    # ---- People -----------------------------------------------------------------------------

    def person(self, user, **roles):
        """Makes a user with a token; roles by project, `everywhere` is the whole place."""
        admin = self.rest("admin")
        admin.post(f"/v1/users?userId={user}", {"displayName": user.capitalize()})
        for project, role in roles.items():
            parent = "" if project == "everywhere" else f"/projects/{project}"
            admin.post(f"/v1{parent}/bindings", {"role": f"roles/{role}", "member": f"users/{user}"})
        answer = admin.post(f"/v1/users/{user}/tokens", {"displayName": "e2e"})
        self.tokens[user] = answer["secret"]

    def rest(self, user):
        """The REST API as somebody; None is nobody."""
        if user not in self.rest_clients:
            self.rest_clients[user] = clients.Rest(self.rest_address, self.tokens.get(user))
        return self.rest_clients[user]

    def cli(self, user, project="web"):
        """The command line tool as somebody."""
        return clients.Cli(str(BIN / "stackyard"), self.grpc, self.tokens[user], project,
                           self.environment)

    def grpcurl(self, user):
        """grpcurl as somebody."""
        return clients.Grpcurl(str(ROOT / "build/tools/bin/grpcurl"), self.grpc, self.tokens.get(user))
