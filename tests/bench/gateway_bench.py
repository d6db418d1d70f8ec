#!/usr/bin/env python3
"""What the gateway itself costs, side by side in one run with a bare server:

  gateway_cpu_us       CPU microseconds that the gateway adds to a GetStack, and what a bare gRPC
                       server takes to answer one
  gateway_echo_rate    GetStack through the gateway to a bare server, and to that server itself

    tests/bench/gateway_bench.py

STACKYARD_GATEWAY names another gateway than build/bin/stackyard-gateway, BENCH_RUNS how often each
side runs (5). See bench.py for the results.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from bench import ACTIVE, LOAD, ROOT, medians, record  # noqa: E402
from mesh import eventually, free_port  # noqa: E402

GATEWAY = os.environ.get("STACKYARD_GATEWAY", str(ROOT / "build/bin/stackyard-gateway"))
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
CALLS = 20000
NAME = "projects/bench/stacks/rate"


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    if not LOAD.exists():
        print(f"gateway_bench: skipped, {LOAD} is not built (make bench builds it)")
        return
    with tempfile.TemporaryDirectory(prefix="sb-") as work:
        work = pathlib.Path(work)
        # A Stack with a name, and about as much else as one has.
        fields = {1: NAME.encode(), 4: b"x" * 400}
        (work / "stack.pb").write_bytes(b"".join(
            bytes([number << 3 | 2]) + (bytes([len(text)]) if len(text) < 128 else
                                        bytes([len(text) & 127 | 128, len(text) >> 7])) + text
            for number, text in fields.items()))
        bare = f"unix:{work}/bare.sock"
        address = f"127.0.0.1:{free_port()}"
        server = subprocess.Popen([str(LOAD), "serve", bare, str(work / "stack.pb")])
        gateway = subprocess.Popen(
            [GATEWAY, "--listen", address, "--data", str(work), "--stacks-target", bare],
            stderr=(work / "log").open("w"))
        try:
            token = work / "admin-token"
            eventually(lambda: token.exists() and token.read_text().strip(), "the admin's token", 30)
            environment = {**os.environ, "STACKYARD_TOKEN": token.read_text().strip()}

            def load(where, calls, pid):
                before = cpu_seconds(pid)
                done = subprocess.run([str(LOAD), "call", where, NAME, str(calls), str(ACTIVE)], env=environment,
                                      capture_output=True, text=True, check=False)
                if done.returncode:
                    return None
                return {**json.loads(done.stdout), "cpu": (cpu_seconds(pid) - before) / calls * 1e6}

            eventually(lambda: load(bare, 1, server.pid) and load(address, 1, gateway.pid), "both serve", 30)
            ours, reference = [], []
            for _ in range(RUNS):
                reference.append(load(bare, CALLS, server.pid))
                ours.append(load(address, CALLS, gateway.pid))
        finally:
            for process in (gateway, server):
                process.kill()
                process.wait()
    ours, reference = medians(ours), medians(reference)
    record("gateway_cpu_us", "us", ours["cpu"], reference["cpu"], RUNS)
    record("gateway_echo_rate", "calls/s", ours["rate"], reference["rate"], RUNS)
    for title, seen in (("bare server", reference), ("through the gateway", ours)):
        print(f"  {title}: p50 {seen['p50']:.2f} ms, p99 {seen['p99']:.2f} ms, {ACTIVE} calls at a time")


if __name__ == "__main__":
    main()
