"""How heavy the console is: what its first page transfers and takes on a slow line, and its longest frame
while somebody scrolls through very much.

Lists of that length are not made for it: the one answer of the API is a real one, grown. All else is the
real mesh."""

import json
import urllib.parse

import browser as browsers

assert browsers  # It puts tests/e2e on the path.

# A line of 10 Mbit/s that takes 40 ms there and back, and half of this machine's speed.
LINE = {"offline": False, "latency": 40, "downloadThroughput": 10_000_000 / 8, "uploadThroughput": 10_000_000 / 8}
SLOWER = 2
STACKS = 10_000
RESOURCES = 5_000
# From the start of the navigation until the page can be used: its first heading is there, the
# navigation too, and the main thread has nothing left to do that takes longer than a frame.
INTERACTIVE = """() => new Promise((done) => {
    let last = performance.now();
    const look = () => {
        const now = performance.now();
        const idle = now - last < 50;
        last = now;
        if (idle && document.querySelector("h1") && document.querySelector("nav a")) done(now);
        else setTimeout(look, 0);
    };
    look();
})"""
# The longest time between two frames, in milliseconds.
FRAMES = """() => {
    window.longest = 0;
    let last = performance.now();
    const frame = (now) => {
        window.longest = Math.max(window.longest, now - last);
        last = now;
        window.watching = requestAnimationFrame(frame);
    };
    window.watching = requestAnimationFrame((now) => { last = now; frame(now); });
}"""


def first_page(person, path="/"):
    """(bytes that came over the line, milliseconds until it can be used), with nothing in the cache."""
    # What the page before still loads does not count.
    person.page.goto("about:blank")
    cdp = person.context.new_cdp_session(person.page)
    total = 0

    def finished(event):
        nonlocal total
        total += event["encodedDataLength"]

    cdp.on("Network.loadingFinished", finished)
    cdp.send("Network.enable")
    cdp.send("Network.clearBrowserCache")
    cdp.send("Network.emulateNetworkConditions", LINE)
    cdp.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    try:
        person.page.goto(path, wait_until="commit")
        took = person.page.evaluate(INTERACTIVE)
        person.page.wait_for_load_state("networkidle")
    finally:
        cdp.detach()
    return total, took


def grown(rows, count, rename):
    """So many rows, made of those that there are; none where there are none."""
    return [rename(json.loads(json.dumps(rows[i % len(rows)])), i) for i in range(count if rows else 0)]


def many_stacks(page):
    """The list of stacks answers with very many."""
    def rename(stack, i):
        parent, _, _ = stack["name"].rpartition("/")
        return {**stack, "name": f"{parent}/stack-{i:05}", "uid": f"u{i:011}"}

    def answer(route):
        body = route.fetch().json()
        body["stacks"] = grown(body["stacks"], STACKS, rename)
        body["nextPageToken"] = ""
        route.fulfill(json=body)
    page.route(lambda url: urllib.parse.urlsplit(url).path == "/v1/projects/-/stacks", answer)


def many_resources(page):
    """A stack's resources answer with very many, in modules of 50."""
    def rename(resource, i):
        address = f"module.part[{i // 50}].terraform_data.one[{i % 50}]"
        parent, _, _ = resource["name"].rpartition("/resources/")
        return {**resource, "name": f"{parent}/resources/{urllib.parse.quote(address, safe='')}", "address": address}

    def answer(route):
        body = route.fetch().json()
        body["resources"] = grown(body["resources"], RESOURCES, rename)
        body["nextPageToken"] = ""
        route.fulfill(json=body)
    page.route(lambda url: urllib.parse.urlsplit(url).path.endswith("/stacks/shop/resources"), answer)


def longest_frame(page, scrolled, turns=60):
    """Milliseconds of the longest frame while one scrolls by the wheel."""
    scrolled.hover()
    page.wait_for_timeout(500)
    page.evaluate(FRAMES)
    for _ in range(turns):
        page.mouse.wheel(0, 800)
        page.wait_for_timeout(16)
    return page.evaluate("() => { cancelAnimationFrame(window.watching); return window.longest; }")
