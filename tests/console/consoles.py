"""What the tests of the console have in common: a mesh with people, and one browser for all of a
file's tests."""

import os
import pathlib
import sys
import unittest

import browser as browsers

# pylint: disable=wrong-import-order
import suite

PICTURES = browsers.ROOT / "build/console/failures"


class ConsoleTestCase(suite.MeshTestCase):
    """A test whose module has MESH and BROWSER. What the browser complains of fails it; when it fails,
    there is a picture of what each person saw in build/console/failures."""

    @property
    def browser(self):
        return sys.modules[type(self).__module__].BROWSER

    def person(self, name, token=None, to="/", **how):
        """A new context for somebody, signed in with their token."""
        mesh = sys.modules[type(self).__module__].MESH
        person = self.browser.person(name, **how)
        self.addCleanup(self._leave, person)
        token = token or mesh.tokens.get(name)
        if token:
            person.sign_in(token, to)
        return person

    def _leave(self, person):
        self.browser.people.remove(person)
        if self.failed():
            self._picture(person)
        self.browser.leave(person)
        self.assertEqual(person.faults, [], "the browser complains")

    def _picture(self, person):
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"{self.id()}-{person.name}.png"
        try:
            person.page.screenshot(path=str(path), timeout=5_000)
            print(f"{person.name} saw {person.page.url}: {path}", file=sys.stderr)
        except Exception as error:  # pylint: disable=broad-exception-caught  # what failed is told already
            print(f"{person.name} was at {person.page.url}, of which there is no picture: {error}", file=sys.stderr)

    def failed(self):
        outcome = self._outcome
        if hasattr(outcome, "errors"):  # Python 3.10 and older
            return any(error for _, error in outcome.errors)
        result = outcome.result
        return any(test is self for test, _ in result.failures + result.errors)


def skip_if_missing():
    why = browsers.missing()
    if why:
        raise unittest.SkipTest(why)
    os.makedirs(browsers.ROOT / "build/console", exist_ok=True)


def axe_faults(person):
    return [f"{person.name} at {pathlib.PurePosixPath(person.page.url)}: {line}" for line in person.axe()]
