#!/usr/bin/env python3
"""Every page, as an admin, a developer and somebody without a role, on a telephone, a laptop and a wide
screen, in both schemes: axe finds nothing, nothing is wider than the window, the browser complains of
nothing. Pictures of all of them as the admin are in build/console/screenshots."""

import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

# pylint: disable=wrong-import-position
import browser as browsers
import consoles
import visits

# pylint: disable=wrong-import-order
import suite

MESH = BROWSER = REQUEST = None
WIDTHS = (360, 1280, 2560)
LONGEST_SECONDS = 2400


def setUpModule():
    global MESH, BROWSER, REQUEST
    consoles.skip_if_missing()
    shutil.rmtree(visits.PICTURES, ignore_errors=True)
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


class AllPagesTest(consoles.ConsoleTestCase):
    def everything(self, name, scheme, pictures=None):
        going = visits.Visits(self.person(name, scheme=scheme), REQUEST, pictures)
        for page in visits.ROUTES:
            going.visit(page, WIDTHS)
        self.assertEqual(going.faults, [], "\n" + "\n".join(going.faults))

    def test_an_admin_in_the_light(self):
        self.everything("admin", "light", visits.PICTURES)

    def test_an_admin_in_the_dark(self):
        self.everything("admin", "dark", visits.PICTURES)

    def test_a_developer_in_the_light(self):
        self.everything("ann", "light")

    def test_a_developer_in_the_dark(self):
        self.everything("ann", "dark")

    def test_somebody_without_a_role_in_the_light(self):
        self.everything("sam", "light")

    def test_somebody_without_a_role_in_the_dark(self):
        self.everything("sam", "dark")


if __name__ == "__main__":
    suite.main(LONGEST_SECONDS)
