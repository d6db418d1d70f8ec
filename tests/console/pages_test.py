#!/usr/bin/env python3
"""A page of each kind, as a developer, a reviewer and somebody without any role, narrow and wide: axe
finds nothing, nothing is wider than the window, the browser complains of nothing.
slow/pages_test.py is the long form: every page, size and scheme, with pictures."""

import browser as browsers
import consoles
import visits

# pylint: disable=wrong-import-order
import suite

MESH = BROWSER = REQUEST = None


def setUpModule():
    global MESH, BROWSER, REQUEST
    consoles.skip_if_missing()
    MESH, url = browsers.new_mesh(runners=1)
    try:
        MESH.start()
        REQUEST = visits.furnish(MESH)
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


class PagesTest(consoles.ConsoleTestCase):
    def test_every_page_of_the_router_is_visited_by_the_long_form(self):
        self.assertGreater(len(visits.router_paths()), 20)
        self.assertEqual(visits.unvisited(), [])

    def test_a_developers_pages(self):
        going = visits.Visits(self.person("ann"), REQUEST)
        for name in visits.FEW:
            going.visit(name)
        going.resize(360, 800)
        for name in ("overview", "stack", "request"):
            going.visit(name)
        self.assertEqual(going.faults, [])

    def test_a_reviewers_pages_in_the_dark(self):
        going = visits.Visits(self.person("dave", scheme="dark"), REQUEST)
        for name in ("reviews", "change-request", "quota", "run"):
            going.visit(name)
        self.assertEqual(going.faults, [])

    def test_somebody_without_a_role(self):
        going = visits.Visits(self.person("sam"), REQUEST)
        for name in ("overview", "stacks", "stack", "users"):
            going.visit(name)
        self.assertEqual(going.faults, [])
        self.assertEqual(going.person.page.get_by_text("shop", exact=True).count(), 0)


if __name__ == "__main__":
    suite.main()
