#!/usr/bin/env python3
"""vulndb.py FROM TO: lays the reports of Go's vulnerability database (the folder data/osv of the
module golang.org/x/vulndb) out as govulncheck reads it (https://go.dev/doc/security/vuln/database),
so that a scan needs the module proxy alone, and can be repeated with the same database."""

import json
import pathlib
import re
import shutil
import sys


def newest_fix(affected):
    """The version that ends the last range, or nothing where a fault is not mended."""
    events = [event for span in affected.get("ranges", []) for event in span["events"]]
    return events[-1].get("fixed", "") if events else ""


def time_of(source):
    """When the module was made: reports do not tell when they were changed."""
    stamp = re.search(r"-(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)-[0-9a-f]{12}", str(source))
    if not stamp:
        raise SystemExit(f"error: {source} is in no version of a module")
    return "{}-{}-{}T{}:{}:{}Z".format(*stamp.groups())


def main(source, target):
    modules, reports, newest = {}, [], time_of(source)
    shutil.rmtree(target, ignore_errors=True)
    (target / "ID").mkdir(parents=True)
    (target / "index").mkdir()
    for path in sorted(source.glob("GO-*.json")):
        report = json.loads(path.read_text())
        if report.get("withdrawn"):
            continue
        shutil.copyfile(path, target / "ID" / path.name)
        reports.append({"id": report["id"], "modified": report["modified"],
                        "aliases": report.get("aliases", [])})
        for affected in report["affected"]:
            entry = {"id": report["id"], "modified": report["modified"]}
            if fixed := newest_fix(affected):
                entry["fixed"] = fixed
            modules.setdefault(affected["package"]["name"], []).append(entry)
    if not reports:
        raise SystemExit(f"error: {source} holds no reports")
    index = [{"path": path, "vulns": vulns} for path, vulns in sorted(modules.items())]
    (target / "index/db.json").write_text(json.dumps({"modified": newest}))
    (target / "index/modules.json").write_text(json.dumps(index))
    (target / "index/vulns.json").write_text(json.dumps(reports))
    print(f"{len(reports)} reports as of {newest}")


main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
