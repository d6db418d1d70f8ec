"""Dex, a real OpenID Connect provider, as a process on a free loopback port.

    with Dex(folder) as dex:                       # an empty folder for its config and log
        flags = ["--oidc-file", str(dex.oidc_file())]
        token = dex.id_token("ada@example.com")    # as if Ada had logged in with a browser
        author = dex.author()["id_token"]          # somebody of the group `authors`

It keeps all in memory: a restart makes new keys. People of PEOPLE log in with PASSWORD; Dex tells
no groups of them. The device flow is open to the public client CLIENT_ID: `approve(url)` does what
a person does with the link that a device shows.
"""

import http.client
import html
import json
import os
import re
import shutil
import subprocess
import urllib.parse

from mesh import ENVIRONMENT, ROOT, eventually, free_port

CLIENT_ID = "stackyard-cli"
PASSWORD = "stackyard-test"
PASSWORD_HASH = "$2b$10$rPV/KogPiEe6P7z8vzwyHOAwcPV452Na.3N3SG96/xkjgYx73V.ry"
PEOPLE = ("ada@example.com", "ben@example.com", "eve@example.com", "zoe@example.com")
AUTHOR = "kilgore@kilgore.trout"
# Dex takes any port and path on this host for a public client.
REDIRECT = "http://localhost/callback"
SCOPES = "openid profile email groups offline_access"


def program():
    own = ROOT / "build/tools/bin/dex"
    return str(own) if own.exists() else shutil.which("dex", path=ENVIRONMENT["PATH"])


def missing():
    """Why tests with Dex cannot run here, or None."""
    return None if program() else "no identity provider: dex is not installed (make setup)"


class Dex:
    def __init__(self, folder, token_life="10m"):
        self.folder, self.token_life = folder, token_life
        self.address = f"127.0.0.1:{free_port()}"
        self.issuer = f"http://{self.address}"
        self.log = folder / "dex.log"
        self.process = None
        self.config = folder / "dex.json"
        self.config.write_text(json.dumps(self._config()))
        self.start()

    def _config(self):
        people = [{"email": email, "hash": PASSWORD_HASH, "username": email.split("@")[0].capitalize(),
                   "userID": f"id-of-{email.split('@')[0]}"} for email in PEOPLE]
        return {
            "issuer": self.issuer,
            "storage": {"type": "memory"},
            "web": {"http": self.address},
            "oauth2": {"skipApprovalScreen": True},
            "expiry": {"idTokens": self.token_life},
            "enablePasswordDB": True,
            "staticPasswords": people,
            "connectors": [{"type": "mockCallback", "id": "mock", "name": "Mock"}],
            "staticClients": [{"id": CLIENT_ID, "name": "Stackyard", "public": True}],
        }

    # ---- Life -------------------------------------------------------------------------------

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close()

    def start(self):
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [program(), "serve", str(self.config)], stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, env={"PATH": os.environ["PATH"]}, start_new_session=True)
        eventually(self.alive, lambda: f"dex\n{self.log.read_text()}", 60)

    def alive(self):
        if self.process.poll() is not None:
            raise AssertionError(f"dex ended with {self.process.returncode}\n{self.log.read_text()}")
        try:
            return self.call("GET", "/.well-known/openid-configuration")[0] == 200
        except OSError:
            return False

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def restart(self):
        """Dex with new keys; what it knew is gone."""
        self.close()
        self.start()

    # ---- For the gateway --------------------------------------------------------------------

    def provider(self, **more):
        """An entry of --oidc-file."""
        return {"issuer": self.issuer, "client_id": CLIENT_ID, "display_name": "Dex",
                "scopes": SCOPES.split(), **more}

    def oidc_file(self, **more):
        """A file for --oidc-file that knows Dex alone. (JSON is YAML.)"""
        path = self.folder / "oidc.yaml"
        path.write_text(json.dumps([self.provider(**more)]))
        return path

    # ---- As a browser -----------------------------------------------------------------------

    def call(self, method, path, form=None):
        """(status, headers, text); `path` may be a whole URL of Dex."""
        if path.startswith(self.issuer):
            path = path[len(self.issuer):]
        connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
            connection.request(method, path, urllib.parse.urlencode(form) if form else None, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def follow(self, path, email=None):
        """Goes where Dex sends a browser, logging in on the way; answers the last place: a URL
        elsewhere, or the text of a page. Without `email` it is AUTHOR who comes, with no password."""
        connector = "local" if email else "mock"
        for _ in range(12):
            if re.match(r"https?://", path) and not path.startswith(self.issuer):
                return path
            status, headers, text = self.call("GET", path)
            if status in (302, 303):
                path = headers["Location"]
                continue
            assert status == 200, (path, status, text)
            choice = re.search(rf'href="([^"]*/auth/{connector}\?[^"]*)"', text)
            form = re.search(r'<form[^>]*action="([^"]*)"', text)
            if choice:
                path = html.unescape(choice[1])
            elif form and 'name="password"' in text:
                status, headers, text = self.call("POST", html.unescape(form[1]),
                                                  {"login": email, "password": PASSWORD})
                assert status in (302, 303), f"{email} cannot log in: {status}\n{text}"
                path = headers["Location"]
            else:
                return text
        raise AssertionError(f"no end of redirects at {path}")

    def tokens(self, email=None, scopes=SCOPES):
        """The answer of the token endpoint after a log-in: id_token, refresh_token and more."""
        query = urllib.parse.urlencode({
            "client_id": CLIENT_ID, "redirect_uri": REDIRECT, "response_type": "code",
            "scope": scopes, "state": "s"})
        end = self.follow(f"/auth?{query}", email)
        code = urllib.parse.parse_qs(urllib.parse.urlsplit(end).query)["code"][0]
        return self.token(grant_type="authorization_code", code=code, redirect_uri=REDIRECT)

    def token(self, **form):
        status, _, text = self.call("POST", "/token", {"client_id": CLIENT_ID, **form})
        assert status == 200, (status, text)
        return json.loads(text)

    def id_token(self, email):
        return self.tokens(email)["id_token"]

    def author(self):
        """Tokens of AUTHOR, who is in the group `authors`."""
        return self.tokens()

    def approve(self, verification_uri_complete, email=PEOPLE[0]):
        """Opens the link that a device shows (with the code in it), and logs in."""
        status, _, text = self.call("GET", verification_uri_complete)
        form = re.search(r'<form[^>]*action="([^"]*)"', text)
        code = urllib.parse.parse_qs(urllib.parse.urlsplit(verification_uri_complete).query)
        assert status == 200 and form, (status, text)
        status, headers, text = self.call("POST", html.unescape(form[1]),
                                          {"user_code": code["user_code"][0]})
        assert status in (302, 303), (status, text)
        page = self.follow(headers["Location"], email)
        assert "Login Successful" in page, page
