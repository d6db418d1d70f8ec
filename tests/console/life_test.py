#!/usr/bin/env python3
"""The whole life of a stack by the web console, as three people live it in three browsers: an admin
makes the project and lets people in, Ann asks for a stack, changes it, keeps it for longer and ends it,
Dave reviews. Nobody reloads a page."""

import re

import browser as browsers
import consoles

# pylint: disable=wrong-import-order
import bundles
import suite

MESH = BROWSER = None
# A run with its plan, on a busy machine.
RUN_MS = 60_000


def setUpModule():
    global MESH, BROWSER
    consoles.skip_if_missing()
    MESH, url = browsers.new_mesh(runners=1)
    try:
        MESH.start()
        MESH.person("ann")
        MESH.person("dave", everywhere="devops")
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


class LifeTest(consoles.ConsoleTestCase):
    def test_a_stack_from_its_request_to_its_end(self):
        admin, ann, dave = self.person("admin"), self.person("ann"), self.person("dave")
        self.make_project(admin)
        self.publish()
        self.ask(ann)
        self.approve(dave, "New stack web-1", "Approve this plan")
        self.is_made(ann)
        self.extend(ann, dave)
        self.change(ann, dave)
        self.end(ann)
        for person in (admin, ann, dave):
            self.assertEqual(person.page.evaluate("() => window.neverReloaded"), True, person.name)

    # ---- What each of them does -----------------------------------------------------------------

    def click(self, person, name):
        person.page.get_by_role("button", name=name, exact=True).click()

    def never_reload(self, person):
        person.page.evaluate("() => { window.neverReloaded = true }")

    def make_project(self, admin):
        page = admin.page
        self.never_reload(admin)
        page.get_by_role("link", name="Projects", exact=True).click()
        self.click(admin, "Create a project")
        dialog = page.get_by_role("dialog", name="Create a project")
        dialog.get_by_label("Id").fill("web")
        dialog.get_by_label("Name for people").fill("Web")
        dialog.get_by_role("button", name="Create a project").click()
        page.get_by_role("heading", level=1, name="Web").wait_for()
        page.get_by_role("tab", name="Members").click()
        for user, role in (("ann", "dev"), ("dave", "devops")):
            self.click(admin, "Add a member")
            dialog = page.get_by_role("dialog", name="Add a member")
            dialog.get_by_role("combobox", name="User").or_(dialog.get_by_role("textbox", name="User")).fill(user)
            page.get_by_role("option", name=re.compile(f"^{user}")).first.click()
            dialog.get_by_label("Role").first.click()
            page.get_by_role("option", name=re.compile(f"^{role}(:|$)")).click()
            dialog.get_by_role("button", name="Add a member").click()
            dialog.wait_for(state="hidden")
            page.get_by_role("table").get_by_text(user).first.wait_for()

    def publish(self):
        bundles.published(MESH.rest("dave"), "hello", "1", bundles.pack(bundles.read("hello")))

    def ask(self, ann):
        page = ann.page
        self.never_reload(ann)
        page.get_by_role("link", name="Catalogue", exact=True).click()
        page.get_by_role("link", name="Request Hello").click()
        page.get_by_role("heading", level=1, name="Request Hello").wait_for()
        # All that is wrong is said at once, and at the fields.
        self.click(ann, "Request the stack")
        page.get_by_label("Stack name").and_(page.locator("[aria-invalid=true]")).wait_for()
        page.get_by_label("Stack name").fill("web-1")
        page.get_by_role("textbox", name="Name", exact=True).fill("Ann")
        page.get_by_label("Reason").fill("To see how it works")
        self.click(ann, "Check fit")
        page.get_by_text("It fits").wait_for(timeout=RUN_MS)
        self.click(ann, "Request the stack")
        page.get_by_role("heading", level=1, name="web-1").wait_for()
        page.get_by_text("Awaiting approval").first.wait_for(timeout=RUN_MS)

    def approve(self, dave, title, button):
        page = dave.page
        if page.evaluate("() => window.neverReloaded ?? false") is False:
            self.never_reload(dave)
        page.get_by_role("link", name="Reviews", exact=True).click()
        # The list over all projects is read anew every 15 s.
        page.get_by_role("link", name=re.compile(title)).first.click(timeout=RUN_MS)
        page.get_by_role("heading", level=1, name=title).wait_for()
        page.get_by_role("button", name=button, exact=True).click()
        page.get_by_text("Approved").first.wait_for()

    def is_made(self, ann):
        page = ann.page
        page.get_by_text("Ready", exact=True).first.wait_for(timeout=RUN_MS)
        page.get_by_role("tab", name="Outputs").click()
        page.get_by_text("Hello, Ann").first.wait_for()
        page.get_by_role("tab", name="Resources").click()
        page.get_by_role("treeitem").first.wait_for()

    def extend(self, ann, dave):
        page = ann.page
        self.click(ann, "Extend")
        dialog = page.get_by_role("dialog", name="Extend the lease")
        dialog.get_by_label("Hours more").fill("4")
        dialog.get_by_label("Why it is needed").fill("The audience likes it")
        dialog.get_by_role("button", name="Ask for it").click()
        page.get_by_text("An extension waits for review").first.wait_for()
        self.approve(dave, "Longer lease for web-1", "Approve")
        page.get_by_text("Its one extension was used.").wait_for(timeout=RUN_MS)

    def change(self, ann, dave):
        page = ann.page
        page.get_by_role("link", name="Update", exact=True).click()
        page.get_by_role("heading", level=1, name="Update web-1").wait_for()
        page.get_by_label("In capitals").check()
        page.get_by_label("Reason").fill("Louder")
        self.click(ann, "Request the change")
        page.get_by_role("heading", level=1, name="web-1").wait_for()
        page.get_by_text("Waits for review").first.wait_for(timeout=RUN_MS)
        self.approve(dave, "Change of web-1", "Approve this plan")
        page.get_by_role("tab", name="Outputs").click()
        page.get_by_text("HELLO, ANN").first.wait_for(timeout=RUN_MS)
        page.get_by_text("Ready", exact=True).first.wait_for(timeout=RUN_MS)

    def end(self, ann):
        page = ann.page
        self.click(ann, "More actions")
        page.get_by_role("menuitem", name="Destroy…").click()
        dialog = page.get_by_role("dialog", name="Destroy web-1")
        confirm = dialog.get_by_role("button", name="Destroy", exact=True)
        dialog.get_by_label("Type web-1 to confirm").fill("web-2")
        self.assertTrue(confirm.is_disabled(), "another word is no yes")
        dialog.get_by_label("Type web-1 to confirm").fill("web-1")
        confirm.click()
        page.get_by_text("Destroyed", exact=True).first.wait_for(timeout=RUN_MS)


if __name__ == "__main__":
    suite.main()
