#!/usr/bin/env python3
"""Reserve and Release on one contended metric, over gRPC against a real stackyard-quota, beside the
least durable transaction that the engine can do: two of them, one at a time, for a pair.

  quota_reserve_ENGINE_CALLERS   pairs a second with sqlite or postgres and 1, 8 or 64 callers, while
                                 a million reservations are live; more is better
  quota_reserve_scale            microseconds of a pair with a million live reservations (ours) and
                                 with a hundred (reference), 64 callers, sqlite
  quota_reserve_scale_postgres   the same with postgres

    tests/bench/quota_bench.py [sqlite|postgres ...]

Live reservations are COMMITTED, in the same project and metric, with windows that end one by one
over the coming month. They are written straight into the database. Sides and sizes take turns.
BENCH_RUNS sets how often each is measured (5), BENCH_SECONDS for how long (1.5).
"""

import json
import os
import pathlib
import pwd
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
sys.path.insert(0, str(ROOT / "tests" / "bench"))
sys.dont_write_bytecode = True

from bench import record  # noqa: E402  (found by the path above)
from mesh import BIN, eventually  # noqa: E402

LOAD = pathlib.Path(os.environ.get("STACKYARD_QUOTA_LOAD", ROOT / "build/release/tests/bench/quota_load"))
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "1.5"))
CALLERS = (1, 8, 64)
SIZES = (100, 10_000, 1_000_000)
MONTH = 30 * 86400 * 1_000_000


def preload(size, now, engine):
    """Statements that make the limit and the live reservations."""
    numbers, name = {
        "sqlite": (f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {size}) "
                   "SELECT i FROM n", "lower(hex(randomblob(8)))"),
        "postgres": (f"SELECT i FROM generate_series(1, {size}) i", "substr(md5(i::text), 1, 16)"),
    }[engine]
    # By name, so that every index grows at its end.
    rows = ("SELECT name, row_number() OVER (ORDER BY name) AS i "
            f"FROM (SELECT {name} AS name FROM ({numbers}) n) names")
    return [
        "INSERT INTO limits (project, id, metric, usr, value, update_time) "
        f"VALUES ('bench', 'stacks', 'stacks', '', 1000000000000, {now})",
        "INSERT INTO reservations (project, id, state, usr, holder, start_time, end_time, expire_time, "
        "supersedes, over_reserved, expired, fingerprint, create_time, update_time) "
        f"SELECT 'bench', name, 2, '', 'projects/bench/stacks/live', {now} - i, "
        f"{now} + 3600000000 + i * ({MONTH} / {size}), {now}, '', 0, 0, '', {now} - i, {now} - i "
        f"FROM ({rows}) numbers ORDER BY i",
        "INSERT INTO holds (project, reservation, metric, reserved, amount, admitted) "
        "SELECT project, id, 'stacks', 1, 1, 1 FROM reservations ORDER BY id",
    ]


