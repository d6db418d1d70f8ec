"""The bill of materials of an image: CycloneDX 1.5 as JSON, out of what is really in its root."""

import hashlib
import json
import os
import time
import uuid
from pathlib import Path
from urllib.parse import quote

PROGRAMS = Path("/programs")
# The program that the web console is compiled into.
CONSOLE_IN = "stackyard-rest"
# Names that make the same document of the same image.
NAMESPACE = uuid.UUID("6b1f7b52-5a0e-4f0b-9d52-0d6c2c1d5f6e")


def sha256(path):
    """The digest of a file, in hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def go_modules():
    """The modules in each Go program as [(path, version)], and the Go that compiled it."""
    found, compiler, program = {}, {}, None
    for line in (PROGRAMS / "go-modules").read_text().splitlines():
        if not line.startswith("\t"):
            program, version = line.split(": ")
            compiler[program] = version.removeprefix("go")
            found[program] = []
            continue
        fields = line.strip().split("\t")
        if fields[0] == "dep":
            found[program].append((fields[1], fields[2]))
        elif fields[0] == "=>":
            # It stands in for the one before.
            found[program][-1] = (fields[1], fields[2])
    return found, compiler


def npm_packages():
    """Packages that the web console is made of, as (name, version)."""
    return [tuple(line.split()) for line in (PROGRAMS / "npm-packages").read_text().splitlines()]


def built_in():
    """Debian packages whose code is compiled into the C++ programs, as (name, version)."""
    return [tuple(line.split()) for line in (PROGRAMS / "built-in").read_text().splitlines()]


def debian_purl(name, version, architecture):
    """The package URL of a Debian package."""
    return f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}&distro=debian-12"


def library(purl, name, version, scope="required"):
    """A component that is a library."""
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl,
            "scope": scope}


class Bill:
    """What is in an image, and what of it needs what."""

    def __init__(self, name, version, revision, created):
        self._subject = {"type": "container", "bom-ref": name, "name": name, "version": revision,
                         "properties": [{"name": "stackyard:version", "value": version}]}
        self._created = created
        self._components = {}
        self._needs = {name: set()}

    def _add(self, component, needed_by):
        self._components.setdefault(component["bom-ref"], component)
        self._needs.setdefault(component["bom-ref"], set())
        self._needs[needed_by].add(component["bom-ref"])

    def add_program(self, path, version):
        """A program of /usr/bin that no package brought."""
        ref = f"program:{path.name}"
        self._add({"type": "application", "bom-ref": ref, "name": path.name, "version": version,
                   "hashes": [{"alg": "SHA-256", "content": sha256(path)}]}, self._subject["name"])
        return ref

    def add_debian(self, packages, name, needed_by):
        """An installed package."""
        version = packages.field(name, "Version")
        purl = debian_purl(name, version, packages.field(name, "Architecture"))
        self._add(library(purl, name, version), needed_by or self._subject["name"])

    def add_header(self, name, version, needed_by):
        """A package of which only headers were used."""
        self._add(library(debian_purl(name, version, "all"), name, version), needed_by)

    def add_go(self, path, version, needed_by):
        """A Go module."""
        purl = f"pkg:golang/{quote(path, safe='/')}@{quote(version)}"
        self._add(library(purl, path, version), needed_by)

    def add_npm(self, name, version, needed_by):
        """A package of npm."""
        self._add(library(f"pkg:npm/{quote(name, safe='/')}@{quote(version)}", name, version), needed_by)

    def document(self):
        """The document, the same for the same image."""
        components = [self._components[ref] for ref in sorted(self._components)]
        body = json.dumps([self._subject, components], sort_keys=True)
        return {
            "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
            "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
            "serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, body)}",
            "metadata": {
                "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._created)),
                "component": self._subject},
            "components": components,
            "dependencies": [{"ref": ref, "dependsOn": sorted(needs)}
                             for ref, needs in sorted(self._needs.items())]}


def describe(root, packages, programs, options):
    """Writes the bill of a filled root into it. `programs` are paths with their versions."""
    bill = Bill(options.name, options.version, options.revision, options.created)
    modules, compiler = go_modules()
    for path, version in programs:
        ref = bill.add_program(path, version)
        for owner in root.linked[path.name]:
            bill.add_debian(packages, owner, ref)
        if path.name in modules:
            bill.add_go("stdlib", compiler[path.name], ref)
            for module, of in modules[path.name]:
                bill.add_go(module, of, ref)
            if path.name == CONSOLE_IN:
                for name, of in npm_packages():
                    bill.add_npm(name, of, ref)
        else:
            for name, of in built_in():
                bill.add_header(name, of, ref)
    for name in sorted(root.of_package):
        bill.add_debian(packages, name, None)
    target = root.own / "usr/share/doc" / options.name / "sbom.cdx.json"
    os.makedirs(target.parent, exist_ok=True)
    target.write_text(json.dumps(bill.document(), indent=1) + "\n")
