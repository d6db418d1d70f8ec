#!/usr/bin/env python3
"""What the web console weighs and takes, in a real browser: bytes of its first page and milliseconds until
it can be used on a line of 10 Mbit/s and 40 ms with half of the processor, and the longest frame while
somebody scrolls through 10,000 stacks and 5,000 resources. tests/console/light.py says how.

    tests/bench/console_bench.py

BENCH_RUNS is how often each is measured (5); of the times the median and the best are told."""

import os
import pathlib
import statistics
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "console"))
import browser as browsers  # noqa: E402
import light  # noqa: E402
import visits  # noqa: E402

RUNS = int(os.environ.get("BENCH_RUNS", "5"))


def told(name, values, unit):
    print(f"{name:<28} {statistics.median(values):>10,.0f} {unit:<5} best {min(values):>10,.0f}", flush=True)


def main():
    why = browsers.missing()
    if why:
        print(f"console_bench: skipped, {why}")
        return
    mesh, url = browsers.new_mesh(runners=1)
    with mesh:
        visits.furnish(mesh)
        with browsers.Browser(url) as browser:
            ann = browser.person("ann").sign_in(mesh.tokens["ann"])
            first = [light.first_page(ann) for _ in range(RUNS)]
            told("first page", [size for size, _ in first], "bytes")
            told("first page, can be used", [took for _, took in first], "ms")
            light.many_stacks(ann.page)
            ann.open("/stacks")
            ann.page.get_by_text("stack-00003").first.wait_for()
            table = ann.page.get_by_role("table")
            told("10,000 stacks, frame", [light.longest_frame(ann.page, table) for _ in range(RUNS)], "ms")
            light.many_resources(ann.page)
            ann.open(f"{visits.STACK}?tab=resources")
            ann.page.get_by_role("button", name="Open all").click()
            tree = ann.page.get_by_role("tree")
            told("5,000 resources, frame", [light.longest_frame(ann.page, tree) for _ in range(RUNS)], "ms")


if __name__ == "__main__":
    main()
