#!/usr/bin/env python3
"""The images: built by scripts/images.sh, what is in them, and the whole mesh run from them. Needs root, runc
and buildah."""

import functools
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "e2e"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

# pylint: disable=wrong-import-position
import suite
from containers import IMAGES, USER, Container, built, run
from mesh import ROOT, Mesh, eventually

NAMES = ["stackyard-cli", "stackyard-gateway", "stackyard-quota", "stackyard-rest", "stackyard-runner",
         "stackyard-stacks"]
# What programs there are besides the one that gives its name. A run may need many.
OTHERS = {"stackyard-cli": {"stackyard", "stackyard-release"}, "stackyard-runner": None}
# MiB; a half more than there was when this was written.
LARGEST = {"stackyard-gateway": 75, "stackyard-rest": 40, "stackyard-stacks": 130,
           "stackyard-quota": 65, "stackyard-runner": 400, "stackyard-cli": 125}
LABELS = ("created", "description", "licenses", "revision", "source", "title", "vendor", "version")
LOADER = "/lib64/ld-linux-x86-64.so.2"
BUILT = {}


def setUpModule():
    if os.getuid() != 0 or not shutil.which("buildah") or not shutil.which("runc"):
        if os.environ.get("STACKYARD_ALL_TOOLS"):
            raise AssertionError("images need root, buildah and runc")
        raise unittest.SkipTest("images need root, buildah and runc")
    if not os.environ.get("STACKYARD_IMAGES_KEEP"):
        # Nothing that is built already is built again.
        run(str(ROOT / "scripts/images.sh"), "--dirty",
            *(["--bin", os.environ["STACKYARD_BIN"]] if "STACKYARD_BIN" in os.environ else []))
    BUILT.update(built())


def tearDownModule():
    for image in BUILT.values():
        image.close()


class ContentTest(unittest.TestCase):
    """What lies in the images."""

    def test_all_are_built_and_named_by_their_commit(self):
        self.assertEqual(sorted(BUILT), NAMES)
        for image in BUILT.values():
            tag = image.reference.rsplit(":", 1)[1]
            self.assertRegex(tag, r"^[0-9a-f]{40}(-dirty)?$")
            labels = image.config["Labels"]
            for label in LABELS:
                self.assertTrue(labels.get(f"org.opencontainers.image.{label}"), f"{image.name}: {label}")
            self.assertEqual(labels["org.opencontainers.image.revision"], tag)
            self.assertEqual(image.config["User"], f"{USER}:{USER}")

    def test_nothing_can_change_who_one_is_and_nobody_can_change_files(self):
        for image in BUILT.values():
            for path in image.files():
                status, shown = path.lstat(), f"{image.name}: {path.relative_to(image.root)}"
                if stat.S_ISLNK(status.st_mode):
                    continue
                self.assertFalse(status.st_mode & (stat.S_ISUID | stat.S_ISGID), shown)
                if shown.endswith(": tmp"):
                    self.assertEqual(stat.S_IMODE(status.st_mode), 0o1777, shown)
                    continue
                self.assertFalse(status.st_mode & stat.S_IWOTH, shown)
                self.assertEqual(status.st_uid, USER if shown.endswith(": data") else 0, shown)
                self.assertFalse(os.listxattr(path), shown)

    def test_there_is_no_shell_and_no_program_but_ours(self):
        for image in BUILT.values():
            programs = {path.name for path in image.files()
                        if path.is_file() and not path.is_symlink() and os.access(path, os.X_OK)
                        and path.parent.name in ("bin", "sbin")}
            allowed = OTHERS.get(image.name, {image.name})
            self.assertEqual((image.root / "bin/sh").exists(), allowed is None, image.name)
            if allowed is not None:
                self.assertEqual(programs, allowed)

    def test_links_lead_somewhere(self):
        for image in BUILT.values():
            for path in image.files():
                if path.is_symlink():
                    target = os.readlink(path)
                    inside = image.root / target.lstrip("/") if target[0] == "/" else path.parent / target
                    if "perl" in target or "/etc/alternatives" in target:
                        continue
                    self.assertTrue(inside.exists(), f"{image.name}: {path.relative_to(image.root)}")

    def test_sizes(self):
        for image in BUILT.values():
            size = image.entry["bytes"] / 2**20
            print(f"    {image.name}: {size:.0f} MiB", file=sys.stderr)
            self.assertLess(size, LARGEST[image.name], image.name)


