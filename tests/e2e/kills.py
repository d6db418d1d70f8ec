"""Stacks of slow S3 objects are applied while something of the mesh is killed with SIGKILL at a random
moment. What Terraform had reported must be in the state, nothing may be made twice without being told
of, and every stack must come to an end that tells the truth."""

import collections
import json
import os
import pathlib
import random
import signal
import time

import bundles
import checker
import clients
from emulator import Emulator
from mesh import MIRROR, Mesh, eventually

VICTIMS = ("terraform", "provider", "runner", "stacks", "all")
OBJECTS = 5
LEASE_SECONDS = 3
# How long after the lease a lost run may keep its stack.
TAKEOVER_SECONDS = 20
PATIENCE = 240

MAIN = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {}

variable "stackyard_stack_uid" { type = string }
variable "objects" { type = number }

resource "aws_s3_bucket" "this" {
  bucket        = "b-${var.stackyard_stack_uid}"
  force_destroy = true
}

resource "aws_s3_object" "one" {
  count   = var.objects
  bucket  = aws_s3_bucket.this.id
  key     = "one-${count.index}"
  content = "one"
}

resource "aws_s3_object" "last" {
  bucket     = aws_s3_bucket.this.id
  key        = "last"
  content    = "last"
  depends_on = [aws_s3_object.one]
}

output "keys" {
  value = concat(aws_s3_object.one[*].key, [aws_s3_object.last.key])
}
"""
TEMPLATE = """
title: Slow objects
description: S3 objects, made one after the other.
parameters:
  objects: {title: Objects, minimum: 1, maximum: 100}
meters:
  - {metric: objects, resource_type: aws_s3_object}
