"""Tries the whole REST API by its description, with schemathesis, against a real mesh.

    rest_fuzz.run(mesh, "admin", examples=5, phases="examples,coverage,fuzzing", folder=path)

Streams are left out: what they answer has no end. `malformed_streams` tries those by hand.
"""

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


UNBUILT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "unbuilt.md"


def unbuilt():
    """Operations that docs/unbuilt.md says answer UNIMPLEMENTED, as an expression of their ids."""
    rows = re.findall(r"^\| (\w+Service) \| (.+?) \|$", UNBUILT.read_text(), re.MULTILINE)
    return [f"{service}_{name.strip()}" if name.strip() != "all" else f"{service}_"
            for service, names in rows for name in names.split(",")]


def available():
    return PROGRAM.exists()


def run(mesh, user, examples, phases, folder, seconds=600, seed=1):
    """Runs schemathesis as somebody (None: without a token); answers its exit code and output."""
    folder = pathlib.Path(folder) / (user or "nobody")
    folder.mkdir(parents=True)
    config = folder / "schemathesis.toml"
    config.write_text(CONFIG)
    command = [
        str(PROGRAM), "--config-file", str(config), "run", f"http://{mesh.rest_address}/api-docs",
        # One worker: Python 3.11 parses wrongly now and then where several threads do.
        "--phases", phases, "--max-examples", str(examples), "--checks", "all", "--workers", "1",
        "--exclude-operation-id-regex", "|".join(["_(Watch|Tail)", *unbuilt()]), "--request-timeout", str(REQUEST_SECONDS),
        "--continue-on-failure", "--warnings", "off", "--no-color", "--seed", str(seed),
        "--generation-database", "none", "--suppress-health-check", "all",
        "--max-time", str(max(30, seconds - 60)),
    ]
    if user:
        command += ["--header", f"Authorization: Bearer {mesh.tokens[user]}"]
    environment = {**os.environ, "no_proxy": "*", "NO_PROXY": "*"}
    said = folder / "output.txt"
    with said.open("w") as out:
        done = subprocess.run(command, cwd=folder, env=environment, stdout=out, stderr=out,
                              timeout=seconds, check=False)
    return done.returncode, said.read_text()


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
