#!/usr/bin/env python3
"""The checker finds what is wrong: a mesh at rest is spoiled on purpose, one fault after the other, in
the ledger through its internal API and in the database of stacks by hand."""

import base64
import json
import sqlite3
import subprocess
import unittest

import bundles
import checker
import suite
from mesh import ROOT, Mesh, eventually

# ---- Protobuf by hand: rows hold packed messages -------------------------------------------------

def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return value, at


def packed(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def fields(data):
    """(number, wire type, value) of a message's fields."""
    at, found = 0, []
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        elif tag & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            size = {1: 8, 5: 4}[tag & 7]
            value, at = data[at:at + size], at + size
        found.append((tag >> 3, tag & 7, value))
    return found


def set_varint(data, path, value):
    """The message with the number at `path` set; 0 takes it away."""
    out, done = b"", False
    for number, wire, old in fields(data):
        if number == path[0]:
            done = True
            if len(path) == 1:
                if value:
                    out += packed(number << 3) + packed(value)
                continue
            old = set_varint(old, path[1:], value)
        out += packed(number << 3 | wire)
        out += packed(old) if wire == 0 else (packed(len(old)) if wire == 2 else b"") + old
    assert done or not value, "no such field"
    return out


class CheckerTest(unittest.TestCase):
    def setUp(self):
        self.mesh = Mesh(stacks_flags=["--reconcile-interval", "24h"]).start()
        self.addCleanup(self.mesh.close)
        self.admin, self.data = self.mesh.rest("admin"), self.mesh.dir / "stacks"
        self.admin.post("/v1/projects?projectId=web", {})
        for name, files in (("auto", bundles.counted()), ("reviewed", bundles.counted("required"))):
            bundles.published(self.admin, name, "1", bundles.pack(files))

    def create(self, name, template="auto", amount=2):
        return self.admin.post(f"/v1/projects/web/stacks?stackId={name}", {
            "templateVersion": f"templates/{template}/versions/1", "parameters": {"amount": amount}})

    def problems(self):
        return checker.judge(checker.collect(self.admin, self.data))

    def found(self, pattern, before):
        """The fault is told, besides those of before."""
        now = self.problems()
        self.assertTrue([p for p in now if p not in before], f"nothing new is found: {now}")
        self.assertRegex("\n".join(p for p in now if p not in before), pattern)
        return now

    def ledger(self, method, request):
        done = subprocess.run(
            [str(ROOT / "build/tools/bin/grpcurl"), "-plaintext", "-unix", "-d", json.dumps(request),
             f"{self.mesh.dir}/quota.sock", f"stackyard.internal.v1.LedgerService/{method}"],
            capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)

    def sql(self, query, *arguments):
        connection = sqlite3.connect(f"{self.data}/stacks.db", timeout=30)
        try:
            with connection:
                return connection.execute(query, arguments).fetchall()
        finally:
            connection.close()

    def edit(self, table, key, row, path, value):
        ((body,),) = self.sql(f"SELECT body FROM {table} WHERE {key} = ?", row)
        changed = set_varint(base64.b64decode(body), path, value)
        self.sql(f"UPDATE {table} SET body = ? WHERE {key} = ?",
                 base64.b64encode(changed).decode(), row)

    def test_every_fault_is_found(self):
        stacks = {name: self.admin.succeed(self.create(name)) for name in ("aa", "bb", "cc", "dd", "gone")}
        self.create("waits", "reviewed")
        eventually(lambda: self.admin.get("/v1/projects/web/stacks/waits")["state"] == checker.WAITING,
                   "one waits for review")
        self.admin.succeed(self.admin.delete("/v1/projects/web/stacks/gone"))
        facts = checker.check(self.admin, self.data)
        self.assertEqual(len(facts["stacks"]), 6)
        held = {checker.uid_of(r): r for r in facts["reservations"] if r["state"] != "RELEASED"}
        self.assertEqual(len(held), 5)
        problems = []

        # The ledger.
        self.ledger("Release", {"name": held[stacks["aa"]["uid"]]["name"]})
        problems = self.found(r"stacks/aa has resources and 0 committed", problems)
        self.ledger("Commit", {"name": held[stacks["bb"]["uid"]]["name"],
                               "amounts": [{"metric": "resources", "value": 3}]})
        problems = self.found(r"stacks/bb holds .*3.*, its state comes to", problems)
        stray = dict(held[stacks["cc"]["uid"]], name="projects/web/quota/reservations/nobody-1",
                     holder="projects/web/stacks/nobody", expireTime="2100-01-01T00:00:00Z")
        self.ledger("Reserve", {"reservation": {
            key: stray[key] for key in
            ("name", "amounts", "user", "holder", "startTime", "endTime", "expireTime")}})
        problems = self.found(r"nobody-1 is PENDING and belongs to no stack", problems)

        # Stacks, operations, tasks, the queue.
        self.edit("stacks", "uid", stacks["cc"]["uid"], [1, 8], 4)
        problems = self.found(r"stacks/cc is APPLYING at rest", problems)
        self.assertRegex("\n".join(problems), r"stacks/cc is APPLYING, its events end in READY")
        self.edit("operations", "id", stacks["dd"]["operation"], [1, 3], 0)
        problems = self.found(rf"{stacks['dd']['operation']} has not ended", problems)
        self.sql("INSERT INTO queue (target, busy, work, leased, generation, runner, lease_until, "
                 "cancel, events_seen, log_seen, enqueue_micros) "
                 "VALUES ('left', 'left', 3, 1, 1, 'r', 9000000000000000, 0, 0, 0, 0)")
        problems = self.found(r"left is in the queue", problems)
        self.sql("DELETE FROM tasks WHERE name = ?", f"lease/{stacks['dd']['uid']}")
        problems = self.found(r"nobody watches the lease of projects/web/stacks/dd", problems)
        self.sql("INSERT INTO tasks (name, due, lease_until, attempts, body) "
                 "VALUES ('commit/left', 1, 9000000000000000, 1, '')")
        problems = self.found(r"commit/left is due and not done", problems)

        # Runs and requests.
        self.edit("runs", "number = 2 AND stack", "dd", [1, 3], 2)
        problems = self.found(r"stacks/dd/runs/2 is RUNNING at rest", problems)
        self.edit("change_requests", "number", 1, [3], 2)
        problems = self.found(r"stacks/waits waits for .*, which is not open", problems)

        # Events.
        self.sql("DELETE FROM events WHERE project = 'web' AND sequence = 5")
        problems = self.found(r"events of projects/web do not verify", problems)
        self.assertRegex("\n".join(problems), r"sequences of projects/web's events have gaps")

        # A stack that disappears leaves its reservation.
        self.sql("DELETE FROM stacks WHERE uid = ?", stacks["dd"]["uid"])
        self.found(r"belongs to no stack", problems)

    def test_what_is_judged_is_judged_by_itself(self):
        """Facts spoiled in ways that no database would take."""
        for name in ("xx", "yy"):
            self.admin.succeed(self.create(name))
        checker.settle(self.admin, self.data)
        text = json.dumps(checker.collect(self.admin, self.data))

        def told(spoil, pattern):
            facts = json.loads(text)
            before = checker.judge(facts)
            facts = json.loads(text)
            x, y = (next(s for s in facts["stacks"] if s["name"] == f"projects/web/stacks/{name}")
                    for name in ("xx", "yy"))
            spoil(facts, x, y)
            self.assertRegex("\n".join(p for p in checker.judge(facts) if p not in before), pattern)

        told(lambda f, x, y: f["states"].update({x["uid"]: f["states"][y["uid"]]}), "share the lineage")
        told(lambda f, x, y: f["states"].update({x["uid"]: f["states"][y["uid"]]}),
             "is in the states of")
        told(lambda f, x, y: f["stacks"].append(x), "lives 2 times")
        told(lambda f, x, y: f["runs"].append(next(
            r for r in f["runs"] if r["type"] == "APPLY" and r["name"].startswith(x["name"]))),
             "was applied 2 times")
        told(lambda f, x, y: next(e for e in f["events"]["projects/web"] if e["type"] ==
                                  "stack.applyAsked").update(type="stack.applied"), "no step")
        told(lambda f, x, y: f["events"]["projects/web"].remove(next(
            e for e in f["events"]["projects/web"] if e["type"] == "stack.applyAsked")), "goes on from")
        told(lambda f, x, y: f["usage"]["projects/web"][0].update(committed="99"), "usage of")


if __name__ == "__main__":
    suite.main()
