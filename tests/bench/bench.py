#!/usr/bin/env python3
"""Holds Stackyard against what people would use without it, side by side in one run:

  hello_request_to_ready  a stack of templates/hello, asked for until READY, and `terraform init`,
                          `plan` and `apply` of the same module by hand
  hello_burst_100         100 such stacks at once, and 100 such Terraforms, as many at a time as the
                          mesh runs
  get_stack_rate          GetStack through the gateway, and from a bare gRPC server; with it
                          gateway_cpu_us, the processor time of a call in the gateway and in all of the
                          bare server
  rest_over_grpc          GetStack by REST, and by gRPC, through the same mesh
  list_first_page_ms_100k the slowest of some listings of 100,000 stacks, and the 10 ms that are aimed at
  list_first_page_ms_1m   the same of a million, and of 100,000. The databases stay in build/bench
  watch_memory_kib        what one of 10,000 open WatchStack streams costs the stacks service, and a
                          bare gRPC callback server

    tests/bench/bench.py [NAME...]

The two sides take turns, so that what else the machine does weighs on both. Results are merged by
name into build/bench/results.json: a list of {name, unit, ours, reference, ratio, runs}; `ratio` is
ours by the reference. BENCH_RUNS sets how often each side runs (20).
"""

import calendar
import concurrent.futures
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
sys.dont_write_bytecode = True

import bundles  # noqa: E402  (found by the path above)
from mesh import TERRAFORM, UNLIMITED, Mesh, eventually, free_port  # noqa: E402

RESULTS = ROOT / "build" / "bench" / "results.json"
LOAD = pathlib.Path(os.environ.get("STACKYARD_LOAD", ROOT / "build/release/tests/bench/grpc_load"))
WATCH_LOAD = LOAD.with_name("watch_load")
FILL = LOAD.with_name("stack_fill")
RUNS = int(os.environ.get("BENCH_RUNS", "20"))
BURST = 100
SLOTS = 4
CALLS, ACTIVE = 20000, 16
WATCHES = 10000
# Stacks of one project are limited by default.
ENOUGH = 100000


def record(name, unit, ours, reference, runs):
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    entry = {"name": name, "unit": unit, "ours": round(ours, 4), "reference": round(reference, 4),
             "ratio": round(ours / reference, 3), "runs": runs}
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    merged = [e for e in found if e["name"] != name] + [entry]
    RESULTS.write_text(json.dumps(merged, indent=2) + "\n")
    print(f"{name}: {entry['ours']} {unit}, reference {entry['reference']} {unit}, "
          f"ratio {entry['ratio']} ({runs} runs)", flush=True)


# ---- By hand -----------------------------------------------------------------------------------

TERRAFORM_ENVIRONMENT = {
    "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "CHECKPOINT_DISABLE": "1",
    "TF_IN_AUTOMATION": "1",
}


