"""A real node: containerd, runc, kubelet, kube-proxy and a CNI bridge, beside a real control plane, all in
a network, mount and process namespace of their own (scripts/node-test.sh makes it), which takes all of it
away when it ends."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "k8s"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "images"))

# pylint: disable=wrong-import-position
from control_plane import ControlPlane
from dns import Dns, Names
from mesh import ROOT, eventually, free_port

TOOLS = ROOT / "build" / "tools"
IMAGES = ROOT / "build" / "images"
# Of the node; pods and services have others.
ADDRESS = "10.200.0.1"
PODS = "10.244.0.0/16"
NAME = "node-1"
PAUSE = "localhost/pause:1"
PROFILE = "profiles/stackyard-runner.json"
START_SECONDS = 120


def missing():
    """What is not built yet, as a line that says what to do; None: nothing."""
    for path, how in ((TOOLS / "bin" / "kubelet", "scripts/kubernetes.sh node"),
                      (TOOLS / "node" / "containerd", "scripts/node-runtime.sh"),
                      (TOOLS / "bin" / "helm", "scripts/setup.sh deploy"),
                      (IMAGES / "images.json", "scripts/images.sh"),
                      (pathlib.Path("/usr/lib/cni/bridge"), "scripts/setup.sh dev")):
        if not path.exists():
            return f"{path} is missing (run: {how})"
    return None


class Node(ControlPlane):
    """A control plane with one node that runs containers."""

    def __init__(self):
        super().__init__(nodes=0, folder=os.environ.get("STACKYARD_NODE_DIR"), bind="0.0.0.0",
                         advertise=ADDRESS, pods=PODS, simulated=False)
        self.socket = self.dir / "containerd.sock"
        # Pods with users of their own go through it to their roots.
        self.dir.chmod(0o711)

    def _start(self):
        super()._start()
        self._start_dns()
        self._start_containerd()
        self._load_images()
        self._start_kubelet()
        self._start_proxy()
        self._start_metrics()
        self.kubectl("wait", "--for=condition=Ready", "node", NAME, f"--timeout={START_SECONDS}s")

    def _start_dns(self):
        file = self.authority.path
        Dns(ADDRESS, Names(f"https://127.0.0.1:{self.port}", file("ca.crt"), file("admin.crt"),
                           file("admin.key")))

    # ---- Containers -------------------------------------------------------------------------

    def _start_containerd(self):
        network = self.dir / "cni"
        network.mkdir()
        (network / "10-bridge.conflist").write_text(json.dumps({
            "cniVersion": "1.0.0", "name": "pods", "plugins": [
                {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": False,
                 "hairpinMode": True, "ipam": {
                     "type": "host-local", "dataDir": str(self.dir / "addresses"),
                     "ranges": [[{"subnet": "10.244.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}))
        config = self.dir / "containerd.toml"
        config.write_text(f"""version = 3
root = "{self.dir}/containerd"
state = "{self.dir}/containerd-run"
oom_score = 0
[grpc]
  address = "{self.socket}"
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "{PAUSE}"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  disable_apparmor = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["/usr/lib/cni"]
  conf_dir = "{network}"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  BinaryName = "{TOOLS}/node/runc"
  SystemdCgroup = false
[plugins.'io.containerd.internal.v1.opt']
  path = "{self.dir}/opt"
""")
        # Shims are found beside it.
        os.environ["PATH"] = f"{TOOLS}/node:{os.environ['PATH']}"
        self.spawn("containerd", TOOLS / "node" / "containerd", "-c", config)
        eventually(lambda: self._alive("containerd") or self.ctr("version", check=False).returncode == 0,
                   "containerd answers", START_SECONDS)

    def ctr(self, *arguments, check=True):
        """containerd's own tool, in the namespace of Kubernetes."""
        return subprocess.run([TOOLS / "node" / "ctr", "-a", self.socket, "-n", "k8s.io", *arguments],
                              capture_output=True, text=True, check=check)

    def _load_images(self):
        self.ctr("images", "import", IMAGES / "pause.tar")
        for image in json.loads((IMAGES / "images.json").read_text()):
            self.ctr("images", "import", IMAGES / f"{image['name']}.tar")

    def another_tag(self, tag, other):
        """The images by another tag as well: what a later build would be to the node."""
        for image in json.loads((IMAGES / "images.json").read_text()):
            reference = image["reference"].rsplit(":", 1)[0]
            self.ctr("images", "tag", f"{reference}:{tag}", f"{reference}:{other}")

    # ---- The node ---------------------------------------------------------------------------

    def _start_kubelet(self):
        self.user("kubelet-1", f"/O=system:nodes/CN=system:node:{NAME}")
        self.authority.server("kubelet-serving", f"/CN={NAME}", [f"DNS:{NAME}", f"IP:{ADDRESS}"])
        root = self.dir / "kubelet"
        profile = root / "seccomp" / PROFILE
        profile.parent.mkdir(parents=True)
        shutil.copy(ROOT / "deploy/seccomp/runner.json", profile)
        (self.dir / "resolv.conf").write_text("")
        file = self.authority.path
        config = self.dir / "kubelet.json"
        config.write_text(json.dumps({
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
            "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True},
                               "x509": {"clientCAFile": str(file("ca.crt"))}},
            "authorization": {"mode": "Webhook"}, "address": ADDRESS,
            "tlsCertFile": str(file("kubelet-serving.crt")),
            "tlsPrivateKeyFile": str(file("kubelet-serving.key")),
            "healthzBindAddress": "127.0.0.1", "containerRuntimeEndpoint": f"unix://{self.socket}",
            "cgroupDriver": "cgroupfs", "failSwapOn": False, "failCgroupV1": False, "oomScoreAdj": 0,
            "enforceNodeAllocatable": [],
            # The disk is the machine's: what is free of it says nothing here.
            "evictionHard": {"nodefs.available": "1%", "imagefs.available": "1%",
                             "memory.available": "100Mi"},
            "imageGCHighThresholdPercent": 100, "imageGCLowThresholdPercent": 99,
            "podLogsDir": str(self.dir / "pods"), "resolvConf": str(self.dir / "resolv.conf"),
            "clusterDNS": [ADDRESS], "clusterDomain": "cluster.local", "maxPods": 60,
            "syncFrequency": "5s", "nodeStatusUpdateFrequency": "5s"}))
        self.spawn("kubelet", TOOLS / "bin" / "kubelet", f"--config={config}",
                   f"--kubeconfig={self.dir / 'kubelet-1.kubeconfig'}", f"--root-dir={root}",
                   f"--hostname-override={NAME}", f"--node-ip={ADDRESS}")
        eventually(lambda: self._alive("kubelet") or self.run("get", "node", NAME).returncode == 0,
                   "the node is registered", START_SECONDS, 0.5)

    def _start_proxy(self):
        self.user("proxy", "/CN=system:kube-proxy")
        self.spawn("proxy", TOOLS / "bin" / "kube-proxy",
                   f"--kubeconfig={self.dir / 'proxy.kubeconfig'}", "--proxy-mode=nftables",
                   f"--cluster-cidr={PODS}", f"--hostname-override={NAME}",
                   "--conntrack-max-per-core=0", "--conntrack-tcp-timeout-established=0",
                   "--conntrack-tcp-timeout-close-wait=0",
                   f"--metrics-bind-address=127.0.0.1:{free_port()}",
                   f"--healthz-bind-address=127.0.0.1:{free_port()}")

    def reachable(self, address, port):
        """Whether something listens there."""
        with socket.socket() as probe:
            probe.settimeout(2)
            return probe.connect_ex((address, port)) == 0