class BillTest(unittest.TestCase):
    """The bills of materials against what programs are really made of."""

    def test_they_are_cyclonedx(self):
        # pylint: disable=import-outside-toplevel
        from cyclonedx.schema import SchemaVersion
        from cyclonedx.validation.json import JsonStrictValidator
        validator = JsonStrictValidator(SchemaVersion.V1_5)
        for name in NAMES:
            fault = validator.validate_str((IMAGES / f"{name}.cdx.json").read_text())
            self.assertIsNone(fault, f"{name}: {fault}")
            broken = json.loads((IMAGES / f"{name}.cdx.json").read_text())
            broken["components"][0]["type"] = "nonsense"
            self.assertIsNotNone(validator.validate_str(json.dumps(broken)))

    def test_the_one_inside_is_the_one_beside(self):
        for image in BUILT.values():
            inside = image.root / "usr/share/doc" / image.name / "sbom.cdx.json"
            self.assertEqual(inside.read_bytes(), (IMAGES / f"{image.name}.cdx.json").read_bytes())

    def test_they_name_every_library_that_is_linked(self):
        for image in BUILT.values():
            bill = json.loads((IMAGES / f"{image.name}.cdx.json").read_text())
            debian = {one["name"]: one["version"] for one in bill["components"]
                      if one.get("purl", "").startswith("pkg:deb/")}
            linked = libraries_of(image)
            self.assertTrue(linked)
            for library in linked:
                package = package_of(image, library)
                self.assertIn(package, debian, f"{image.name}: {library}")
                record = (image.root / "var/lib/dpkg/status.d" / package).read_text()
                self.assertIn(f"\nVersion: {debian[package]}\n", record)

    def test_they_name_every_go_module(self):
        for image, program in (("stackyard-rest", "stackyard-rest"),
                               ("stackyard-runner", "stackyard-inspect"), ("stackyard-runner", "opa")):
            bill = json.loads((IMAGES / f"{image}.cdx.json").read_text())
            named = {(one["name"], one["version"]) for one in bill["components"]}
            told = run("go", "version", "-m", str(BUILT[image].root / "usr/bin" / program))
            modules = re.findall(r"\n\tdep\t(\S+)\t(\S+)(?:\t\S+)?(?!\n\t=>)(?=\n)", told)
            self.assertGreater(len(modules), 3, told)
            for module in modules:
                self.assertIn(module, named, f"{image}: {program}")

    def test_the_rest_server_names_what_its_console_is_made_of(self):
        bill = json.loads((IMAGES / "stackyard-rest.cdx.json").read_text())
        purls = {one.get("purl", "") for one in bill["components"]}
        lock = json.loads((ROOT / "web/package-lock.json").read_text())["packages"]
        for name in json.loads((ROOT / "web/package.json").read_text())["dependencies"]:
            version = lock[f"node_modules/{name}"]["version"]
            self.assertIn(f"pkg:npm/{name.replace('@', '%40')}@{version}", purls)
        self.assertFalse([purl for purl in purls if "vite" in purl])

    def test_they_hold_the_digests_of_programs(self):
        for image in BUILT.values():
            bill = json.loads((IMAGES / f"{image.name}.cdx.json").read_text())
            programs = [one for one in bill["components"] if one["type"] == "application"]
            self.assertTrue(programs)
            for program in programs:
                digest = run("sha256sum", str(image.root / "usr/bin" / program["name"])).split()[0]
                self.assertEqual(program["hashes"][0]["content"], digest)


def libraries_of(image):
    """What the loader in the image finds for the programs of it."""
    found = set()
    for path in sorted((image.root / "usr/bin").iterdir()):
        if path.is_symlink():
            continue
        with path.open("rb") as file:
            if file.read(4) != b"\x7fELF":
                continue
        # The libraries by the loader that is in there, without anything of this machine.
        answer = subprocess.run(["chroot", str(image.root), LOADER, "--list", f"/usr/bin/{path.name}"],
                                capture_output=True, text=True, check=False)
        if "not found" in answer.stdout:
            raise AssertionError(f"{image.name}: {path.name}\n{answer.stdout}")
        # Some Go programs are not linked with anything.
        found.update(re.findall(r"=> (/\S+) \(0x", answer.stdout))
    return found


@functools.cache
def owner(path):
    """The package of a file; None: dpkg knows it by another name."""
    answer = subprocess.run(["dpkg", "-S", path], capture_output=True, text=True, check=False)
    return answer.stdout.split(":")[0] if answer.returncode == 0 else None


def package_of(image, library):
    """The package that dpkg of this machine, which is the same Debian, names for a library."""
    real = "/" + str((image.root / library.lstrip("/")).resolve().relative_to(image.root))
    found = owner(real) or owner(real.removeprefix("/usr")) or owner(library)
    if not found:
        raise AssertionError(f"dpkg knows no {library}")
    return found


