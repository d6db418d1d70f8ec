#!/usr/bin/env python3
"""Stacks of templates/json-object against an emulator of AWS, held against `terraform init`, `plan`
and `apply` of the same module by hand, side by side in one run:

  json_object_request_to_ready  one stack, asked for until READY
  json_object_burst_100         100 stacks at once, and 100 Terraforms, as many at a time as the mesh runs
  json_object_cpu               CPU seconds of one stack: all services, the runner's programs and the
                                providers that are kept ready for it
  json_object_memory            most memory (PSS) that the runner, its programs and all kept providers
                                have at once while one stack is made, and Terraform with its provider

    tests/bench/object_bench.py [NAME...]

Reference runs of a burst are few, since each takes minutes: BENCH_BURST sets how many stacks (100).
BENCH_RUNS sets how often each side runs (20). Results as those of bench.py.
"""

import concurrent.futures
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
sys.dont_write_bytecode = True

import bundles  # noqa: E402  (found by the path above)
import kills  # noqa: E402
from bench import RUNS, medians, record, show, spent  # noqa: E402
from emulator import Emulator, missing  # noqa: E402
from mesh import MIRROR, TERRAFORM, UNLIMITED, Mesh, eventually  # noqa: E402

BURST = int(os.environ.get("BENCH_BURST", "100"))
SLOTS = 4
PATIENCE = 600
CONTENT = {"debug": True}