approval: {mode: auto}
lease: {default: 24h, maximum: 48h}
"""
BUNDLE = {"main.tf": MAIN, "template.yaml": TEMPLATE}


def start(emulator_log):
    """A mesh of two runners that soon notices the death of one, and a slow emulator behind it."""
    emulator = Emulator(emulator_log, witness=True)
    mesh = Mesh(
        runners=2, slots=3, stacks_flags=["--run-lease", f"{LEASE_SECONDS}s"],
        runner_flags=["--heartbeat-interval", "500ms", "--provider-mirror", MIRROR,
                      "--no-provider-direct", "--pass-env",
                      "AWS_ENDPOINT_URL,AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY,AWS_REGION,"
                      "AWS_EC2_METADATA_DISABLED"],
        environment={"AWS_ENDPOINT_URL": emulator.url, "AWS_ACCESS_KEY_ID": "test",
                     "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1",
                     "AWS_EC2_METADATA_DISABLED": "true"})
    try:
        mesh.start()
        admin = mesh.rest("admin")
        admin.timeout = PATIENCE
        admin.post("/v1/projects?projectId=web", {})
        for metric in ("stacks", "resources", "objects"):
            admin.put(f"/v1/projects/web/quota/limits/{metric}", {"value": 100000})
        admin.succeed(bundles.publish(admin, "objects", "1", bundles.pack(BUNDLE)), PATIENCE)
    except BaseException:
        emulator.close()
        mesh.close(show_logs=True)
        raise
    return mesh, emulator


def descendants(pid):
    """(pid, command name) of the processes below one."""
    children = collections.defaultdict(list)
    names = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = entry.read_text()
        except OSError:
            continue
        own, rest = text.split(" (", 1)
        name, rest = rest.rsplit(") ", 1)
        children[int(rest.split()[1])].append(int(own))
        names[int(own)] = name
    found, left = [], [pid]
    while left:
        for child in children[left.pop()]:
            found.append((child, names[child]))
            left.append(child)
    return found


class Kills:
    def __init__(self, mesh, emulator, seed):
        self.mesh, self.emulator = mesh, emulator
        self.dice = random.Random(seed)
        self.rest = clients.Rest(mesh.rest_address, mesh.tokens["admin"], timeout=30)
        self.counts = collections.Counter()

    # ---- Calls that outlive a dead service --------------------------------------------------

    def insist(self, call, *arguments):
        def attempt():
            try:
                return (call(*arguments),)
            except clients.ApiError as error:
                if error.http not in (499, 500, 502, 503, 504) or error.reason == "INTERNAL_FAULT":
                    raise
            except (OSError, clients.http.client.HTTPException):
                pass
            return None
        return eventually(attempt, "an answer", PATIENCE)[0]

    def stack(self, name):
        return self.insist(self.rest.get, f"/v1/projects/web/stacks/{name}")

    def pages(self, path, field):
        return self.insist(checker.pages, self.rest, path, field)

    def runs(self, name):
        return self.pages(f"/v1/projects/web/stacks/{name}/runs", "runs")

    # ---- Killing ----------------------------------------------------------------------------

    def programs(self, prefix):
        """Processes of the runners whose command begins so, but for those that wait for work."""
        return [pid for service in self.mesh.runners() if service.process.poll() is None
                for pid, name in descendants(service.process.pid) if name.startswith(prefix)]

    def kill(self, victim):
        killed = 0
        if victim in ("terraform", "provider"):
            # Linux keeps 15 characters of a command's name.
            provider = "terraform-provi"
            for pid in self.programs(provider if victim == "provider" else "terraform"):
                try:
                    name = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
                    if (name == provider) == (victim == "provider"):
                        os.kill(pid, signal.SIGKILL)
                        killed += 1
                except (OSError, ProcessLookupError):
                    continue
        else:
            services = {"runner": [self.dice.choice(self.mesh.runners())], "stacks": [self.mesh["stacks"]],
                        "all": list(self.mesh.services.values())}[victim]
            for service in services:
                service.kill()
                killed += 1
            for service in services:
                service.spawn()
            for service in services:
                service.wait()
        self.counts[f"{victim}: {'hit' if killed else 'missed'}"] += 1

    # ---- One round --------------------------------------------------------------------------

    def settle(self, names, lost):
        """Waits until all are at rest. `lost` says which runs were busy at the kill: none of them may
        keep its stack for longer than the takeover takes."""
        deadline = time.monotonic() + LEASE_SECONDS + TAKEOVER_SECONDS

        def probe():
            stacks = [self.stack(name) for name in names]
            if time.monotonic() > deadline:
                for stack in stacks:
                    run, generation = lost.get(stack["name"], (None, None))
                    if run and stack["activeRun"] == run:
                        now = self.insist(self.rest.get, f"/v1/{run}")
                        assert now["generation"] != generation or self.heard_of(now), \
                            f"{run} is held by a runner that is gone: {json.dumps(now)}"
            return stacks if all(s["state"] in checker.SETTLED for s in stacks) else None
        return eventually(probe, lambda: f"at rest: {[self.stack(n) for n in names]}", PATIENCE)

    def heard_of(self, run):
        """Whether the runner that has a run is one that lives."""
        try:
            return self.mesh.runner_called(run["runner"]) is not None
        except AssertionError:
            return False

    def account(self, stack):
        """Holds what was told of a stack against its state and against the emulator."""
        name = stack["name"].rsplit("/", 1)[-1]
        resources = {r["address"] for r in self.pages(f"/v1/{stack['name']}/resources", "resources")}
        made, doubtful = set(), collections.Counter()
        for run in self.runs(name):
            doubtful.update(run.get("unsavedResources", []))
            for event in self.pages(f"/v1/{run['name']}/events", "runEvents"):
                told = event.get("resource") or {}
                if told.get("phase") == "DONE" and told.get("action") == "CREATE":
                    made.add(told["address"])
                elif told.get("phase") == "ERRORED":
                    doubtful[told["address"]] += 1
        assert made <= resources, f"{name}: reported and not in the state: {made - resources}"
        return self.compare(stack, resources, doubtful)

    def compare(self, stack, resources, doubtful):
        """What was made according to the emulator against what the state and the runs tell."""
        name = stack["name"].rsplit("/", 1)[-1]

        bucket = f"b-{stack['uid']}"
        puts = collections.Counter(c["path"] for c in self.emulator.calls()
                                   if c["method"] == "PUT" and c["status"] == 200 and not c["query"])
        keys = {f"/{bucket}": "aws_s3_bucket.this", f"/{bucket}/last": "aws_s3_object.last"}
        keys.update({f"/{bucket}/one-{i}": f"aws_s3_object.one[{i}]" for i in range(OBJECTS)})
        for path, address in keys.items():
            count = puts[path] + puts[path + "/"]
            assert count <= 1 + doubtful[address], \
                f"{name}: {address} was made {count} times, and doubted {doubtful[address]} times"
        if stack["state"] == "READY":
            assert resources == set(keys.values()), f"{name}: READY with {resources}"
            assert len(self.emulator.objects(bucket)) == OBJECTS + 1
        else:
            assert stack["state"] == "FAILED", stack
            error = clients.status_error(stack["stateDetail"]["error"])
            assert error.message and error.reason, stack
            existing = set(self.emulator.objects(bucket)) if bucket in self.emulator.buckets() else set()
            known = {a for p, a in keys.items() if p.rsplit("/", 1)[-1] in existing}
            assert known <= resources | set(doubtful), \
                f"{name}: exists, and nobody tells of it: {known - resources - set(doubtful)}"
        return doubtful

    def round(self, number, stacks=3, span=2.5):
        names = [f"k{number}-{i}" for i in range(stacks)]
        for name in names:
            self.insist(self.rest.post, f"/v1/projects/web/stacks?stackId={name}&requestId=create-{name}",
                        {"templateVersion": "templates/objects/versions/1",
                         "parameters": {"objects": OBJECTS}})
        eventually(lambda: any(self.stack(n)["state"] == "APPLYING" for n in names), "one is applied", PATIENCE)
        # The moment is what is random here.
        time.sleep(self.dice.uniform(0, span))
        lost = {}
        for name in names:
            run = self.stack(name)["activeRun"]
            if run:
                lost[f"projects/web/stacks/{name}"] = (
                    run, self.insist(self.rest.get, f"/v1/{run}")["generation"])
        victim = VICTIMS[number % len(VICTIMS)]
        self.kill(victim)
        for stack in self.settle(names, lost):
            self.counts[stack["state"]] += 1
            self.account(stack)
        for name in names:
            self.heal(name)

    def heal(self, name):
        """A retry, or a few, make it READY; then it is taken away."""
        for _ in range(4):
            stack = self.settle([name], {})[0]
            if stack["state"] != "FAILED":
                break
            self.counts["retry"] += 1
            if "BucketAlreadyExists" in stack["stateDetail"]["message"]:
                # It was made, and its provider killed before it could say so. The run names it; a
                # person looks, and takes it away.
                assert self.account(stack)["aws_s3_bucket.this"], stack
                self.counts["orphan"] += 1
                self.emulator.remove_bucket(f"b-{stack['uid']}")
            self.insist(self.rest.post, f"/v1/{stack['name']}:retry", {})
        assert stack["state"] == "READY", stack
        self.account(stack)
        self.insist(self.rest.delete, f"/v1/{stack['name']}?requestId=delete-{name}")
        eventually(lambda: self.stack(name)["state"] == "DESTROYED", f"{name} is gone", PATIENCE)
        bucket = f"b-{stack['uid']}"
        assert bucket not in self.emulator.buckets(), f"{bucket} is left"


def play(mesh, emulator, seed, rounds):
    emulator.pace(0.15, 0.15)
    kills = Kills(mesh, emulator, seed)
    began = time.monotonic()
    for number in range(rounds):
        try:
            kills.round(number)
        except BaseException:
            print(f"seed {seed}, round {number}", flush=True)
            raise
    kills.insist(checker.check, kills.rest, mesh.dir / "stacks", PATIENCE)
    print(f"seed {seed}: {rounds} rounds, {time.monotonic() - began:.0f} s: "
          f"{dict(sorted(kills.counts.items()))}", flush=True)
    return kills
