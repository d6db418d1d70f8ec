#!/usr/bin/env python3
"""Signing in to the console and out again, in a real browser: by a token, by a real identity provider
(Dex), and what pages of other origins can do with a session that is not theirs (nothing)."""

import http.server
import json
import threading

import browser as browsers
import consoles

# pylint: disable=wrong-import-order
import dex
import suite

MESH = BROWSER = DEX = STRANGERS = None


class Strangers:
    """A web server of somebody else, who can write what they like into their pages."""

    def __init__(self):
        self.pages = {}
        strangers = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                page = strangers.pages.get(self.path)
                self.send_response(200 if page else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write((page or "").encode())

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def show(self, body, path="/"):
        self.pages[path] = f"<!doctype html><title>Win a prize</title><link rel=icon href=data:,>{body}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def setUpModule():
    global MESH, BROWSER, DEX, STRANGERS
    consoles.skip_if_missing()
    MESH, url = browsers.new_mesh(runners=0)
    try:
        if not dex.missing():
            DEX = dex.Dex(MESH.dir)
            MESH["gateway"].command += ["--oidc-file", str(DEX.oidc_file())]
        MESH.start()
        MESH.rest("admin").post("/v1/projects?projectId=web", {"displayName": "Web"})
        MESH.person("ann", web="dev")
        STRANGERS = Strangers()
        BROWSER = browsers.Browser(url)
    except BaseException:
        tearDownModule()
        raise


def tearDownModule():
    try:
        if BROWSER:
            BROWSER.close()
    finally:
        if STRANGERS:
            STRANGERS.close()
        if DEX:
            DEX.close()
        MESH.close()


def new_token(user):
    answer = MESH.rest("admin").post(f"/v1/users/{user}/tokens", {"displayName": "browser"})
    return answer["secret"], answer["token"]["name"]


class SignInTest(consoles.ConsoleTestCase):
    def test_by_token_and_out_again(self):
        ann = self.browser.person("ann")
        self.addCleanup(self._leave, ann)
        page = ann.page
        # A page that needs somebody leads there and back.
        page.goto("/stacks?filter=state%20%3D%20%22READY%22")
        page.wait_for_url("**/sign-in?returnTo=*")
        page.get_by_role("heading", level=1, name="Stackyard").wait_for()
        self.assertEqual(ann.axe(), [])
        ann.enter(MESH.tokens["ann"])
        page.wait_for_url(lambda url: "/stacks?" in url and "READY" in url)
        page.get_by_role("heading", level=1, name="Stacks").wait_for()
        page.get_by_role("button", name="Account").click()
        page.get_by_text("Ann", exact=True).wait_for()
        page.keyboard.press("Escape")
        ann.sign_out()
        self.assertEqual(ann.session_cookies(), [])
        page.goto("/stacks")
        page.wait_for_url("**/sign-in?returnTo=*")
        # What was seen before is not to be had by going back either.
        page.go_back()
        page.wait_for_url("**/sign-in*")

    def test_a_wrong_token(self):
        ann = self.browser.person("ann")
        self.addCleanup(self._leave, ann)
        ann.page.goto("/sign-in")
        with ann.complaints("401"):
            ann.enter("sy_wrong")
            alert = ann.page.get_by_role("alert")
            alert.wait_for()
        self.assertEqual(ann.session_cookies(), [])
        self.assertEqual(ann.axe(), [])
        # The same form goes on.
        ann.enter(MESH.tokens["ann"])
        ann.page.wait_for_url(lambda url: "/sign-in" not in url)

    def test_what_the_browser_keeps(self):
        ann = self.person("ann")
        cookies = ann.session_cookies()
        self.assertEqual(len(cookies), 1)
        cookie = cookies[0]
        self.assertTrue(cookie["httpOnly"])
        self.assertEqual((cookie["sameSite"], cookie["path"], cookie["expires"]), ("Lax", "/", -1))
        self.assertNotIn(MESH.tokens["ann"], cookie["value"])
        ann.page.get_by_role("button", name="Colour scheme").click()
        ann.page.get_by_role("menuitem", name="Dark").click()
        ann.page.wait_for_function(
            "() => document.documentElement.dataset.mantineColorScheme === 'dark'")
        stored = ann.stored()
        self.assertEqual(stored["local"], ["mantine-color-scheme-value"])
        self.assertEqual((stored["session"], stored["databases"], stored["caches"], stored["cookies"]),
                         ([], [], [], ""))
        ann.page.reload()
        ann.page.wait_for_function(
            "() => document.documentElement.dataset.mantineColorScheme === 'dark'")

    def test_a_session_that_ends_comes_back_to_the_page(self):
        secret, token = new_token("ann")
        ann = self.person("ann", token=secret)
        ann.open("/projects/web?tab=members")
        MESH.rest("admin").post(f"/v1/{token}:revoke")
        with ann.complaints("401"):
            ann.page.reload()
            ann.page.wait_for_url("**/sign-in?*")
            ann.page.get_by_text("Your session has ended").wait_for()
        ann.enter(MESH.tokens["ann"])
        ann.page.wait_for_url(lambda url: url.endswith("/projects/web?tab=members"))
        ann.page.locator("h1").wait_for()

    def test_by_an_identity_provider(self):
        if not DEX:
            self.skipTest(dex.missing())
        ada = self.browser.person("ada")
        self.addCleanup(self._leave, ada)
        page = ada.page
        page.goto("/projects?filter=x")
        page.get_by_role("link", name="Sign in with Dex").click()
        self.at_dex(page, "ada@example.com")
        page.wait_for_url(lambda url: url == BROWSER.url + "/projects?filter=x")
        page.get_by_role("button", name="Account").click()
        page.get_by_text("Ada", exact=True).wait_for()
        page.keyboard.press("Escape")
        # By a real browser the way back is the other site's; the session holds there all the same.
        page.reload()
        page.get_by_role("heading", level=1, name="Projects").wait_for()
        told = page.evaluate("() => fetch('/session').then((r) => r.json())")
        self.assertTrue(told["signedIn"])
        self.assertIn("expireTime", told)
        self.assertEqual([c["httpOnly"] for c in ada.context.cookies(BROWSER.url)],
                         [True] * len(ada.session_cookies()))
        ada.sign_out()
        self.assertEqual(ada.session_cookies(), [])

    def at_dex(self, page, email):
        page.wait_for_url(DEX.issuer + "/**")
        choice = page.get_by_role("link", name="Log in with Email")
        if choice.count() or page.get_by_role("button", name="Log in with Email").count():
            choice.or_(page.get_by_role("button", name="Log in with Email")).first.click()
        page.locator("[name=login]").fill(email)
        page.locator("[name=password]").fill(dex.PASSWORD)
        page.locator("[type=submit]").click()

    def test_an_answer_that_nobody_asked_for(self):
        eve = self.browser.person("eve")
        self.addCleanup(self._leave, eve)
        eve.page.goto("/session/callback?code=x&state=y&error_description=Call+0900")
        eve.page.get_by_role("alert").filter(has_text="begun elsewhere").wait_for()
        # Whoever writes an address does not write what the page says.
        eve.page.goto("/sign-in?error=Call+0900")
        eve.page.get_by_label("API token").wait_for()
        self.assertEqual(eve.page.get_by_text("0900").count(), 0)
        self.assertEqual(eve.page.get_by_role("alert").count(), 0)
        # Nor where it leads to.
        for away in ("https://evil.example", "//evil.example", "/\\evil.example"):
            eve.page.goto(f"/sign-in?returnTo={away}")
            eve.enter(MESH.tokens["ann"])
            eve.page.wait_for_url(lambda url: "/sign-in" not in url)
            self.assertTrue(eve.page.url.startswith(BROWSER.url + "/"), eve.page.url)


class OtherOriginsTest(consoles.ConsoleTestCase):
    """Somebody who is signed in opens a page of a stranger. One on another port of the same host is of
    the same site, so that cookies come along; one of another site has them not."""

    def setUp(self):
        self.ann = self.person("admin")
        self.page = self.ann.page
        self.cookies = self.ann.session_cookies()

    def strangers(self):
        for host in ("localhost", "127.0.0.1"):
            yield f"http://{host}:{STRANGERS.port}"

    def unchanged(self):
        """Nothing was made, and the session is as it was."""
        names = [p["name"] for p in MESH.rest("admin").get("/v1/projects")["projects"]]
        self.assertEqual(names, ["projects/web"])
        self.assertEqual(self.ann.session_cookies(), self.cookies)

    def test_nothing_can_be_read(self):
        paths = ["/v1/whoami", "/v1/projects", "/session", "/v1/projects/web/events:watch", "/configs"]
        for stranger in self.strangers():
            STRANGERS.show("<p>Hello</p>")
            self.page.goto(stranger)
            for path in paths:
                with self.ann.complaints("CORS", "Failed to load", "ERR_"):
                    got = self.page.evaluate("""(url) => fetch(url, { credentials: "include" })
                        .then((r) => r.text(), (e) => "refused: " + e)""", BROWSER.url + path)
                self.assertTrue(got.startswith("refused"), f"{stranger} reads {path}: {got}")
            with self.ann.complaints(".*"):
                read = self.page.evaluate("""(url) => new Promise((done) => {
                    const script = document.createElement("script");
                    script.src = url; script.onload = () => done("ran"); script.onerror = () => done("refused");
                    document.head.append(script); })""", BROWSER.url + "/v1/whoami")
                self.assertEqual(read, "refused")
                events = self.page.evaluate("""(url) => new Promise((done) => {
                    const source = new EventSource(url, { withCredentials: true });
                    source.onmessage = (m) => done(m.data);
                    source.onerror = () => { source.close(); done("refused"); }; })""",
                                            BROWSER.url + "/v1/projects/web/events:watch")
                self.assertEqual(events, "refused")
        self.unchanged()

    def test_nothing_can_be_changed_by_a_script(self):
        body = json.dumps({"displayName": "Evil"})
        for stranger in self.strangers():
            STRANGERS.show("<p>Hello</p>")
            self.page.goto(stranger)
            for how in ({"mode": "no-cors"}, {"mode": "no-cors", "headers": {"Content-Type": "text/plain"}},
                        {"headers": {"X-Stackyard-Console": "1"}},
                        {"headers": {"X-Stackyard-Console": "1", "Content-Type": "application/json"}}):
                for method, path in (("POST", "/v1/projects?projectId=evil"), ("DELETE", "/session"),
                                     ("POST", "/session"), ("DELETE", "/v1/projects/web")):
                    if how.get("mode") == "no-cors" and method != "POST":
                        continue
                    options = {**how, "method": method, "credentials": "include"}
                    if method == "POST":
                        options["body"] = body if "/v1" in path else json.dumps({"token": MESH.tokens["ann"]})
                    with self.ann.complaints(".*"):
                        self.page.evaluate("([url, o]) => fetch(url, o).catch(() => {})",
                                           [BROWSER.url + path, options])
            self.unchanged()

    def test_nothing_can_be_changed_by_a_form(self):
        for stranger in self.strangers():
            for action, name in (("/v1/projects?projectId=evil", '{"displayName": "a'),
                                 ("/session", json.dumps({"token": MESH.tokens["ann"], "x": ""})[:-2])):
                for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
                    STRANGERS.show(f"""<form method=post action="{BROWSER.url}{action}" enctype="{kind}">
                        <input name='{name}' value='"}}'><button>Win</button></form>""")
                    self.page.goto(stranger)
                    with self.ann.complaints("40[0-9]|415"):
                        with self.page.expect_navigation():
                            self.page.get_by_role("button", name="Win").click()
                    self.unchanged()

    def test_it_cannot_be_framed_nor_held(self):
        for stranger in self.strangers():
            STRANGERS.show(f'<iframe src="{BROWSER.url}/stacks"></iframe>'
                           f'<iframe src="{BROWSER.url}/v1/whoami"></iframe>')
            with self.ann.complaints("frame-ancestors|Refused to frame|violates", "401"):
                self.page.goto(stranger)
                self.page.wait_for_load_state("networkidle")
                framed = [f.evaluate("() => document.body?.innerText ?? ''") for f in self.page.frames[1:]]
            self.assertFalse(any("Stacks" in text or "users/" in text for text in framed), framed)
            # A window that a stranger opens is not theirs to steer.
            STRANGERS.show(f'<button onclick="w = window.open(\'{BROWSER.url}/stacks\')">Win</button>')
            self.page.goto(stranger)
            with self.ann.context.expect_page() as opened:
                self.page.get_by_role("button", name="Win").click()
            window = opened.value
            window.get_by_role("heading", level=1, name="Stacks").wait_for()
            self.assertIsNone(window.evaluate("() => window.opener"))
            self.assertTrue(self.page.evaluate("() => w.closed"))
            window.close()

    def test_a_link_from_elsewhere_opens_a_page(self):
        for stranger in self.strangers():
            STRANGERS.show(f'<a href="{BROWSER.url}/projects/web?tab=members">Look</a>')
            self.page.goto(stranger)
            self.page.get_by_role("link", name="Look").click()
            self.page.wait_for_url(BROWSER.url + "/projects/web?tab=members")
            self.page.get_by_role("button", name="Account").wait_for()


class PolicyTest(consoles.ConsoleTestCase):
    def test_nothing_inline_runs(self):
        ann = self.person("ann")
        with ann.complaints("Content Security Policy"):
            ann.page.evaluate("""() => {
                const script = document.createElement("script");
                script.textContent = "window.ran = 1";
                document.body.append(script);
                const image = document.createElement("div");
                image.innerHTML = '<img src="data:," onerror="window.ran = 2">';
                document.body.append(image);
                const elsewhere = document.createElement("script");
                elsewhere.src = "https://evil.example/x.js";
                document.body.append(elsewhere);
            }""")
            ann.page.wait_for_timeout(300)
        self.assertIsNone(ann.page.evaluate("() => window.ran ?? null"))
        with ann.complaints("Content Security Policy", "unsafe-eval"):
            self.assertEqual(ann.page.evaluate("""() => { const f = document.createElement("a");
                f.href = "javascript:window.ran = 3"; document.body.append(f); f.click();
                return window.ran ?? null; }"""), None)
            sent = ann.page.evaluate(
                "() => fetch('https://evil.example/').then(() => 'sent', () => 'refused')")
        self.assertEqual(sent, "refused")

    def test_a_page_of_the_api_runs_nothing(self):
        ann = self.person("ann")
        ann.page.goto("/v1/whoami")
        with ann.complaints(".*"):
            origin = ann.page.evaluate("() => window.origin")
        self.assertEqual(origin, "null")


if __name__ == "__main__":
    suite.main()
