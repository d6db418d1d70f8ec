"""Pods that ask their runner what it lacks to confine runs: as the chart makes them, and with less."""

import json

from mesh import eventually
from node import IMAGES, PROFILE

GROUPS = {"memory-limit", "cpu-limit", "process-limit"}
# Besides control groups, which no pod may make, by what a pod does without.
LACKING = {
    "nothing": (PROFILE, "Unmasked", set()),
    "its-proc": (PROFILE, "Default", {"sandbox"}),
    "its-profile": (None, "Unmasked", {"sandbox"}),
}


def pod(name, namespace, profile, proc):
    """A runner of the preflight, with all that `restricted` asks for but its /proc."""
    seccomp = {"type": "Localhost", "localhostProfile": profile} if profile else {"type": "RuntimeDefault"}
    image = next(one["reference"] for one in json.loads((IMAGES / "images.json").read_text())
                 if one["name"] == "stackyard-runner")
    mounts = [{"name": "data", "mountPath": "/data"}, {"name": "tmp", "mountPath": "/tmp"}]
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "restartPolicy": "Never", "hostUsers": False, "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532,
                                "fsGroup": 65532, "seccompProfile": seccomp},
            "volumes": [{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}],
            "containers": [{
                "name": "runner", "image": image, "imagePullPolicy": "Never", "volumeMounts": mounts,
                "args": ["--preflight", "--stacks-target=unix:/none", "--work-dir=/data/work"],
                "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                    "capabilities": {"drop": ["ALL"]}, "procMount": proc}}]}}


def lacking(cluster, namespace):
    """What each pod's runner says that it lacks."""
    cluster.apply([pod(name, namespace, profile, proc) for name, (profile, proc, _) in LACKING.items()])

    def ended(name):
        phase = cluster.get("-n", namespace, "pod", name)["status"]["phase"]
        return phase in ("Succeeded", "Failed")

    told = {}
    for name in LACKING:
        eventually(lambda name=name: ended(name), f"the pod {name} ends", 180, 0.5)
        log = cluster.kubectl("-n", namespace, "logs", name)
        told[name] = {line for line in log.splitlines() if line and " " not in line}
    return told