class Hand:
    """Terraform by hand: providers from the same mirror, the same endpoint."""

    def __init__(self, work, emulator):
        self.work = work
        config = work / "terraform.rc"
        config.write_text(f'disable_checkpoint = true\nprovider_installation {{\n  filesystem_mirror {{\n'
                          f'    path = {json.dumps(MIRROR)}\n  }}\n}}\n')
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(work), "CHECKPOINT_DISABLE": "1",
            "TF_IN_AUTOMATION": "1", "TF_CLI_CONFIG_FILE": str(config), **cloud(emulator)}

    def apply(self, name):
        """init, plan and apply in a fresh copy of the module; answers the seconds of each step."""
        folder = self.work / name
        shutil.copytree(ROOT / "templates/json-object", folder,
                        ignore=shutil.ignore_patterns(".terraform*", "tests"))
        (folder / "values.auto.tfvars.json").write_text(json.dumps(
            {"name": "obj", "content": CONTENT, "stackyard_stack_uid": name}))
        seconds = {}
        for step, arguments in {"init": ["init", "-input=false"],
                                "plan": ["plan", "-input=false", "-out=plan"],
                                "apply": ["apply", "-input=false", "plan"]}.items():
            start = time.monotonic()
            subprocess.run([TERRAFORM, *arguments], cwd=folder, env=self.environment, check=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            seconds[step] = time.monotonic() - start
        return seconds


def cloud(emulator):
    return {"AWS_ENDPOINT_URL": emulator.url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true"}


# ---- What processes use --------------------------------------------------------------------------

class CpuAccount:
    """CPU of processes and of all that they start from now on, whatever namespace that is in: what ends
    in a PID namespace is in nobody's times. None where control groups cannot tell."""

    ROOT = pathlib.Path("/sys/fs/cgroup/cpuacct")

    def __init__(self, roots):
        self.folder = self.ROOT / f"stackyard-bench-{os.getpid()}"
        self.folder.mkdir()
        for root in roots:
            for pid in [root, *(pid for pid, _ in kills.descendants(root))]:
                (self.folder / "cgroup.procs").write_text(str(pid))

    @classmethod
    def missing(cls):
        return not os.access(cls.ROOT / "cgroup.procs", os.W_OK)

    def seconds(self):
        return int((self.folder / "cpuacct.usage").read_text()) / 1e9

    def close(self):
        """When nothing of it runs any more, or back to where it came from."""
        for pid in (self.folder / "cgroup.procs").read_text().split():
            try:
                (self.ROOT / "cgroup.procs").write_text(pid)
            except OSError:
                continue
        self.folder.rmdir()


class Peak:
    """Most memory that processes below a root have at the same time, in MiB of PSS."""

    def __init__(self, root, ignored=()):
        self.root, self.ignored = root, set(ignored)
        self.most = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def watch(self):
        while not self.over.wait(0.01):
            pids = {self.root, *(pid for pid, _ in kills.descendants(self.root))} - self.ignored
            self.most = max(self.most, sum(map(self.pss, pids)))

    @staticmethod
    def pss(pid):
        try:
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            return int(next(line.split()[1] for line in text.splitlines() if line.startswith("Pss:"))) / 1024
        except (OSError, StopIteration):
            return 0


# ---- Benches -------------------------------------------------------------------------------------

class Benches:
    def __init__(self, mesh, emulator, work):
        self.mesh, self.rest = mesh, mesh.rest("admin")
        self.rest.timeout = PATIENCE
        self.hand = Hand(work, emulator)
        self.emulator = emulator

    def ask(self, name):
        return self.rest.post(f"/v1/projects/bench/stacks?stackId={name}",
                              {"templateVersion": "templates/json-object/versions/1",
                               "parameters": {"name": "obj", "content": CONTENT}})

    def check(self, stack):
        assert stack["state"] == "READY" and stack["outputs"]["key"]["value"] == "obj.json", stack

    def json_object_request_to_ready(self):
        ours, reference, parts, steps = [], [], [], []
        for run in range(RUNS + 1):
            start = time.monotonic()
            steps.append(self.hand.apply(f"one-{run}"))
            reference.append(time.monotonic() - start)
            start = time.monotonic()
            stack = self.rest.succeed(self.ask(f"one-{run}"), PATIENCE)
            ours.append(time.monotonic() - start)
            self.check(stack)
            parts.append(spent(self.rest, stack))
        record("json_object_request_to_ready", "s", statistics.median(ours[1:]),
               statistics.median(reference[1:]), RUNS)
        show("by hand", medians(steps[1:]))
        show("through the mesh", medians(parts[1:]))

    def json_object_burst_100(self):
        # One of each is enough: a hundred stacks are a hundred samples.
        start = time.monotonic()
        operations = [self.ask(f"burst-{i}") for i in range(BURST)]
        stacks = [self.rest.succeed(operation, PATIENCE) for operation in operations]
        ours = time.monotonic() - start
        for stack in stacks:
            self.check(stack)
        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(SLOTS) as pool:
            list(pool.map(self.hand.apply, [f"burst-{i}" for i in range(BURST)]))
        reference = time.monotonic() - start
        record(f"json_object_burst_{BURST}", "s", ours, reference, 1)

    def json_object_cpu(self):
        if CpuAccount.missing():
            print(f"json_object_cpu: skipped, {CpuAccount.ROOT} is not there, or not ours")
            return
        runs = max(3, RUNS // 4)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        for run in range(runs):
            self.hand.apply(f"cpu-{run}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        reference = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / runs
        self.rest.succeed(self.ask("cpu-warm"), PATIENCE)
        account = CpuAccount(service.process.pid for service in self.mesh.services.values())
        try:
            start = account.seconds()
            for run in range(runs):
                self.check(self.rest.succeed(self.ask(f"cpu-{run}"), PATIENCE))
            self.quiet(account)
            record("json_object_cpu", "s", (account.seconds() - start) / runs, reference, runs)
        finally:
            account.close()

    @staticmethod
    def quiet(account):
        """Waits until the runner has made ready whatever it makes ready for the next run."""
        last = [account.seconds()]

        def still():
            before, last[0] = last[0], account.seconds()
            return last[0] - before < 0.05
        eventually(still, "the mesh is quiet", 60, every=1)

    def json_object_memory(self):
        # The mesh and the emulator are children of this one too.
        others = {os.getpid(), *(pid for pid, _ in kills.descendants(os.getpid()))}
        with Peak(os.getpid(), others) as hand:
            self.hand.apply("memory")
        with Peak(self.mesh["runner-1"].process.pid) as ours:
            self.check(self.rest.succeed(self.ask("memory"), PATIENCE))
        record("json_object_memory", "MiB", ours.most, hand.most, 1)


def main():
    names = [n for n in vars(Benches) if n.startswith("json_object_")]
    chosen = sys.argv[1:] or names
    unknown = [name for name in chosen if name not in names]
    if unknown:
        sys.exit(f"error: no bench {', '.join(unknown)}\nwhat to do: name some of {', '.join(names)}")
    if missing():
        print(f"skipped: {missing()}")
        return
    with tempfile.TemporaryDirectory(prefix="sb-") as folder:
        work = pathlib.Path(folder)
        emulator = Emulator(work / "moto.log")
        try:
            with Mesh(runners=1, slots=SLOTS, environment={**cloud(emulator), **UNLIMITED}, runner_flags=[
                    "--provider-mirror", MIRROR, "--no-provider-direct", "--pass-env",
                    ",".join(cloud(emulator))]) as mesh:
                rest = mesh.rest("admin")
                rest.timeout = PATIENCE
                rest.post("/v1/projects?projectId=bench", {})
                for metric in ("stacks", "resources", "buckets", "objects"):
                    rest.put(f"/v1/projects/bench/quota/limits/{metric}", {"value": 100000})
                rest.succeed(bundles.publish(rest, "json-object", "1", bundles.pack(bundles.read("json-object"))),
                             PATIENCE)
                benches = Benches(mesh, emulator, work)
                for name in chosen:
                    getattr(benches, name)()
        finally:
            emulator.close()


if __name__ == "__main__":
    main()
