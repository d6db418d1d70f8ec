"""Images of build/images, started by runc as a kubelet would: somebody who is not root, no capabilities,
no new privileges, a root that cannot be written to, a seccomp profile."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from mesh import ROOT

IMAGES = ROOT / "build" / "images"
STORE = ["buildah", "--root", str(IMAGES / "store"), "--runroot", str(IMAGES / "run"),
         "--storage-driver", "overlay"]
PROFILE = json.loads((ROOT / "deploy/seccomp/runner.json").read_text())
# What a runtime's default profile refuses to who has no capabilities.
NAMESPACES = {"mount", "umount2", "pivot_root", "unshare", "sethostname"}
USER = 65532


def run(*command, **kwargs):
    """A command's output; it must go well."""
    return subprocess.run(command, check=True, capture_output=True, text=True, **kwargs).stdout


def without_namespaces(profile):
    """The runner's profile without what makes a sandbox."""
    rules = [{**rule, "names": [name for name in rule["names"] if name not in NAMESPACES]}
             for rule in profile["syscalls"]]
    return {**profile, "syscalls": rules}


class Image:
    """An image of the recipe, with its root mounted."""

    def __init__(self, entry):
        self.name, self.reference, self.entry = entry["name"], entry["reference"], entry
        inspected = json.loads(run(*STORE, "inspect", "--type", "image", self.reference))
        self.config = inspected["OCIv1"]["config"]
        self.program = self.config["Entrypoint"][0]
        self._container = run(*STORE, "from", "--pull-never", self.reference).strip()
        self.root = pathlib.Path(run(*STORE, "mount", self._container).strip())

    def close(self):
        """Unmounts it."""
        run(*STORE, "rm", self._container)

    def files(self):
        """Every file and folder, but what the engine puts into a mounted root."""
        for folder, folders, files in os.walk(self.root):
            for name in [*folders, *files]:
                yield pathlib.Path(folder) / name


def built():
    """All images that the recipe has built, by name."""
    return {entry["name"]: Image(entry) for entry in json.loads((IMAGES / "images.json").read_text())}


class Container:
    """A container of an image; `command` runs it in the foreground, and hands signals on to it."""

    def __init__(self, image, arguments, folder=None, program=None, environment=(), sandbox=False):
        self.id = f"stackyard-test-{os.getpid()}-{next(_numbers)}"
        self.bundle = tempfile.mkdtemp(prefix="bundle-", dir="/tmp")
        config = self._config(image, [program or image.program, *arguments], environment, sandbox)
        # The same path inside and out, so that both sides speak of the same files.
        if folder:
            config["mounts"].append({"destination": str(folder), "source": str(folder), "type": "bind",
                                     "options": ["bind", "rw", "nosuid", "nodev"]})
        pathlib.Path(self.bundle, "config.json").write_text(json.dumps(config))
        self.command = [shutil.which("runc"), "run", "--bundle", self.bundle, self.id]

    def _config(self, image, arguments, environment, sandbox):
        run("runc", "spec", "--bundle", self.bundle)
        path = pathlib.Path(self.bundle, "config.json")
        config = json.loads(path.read_text())
        path.unlink()
        config["root"] = {"path": str(image.root), "readonly": True}
        config["process"].update(
            terminal=False, user={"uid": USER, "gid": USER}, args=arguments, cwd=image.config["WorkingDir"],
            env=["PATH=/usr/bin:/bin", "HOME=/tmp", *environment], capabilities={}, noNewPrivileges=True,
            rlimits=[])
        config["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs",
                                 "options": ["nosuid", "nodev", "mode=1777"]})
        linux = config["linux"]
        # The network of this machine: tests talk to it on loopback.
        linux["namespaces"] = [one for one in linux["namespaces"] if one["type"] != "network"]
        config["mounts"] = [one for one in config["mounts"] if one["destination"] != "/sys"]
        linux["resources"] = {}
        linux["seccomp"] = PROFILE if sandbox else without_namespaces(PROFILE)
        if sandbox:
            # procMount: Unmasked
            linux["maskedPaths"], linux["readonlyPaths"] = [], []
        return config

    def pid(self):
        """Of its first process."""
        return json.loads(run("runc", "state", self.id))["pid"]

    def output(self, **kwargs):
        """Runs it to its end: the finished process."""
        try:
            return subprocess.run(self.command, capture_output=True, text=True, check=False, timeout=60,
                                  **kwargs)
        finally:
            self.remove()

    def remove(self):
        """Ends it, if it still runs."""
        subprocess.run(["runc", "delete", "--force", self.id], capture_output=True, check=False)
        shutil.rmtree(self.bundle, ignore_errors=True)


def _count():
    number = 0
    while True:
        number += 1
        yield number


_numbers = _count()
