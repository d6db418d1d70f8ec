#!/usr/bin/env python3
"""A real Kubernetes control plane on loopback, with simulated nodes: etcd, API server, controllers,
scheduler, kwok and metrics-server as processes on free ports, with data in a folder of their own.

    with ControlPlane() as cluster:
        cluster.kubectl("get", "nodes")

By hand:

    tests/k8s/control_plane.py up DIR      # prints what to export
    tests/k8s/control_plane.py status DIR
    tests/k8s/control_plane.py down DIR    # ends it and removes DIR

scripts/kubernetes.sh builds what is needed. Pods of simulated nodes are ready at once and run
nothing; what they use is what their annotations kwok.x-k8s.io/usage-cpu and usage-memory say.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

# pylint: disable=wrong-import-position
import pki
from mesh import ROOT, eventually, free_port

TOOLS = ROOT / "build" / "tools"
HYPERKUBE = TOOLS / "bin" / "hyperkube"
FILES = TOOLS / "kubernetes"
SERVICE_NETWORK = "10.96.0.0/16"
API_SERVICE_ADDRESS = "10.96.0.1"
START_SECONDS = 120
# What runs a component that shall not be root in the cluster.
COMPONENTS = {
    "admin": "/O=system:masters/CN=admin",
    "controllers": "/CN=system:kube-controller-manager",
    "scheduler": "/CN=system:kube-scheduler",
}


class KubectlError(AssertionError):
    """A kubectl that failed; the text is what it said."""


def missing():
    """What is not built yet, or None."""
    for path in (HYPERKUBE, FILES / "kwok.yaml", FILES / "crds"):
        if not path.exists():
            return f"{path.relative_to(ROOT)} is missing (scripts/kubernetes.sh builds it)"
    return None


class ControlPlane:
    """`nodes`: how many simulated nodes, each in a zone of its own of three. For real nodes: the API
    server listens on `bind` and is told to others as `advertise`; pods get addresses of `pods`."""

    def __init__(self, nodes=3, folder=None, bind="127.0.0.1", advertise="127.0.0.1", pods=None,
                 simulated=True):
        self.dir = pathlib.Path(folder or tempfile.mkdtemp(prefix="sk-", dir="/tmp")).resolve()
        self.nodes, self.simulated, self.pods = nodes, simulated, pods
        self.bind, self.advertise = bind, advertise
        self.kubeconfig = self.dir / "admin.kubeconfig"
        self.processes = {}

    # ---- Life -------------------------------------------------------------------------------

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, error, trace):
        self.close(show_logs=error is not None)

    def start(self):
        if lack := missing():
            raise SystemExit(f"error: {lack}\nwhat to do: run: scripts/kubernetes.sh")
        try:
            self._start()
        except BaseException:
            self.close(show_logs=True)
            raise
        return self

    def _start(self):
        for name in ("log", "pki"):
            (self.dir / name).mkdir(parents=True, exist_ok=True)
        self.authority = pki.Authority(self.dir / "pki")
        self.port = free_port()
        self._certificates()
        self._start_etcd()
        self._start_apiserver()
        self._start_controllers()
        self._install_crds()
        if self.simulated:
            self._start_nodes()
            self._start_metrics()
        self._write_pids()

    def close(self, show_logs=False):
        if show_logs:
            self.show_logs()
        # The API server before etcd, else it hangs on what it has lost.
        for process in reversed(self.processes.values()):
            process.kill()
            process.wait()
        if os.environ.get("STACKYARD_KEEP"):
            print(f"data and logs stay in {self.dir}", file=sys.stderr)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def show_logs(self, lines=15):
        for log in sorted((self.dir / "log").glob("*.log")):
            text = "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
            print(f"--- the end of {log.name}\n{text}", file=sys.stderr)

    def _write_pids(self):
        pids = {name: process.pid for name, process in self.processes.items()}
        (self.dir / "pids.json").write_text(json.dumps(pids))

    # ---- Parts ------------------------------------------------------------------------------

    def _certificates(self):
        names = ["DNS:localhost", "DNS:kubernetes", "DNS:kubernetes.default.svc",
                 *(f"IP:{a}" for a in sorted({"127.0.0.1", API_SERVICE_ADDRESS, self.advertise}))]
        self.authority.server("apiserver", "/CN=kube-apiserver", names)
        self.authority.server("kubelet", "/CN=localhost", ["DNS:localhost", "IP:127.0.0.1"])
        self.authority.client("front-proxy", "/CN=front-proxy")
        self.authority.client("apiserver-kubelet", "/O=system:masters/CN=kube-apiserver")
        self.authority.signing_key("accounts.key")
        for name, subject in COMPONENTS.items():
            self.user(name, subject)

    def user(self, name, subject):
        """The path of a new kubeconfig for a client of that subject."""
        certificate, key = self.authority.client(name, subject)
        path = self.dir / f"{name}.kubeconfig"
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "tests",
            "clusters": [{"name": "tests", "cluster": {
                "server": f"https://127.0.0.1:{self.port}",
                "certificate-authority": str(self.authority.path("ca.crt"))}}],
            "users": [{"name": name, "user": {"client-certificate": str(certificate),
                                              "client-key": str(key)}}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": name}}]}))
        return path

    def spawn(self, name, *command):
        """A process of the control plane, whose output goes to log/NAME.log."""
        with (self.dir / "log" / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.dir, start_new_session=True)

    def _alive(self, name):
        code = self.processes[name].poll()
        if code is not None:
            raise AssertionError(f"{name} ended with {code}")

    def _start_etcd(self):
        clients, peers = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self.etcd = clients
        self.spawn(
            "etcd", HYPERKUBE, "etcd", "--data-dir", self.dir / "etcd", "--unsafe-no-fsync",
            "--log-level", "warn", "--listen-client-urls", clients, "--advertise-client-urls", clients,
            "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers,
            "--initial-cluster", f"default={peers}")

    def _start_apiserver(self):
        file = self.authority.path
        self.spawn(
            "apiserver", HYPERKUBE, "kube-apiserver", f"--etcd-servers={self.etcd}",
            f"--bind-address={self.bind}", f"--advertise-address={self.advertise}",
            f"--secure-port={self.port}",
            # Loopback is no endpoint that a Service may have.
            f"--endpoint-reconciler-type={'none' if self.advertise == '127.0.0.1' else 'master-count'}",
            f"--tls-cert-file={file('apiserver.crt')}",
            f"--tls-private-key-file={file('apiserver.key')}", f"--client-ca-file={file('ca.crt')}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={file('accounts.key')}",
            f"--service-account-signing-key-file={file('accounts.key')}",
            f"--service-cluster-ip-range={SERVICE_NETWORK}", "--authorization-mode=Node,RBAC",
            "--allow-privileged=true", f"--requestheader-client-ca-file={file('ca.crt')}",
            "--requestheader-allowed-names=front-proxy",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={file('front-proxy.crt')}",
            f"--proxy-client-key-file={file('front-proxy.key')}",
            f"--kubelet-client-certificate={file('apiserver-kubelet.crt')}",
            f"--kubelet-client-key={file('apiserver-kubelet.key')}",
            "--kubelet-preferred-address-types=InternalIP", "--enable-aggregator-routing=false")

        def ready():
            self._alive("etcd")
            self._alive("apiserver")
            return self.run("get", "--raw", "/readyz").returncode == 0

        eventually(ready, "the API server is ready", START_SECONDS, 0.3)

    def _start_controllers(self):
        def common(name):
            config = self.dir / f"{name}.kubeconfig"
            return [f"--kubeconfig={config}", f"--authentication-kubeconfig={config}",
                    f"--authorization-kubeconfig={config}", "--bind-address=127.0.0.1",
                    f"--secure-port={free_port()}", "--leader-elect=false"]

        file = self.authority.path
        self.spawn(
            "controllers", HYPERKUBE, "kube-controller-manager", *common("controllers"),
            "--use-service-account-credentials=true", f"--root-ca-file={file('ca.crt')}",
            f"--service-account-private-key-file={file('accounts.key')}",
            f"--cluster-signing-cert-file={file('ca.crt')}",
            f"--cluster-signing-key-file={file('ca.key')}",
            f"--allocate-node-cidrs={'true' if self.pods else 'false'}",
            f"--cluster-cidr={self.pods or '10.244.0.0/16'}",
            # So that a test need not wait for minutes.
            "--horizontal-pod-autoscaler-sync-period=2s",
            "--horizontal-pod-autoscaler-downscale-stabilization=5s",
            "--horizontal-pod-autoscaler-initial-readiness-delay=1s",
            "--horizontal-pod-autoscaler-cpu-initialization-period=1s")
        self.spawn("scheduler", HYPERKUBE, "kube-scheduler", *common("scheduler"))
        eventually(lambda: self.run("-n", "default", "get", "serviceaccount", "default").returncode == 0,
                   "the controllers work", START_SECONDS, 0.3)

    def _install_crds(self):
        self.kubectl("apply", "--server-side", "-f", FILES / "crds")
        self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")

    def _start_nodes(self):
        port, file = free_port(), self.authority.path
        self.spawn(
            "kwok", HYPERKUBE, "kwok", f"--kubeconfig={self.kubeconfig}",
            f"--config={FILES / 'kwok.yaml'}", "--manage-all-nodes=true", "--node-ip=127.0.0.1",
            f"--node-port={port}", f"--server-address=127.0.0.1:{port}",
            f"--tls-cert-file={file('kubelet.crt')}", f"--tls-private-key-file={file('kubelet.key')}",
            "--node-lease-duration-seconds=40")
        self.apply([simulated_node(number) for number in range(self.nodes)])
        if self.nodes:
            self.kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=60s")

    def _start_metrics(self):
        port = free_port()
        self.spawn(
            "metrics-server", HYPERKUBE, "metrics-server", f"--kubeconfig={self.kubeconfig}",
            f"--authentication-kubeconfig={self.kubeconfig}",
            f"--authorization-kubeconfig={self.kubeconfig}", "--kubelet-insecure-tls",
            "--kubelet-use-node-status-port", "--kubelet-preferred-address-types=InternalIP",
            "--metric-resolution=10s", "--kubelet-request-timeout=5s", "--bind-address=127.0.0.1",
            f"--secure-port={port}", f"--cert-dir={self.dir / 'metrics-server'}")
        service = {"name": "metrics-server", "namespace": "kube-system", "port": port}
        self.apply([
            # The API server finds it on loopback.
            {"apiVersion": "v1", "kind": "Service",
             "metadata": {"name": "metrics-server", "namespace": "kube-system"},
             "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]}},
            {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
             "metadata": {"name": "v1beta1.metrics.k8s.io"},
             "spec": {"group": "metrics.k8s.io", "version": "v1beta1", "insecureSkipTLSVerify": True,
                      "groupPriorityMinimum": 100, "versionPriority": 100, "service": service}}])

    def wait_for_metrics(self):
        """Until there is what pods use; half a minute after the start."""
        eventually(lambda: self.run("get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes").returncode == 0
                   and self.run("top", "nodes").returncode == 0, "metrics of nodes", 120, 1)

    # ---- kubectl ----------------------------------------------------------------------------

    def environment(self):
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig)}

    @staticmethod
    def command():
        """How kubectl is called."""
        return [str(HYPERKUBE), "kubectl"]

    def run(self, *arguments, stdin=None):
        """kubectl, whose result is looked at by the caller."""
        return subprocess.run([*self.command(), *map(str, arguments)], input=stdin,
                              env=self.environment(), capture_output=True, text=True, check=False)

    def kubectl(self, *arguments, stdin=None):
        """kubectl, which must succeed; answers its output."""
        result = self.run(*arguments, stdin=stdin)
        if result.returncode != 0:
            raise KubectlError(f"kubectl {' '.join(map(str, arguments))}\n{result.stderr}")
        return result.stdout

    def get(self, *arguments):
        """What `kubectl get` tells, as JSON."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def items(self, *arguments):
        return self.get(*arguments)["items"]

    def apply(self, objects, *arguments):
        """Objects as dictionaries, or a text with manifests."""
        if not isinstance(objects, str):
            objects = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        return self.kubectl("apply", *arguments, "-f", "-", stdin=objects)

    def volumes(self, count, size="20Gi"):
        """So many volumes for claims that name no class: nobody provisions them here."""
        self.apply([
            {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {
                "name": "simulated",
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
             "provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "Immediate"},
            *({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": f"volume-{number}"},
               "spec": {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"],
                        "storageClassName": "simulated", "hostPath": {"path": f"/volumes/{number}"}}}
              for number in range(count))])

    def namespace(self, name, **labels):
        labels = {key.replace("__", "/").replace("_", "-"): value for key, value in labels.items()}
        self.apply([{"apiVersion": "v1", "kind": "Namespace",
                     "metadata": {"name": name, "labels": labels}}])
        # Pods are refused before their namespace has its account.
        eventually(lambda: self.run("-n", name, "get", "serviceaccount", "default").returncode == 0,
                   f"the account of namespace {name}", 30)
        return name


def simulated_node(number):
    name = f"node-{number}"
    size = {"cpu": "8", "memory": "32Gi", "pods": "110", "ephemeral-storage": "100Gi"}
    return {
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake", "metrics.k8s.io/resource-metrics-path":
                            f"/metrics/nodes/{name}/metrics/resource"},
            "labels": {"type": "kwok", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux",
                       "kubernetes.io/arch": "amd64",
                       "topology.kubernetes.io/zone": f"zone-{number % 3}"}},
        "status": {"allocatable": size, "capacity": size}}


