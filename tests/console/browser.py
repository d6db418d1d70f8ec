"""A real browser (Debian's Chromium, by Playwright) and people in front of it.

    with Browser("http://localhost:8080") as browser:
        ann = browser.person("ann")
        ann.sign_in(token)
        ann.open("/stacks")
        ann.page.get_by_role("link", name="web-1").click()

Each person has cookies and pages of their own. Whatever the browser complains of, errors of scripts
and what the page's policy forbids, is a fault that `browser.close()` raises, unless it was awaited
with `person.complaints(…)`.
"""

import contextlib
import importlib.util
import os
import pathlib
import re
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

# pylint: disable=wrong-import-position
import mesh as meshes

AXE = ROOT / "web/node_modules/axe-core/axe.min.js"
SIZE = (1280, 900)
# What a page may take to show what is waited for, in milliseconds.
PATIENCE_MS = 15_000
SESSION_COOKIES = re.compile(r"^(__Host-)?stackyard-(\d+-)?session(\.\d)?$")
# What a connection that is cut on purpose is told of.
NETWORK = r"net::ERR_|Failed to load resource"


def chromium():
    return os.environ.get("STACKYARD_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"


def missing():
    """Why tests in a browser cannot run here, or None."""
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed (make setup)"
    if not os.access(chromium(), os.X_OK):
        return "chromium is not installed (make setup)"
    return None if AXE.exists() else "axe-core is not installed (make setup)"


def console_of(mesh):
    """Where browsers find the console of a mesh. By its name: providers take that for a loopback."""
    return "http://localhost:" + mesh.rest_address.rsplit(":", 1)[1]


class Person:
    """Somebody with a browser context of their own."""

    def __init__(self, browser, name, scheme, size):
        self.browser, self.name, self.scheme = browser, name, scheme
        self.faults, self.awaited = [], []
        self.context = browser.chromium.new_context(
            base_url=browser.url, color_scheme=scheme, locale="en-GB", timezone_id="Europe/London",
            viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce")
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.on("page", self._listen)
        self.page = self.context.new_page()

    def _listen(self, page):
        page.on("console", lambda m: self._complain(f"{m.text} ({(m.location or {}).get('url')})", page)
                if m.type == "error" else None)
        page.on("pageerror", lambda e: self._complain(str(e), page))

    def _complain(self, text, page):
        if not any(re.search(pattern, text) for pattern in self.awaited):
            self.faults.append(f"{self.name} at {page.url}: {text}")

    @contextlib.contextmanager
    def complaints(self, *patterns):
        """Within it complaints of the browser that match are no faults."""
        self.awaited += patterns
        try:
            yield
            # What was complained of is told a moment later.
            self.page.wait_for_timeout(50)
        finally:
            for pattern in patterns:
                self.awaited.remove(pattern)

    def open(self, path):
        """Goes to a page and waits until it is there: a first heading, and nothing that loads."""
        self.page.goto(path)
        self.settled()

    def settled(self):
        self.page.locator("h1").first.wait_for()
        self.page.wait_for_function("() => !document.querySelector('main [role=status][aria-label=Loading]')")

    def sign_in(self, token, to="/"):
        """By the page, as people do."""
        self.page.goto(f"/sign-in?returnTo={to}" if to != "/" else "/sign-in")
        self.enter(token)
        self.page.wait_for_url(lambda url: "/sign-in" not in url)
        return self

    def enter(self, token):
        """Fills in the form of the page that is shown."""
        self.page.get_by_label("API token").fill(token)
        self.page.get_by_role("button", name="Sign in", exact=True).click()

    def sign_out(self):
        self.page.get_by_role("button", name="Account").click()
        self.page.get_by_role("menuitem", name="Sign out").click()
        self.page.wait_for_url("**/sign-in")

    def session_cookies(self):
        return [c for c in self.context.cookies() if SESSION_COOKIES.match(c["name"])]

    # ---- What is seen ---------------------------------------------------------------------------

    def axe(self):
        """What is wrong for people who do not see, or use no mouse, as lines of text."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate(
            "() => axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations)")
        return [f"{v['id']} ({v['impact']}): {v['help']}: " + "; ".join(
            " ".join(map(str, n["target"])) + " " + n["html"][:120] for n in v["nodes"][:3]) for v in found]

    def overflow(self):
        """By how many pixels the document is wider than the window."""
        return self.page.evaluate(
            "() => document.documentElement.scrollWidth - document.documentElement.clientWidth")

    def stored(self):
        """What scripts can find again: local and session storage, databases, readable cookies."""
        return self.page.evaluate("""async () => ({
            local: Object.keys(localStorage), session: Object.keys(sessionStorage),
            databases: (await indexedDB.databases()).map((d) => d.name),
            caches: await caches.keys(), cookies: document.cookie })""")


class Browser:
    """One Chromium, whose people look at one console."""

    def __init__(self, url):
        # pylint: disable-next=import-outside-toplevel  # is not everywhere, see missing()
        from playwright.sync_api import sync_playwright
        self.url, self.people = url, []
        self.playwright = sync_playwright().start()
        flags = ["--disable-dev-shm-usage", "--force-color-profile=srgb"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")
        self.chromium = self.playwright.chromium.launch(executable_path=chromium(), args=flags)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close(quiet=error is not None)

    def person(self, name, scheme="light", size=SIZE):
        person = Person(self, name, scheme, size)
        self.people.append(person)
        return person

    def faults(self):
        """What the browser complained of since this was last asked."""
        found = [fault for person in self.people for fault in person.faults]
        for person in self.people:
            person.faults.clear()
        return found

    def leave(self, person):
        person.context.close()

    def close(self, quiet=False):
        found = self.faults()
        self.chromium.close()
        self.playwright.stop()
        if found and not quiet:
            raise AssertionError("the browser complains:\n" + "\n".join(found))


def new_mesh(**options):
    """A mesh, and the address of its console."""
    mesh = meshes.Mesh(**options)
    return mesh, console_of(mesh)
