#!/usr/bin/env python3
"""deploy/aws/databases.sh against a real PostgreSQL, as an owner who is no superuser, as on RDS."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import suite
from mesh import ENVIRONMENT, ROOT
from postgres import Postgres, programs

SERVICES = ("gateway", "stacks", "quota")


@unittest.skipUnless(programs(), "no PostgreSQL (make setup)")
class DatabasesTest(unittest.TestCase):
    def setUp(self):
        self.postgres = Postgres()
        self.addCleanup(self.postgres.close)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="stackyard-databases-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.sql("stackyard", "postgres", "CREATE ROLE owner LOGIN CREATEROLE CREATEDB")

    def sql(self, user, database, text):
        answer = subprocess.run(
            ["psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.postgres.dir, "-U", user,
             "-d", database, "-c", text], capture_output=True, text=True)
        if answer.returncode != 0:
            raise AssertionError(answer.stderr)
        return answer.stdout.strip()

    def make(self, turn, password, rest="", code=0):
        for service in SERVICES:
            folder = self.dir / "secrets" / service
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in (("database", service), ("username", f"{service}_{turn}"),
                               ("password", f"{password}'{service}")):
                (folder / name).write_text(text)
        answer = subprocess.run(
            [ROOT / "deploy/aws/databases.sh"], capture_output=True, text=True,
            env={"PATH": ENVIRONMENT["PATH"], "PGHOST": str(self.postgres.dir), "PGUSER": "owner",
                 "SECRETS": str(self.dir / "secrets"), "REST": rest})
        self.assertEqual(answer.returncode, code, answer.stderr)
        self.assertNotIn(password, answer.stdout + answer.stderr)
        return answer.stdout

    def password(self, user):
        return self.sql("stackyard", "postgres", f"SELECT rolpassword FROM pg_authid WHERE rolname='{user}'")

    def test_users_take_turns(self):
        self.assertIn("the database stacks is stacks's, who connects as stacks_a", self.make("a", "first"))
        first = self.password("stacks_a")
        self.assertTrue(first.startswith("SCRAM-SHA-256$"), first)
        self.sql("stacks_a", "stacks", "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")

        # Once more changes nothing that anybody has.
        self.make("a", "first")
        self.assertEqual(self.sql("stacks_a", "stacks", "SELECT n FROM kept"), "7")

        # The other's turn: both work, with the same tables, and the first one's password is as it was.
        first = self.password("stacks_a")
        self.make("b", "second")
        self.sql("stacks_b", "stacks", "ALTER TABLE kept ADD COLUMN m int; UPDATE kept SET m = 8")
        self.assertEqual(self.sql("stacks_a", "stacks", "SELECT n, m FROM kept"), "7|8")
        self.assertEqual(self.password("stacks_a"), first)

        # The first one's turn again, with another password.
        self.make("a", "third")
        self.assertNotEqual(self.password("stacks_a"), first)

    def test_whose_turn_it_was_rests(self):
        def may_log_in():
            return self.sql("stackyard", "postgres",
                            "SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles "
                            "WHERE rolname ~ '_[ab]$' AND rolcanlogin")
        # Nobody there to rest yet; and never those whose turn it is.
        self.make("a", "first", rest="b")
        self.make("a", "first", rest="a", code=1)
        self.assertEqual(may_log_in(), "gateway_a quota_a stacks_a")
        self.make("b", "second")
        self.assertEqual(may_log_in(), "gateway_a gateway_b quota_a quota_b stacks_a stacks_b")
        self.make("b", "second", rest="a")
        self.assertEqual(may_log_in(), "gateway_b quota_b stacks_b")
        # Until it is their turn again.
        self.make("a", "third")
        self.assertIn("stacks_a", may_log_in())
        self.assertEqual(self.sql("stacks_a", "stacks", "SELECT current_user"), "stacks")

    def test_services_are_kept_apart(self):
        self.make("a", "first")
        with self.assertRaisesRegex(AssertionError, "permission denied for database"):
            self.sql("quota_a", "stacks", "SELECT 1")
        with self.assertRaisesRegex(AssertionError, "permission denied|must be member|must have"):
            self.sql("quota_a", "quota", "SET ROLE stacks")


if __name__ == "__main__":
    suite.main()