def by_hand(folder):
    """init, plan and apply in a fresh copy of the module; answers the seconds of each step."""
    shutil.copytree(ROOT / "templates/hello", folder, ignore=shutil.ignore_patterns(".terraform*", "tests"))
    variables = ["-var", "name=Ann", "-var", "stackyard_stack_uid=bench"]
    steps = {"init": ["init", "-input=false"],
             "plan": ["plan", "-input=false", "-out=plan", *variables],
             "apply": ["apply", "-input=false", "plan"]}
    seconds = {}
    for step, arguments in steps.items():
        start = time.monotonic()
        subprocess.run([TERRAFORM, *arguments], cwd=folder, env=TERRAFORM_ENVIRONMENT, check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        seconds[step] = time.monotonic() - start
    return seconds


# ---- By the mesh -------------------------------------------------------------------------------

def ask(rest, name):
    return rest.post(f"/v1/projects/bench/stacks?stackId={name}",
                     {"templateVersion": "templates/hello/versions/1", "parameters": {"name": "Ann"}})


def check(stack):
    assert stack["state"] == "READY" and stack["outputs"]["message"]["value"] == "Hello, Ann!", stack


def seconds_of(duration):
    return float(duration.rstrip("s"))


def spent(rest, stack):
    """Seconds of each part of a stack's making, by the times in its runs."""
    def instant(text):
        head, _, fraction = text.rstrip("Z").partition(".")
        return calendar.timegm(time.strptime(head, "%Y-%m-%dT%H:%M:%S")) + float(f"0.{fraction or 0}")

    parts = {}
    runs = sorted(rest.get(f"/v1/{stack['name']}/runs")["runs"], key=lambda run: run["createTime"])
    last = instant(stack["createTime"])
    for run in runs:
        kind = run["type"].lower()
        parts[f"{kind} is queued"] = instant(run["createTime"]) - last
        parts[f"{kind} waits for a runner"] = instant(run["startTime"]) - instant(run["createTime"])
        steps = 0
        for step in run["steps"]:
            parts[f"{kind}: {step['name']}"] = seconds_of(step["duration"])
            steps += seconds_of(step["duration"])
        parts[f"{kind}: the rest"] = instant(run["endTime"]) - instant(run["startTime"]) - steps
        last = instant(run["endTime"])
    return parts


def medians(rows):
    return {key: statistics.median(row[key] for row in rows) for key in rows[0]}


def show(title, seconds):
    print(f"  {title}")
    for key, value in seconds.items():
        print(f"    {key:<28} {value * 1000:8.1f} ms")
    print(f"    {'sum':<28} {sum(seconds.values()) * 1000:8.1f} ms", flush=True)


def hello_request_to_ready(mesh, work):
    rest = mesh.rest("admin")
    ours, reference, parts, steps = [], [], [], []
    for run in range(RUNS + 1):
        start = time.monotonic()
        steps.append(by_hand(work / f"one-{run}"))
        reference.append(time.monotonic() - start)

        start = time.monotonic()
        stack = rest.succeed(ask(rest, f"one-{run}"))
        ours.append(time.monotonic() - start)
        check(stack)
        parts.append(spent(rest, stack))
    # The first of each warms caches up.
    record("hello_request_to_ready", "s", statistics.median(ours[1:]), statistics.median(reference[1:]), RUNS)
    show("by hand", medians(steps[1:]))
    show("through the mesh", medians(parts[1:]))


def hello_burst_100(mesh, work):
    rest = mesh.rest("admin")
    ours, reference = [], []
    runs = max(1, RUNS // 10)
    for run in range(runs):
        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(SLOTS) as pool:
            list(pool.map(by_hand, [work / f"burst-{run}-{i}" for i in range(BURST)]))
        reference.append(time.monotonic() - start)

        start = time.monotonic()
        operations = [ask(rest, f"burst-{run}-{i}") for i in range(BURST)]
        stacks = [rest.succeed(operation) for operation in operations]
        ours.append(time.monotonic() - start)
        for stack in stacks:
            check(stack)
    record(f"hello_burst_{BURST}", "s", statistics.median(ours), statistics.median(reference), runs)


def skipped(name, program):
    """Whether a bench cannot run for want of a program."""
    if pathlib.Path(program).exists():
        return False
    print(f"{name}: skipped, {program} is not built (make bench builds it)")
    return True


def environment_of(mesh):
    return {**mesh.environment, "STACKYARD_TOKEN": mesh.tokens["admin"]}


def load(environment, *args):
    """Runs the load generator; answers what it measured."""
    done = subprocess.run([str(LOAD), *map(str, args)], env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"error: {LOAD.name} {args[0]}: {done.stderr}")
    return json.loads(done.stdout or "{}")


def cpu_seconds(pid):
    """Processor time of a process, in the kernel too."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(environment, address, name, pids):
    """Calls GetStack; answers rate and percentiles, and microseconds of each process for a call."""
    before = {title: cpu_seconds(pid) for title, pid in pids.items()}
    seen = load(environment, "call", address, name, CALLS, ACTIVE)
    # A tenth more warms up.
    for title, pid in pids.items():
        seen[title] = (cpu_seconds(pid) - before[title]) * 1e6 / (CALLS * 1.1)
    return seen


def get_stack_rate(mesh, work):
    if skipped("get_stack_rate", LOAD):
        return
    name = stack_to_read(mesh)
    environment = environment_of(mesh)
    load(environment, "save", mesh.grpc, name, work / "stack.pb")
    address = f"127.0.0.1:{free_port()}"
    server = subprocess.Popen([str(LOAD), "serve", address, str(work / "stack.pb")])
    pids = {side: mesh[side].process.pid for side in ("gateway", "stacks")}
    try:
        eventually(lambda: subprocess.run([str(LOAD), "call", address, name, "1", "1"], env=environment,
                                          capture_output=True).returncode == 0, "the echo server", 30)
        ours, reference = [], []
        runs = max(3, RUNS // 4)
        for _ in range(runs):
            reference.append(measured(environment, address, name, {"server": server.pid}))
            ours.append(measured(environment, mesh.grpc, name, pids))
    finally:
        server.kill()
        server.wait()
    ours, reference = medians(ours), medians(reference)
    record("get_stack_rate", "calls/s", ours["rate"], reference["rate"], runs)
    record("gateway_cpu_us", "us", ours["gateway"], reference["server"], runs)
    for title, seen in (("bare server", reference), ("through the mesh", ours)):
        spent_on = ", ".join(f"{side} {seen[side]:.0f} us" for side in ("server", "gateway", "stacks")
                             if side in seen)
        print(f"  {title}: p50 {seen['p50']:.2f} ms, p99 {seen['p99']:.2f} ms, {ACTIVE} calls at a time, "
              f"processor time of a call: {spent_on}")


def stack_to_read(mesh):
    """A READY stack; made by the first who asks."""
    rest = mesh.rest("admin")
    name = "projects/bench/stacks/rate"
    if name not in {stack["name"] for stack in rest.get("/v1/projects/bench/stacks")["stacks"]}:
        check(rest.succeed(ask(rest, "rate")))
    return name


def rest_rate(mesh, name):
    """GETs a second over kept connections."""
    done = subprocess.run(
        ["wrk", "-t1", f"-c{ACTIVE}", "-d3s", "-H", f"Authorization: Bearer {mesh.tokens['admin']}",
         f"http://{mesh.rest_address}/v1/{name}"], check=True, capture_output=True, text=True)
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        sys.exit(f"error: REST fails under load\n{done.stdout}")
    return float(next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("Requests/sec")))


def rest_over_grpc(mesh, work):
    if skipped("rest_over_grpc", LOAD) or skipped("rest_over_grpc", shutil.which("wrk") or "wrk"):
        return
    name = stack_to_read(mesh)
    environment = environment_of(mesh)
    rest_rate(mesh, name)
    ours, reference = [], []
    runs = max(3, RUNS // 4)
    for _ in range(runs):
        reference.append(load(environment, "call", mesh.grpc, name, CALLS, ACTIVE)["rate"])
        ours.append(rest_rate(mesh, name))
    record("rest_over_grpc", "calls/s", statistics.median(ours), statistics.median(reference), runs)


# ---- Listings ----------------------------------------------------------------------------------

# Parent, page, filter, order.
LISTINGS = [
    ("projects/big", 1, "", ""),
    ("projects/big", 3, "", ""),
    ("projects/-", 1, "", "update_time desc"),
    ("projects/big", 2, "", "create_time desc"),
    ("projects/big", 1, 'state = READY AND labels.team = "team-7"', ""),
    ("projects/-", 1, "state = FAILED", "update_time desc"),
    ("projects/-", 1, 'labels.ticket = "T-77777"', "create_time"),
    ("projects/p-07", 1, 'creator = "users/u15"', "lease.end_time"),
    ("projects/-", 1, 'template_version = "templates/t3/*" AND state = READY', ""),
    ("projects/-", 1, 'name = "projects/big/stacks/s00123*"', ""),
]


def filled(count):
    """A database with this many stacks, made once."""
    folder = RESULTS.parent / f"stacks-{count}"
    folder.mkdir(parents=True, exist_ok=True)
    flags = [f"sqlite:{folder}/stacks.db", f"{folder}/seal.key"]
    start = time.monotonic()
    subprocess.run([str(FILL), *flags, str(count)], check=True)
    print(f"  {count} stacks are there after {time.monotonic() - start:.0f} s", flush=True)
    return ["--database", flags[0], "--seal-key-file", flags[1]]


def slowest_listing(count):
    """Median milliseconds of the slowest listing, through the gateway."""
    with Mesh(runners=0, stacks_flags=filled(count), environment=UNLIMITED) as mesh:
        environment = environment_of(mesh)
        slowest = 0
        for parent, page, text, order in LISTINGS:
            seen = load(environment, "list", mesh.grpc, parent, max(20, RUNS), page, text, order)
            print(f"    {seen['p50']:8.2f} ms, p99 {seen['p99']:8.2f} ms  {parent} page {page} "
                  f"[{text}] {order}", flush=True)
            slowest = max(slowest, seen["p50"])
    return slowest


def list_first_page_ms_100k(mesh, work):
    if not skipped("list_first_page_ms_100k", FILL):
        record("list_first_page_ms_100k", "ms", slowest_listing(100_000), 10, max(20, RUNS))


def list_first_page_ms_1m(mesh, work):
    if not skipped("list_first_page_ms_1m", FILL):
        record("list_first_page_ms_1m", "ms", slowest_listing(1_000_000), slowest_listing(100_000),
               max(20, RUNS))


def resident_kib(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmRSS:")))


def memory_of_watches(pid, address, name):
    """KiB that each of many open streams adds to a process."""
    def hold(count):
        client = subprocess.Popen([str(WATCH_LOAD), address, name, str(count)], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        if client.stdout.readline() != "open\n":
            sys.exit(f"error: {address} does not open {count} streams")
        return client

    def let_go(client):
        client.stdin.close()
        client.wait()
        client.stdout.close()

    # What the first streams set up is there for all.
    let_go(hold(100))
    before = resident_kib(pid)
    client = hold(WATCHES)
    after = resident_kib(pid)
    let_go(client)
    return (after - before) / WATCHES


def watch_memory_kib(mesh, work):
    if not WATCH_LOAD.exists():
        print(f"watch_memory_kib: skipped, {WATCH_LOAD} is not built (make bench builds it)")
        return
    rest = mesh.rest("admin")
    name = "projects/bench/stacks/watched"
    check(rest.succeed(ask(rest, "watched")))
    environment = {**mesh.environment, "STACKYARD_TOKEN": mesh.tokens["admin"]}
    subprocess.run([str(LOAD), "save", mesh.grpc, name, str(work / "watched.pb")], env=environment, check=True)
    ours, reference = [], []
    runs = max(3, RUNS // 4)
    for run in range(runs):
        # Each in a fresh process: memory that was once taken is used again.
        address = f"unix:{work}/bare-{run}.sock"
        server = subprocess.Popen([str(LOAD), "serve", address, str(work / "watched.pb")])
        try:
            reference.append(memory_of_watches(server.pid, address, name))
        finally:
            server.kill()
            server.wait()
        stacks = mesh["stacks"].restart()
        ours.append(memory_of_watches(stacks.process.pid, f"unix:{mesh.dir}/stacks.sock", name))
    record("watch_memory_kib", "KiB", statistics.median(ours), statistics.median(reference), runs)


def main():
    benches = {b.__name__: b for b in (hello_request_to_ready, hello_burst_100, get_stack_rate,
                                       rest_over_grpc, list_first_page_ms_100k, list_first_page_ms_1m,
                                       watch_memory_kib)}
    chosen = sys.argv[1:] or list(benches)
    unknown = [name for name in chosen if name not in benches]
    if unknown:
        sys.exit(f"error: no bench {', '.join(unknown)}\nwhat to do: name some of {', '.join(benches)}")
    with tempfile.TemporaryDirectory(prefix="sb-") as work, \
            Mesh(runners=1, slots=SLOTS, environment=UNLIMITED) as mesh:
        rest = mesh.rest("admin")
        rest.post("/v1/projects?projectId=bench", {})
        for metric in ("stacks", "resources"):
            rest.put(f"/v1/projects/bench/quota/limits/{metric}", {"value": ENOUGH})
        bundles.published(rest, "hello", "1", bundles.pack(bundles.automatic(bundles.read("hello"))))
        for name in chosen:
            benches[name](mesh, pathlib.Path(work))


if __name__ == "__main__":
    main()
