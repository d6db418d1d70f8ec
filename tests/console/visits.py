"""Every page of the console with something on it, and a visit to each: axe, width, complaints, picture."""

import pathlib
import re

import browser as browsers
import consoles

# pylint: disable=wrong-import-order
import bundles
from mesh import eventually

ROOT = browsers.ROOT
PICTURES = ROOT / "build/console/screenshots"
STACK = "/projects/web/stacks/shop"
# The routes of web/src/router.tsx, with names in place of their parameters.
ROUTES = {
    "overview": "/", "stacks": "/stacks", "catalogue": "/catalogue", "template": "/catalogue/hello",
    "request": "/catalogue/hello/request?project=web", "reviews": "/reviews", "projects": "/projects",
    "project": "/projects/web", "members": "/projects/web?tab=members",
    "channels": "/projects/web?tab=channels", "credentials": "/projects/web?tab=credentials",
    "project-settings": "/projects/web?tab=settings", "quota": "/projects/web/quota",
    "audit": "/projects/web/audit", "stack": STACK, "resources": f"{STACK}?tab=resources",
    "revisions": f"{STACK}?tab=revisions", "drift": f"{STACK}?tab=drift", "runs": f"{STACK}?tab=runs",
    "events": f"{STACK}?tab=events", "state": f"{STACK}?tab=state", "update": f"{STACK}/update",
    "run": f"{STACK}/runs/2", "change-request": "/projects/web/changeRequests/{request}",
    "notices": "/notices", "settings": "/settings", "users": "/admin/users", "roles": "/admin/roles",
    "denials": "/admin/denials", "templates": "/admin/templates", "system": "/admin/system",
    "nowhere": "/nowhere",
}
# One page of each kind, for what is tested at each change.
FEW = ("overview", "stacks", "catalogue", "request", "reviews", "quota", "stack", "run", "change-request", "users")
PATH = re.compile(r'\b(?:page\(\s*|path: )"(/[^"]*)"')


def router_paths():
    """The paths that the router leads to."""
    return set(PATH.findall((ROOT / "web/src/router.tsx").read_text()))


def unvisited():
    """Paths of the router that no visit leads to."""
    patterns = {path: re.compile("^" + re.sub(r"\$\w+", "[^/?]+", path) + "$") for path in router_paths()}
    visited = [route.split("?")[0] for route in ROUTES.values()] + ["/sign-in"]
    return sorted(p for p, pattern in patterns.items() if not any(pattern.match(v) for v in visited))


def furnish(mesh):
    """A project with a ready stack, one that failed, one that waits for review, and people."""
    admin = mesh.rest("admin")
    admin.post("/v1/projects?projectId=web", {"displayName": "Web", "description": "The shop and what it needs"})
    mesh.person("ann", web="dev")
    mesh.person("dave", web="devops", everywhere="devops")
    mesh.person("sam")
    hello = bundles.read("hello")
    bundles.published(mesh.rest("dave"), "hello", "1", bundles.pack(bundles.automatic(hello)))
    bundles.published(mesh.rest("dave"), "hello", "2", bundles.pack(hello))
    bundles.published(mesh.rest("dave"), "slow", "1", bundles.pack(bundles.slow()))
    admin.post("/v1/projects/web/channels?notificationChannelId=chat",
               {"webhook": {"url": "https://chat.example/hook", "secretKey": "0123456789abcdef"},
                "eventTypes": ["stack.*"]})
    ann = mesh.rest("ann")

    def ask(name, version, **parameters):
        return ann.post(f"/v1/projects/web/stacks?stackId={name}&reason=A+look+at+it",
                        {"templateVersion": f"templates/hello/versions/{version}",
                         "parameters": {"name": "Ann", **parameters}})

    ann.succeed(ask("shop", 1, repeat=3))
    ask("waits", 2)
    eventually(lambda: ann.get("/v1/projects/web/stacks/waits")["state"] == "AWAITING_APPROVAL", "it waits")
    return ann.get("/v1/projects/web/stacks/waits")["changeRequest"].rsplit("/", 1)[1]


class Visits:
    """Goes through pages as somebody and collects what is wrong."""

    def __init__(self, person, request, pictures=None):
        self.person, self.request, self.pictures = person, request, pictures
        self.scheme, self.faults = person.scheme, []

    def visit(self, name, widths=()):
        """Opens a page, and looks at it as wide as the window is or in each of the widths."""
        path = ROUTES[name].format(request=self.request)
        try:
            # A call that the API refuses is what some pages are shown for.
            with self.person.complaints(r"status of (403|404)"):
                self.person.open(path)
                # What is asked for a moment later is there as well.
                self.person.page.wait_for_load_state("load")
                self.person.page.wait_for_timeout(250)
        except Exception as error:  # pylint: disable=broad-exception-caught  # all pages are to be told of
            self.faults.append(f"{self.person.name} at {name}: {str(error).splitlines()[0]}")
            return
        for width in widths or (self.person.page.viewport_size["width"],):
            if widths:
                self.resize(width)
                self.person.page.wait_for_timeout(100)
            self.look(name, f"{self.person.name} at {name}, {self.scheme}, {width} px")

    def look(self, name, where):
        heads = self.person.page.locator("h1").count()
        if heads != 1:
            self.faults.append(f"{where}: {heads} first headings")
        over = self.person.overflow()
        if over > 0:  # Charts are drawn anew a moment after a window has changed.
            self.person.page.wait_for_timeout(500)
            over = self.person.overflow()
        if over > 0:
            self.faults.append(f"{where}: {over} px too wide")
        self.faults += [f"{where}: {line}" for line in self.person.axe()]
        self.faults += [f"{where}: {fault}" for fault in self.person.faults]
        self.person.faults.clear()
        if self.pictures:
            folder = pathlib.Path(self.pictures) / f"{self.scheme}-{self.person.page.viewport_size['width']}"
            folder.mkdir(parents=True, exist_ok=True)
            self.person.page.screenshot(path=str(folder / f"{name}.png"))

    def resize(self, width, height=900):
        self.person.page.set_viewport_size({"width": width, "height": height})


assert consoles  # It puts tests/e2e on the path.
