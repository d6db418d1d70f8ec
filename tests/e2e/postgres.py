"""A private PostgreSQL on a Unix socket in a folder of its own."""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

from mesh import eventually


def programs():
    """The folder of initdb and postgres, or None."""
    if found := shutil.which("initdb"):
        return pathlib.Path(found).resolve().parent
    versions = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


class Postgres:
    def __init__(self):
        # Unix sockets want a short path.
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="sp-", dir="/tmp"))
        # It refuses to run as root.
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user:
            entry = pwd.getpwnam(self.user)
            os.chown(self.dir, entry.pw_uid, entry.pw_gid)
        self._run("initdb", "--pgdata", self.dir / "data", "--username=stackyard", "--auth=trust",
                  "--encoding=UTF8", "--locale=C", "--no-sync")
        self.log = (self.dir / "log").open("wb")
        self.start()

    def start(self):
        """Also again, after stop."""
        self.process = subprocess.Popen(
            [programs() / "postgres", "-D", self.dir / "data", "-k", self.dir, "-c", "listen_addresses=",
             "-c", "fsync=off", "-c", "max_connections=200"],
            stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, **self._as_user())
        eventually(self.ready, "PostgreSQL is ready", 60)

    def _as_user(self):
        return {"user": self.user, "cwd": self.dir} if self.user else {}

    def _run(self, program, *arguments):
        subprocess.run([programs() / program, *arguments], check=True, capture_output=True,
                       **self._as_user())

    def ready(self):
        return subprocess.run([programs() / "pg_isready", "-q", "-h", self.dir, "-d", "postgres"],
                              check=False).returncode == 0

    def database(self, name):
        """Makes a database and answers its URL."""
        self._run("createdb", "-h", self.dir, "-U", "stackyard", name)
        return f"postgresql:host={self.dir} user=stackyard dbname={name}"

    def stop(self):
        """At once: who is connected loses the connection."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)
