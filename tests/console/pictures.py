#!/usr/bin/env python3
"""pictures.py [FOLDER]: draws the pictures of docs/console.md anew, of a mesh with some life in it, into
docs/pictures/console. They are made of few colours, so that they stay small."""

import io
import pathlib
import sys

import browser as browsers
import visits
from PIL import Image

# pylint: disable=wrong-import-order
import bundles
from mesh import eventually

FOLDER = browsers.ROOT / "docs/pictures/console"
COLOURS = 64
SIZE = (1280, 800)
PICTURES = {
    "overview": ("ann", "light", "/"),
    "request": ("ann", "light", "/catalogue/hello/request?project=web"),
    "stack": ("ann", "light", visits.STACK),
    "run": ("ann", "dark", f"{visits.STACK}/runs/2?tab=resources"),
    "review": ("dave", "light", "/projects/web/changeRequests/{request}"),
    "quota": ("dave", "light", "/projects/web/quota"),
}


def enliven(mesh):
    """More than what the tests need: stacks of several people, one that failed, some quota."""
    admin, ann, dave = mesh.rest("admin"), mesh.rest("ann"), mesh.rest("dave")
    for metric, value in (("stacks", 12), ("resources", 40)):
        admin.put(f"/v1/projects/web/quota/limits/{metric}", {"value": value})
    for rest, name, repeat in ((ann, "search", 5), (dave, "payments", 8), (ann, "preview", 2)):
        rest.succeed(rest.post(f"/v1/projects/web/stacks?stackId={name}&reason=For+the+sprint", {
            "templateVersion": "templates/hello/versions/1", "lease": {"duration": "14400s"},
            "parameters": {"name": name.capitalize(), "repeat": repeat}}))
    bundles.published(dave, "broken", "1", bundles.pack({
        "main.tf": 'resource "terraform_data" "x" {\n  provisioner "local-exec" {\n    command = "exit 1"\n  }\n}\n',
        "template.yaml": "title: Broken\ndescription: Fails.\napproval: {mode: auto}\n"
                         "lease: {default: 24h, maximum: 168h}\n"}))
    ann.post("/v1/projects/web/stacks?stackId=import-job", {"templateVersion": "templates/broken/versions/1"})
    eventually(lambda: ann.get("/v1/projects/web/stacks/import-job")["state"] == "FAILED", "it fails")


def small(picture):
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    out = io.BytesIO()
    image.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    mesh, url = browsers.new_mesh(runners=2)
    with mesh:
        request = visits.furnish(mesh)
        enliven(mesh)
        with browsers.Browser(url) as browser:
            for name, (who, scheme, path) in PICTURES.items():
                person = browser.person(who, scheme=scheme, size=SIZE).sign_in(mesh.tokens[who])
                person.open(path.format(request=request))
                person.page.wait_for_load_state("load")
                person.page.wait_for_timeout(1_500)
                picture = small(person.page.screenshot())
                (folder / f"{name}.png").write_bytes(picture)
                print(f"{name}: {len(picture) // 1024} KiB")


if __name__ == "__main__":
    main()