class ContainerMesh(Mesh):
    """The mesh, its services from images."""

    def __init__(self):
        super().__init__(runners=1)
        self.containers = {}
        for path in [self.dir, *self.dir.rglob("*")]:
            os.chown(path, USER, USER)
        # Their own programs, and nothing may be missing but control groups.
        self["runner-1"].command[1:] = [
            "--listen", f"unix:{self.dir}/runner-1.sock", "--data", f"{self.dir}/runner-1",
            "--stacks-target", f"unix:{self.dir}/stacks.sock", "--slots", "2",
            "--allow-without", "memory-limit,cpu-limit,process-limit"]
        for name, service in self.services.items():
            runs = name.startswith("runner")
            image = BUILT["stackyard-runner" if runs else f"stackyard-{name}"]
            self.containers[name] = Container(image, service.command[1:], self.dir, sandbox=runs)
            service.command = self.containers[name].command

    def _allow_what_is_missing(self):
        pass

    def close(self, show_logs=False):
        super().close(show_logs)
        for container in self.containers.values():
            container.remove()


class RunTest(suite.MeshTestCase):
    """The images at work."""

    def test_programs_tell_their_version(self):
        for image in BUILT.values():
            answer = Container(image, ["--version"]).output()
            self.assertEqual(answer.returncode, 0, answer.stderr)
            version = image.config["Labels"]["org.opencontainers.image.version"]
            self.assertIn(version, answer.stdout + answer.stderr, image.name)

    def test_a_stack_from_request_to_ready(self):
        with ContainerMesh() as mesh:
            for name, container in mesh.containers.items():
                self.confined(name, container.pid())
            log = mesh["runner-1"].log.read_text()
            self.assertIn("runner begins", log)
            self.assertNotIn('"missing":"sandbox"', log)
            mesh.person("dave", everywhere="devops")
            mesh.rest("admin").post("/v1/projects?projectId=web", {})
            self.cli(mesh, "dave", "templates", "publish", "/usr/share/stackyard/templates/hello",
                     "--version", "1", "--wait")
            self.cli(mesh, "admin", "stacks", "create", "first", "-t", "hello@1", "--set", "name=images",
                     "--lease", "2h", "--reason", "a test", "--until", "awaiting-approval")
            self.cli(mesh, "dave", "requests", "approve", "1")
            self.cli(mesh, "admin", "stacks", "wait", "first")
            told = self.cli(mesh, "admin", "stacks", "outputs", "first", "message")
            self.assertIn("Hello, images!", told)

    def test_starting_is_quick(self):
        for name in sorted(set(NAMES) - {"stackyard-cli"}):
            took = min(self.start_time(name.removeprefix("stackyard-")) for _ in range(3))
            print(f"    {name}: SERVING after {took * 1000:.0f} ms", file=sys.stderr)
            self.assertLess(took, 10, name)

    def start_time(self, service):
        """From the container's start to its service's first SERVING."""
        mesh = ContainerMesh()
        try:
            for name, one in mesh.services.items():
                if name.split("-")[0] != service:
                    one.start()
                    continue
                began = time.monotonic()
                one.spawn()
                eventually(one.ready, lambda one=one: one.tail(), every=0.005)
                return time.monotonic() - began
        finally:
            mesh.close()
        raise AssertionError(f"there is no {service}")

    def cli(self, mesh, user, *arguments):
        """The command line tool as somebody, from its image."""
        environment = [f"STACKYARD_ENDPOINT={mesh.grpc}", f"STACKYARD_TOKEN={mesh.tokens[user]}",
                       "STACKYARD_PROJECT=web", "NO_COLOR=1"]
        answer = Container(BUILT["stackyard-cli"], arguments, environment=environment).output()
        self.assertEqual(answer.returncode, 0, f"{arguments}\n{answer.stdout}{answer.stderr}")
        return answer.stdout

    def confined(self, name, pid):
        """What the kernel says of a process."""
        status = dict(line.split(":\t", 1) for line in
                      pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
        self.assertEqual(status["Uid"].split(), [str(USER)] * 4, name)
        self.assertEqual(status["Gid"].split(), [str(USER)] * 4, name)
        self.assertEqual(status["NoNewPrivs"], "1", name)
        self.assertEqual(status["Seccomp"], "2", name)
        for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[kind], 16), 0, f"{name}: {kind}")
        mounts = [line.split() for line in pathlib.Path(f"/proc/{pid}/mountinfo").read_text().splitlines()]
        self.assertIn("ro", next(one for one in mounts if one[4] == "/")[5].split(","), name)


if __name__ == "__main__":
    suite.main()
