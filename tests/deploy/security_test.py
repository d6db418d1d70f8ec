#!/usr/bin/env python3
"""What the security scan makes of Go's database of faults, and of what govulncheck finds."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

# pylint: disable=wrong-import-position
import suite

VERSION = "vulndb@v0.0.0-20261105234957-e22db6528018"


def report(identifier, module="example.com/m", fixed="1.2.3", **imports):
    events = [{"introduced": "0"}] + ([{"fixed": fixed}] if fixed else [])
    return {"id": identifier, "modified": "2026-01-02T03:04:05Z", "summary": f"fault {identifier}",
            "aliases": [f"CVE-{identifier}"],
            "affected": [{"package": {"name": module}, "ranges": [{"events": events}],
                          "ecosystem_specific": {"imports": [{"path": module, **imports}]}}]}


def finding(identifier, function="Read"):
    trace = {"module": "example.com/m", "version": "v1.0.0", **({"function": function} if function else {})}
    return {"osv": identifier, "fixed_version": "v1.2.3", "trace": [trace]}


class FaultsTest(unittest.TestCase):
    def called(self, *messages):
        return subprocess.run(["jq", "-rs", "--from-file", ROOT / "scripts/called-faults.jq"], check=True,
                              input="\n".join(map(json.dumps, messages)), capture_output=True,
                              text=True).stdout.splitlines()

    def test_what_is_called_is_told_once_with_its_mend(self):
        messages = [{"config": {}}, {"osv": report("GO-1")}, {"finding": finding("GO-1", None)},
                    {"finding": finding("GO-1")}, {"finding": finding("GO-1", "Write")}]
        self.assertEqual(self.called(*messages),
                         ["GO-1 example.com/m@v1.0.0, mended in v1.2.3: fault GO-1"])

    def test_what_is_not_called_is_not_told(self):
        self.assertEqual(self.called({"osv": report("GO-1")}, {"finding": finding("GO-1", None)}), [])

    def test_other_systems_are_not_ours(self):
        for systems, count in ((["windows"], 0), (["windows", "linux"], 1)):
            self.assertEqual(len(self.called({"osv": report("GO-1", goos=systems)},
                                             {"finding": finding("GO-1")})), count)


class DatabaseTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def lay_out(self, *reports, version=VERSION):
        source = self.root / version / "data/osv"
        source.mkdir(parents=True)
        for one in reports:
            (source / f"{one['id']}.json").write_text(json.dumps(one))
        return subprocess.run([ROOT / "scripts/vulndb.py", source, self.root / "out"], check=False,
                              capture_output=True, text=True)

    def read(self, name):
        return json.loads((self.root / "out" / name).read_text())

    def test_it_is_laid_out_as_govulncheck_reads_it(self):
        gone = {**report("GO-9"), "withdrawn": "2026-01-01T00:00:00Z"}
        done = self.lay_out(report("GO-1"), report("GO-2", fixed=None), report("GO-3", module="other"), gone)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.read("index/db.json"), {"modified": "2026-11-05T23:49:57Z"})
        self.assertEqual({m["path"]: [(v["id"], v.get("fixed")) for v in m["vulns"]]
                          for m in self.read("index/modules.json")},
                         {"example.com/m": [("GO-1", "1.2.3"), ("GO-2", None)], "other": [("GO-3", "1.2.3")]})
        self.assertEqual([entry["id"] for entry in self.read("index/vulns.json")], ["GO-1", "GO-2", "GO-3"])
        self.assertEqual(self.read("ID/GO-1.json"), report("GO-1"))

    def test_an_empty_database_is_a_fault(self):
        self.assertNotEqual(self.lay_out().returncode, 0)

    def test_a_database_of_no_version_is_a_fault(self):
        self.assertIn("is in no version", self.lay_out(report("GO-1"), version="somewhere").stderr)


if __name__ == "__main__":
    suite.main()
