"""Tries the whole REST API by its description, with schemathesis, against a real mesh.

    rest_fuzz.run(mesh, "admin", examples=5, phases="examples,coverage,fuzzing", folder=path)

Streams are left out: what they answer has no end. `malformed_streams` tries those by hand.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

PROGRAM = pathlib.Path(sys.executable).with_name("schemathesis")
REQUEST_SECONDS = 30

# What no schema can say, such as a filter that means nothing or an end before its beginning, is
# refused by 400; quota and plans that do not fit by 429 and 412.
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "304", "400", "401", "403", "404", "409", "412", "429"]
"""


def available():
    return PROGRAM.exists()


def run(mesh, user, examples, phases, folder, workers=2, seconds=600, seed=1):
    """Runs schemathesis as somebody (None: without a token); answers (cases, faults, output)."""
    folder = pathlib.Path(folder) / (user or "nobody")
    folder.mkdir(parents=True)
    config = folder / "schemathesis.toml"
    config.write_text(CONFIG)
    report = folder / "report.json"
    command = [
        str(PROGRAM), "--config-file", str(config), "run", f"http://{mesh.rest_address}/api-docs",
        "--phases", phases, "--max-examples", str(examples), "--checks", "all", "--workers", str(workers),
        "--exclude-operation-id-regex", "_(Watch|Tail)", "--request-timeout", str(REQUEST_SECONDS),
        "--continue-on-failure", "--warnings", "off", "--no-color", "--seed", str(seed),
        "--generation-database", "none", "--suppress-health-check", "all", "--report", "json", "--report-json-path", str(report),
    ]
    if user:
        command += ["--header", f"Authorization: Bearer {mesh.tokens[user]}"]
    environment = {**os.environ, "no_proxy": "*", "NO_PROXY": "*"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True,
                          timeout=seconds, check=False)
    output = done.stdout + done.stderr
    if not report.exists():
        raise AssertionError(f"schemathesis made no report\n{output[-4000:]}")
    return json.loads(report.read_text()), done.returncode, output


def malformed_streams(rest, paths):
    """Answers the statuses of streams that are asked for wrongly; all must be 4xx at once."""
    for path in paths:
        for query in ("?resumeToken=%00", "?offset=x", "?resumeToken=%FF", "?nothing=1", "?resumeToken=" + "x" * 5000):
            for accept in ("text/event-stream", "application/json"):
                code, headers, data = rest.raw("GET", path + query, headers={"Accept": accept})
                yield path + query, code, headers, data


def cases(output):
    """How many requests schemathesis says that it made."""
    found = re.search(r"^\s*([\d,]+) generated", output, re.MULTILINE)
    return int(found.group(1).replace(",", "")) if found else 0
