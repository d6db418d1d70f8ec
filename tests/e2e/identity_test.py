#!/usr/bin/env python3
"""Who comes in and who does not: people who log in to a real identity provider (Dex), tokens that
should not be taken, keys that change, and that who is suspended or revoked is out everywhere."""

import json
import time
import unittest

import clients
import dex
import issuer as issuers
import suite
from mesh import Mesh, Service, eventually, free_port

# Within this a suspension holds on every replica.
SUSPENDED_SECONDS = 5
MESH = DEX = ISSUER = None


class TwoGateways(Mesh):
    """The mesh with a second gateway, which has nothing but the database in common with the first."""

    def __init__(self):
        super().__init__(runners=0)
        self.oidc_file = self.dir / "oidc.yaml"
        first = self.services["gateway"]
        first.command += ["--oidc-file", str(self.oidc_file)]
        self.grpc_b = f"127.0.0.1:{free_port()}"

        def swapped(text):
            return text.replace(self.grpc, self.grpc_b).replace("admin.token", "admin-b.token")

        second = Service(self, "gateway-b", "", [], [swapped(h) for h in first.health])
        second.command = [first.command[0], *map(swapped, first.command[1:])]
        self.services["gateway-b"] = second


def setUpModule():
    global MESH, DEX, ISSUER
    why = dex.missing() or issuers.missing()
    if why:
        raise unittest.SkipTest(why)
    MESH = TwoGateways()
    try:
        DEX = dex.Dex(MESH.dir)
        ISSUER = issuers.Issuer(MESH.dir)
        providers = [DEX.provider(), ISSUER.provider(username_prefix="corp-", groups_prefix="corp:",
                                                     link_existing=True)]
        MESH.oidc_file.write_text(json.dumps(providers))
        MESH.start()
        admin = MESH.rest("admin")
        for project in ("web", "api"):
            admin.post(f"/v1/projects?projectId={project}", {"displayName": project})
    except BaseException:
        tearDownModule()
        raise


def tearDownModule():
    if DEX:
        DEX.close()
    if ISSUER:
        ISSUER.close()
    if MESH:
        MESH.close()


def rest(token):
    return clients.Rest(MESH.rest_address, token)


def grpc(token, endpoint=None):
    client = MESH.grpcurl("admin")
    client.endpoint = endpoint or MESH.grpc
    client.headers = ["-H", f"authorization: Bearer {token}"]
    return client


def plain(error):
    """A problem without the id of its request."""
    return json.dumps({key: value for key, value in error.items() if key != "instance"}, sort_keys=True)


