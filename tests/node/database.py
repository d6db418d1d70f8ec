"""A PostgreSQL of this machine that pods reach."""

import subprocess

from node import ADDRESS, PODS
from postgres import Postgres, programs
from mesh import eventually

PORT = 5432


class Database(Postgres):
    """Listens on the node's address as well."""

    def start(self):
        (self.dir / "data" / "pg_hba.conf").write_text(
            f"local all all trust\nhost all all {PODS} trust\nhost all all {ADDRESS}/32 trust\n")
        self.process = subprocess.Popen(
            [programs() / "postgres", "-D", self.dir / "data", "-k", self.dir, "-c",
             f"listen_addresses={ADDRESS}", "-c", "fsync=off", "-c", "max_connections=300"],
            stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, **self._as_user())
        eventually(self.ready, "PostgreSQL is ready", 60)

    def url(self, name):
        """Of a new database, as pods name it."""
        self.database(name)
        return f"postgresql://stackyard@{ADDRESS}:{PORT}/{name}?sslmode=disable"