# ---- By hand --------------------------------------------------------------------------------

def processes_of(folder):
    """Name and id of each process that `up` started in a folder and that still runs."""
    file = folder / "pids.json"
    pids = json.loads(file.read_text()) if file.exists() else {}
    found = {}
    for name, pid in pids.items():
        try:
            alive = str(HYPERKUBE) in pathlib.Path(f"/proc/{pid}/cmdline").read_text()
        except OSError:
            alive = False
        if alive:
            found[name] = pid
    return found


def up(folder):
    if processes_of(folder):
        raise SystemExit(f"error: a control plane runs in {folder}\nwhat to do: use it, or down first")
    if folder.exists() and any(folder.iterdir()) and not (folder / "pids.json").exists():
        raise SystemExit(f"error: {folder} is not empty\nwhat to do: name another folder")
    cluster = ControlPlane(folder=folder).start()
    print(f"export KUBECONFIG={cluster.kubeconfig}\nalias kubectl='{HYPERKUBE} kubectl'")


def status(folder):
    running = processes_of(folder)
    for name, pid in running.items():
        print(f"{name:16} {pid}")
    if not running:
        raise SystemExit(f"no control plane runs in {folder}")


def down(folder):
    if not (folder / "pids.json").exists():
        raise SystemExit(f"error: {folder} is no folder of a control plane")
    for pid in reversed(processes_of(folder).values()):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not processes_of(folder), "all of it has ended", 30)
    shutil.rmtree(folder, ignore_errors=True)


def main():
    commands = {"up": up, "status": status, "down": down}
    if len(sys.argv) != 3 or sys.argv[1] not in commands:
        raise SystemExit(f"use: {sys.argv[0]} up|status|down DIR")
    commands[sys.argv[1]](pathlib.Path(sys.argv[2]).resolve())


if __name__ == "__main__":
    main()
