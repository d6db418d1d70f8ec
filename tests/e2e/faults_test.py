#!/usr/bin/env python3
"""What machines do to a run: disks that are full, and a Terraform that neither works nor ends."""

import json
import os
import pathlib
import subprocess
import textwrap
import unittest

import bundles
import clients
import suite
from mesh import TERRAFORM, Mesh, eventually

PATIENCE = 120
# Room for a runner at work, and not for the state below.
WORK_MIB = 12
STATE_MIB = 16

BIG_MAIN = """
variable "mib" { type = number }

resource "terraform_data" "first" {
  input = "small"
}

resource "terraform_data" "big" {
  count      = var.mib
  input      = join("", [for i in range(1024) : join("", [for j in range(32) : "0123456789abcdef0123456789abcdef"])])
  depends_on = [terraform_data.first]
}

output "first" { value = terraform_data.first.output }
"""
TEMPLATE = """
title: Big
description: A state of as many MiB as are asked for.
parameters:
  mib: {title: MiB, minimum: 0, maximum: 100}
meters:
  - {metric: resources, resource_type: terraform_data}
approval: {mode: auto}
lease: {default: 24h, maximum: 48h}
"""


def cannot_mount():
    """Why no small disk can be made here, or None."""
    if os.geteuid() != 0:
        return "making a small disk needs root"
    probe = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True)
    return None if probe.returncode == 0 else f"no tmpfs can be mounted: {probe.stderr.decode().strip()}"


class SmallDisk:
    """A tmpfs in a folder."""

    def __init__(self, folder, mib):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0755", "stackyard-test", str(folder)],
                       check=True)

    def fill(self):
        """Takes all that is left."""
        with (self.folder / "ballast").open("wb") as ballast:
            try:
                while True:
                    ballast.write(bytes(1 << 16))
                    ballast.flush()
            except OSError:
                pass

    def list(self):
        return subprocess.run(["du", "-ab", str(self.folder)], capture_output=True, text=True).stdout

    def free(self):
        (self.folder / "ballast").unlink()

    def close(self):
        subprocess.run(["umount", "-l", str(self.folder)], check=True)


class FaultTest(suite.MeshTestCase):
    def begin(self, mesh):
        """Starts a mesh that was prepared by a test."""
        self.mesh = mesh
        self.addCleanup(mesh.close)
        mesh.start()
        self.admin = mesh.rest("admin")
        self.admin.post("/v1/projects?projectId=web", {})
        for metric in ("stacks", "resources"):
            self.admin.put(f"/v1/projects/web/quota/limits/{metric}", {"value": 1000})

    def create(self, name, template, parameters):
        return self.admin.post(f"/v1/projects/web/stacks?stackId={name}",
                               {"templateVersion": f"templates/{template}/versions/1",
                                "parameters": parameters})

    def get(self, name):
        return self.admin.get(f"/v1/projects/web/stacks/{name}")

    def reach(self, name, *states):
        def probe():
            stack = self.get(name)
            return stack if stack["state"] in states else None
        return eventually(probe, lambda: f"{name} in {states}: {json.dumps(self.get(name))}", PATIENCE)

    @unittest.skipIf(cannot_mount(), cannot_mount())
    def test_a_full_disk_of_a_runner(self):
        mesh = Mesh()
        disk = SmallDisk(mesh.dir / "runner-1" / "work", WORK_MIB)
        self.addCleanup(disk.close)
        self.begin(mesh)
        bundles.published(self.admin, "big", "1", bundles.pack({"main.tf": BIG_MAIN, "template.yaml": TEMPLATE}))
        self.create("large", "big", {"mib": STATE_MIB})
        stack = self.reach("large", "READY", "FAILED", "REJECTED")
        self.assertNotEqual(stack["state"], "READY", "the disk was not full")
        error = clients.status_error(stack["stateDetail"]["error"])
        self.assertIn("no space left", error.message.lower())
        # The runner goes on with what fits.
        # The runner goes on with what fits, once it has cleaned up behind that run.
        self.create("small", "big", {"mib": 0})

        def fits():
            if self.reach("small", "READY", "FAILED")["state"] == "READY":
                return True
            self.admin.post("/v1/projects/web/stacks/small:retry", {})
            return False
        eventually(fits, lambda: f"{self.get('small')} {disk.list()}", 60)
        self.assertEqual(self.get("small")["outputs"]["first"]["value"], "small")

    @unittest.skipIf(cannot_mount(), cannot_mount())
    def test_a_full_disk_of_the_stacks_service(self):
        mesh = Mesh()
        disk = SmallDisk(mesh.dir / "stacks", 64)
        self.addCleanup(disk.close)
        self.begin(mesh)
        bundles.published(self.admin, "big", "1", bundles.pack({"main.tf": BIG_MAIN, "template.yaml": TEMPLATE}))
        before = self.admin.succeed(self.create("before", "big", {"mib": 0}), PATIENCE)
        disk.fill()
        with self.assertRaises(clients.ApiError) as refused:
            self.create("during", "big", {"mib": 0})
        self.assertGreaterEqual(refused.exception.http, 429)
        # What was answered is there, and can be read.
        self.assertEqual(self.get("before")["uid"], before["uid"])
        disk.free()
        after = self.admin.succeed(
            eventually(lambda: self.attempt("after"), "stacks can be made again", PATIENCE), PATIENCE)
        self.assertEqual(after["state"], "READY")
        self.assertTrue(self.admin.get("/v1/projects/web/events:verify")["intact"])

    def attempt(self, name):
        try:
            return self.create(name, "big", {"mib": 0})
        except clients.ApiError as error:
            self.assertGreaterEqual(error.http, 429)
            return None

    def test_a_terraform_that_hangs(self):
        # Those that wait for work would be left, and rightly.
        mesh = Mesh(runner_flags=["--standby", "0"])
        # Hears no signal but SIGKILL.
        engine = mesh.dir / "terraform"
        engine.write_text(textwrap.dedent(f"""\
            #!/bin/sh
            case $1 in apply) kill -STOP $$ ;; esac
            exec {TERRAFORM} "$@"
            """))
        engine.chmod(0o755)
        runner = mesh["runner-1"].command
        runner[runner.index("--terraform") + 1] = str(engine)
        self.begin(mesh)
        template = TEMPLATE + "limits: {apply_timeout: 2s}\n"
        bundles.published(self.admin, "big", "1", bundles.pack({"main.tf": BIG_MAIN, "template.yaml": template}))
        self.create("stuck", "big", {"mib": 0})
        stack = self.reach("stuck", "FAILED", "READY")
        self.assertEqual(stack["state"], "FAILED")
        error = clients.status_error(stack["stateDetail"]["error"])
        self.assertIn("longer than", error.message)
        folder = mesh.dir / "runner-1" / "work"
        eventually(lambda: not [p for p in pathlib.Path("/proc").glob("[0-9]*")
                                if self.works_in(p, folder)], "nothing of it is left", PATIENCE)

    @staticmethod
    def works_in(process, folder):
        try:
            return pathlib.Path(os.readlink(process / "cwd")).is_relative_to(folder / "runs")
        except OSError:
            return False


if __name__ == "__main__":
    suite.main()
