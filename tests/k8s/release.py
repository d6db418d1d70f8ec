"""Releases of the chart on a control plane."""

import json
import pathlib
import subprocess
import tempfile

import helm
from mesh import BIN, ROOT

WAIT = "120s"


class Release:
    """One release, by Helm as an operator uses it."""

    def __init__(self, cluster, name, namespace):
        self.cluster, self.name, self.namespace = cluster, name, namespace
        self.fullname = name if "stackyard" in name else f"{name}-stackyard"
        self.environment = cluster.environment()

    def helm(self, *arguments, values=None):
        return helm.helm(*arguments, "--namespace", self.namespace, values=values,
                         environment=self.environment)

    def install(self, values):
        self.helm("install", self.name, helm.CHART, "--wait", "--timeout", WAIT, values=values)
        return self

    def upgrade(self, values):
        self.helm("upgrade", self.name, helm.CHART, "--wait", "--timeout", WAIT, values=values)

    def rollback(self, revision=0):
        self.helm("rollback", self.name, revision, "--wait", "--timeout", WAIT)

    def uninstall(self):
        self.helm("uninstall", self.name, "--wait", "--timeout", WAIT)

    def revision(self):
        history = json.loads(self.helm("history", self.name, "-o", "json"))
        return history[-1]["revision"]

    # ---- Objects ----------------------------------------------------------------------------

    def kubectl(self, *arguments, stdin=None):
        return self.cluster.kubectl("--namespace", self.namespace, *arguments, stdin=stdin)

    def get(self, *arguments):
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def deployment(self, service):
        return self.get("deployment", f"{self.fullname}-{service}")

    def image(self, service):
        return self.deployment(service)["spec"]["template"]["spec"]["containers"][0]["image"]

    def pods(self, service):
        """Pods of a service that are not on their way out."""
        selector = f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component={service}"
        return [p for p in self.get("pods", "--selector", selector)["items"]
                if "deletionTimestamp" not in p["metadata"]]

    def endpoints(self, service):
        """Names of the pods that a Service leads to."""
        slices = self.get("endpointslices", "--selector",
                          f"kubernetes.io/service-name={self.fullname}-{service}")["items"]
        return {e["targetRef"]["name"] for s in slices for e in s.get("endpoints") or []
                if e["conditions"].get("ready")}

    def use(self, service, cpu):
        """What each pod of a service is said to use."""
        for pod in self.pods(service):
            self.kubectl("annotate", "--overwrite", "pod", pod["metadata"]["name"],
                         f"kwok.x-k8s.io/usage-cpu={cpu}", "kwok.x-k8s.io/usage-memory=16Mi")

    # ---- The job that makes secrets -----------------------------------------------------------

    def make_secrets(self, check=True):
        """Does what the job's pod would do: its program, as its account, with its plan."""
        plan = self.get("configmap", f"{self.fullname}-secrets")["data"]["plan.json"]
        token = self.kubectl("create", "token", f"{self.fullname}-secrets").strip()
        with tempfile.TemporaryDirectory() as folder:
            account = pathlib.Path(folder)
            (account / "token").write_text(token)
            (account / "namespace").write_text(self.namespace)
            (account / "ca.crt").write_bytes(self.cluster.authority.path("ca.crt").read_bytes())
            (account / "plan.json").write_text(plan)
            result = subprocess.run(
                [program(), "secrets", "--plan", account / "plan.json", "--account", account, "--server",
                 f"https://127.0.0.1:{self.cluster.port}"], capture_output=True, text=True, check=False)
        if check and result.returncode != 0:
            raise AssertionError(f"the job ended with {result.returncode}\n{result.stdout}{result.stderr}")
        return result

    def secret(self, name):
        return self.get("secret", f"{self.fullname}-{name}")


def program():
    """stackyard-release; built here where scripts/build.sh has not."""
    built = BIN / "stackyard-release"
    if built.exists():
        return built
    own = ROOT / "build" / "bin" / "stackyard-release"
    subprocess.run(["go", "-C", str(ROOT / "deploy/release"), "build", "-o", str(own), "."], check=True)
    return own