class IdentityTest(suite.MeshTestCase):
    def who(self, token):
        return rest(token).get("/v1/whoami")

    def turned_away(self, token):
        return self.refused(401, "TOKEN_INVALID", rest(token).get, "/v1/whoami")

    def bind(self, project, role, member):
        return MESH.rest("admin").post(f"/v1/projects/{project}/bindings",
                                       {"role": f"roles/{role}", "member": member})

    # ---- People of Dex ------------------------------------------------------------------------

    def test_who_logs_in_becomes_a_user(self):
        token = DEX.id_token("ada@example.com")
        user = self.who(token)["user"]
        self.assertEqual(user["name"], "users/ada@example.com")
        self.assertEqual((user["displayName"], user["email"]), ("Ada", "ada@example.com"))
        self.assertEqual(user["issuer"], DEX.issuer)
        self.assertTrue(user["subject"])
        answer = grpc(token)("stackyard.v1.IdentityService/WhoAmI")
        self.assertEqual(answer.json()["user"]["name"], "users/ada@example.com")
        # The second log-in, with a token of its own, is the same person.
        self.assertEqual(self.who(DEX.id_token("ada@example.com"))["user"]["etag"], user["etag"])
        seen = MESH.rest("admin").get(f"/v1/{user['name']}")
        self.assertEqual(seen["subject"], user["subject"])

    def test_groups_bring_roles_on_their_project(self):
        author = rest(DEX.author()["id_token"])
        self.refused(404, "RESOURCE_NOT_FOUND", author.get, "/v1/projects/web/stacks")
        self.bind("web", "viewer", "groups/authors")
        self.assertEqual(author.get("/v1/whoami")["user"]["groups"], ["authors"])
        self.assertEqual(author.get("/v1/projects/web/stacks")["stacks"], [])
        self.refused(403, "PERMISSION_MISSING", author.post, "/v1/projects/web/stacks?stackId=x",
                     {"templateVersion": "templates/t/versions/1"})
        # Theirs alone; and one that is there cannot be told from one that is not.
        there = self.refused(404, "RESOURCE_NOT_FOUND", author.get, "/v1/projects/api/stacks")
        nowhere = self.refused(404, "RESOURCE_NOT_FOUND", author.get, "/v1/projects/zzz/stacks")
        self.assertEqual(plain(there.body).replace("projects/api", "projects/zzz"),
                         plain(nowhere.body))
        listed = author.get("/v1/projects")["projects"]
        self.assertEqual([project["name"] for project in listed], ["projects/web"])

    def test_a_person_makes_tokens_for_their_programs(self):
        me = rest(DEX.id_token("ben@example.com"))
        name = me.get("/v1/whoami")["user"]["name"]
        made = me.post(f"/v1/{name}/tokens", {"displayName": "ci", "scopes": ["stacks.list"]})
        program = rest(made["secret"])
        self.assertEqual(program.get("/v1/whoami")["user"]["name"], name)
        me.post(f"/v1/{made['token']['name']}:revoke")
        self.turned_away(made["secret"])

    def test_dex_with_new_keys(self):
        old = DEX.id_token("eve@example.com")
        self.assertEqual(self.who(old)["user"]["name"], "users/eve@example.com")
        DEX.restart()
        # A known token stays good until it ends; the new key is found without being told.
        self.assertEqual(self.who(old)["user"]["name"], "users/eve@example.com")
        token = DEX.id_token("eve@example.com")
        self.assertEqual(self.who(token)["user"]["name"], "users/eve@example.com")

    def test_everybody_is_told_where_to_sign_in(self):
        providers = rest(None).get("/v1/identityProviders")["identityProviders"]
        self.assertEqual([p["issuer"] for p in providers], [DEX.issuer, ISSUER.issuer])
        self.assertEqual(providers[0]["clientId"], dex.CLIENT_ID)
        self.assertIn("openid", providers[0]["scopes"])

    # ---- Tokens that are none -----------------------------------------------------------------

    def test_tokens_that_are_refused(self):
        now = int(time.time())
        self.assertEqual(self.who(ISSUER.token("gil"))["user"]["name"], "users/corp-gil@corp.example")
        key, foreign = ISSUER.keys[0], issuers.Key("k1")
        good = ISSUER.token("gil")
        head, body, signature = good.split(".")
        admin = issuers.part(ISSUER.claims("admin"))
        elsewhere = DEX.id_token("ada@example.com").split(".")
        refused = {
            "no algorithm": issuers.unsigned(ISSUER.claims("gil")),
            "the public key as a secret": issuers.keyed_by(key.pem(), ISSUER.claims("gil"), "k1"),
            "another's key": foreign.sign(ISSUER.claims("gil")),
            "another's claims": f"{head}.{admin}.{signature}",
            "another issuer": key.sign(ISSUER.claims("gil", iss="https://id.example.com")),
            "the name of another provider": key.sign(ISSUER.claims("gil", iss=DEX.issuer)),
            "another's signature": f"{head}.{body}.{elsewhere[2]}",
            "expired": key.sign(ISSUER.claims("gil", iat=now - 700, exp=now - 70)),
            "from the future": key.sign(ISSUER.claims("gil", iat=now + 120)),
            "not yet": key.sign(ISSUER.claims("gil", nbf=now + 120)),
            "another audience": key.sign(ISSUER.claims("gil", aud="other")),
            "made for another client": key.sign(ISSUER.claims("gil", azp="other")),
            "no subject": key.sign(ISSUER.claims("gil", sub=None)),
            "no end": key.sign(ISSUER.claims("gil", exp=None)),
            "an access token": key.sign(ISSUER.claims("gil"), typ="at+jwt"),
            "an address that is not theirs": key.sign(ISSUER.claims("gil", email_verified=False)),
            "extensions": key.sign(ISSUER.claims("gil"), crit=["exp"]),
            "cut off": good[:-10],
            "garbage": "eyJ.eyJ.x",
            "nothing but dots": "..",
            "a key that nobody has": key.sign(ISSUER.claims("gil"), kid="../../etc/passwd"),
        }
        for what, token in refused.items():
            with self.subTest(what):
                self.turned_away(token)
                self.assertNotEqual(grpc(token)("stackyard.v1.IdentityService/WhoAmI").code, 0)
        rows = MESH.rest("admin").get("/v1/denials?pageSize=500&filter=reason%3DTOKEN_INVALID")
        self.assertGreaterEqual(len(rows["denials"]), 2 * len(refused))
        self.assertEqual(rows["denials"][0]["peer"], "127.0.0.1")
        # None of them has left a trace among the users.
        users = MESH.rest("admin").get("/v1/users?pageSize=1000")["users"]
        self.assertNotIn("users/corp-admin@corp.example", [user["name"] for user in users])

    def test_keys_come_and_go(self):
        old = ISSUER.keys[0]
        second = issuers.Key("k-next", "ES256")
        ISSUER.keys = [second, old]
        try:
            self.assertIn("corp-hal", self.who(ISSUER.token("hal"))["user"]["name"])
            self.assertIn("corp-hal", self.who(ISSUER.token("hal", key=old))["user"]["name"])
            # Whoever makes up keys does not make us ask the issuer again and again.
            before = ISSUER.fetches
            for number in range(30):
                self.turned_away(second.sign(ISSUER.claims("hal"), kid=f"junk-{number}"))
            self.assertLessEqual(ISSUER.fetches - before, 4)
        finally:
            ISSUER.keys = [old]

    def test_an_issuer_that_is_away(self):
        known = ISSUER.token("ida")
        self.assertIn("corp-ida", self.who(known)["user"]["name"])
        ISSUER.close()
        try:
            self.assertIn("corp-ida", self.who(known)["user"]["name"])
            # Its keys are here, so that new tokens are taken too.
            self.assertIn("corp-ida", self.who(ISSUER.token("ida"))["user"]["name"])
        finally:
            ISSUER.open()

    # ---- Users ----------------------------------------------------------------------------------

    def test_a_name_is_never_taken_over(self):
        admin = MESH.rest("admin")
        self.assertIn("corp-kim", self.who(ISSUER.token("kim"))["user"]["name"])
        error = self.turned_away(ISSUER.token("kim", sub="somebody-else"))
        self.assertIn("belongs to another subject", error.message)
        # Made by hand, and linked, since this provider may.
        admin.post("/v1/users?userId=corp-lou@corp.example", {"displayName": "Lou"})
        admin.post("/v1/projects/web/bindings",
                   {"role": "roles/dev", "member": "users/corp-lou@corp.example"})
        roles = self.who(ISSUER.token("lou"))["projectRoles"]
        self.assertEqual(roles, ["projects/web: roles/dev"])
        # The other provider may not.
        admin.post("/v1/users?userId=zoe@example.com", {})
        error = self.turned_away(DEX.id_token("zoe@example.com"))
        self.assertIn("users/zoe@example.com was made by hand", error.message)
        admin.delete("/v1/users/zoe@example.com")
        self.assertIn("zoe", self.who(DEX.id_token("zoe@example.com"))["user"]["name"])

    def test_groups_follow_the_claims(self):
        self.bind("web", "dev", "groups/corp:/web/On Call")
        now = int(time.time())
        first = ISSUER.token("max", groups=["/web/On Call"], iat=now - 5)
        self.assertEqual(self.who(first)["projectRoles"], ["projects/web: roles/dev"])
        self.assertEqual(self.who(ISSUER.token("max", iat=now))["projectRoles"], [])
        # Also by the older token, which says otherwise.
        self.assertEqual(self.who(first)["projectRoles"], [])

    def test_who_is_suspended_or_revoked_is_out_on_every_replica(self):
        admin = MESH.rest("admin")
        token = ISSUER.token("nat")
        name = self.who(token)["user"]["name"]
        program = rest(token).post(f"/v1/{name}/tokens", {"displayName": "ci"})
        here, there = grpc(token), grpc(token, MESH.grpc_b)
        program_there = grpc(program["secret"], MESH.grpc_b)
        for client in (here, there, program_there):
            self.assertEqual(client("stackyard.v1.IdentityService/WhoAmI").code, 0)

        def out(client):
            answer = client("stackyard.v1.IdentityService/WhoAmI")
            return answer.code != 0 and "TOKEN_INVALID" in answer.err + answer.out

        admin.post(f"/v1/{program['token']['name']}:revoke")
        eventually(lambda: out(program_there), "a revoked token is out", SUSPENDED_SECONDS)
        self.assertFalse(out(there))
        admin.patch(f"/v1/{name}?updateMask=suspended", {"suspended": True})
        eventually(lambda: out(there), "a suspended user is out on the other replica",
                   SUSPENDED_SECONDS)
        self.assertTrue(out(here))
        self.assertIn("suspended", self.turned_away(token).message)
        # With a fresh token too.
        self.turned_away(ISSUER.token("nat", nonce="another"))
        admin.patch(f"/v1/{name}?updateMask=suspended", {"suspended": False})
        self.assertEqual(self.who(token)["user"]["name"], name)

    def test_the_last_administrator_stays(self):
        admin = MESH.rest("admin")
        self.refused(400, "WRONG_STATE", admin.patch, "/v1/users/admin?updateMask=suspended",
                     {"suspended": True})
        self.refused(400, "WRONG_STATE", admin.delete, "/v1/users/admin")


class StartTest(suite.MeshTestCase):
    def test_a_bad_file_is_one_clear_line(self):
        bad = MESH.dir / "bad.yaml"
        bad.write_text("- issuer: http://id.example.com\n  client: x\n")
        service = MESH["gateway"]
        start = Service(MESH, "gateway-bad", "", [], [])
        start.command = [part if part != str(MESH.oidc_file) else str(bad) for part in service.command]
        process = start.spawn().process
        self.assertEqual(process.wait(30), 1)
        lines = start.log.read_text().splitlines()
        self.assertEqual(len(lines), 1, lines)
        error = json.loads(lines[0])["error"]
        self.assertIn("bad.yaml:1: provider 1.issuer must be an address like https://", error)
        self.assertIn("bad.yaml:2: provider 1 has no key `client`", error)


if __name__ == "__main__":
    suite.main()
