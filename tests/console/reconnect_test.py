#!/usr/bin/env python3
"""Somebody watches a run, its resources in one window and its log in another, while the REST server is
restarted and the gateway killed. Both go on without being loaded anew: nothing is lost or told twice."""

import re

import browser as browsers
import consoles

# pylint: disable=wrong-import-order
import bundles
import suite
from mesh import eventually

MESH = BROWSER = None
# As many as Terraform makes at once; they end one after the other.
TICKS = 10
MAIN = """
resource "terraform_data" "tick" {
  count = %d
  provisioner "local-exec" {
    quiet   = true
    command = "sleep ${count.index * 1.4}; echo tick-${count.index}-done"
  }
}
""" % TICKS
YAML = """
title: Ticks
description: Resources that end one after the other.
approval: {mode: auto}
lease: {default: 24h, maximum: 168h}
"""
AWAY = (browsers.NETWORK, r"status of 50[0-9]")
RUN_MS = 60_000


def setUpModule():
    global MESH, BROWSER
    consoles.skip_if_missing()
    MESH, url = browsers.new_mesh(runners=1)
    try:
        # As an operator has them: sessions outlive the process.
        keys = MESH.dir / "session.keys"
        keys.write_text("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n")
        MESH["rest"].command += ["--session-keys", str(keys)]
        MESH.start()
        MESH.rest("admin").post("/v1/projects?projectId=web", {"displayName": "Web"})
        MESH.person("ann", web="dev")
        MESH.person("dave", everywhere="devops")
        bundles.published(MESH.rest("dave"), "ticks", "1", bundles.pack({"main.tf": MAIN, "template.yaml": YAML}))
        BROWSER = browsers.Browser(url)
    except BaseException:
        tearDownModule()
        raise


def tearDownModule():
    try:
        if BROWSER:
            BROWSER.close()
    finally:
        MESH.close()


class ReconnectTest(consoles.ConsoleTestCase):
    def run_begins(self):
        """The id of the run that applies a new stack."""
        ann = MESH.rest("ann")
        ann.post("/v1/projects/web/stacks?stackId=clock", {"templateVersion": "templates/ticks/versions/1"})

        def applying():
            runs = ann.get("/v1/projects/web/stacks/clock/runs")["runs"]
            return next((r["name"].rsplit("/", 1)[1] for r in runs if r["type"] == "APPLY"), None)
        return eventually(applying, "it applies")

    def test_a_run_is_watched_over_restarts(self):
        resources, log = self.person("ann"), self.person("ann")
        run = self.run_begins()
        for person, tab in ((resources, "resources"), (log, "log")):
            person.open(f"/projects/web/stacks/clock/runs/{run}?tab={tab}")
            person.page.evaluate("() => { window.neverReloaded = true }")
        log.page.get_by_text("tick-1-done").wait_for(timeout=RUN_MS)
        with resources.complaints(*AWAY), log.complaints(*AWAY):
            MESH["rest"].kill()
            for person in (resources, log):
                person.page.locator("[data-stream=away]").first.wait_for()
            MESH["rest"].start()
            for person in (resources, log):
                person.page.locator("[data-stream=live]").first.wait_for()
            log.page.get_by_text("tick-6-done").wait_for(timeout=RUN_MS)
            MESH["gateway"].kill()
            MESH["gateway"].start()
            for person in (resources, log):
                person.page.get_by_text("Succeeded").first.wait_for(timeout=RUN_MS)
            self.nothing_is_lost_or_doubled(resources.page, log.page)
        for person in (resources, log):
            self.assertEqual(person.page.evaluate("() => window.neverReloaded"), True)

    def nothing_is_lost_or_doubled(self, resources, log):
        log.get_by_role("textbox", name="Search in the log").fill("-done")
        log.get_by_text(re.compile(rf"^{TICKS} found$")).wait_for()
        for tick in range(TICKS):
            log.get_by_role("textbox", name="Search in the log").fill(f"tick-{tick}-done")
            log.get_by_text(re.compile("^1 found$")).wait_for()
        rows = resources.get_by_text(re.compile(r"^terraform_data\.tick\[\d+\]$"))
        self.assertEqual(sorted(rows.all_inner_texts()), sorted(f"terraform_data.tick[{i}]" for i in range(TICKS)))
        self.assertEqual(resources.get_by_text("Done", exact=True).count(), TICKS)
        self.assertEqual(resources.get_by_text("Going on", exact=True).count(), 0)


if __name__ == "__main__":
    suite.main()
