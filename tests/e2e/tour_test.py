#!/usr/bin/env python3
"""The tours in README.md and docs/: every command is typed, and what comes is held against the page."""

import pathlib
import unittest

import suite
import tour
from mesh import BIN, ROOT, Mesh

MESH = None
PAGES = ["README.md", "docs/api.md"]


def setUpModule():
    """The mesh that `make demo` leaves: Ann asks, Dave reviews, `hello` is published."""
    global MESH
    MESH = Mesh(runners=1, slots=2).start()
    unittest.addModuleCleanup(MESH.close)
    MESH.rest("admin").post("/v1/projects?projectId=demo", {"displayName": "Demo"})
    MESH.person("ann", demo="dev")
    MESH.person("dave", demo="devops", everywhere="devops")
    admin = MESH.cli("admin", "demo")
    admin.ok("templates", "publish", ROOT / "templates/hello", "--version", "1", "--wait")
    tokens = MESH.dir / "data/demo"
    tokens.mkdir(parents=True)
    (MESH.dir / "data/admin.token").write_text(MESH.tokens["admin"])
    for name in ("ann", "dave"):
        (tokens / f"{name}.token").write_text(MESH.tokens[name])
        (tokens / f"{name}.token").chmod(0o600)


class TourTest(suite.MeshTestCase):
    def play(self, page):
        """Types what a page says, at the places of this mesh."""
        places = {".local/": f"{MESH.dir}/data/", "127.0.0.1:8080": MESH.rest_address,
                  "127.0.0.1:8081": MESH.grpc}
        environment = {**MESH.environment, "STACKYARD_DATA": f"{MESH.dir}/data",
                       "HOME": str(MESH.dir), "NO_COLOR": "1", "no_proxy": "*",
                       "STACKYARD_ENDPOINT": MESH.grpc, "PATH": ":".join(
                           [str(BIN), str(ROOT / "build/tools/bin"), MESH.environment["PATH"]])}
        steps = tour.read(ROOT / page)
        self.assertGreater(len(steps), 5, f"{page} has no tour")
        with tour.Shell(ROOT, environment) as shell:
            for step in steps:
                command = step.command
                for written, real in places.items():
                    command = command.replace(written, real)
                got = shell.type(command)
                for written, real in places.items():
                    got = [line.replace(real, written) for line in got]
                if not tour.matches(step.wanted, got):
                    self.fail("\n".join([f"{step.place}: $ {step.command}", "--- the page says",
                                         *step.wanted, "--- what came", *got]))


# In their order: README counts from a fresh project.
for number, page in enumerate(PAGES):
    name = f"test_{number}_{pathlib.Path(page).stem.lower()}"
    setattr(TourTest, name, lambda self, page=page: self.play(page))

if __name__ == "__main__":
    suite.main()
