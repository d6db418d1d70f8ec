"""The databases of the services, as `--database` names them: how each is dumped and loaded."""

import contextlib
import os
import pathlib
import shlex
import sqlite3
import subprocess
import urllib.parse

# Words of a connection, by the variable that libpq's programs read. So no password stands among the
# arguments of a process.
VARIABLES = {"host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "user": "PGUSER",
             "password": "PGPASSWORD", "dbname": "PGDATABASE", "passfile": "PGPASSFILE",
             "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT",
             "sslkey": "PGSSLKEY", "connect_timeout": "PGCONNECT_TIMEOUT",
             "application_name": "PGAPPNAME", "options": "PGOPTIONS",
             "target_session_attrs": "PGTARGETSESSIONATTRS"}


class Refusal(Exception):
    """Why a database cannot be dumped or loaded, and what to do."""

    def __init__(self, what, advice):
        super().__init__(what)
        self.advice = advice


def at(url):
    kind, _, rest = url.partition(":")
    if kind == "sqlite":
        return Sqlite(rest)
    if kind in ("postgresql", "postgres"):
        return Postgres(url)
    raise Refusal(f"'{kind}:' is no database", "write sqlite:PATH or postgresql://…")


class Sqlite:
    """A file in WAL mode."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def __str__(self):
        return f"sqlite:{self.path}"

    @staticmethod
    def file_name(service):
        return f"{service}.db"

    def save(self, file):
        """A copy as of one moment, whoever writes meanwhile."""
        if not self.path.is_file():
            raise Refusal(f"there is no database {self.path}", "say where the data is: --data FOLDER")
        with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as source, \
                contextlib.closing(sqlite3.connect(file)) as target:
            source.backup(target)
            faults = target.execute("PRAGMA integrity_check").fetchall()
            if faults != [("ok",)]:
                raise Refusal(f"{self.path} is damaged: {faults[0][0]}", "keep the last backup")
            # One file, without a journal beside it.
            target.execute("PRAGMA journal_mode=DELETE")

    def must_be_free(self):
        for name in (self.path, self.path.with_name(self.path.name + "-wal")):
            if name.exists():
                raise Refusal(f"{name} is there already", "move it away: nothing is overwritten")

    def restore(self, file):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_name(self.path.name + ".part")
        part.write_bytes(file.read_bytes())
        part.rename(self.path)


class Postgres:
    """A database of a server, through its own programs."""

    def __init__(self, url):
        self.words = parse(url)
        self.environment = {**os.environ, **{VARIABLES[k]: v for k, v in self.words.items()}}

    def __str__(self):
        return f"postgresql database {self.words.get('dbname', '')} of {self.words.get('host', 'this machine')}"

    @staticmethod
    def file_name(service):
        return f"{service}.dump"

    def _run(self, *command):
        return subprocess.run(command, env=self.environment, check=True, capture_output=True,
                              text=True).stdout

    def _ask(self, question):
        return self._run("psql", "--no-psqlrc", "--tuples-only", "--no-align", "--command", question).strip()

    def save(self, file):
        """As of one moment, whoever writes meanwhile."""
        self._run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--file", str(file))

    def must_be_free(self):
        if self._ask("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                     "AND pid <> pg_backend_pid()") != "0":
            raise Refusal(f"somebody is connected to the {self}", "stop the services first")
        if self._ask("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") != "0":
            raise Refusal(f"the {self} is not empty",
                          "make a new one beside it, or drop it and create it again: nothing is overwritten")

    def restore(self, file):
        # All of it, or nothing.
        self._run("pg_restore", "--exit-on-error", "--single-transaction", "--no-owner",
                  "--no-privileges", "--dbname", self.words["dbname"], str(file))


def parse(url):
    """The words of `postgresql://USER:PASSWORD@HOST:PORT/NAME?…` or `postgresql:host=… user=…`."""
    if url.partition(":")[2].startswith("//"):
        parts = urllib.parse.urlsplit(url)
        words = dict(urllib.parse.parse_qsl(parts.query))
        for name, value in (("user", parts.username), ("password", parts.password),
                            ("host", parts.hostname), ("port", parts.port),
                            ("dbname", parts.path.lstrip("/"))):
            if value:
                words[name] = urllib.parse.unquote(str(value))
    else:
        words = dict(word.split("=", 1) for word in shlex.split(url.partition(":")[2]))
    for name in words:
        if name not in VARIABLES:
            raise Refusal(f"'{name}' of a database's address is not known here", "leave it out")
    if not words.get("dbname"):
        raise Refusal("a database's address names no database", "end it in /NAME")
    return words