class Sqlite:
    name = "sqlite"

    def __init__(self, folder):
        self.folder = folder

    def database(self, size):
        return f"sqlite:{self.folder / f'quota-{size}.db'}"

    def fill(self, size):
        with sqlite3.connect(self.folder / f"quota-{size}.db") as database:
            database.execute("PRAGMA synchronous = OFF")
            for statement in preload(size, time.time_ns() // 1000, self.name):
                database.execute(statement)
        database.close()

    def limit(self):
        return load("sqlite", self.folder / "limit.db", SECONDS)["rate"]

    def close(self):
        pass


class Postgres:
    name = "postgres"

    def __init__(self, folder):
        found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        initdb = shutil.which("initdb") or (str(found[-1]) if found else None)
        if not initdb:
            raise FileNotFoundError("PostgreSQL is not installed: no initdb on PATH or in /usr/lib")
        self.bin = pathlib.Path(initdb).resolve().parent
        # Beside the other's, on the same disk, and open to another user.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sbpg-", dir=folder.parent))
        # It refuses to run as root.
        self.run_as = {}
        if os.geteuid() == 0:
            user = next(pwd.getpwnam(n) for n in ("postgres", "nobody") if has_user(n))
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self.run_as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self.process = None
        subprocess.run(
            [initdb, "-D", self.folder / "data", "-U", "stackyard", "--auth=trust", "--encoding=UTF8",
             "--locale=C", "--no-sync"], check=True, stdout=subprocess.DEVNULL, cwd="/", **self.run_as)
        # Durable as installed; only the room for a million rows is more than the default.
        self.process = subprocess.Popen(
            [self.bin / "postgres", "-D", self.folder / "data", "-k", self.folder, "-c",
             "listen_addresses=", "-c", "shared_buffers=512MB", "-c", "max_wal_size=8GB"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **self.run_as)
        eventually(lambda: self.psql("postgres", ["SELECT 1"], check=False) == 0, "PostgreSQL", 30)
        self.psql("postgres", ["CREATE DATABASE reference"])
        for size in SIZES:
            self.psql("postgres", [f"CREATE DATABASE quota_{size}"])

    def connection(self, database):
        return f"host={self.folder} user=stackyard dbname={database}"

    def psql(self, database, statements, check=True):
        commands = [part for statement in statements for part in ("-c", statement)]
        return subprocess.run([self.bin / "psql", "-qX", self.connection(database), *commands], check=check,
                              stdout=subprocess.DEVNULL, stderr=None if check else subprocess.DEVNULL).returncode

    def database(self, size):
        return f"postgresql:{self.connection(f'quota_{size}')}"

    def fill(self, size):
        # What the rows refer to is there: a million checks of foreign keys would take longer than
        # the rest.
        self.psql(f"quota_{size}", [
            "SET session_replication_role = replica; SET synchronous_commit = off; " +
            "; ".join(preload(size, time.time_ns() // 1000, self.name)), "VACUUM ANALYZE"])

    def limit(self):
        return load("postgres", self.connection("reference"), SECONDS)["rate"]

    def close(self):
        if self.process:
            self.process.send_signal(signal.SIGINT)
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def has_user(name):
    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False


def load(*args):
    return json.loads(subprocess.run([LOAD, *map(str, args)], check=True, capture_output=True).stdout)


class Quota:
    """A stackyard-quota with live reservations."""

    def __init__(self, engine, size, folder):
        self.address = f"unix:{folder / f'{size}.sock'}"
        self.log = (folder / f"{engine.name}-{size}.log").open("wb")
        self.command = [BIN / "stackyard-quota", "--listen", self.address, "--database", engine.database(size)]
        # The first start makes the tables.
        self.process = self.start()
        self.stop()
        start = time.monotonic()
        engine.fill(size)
        filled = time.monotonic()
        self.process = self.start()
        self.pairs(1, 0)
        print(f"  {engine.name}, {size} live: written in {filled - start:.1f} s, "
              f"read by the first call in {time.monotonic() - filled:.1f} s", flush=True)

    def start(self):
        socket = pathlib.Path(self.address.removeprefix("unix:"))
        socket.unlink(missing_ok=True)
        process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        eventually(socket.exists, "stackyard-quota", 60, 0.05)
        return process

    def pairs(self, callers, seconds=SECONDS):
        return load("pairs", self.address, callers, seconds)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def measure(engine, folder):
    servers = {size: Quota(engine, size, folder) for size in SIZES}
    limits, seen = [], {(size, callers): [] for size in SIZES for callers in CALLERS}
    try:
        for server in servers.values():
            server.pairs(CALLERS[-1])
        for _ in range(RUNS):
            for callers in CALLERS:
                limits.append(engine.limit())
                for size in SIZES:
                    seen[size, callers].append(servers[size].pairs(callers))
    finally:
        for server in servers.values():
            server.stop()
    limit = statistics.median(limits) / 2
    rates = {key: statistics.median(run["rate"] for run in runs) for key, runs in seen.items()}
    for callers in CALLERS:
        record(f"quota_reserve_{engine.name}_{callers}", "pairs/s", rates[SIZES[-1], callers], limit, RUNS)
        for size in SIZES:
            runs = seen[size, callers]
            print(f"  {size:>9} live: {rates[size, callers]:8.0f} pairs/s ({rates[size, callers] / limit:.2f}), "
                  f"p50 {statistics.median(r['p50'] for r in runs):.2f} ms, "
                  f"p99 {statistics.median(r['p99'] for r in runs):.2f} ms, "
                  f"longest {max(r['longest'] for r in runs):.1f} ms, a caller did "
                  f"{min(r['least'] / max(1, r['most']) for r in runs):.2f} of what another did, at least")
    micros = {size: 1e6 / rates[size, CALLERS[-1]] for size in SIZES}
    name = "quota_reserve_scale" + ("" if engine.name == "sqlite" else f"_{engine.name}")
    record(name, "us", micros[SIZES[-1]], micros[SIZES[0]], RUNS)


def main():
    engines = {engine.name: engine for engine in (Sqlite, Postgres)}
    chosen = sys.argv[1:] or list(engines)
    unknown = [name for name in chosen if name not in engines]
    if unknown:
        sys.exit(f"error: no bench {', '.join(unknown)}\nwhat to do: name some of {', '.join(engines)}")
    if not LOAD.exists():
        sys.exit(f"error: {LOAD} is not built\nwhat to do: make bench builds it")
    with tempfile.TemporaryDirectory(prefix="sb-", dir=os.environ.get("BENCH_DIR", "/var/tmp")) as folder:
        for name in chosen:
            try:
                engine = engines[name](pathlib.Path(folder))
            except FileNotFoundError as missing:
                print(f"{name}: skipped, {missing}")
                continue
            try:
                measure(engine, pathlib.Path(folder))
            finally:
                engine.close()


if __name__ == "__main__":
    main()
