#!/usr/bin/env python3
"""Fills the root of an image: programs of /programs, the libraries that they are linked with,
certificates, users, and a bill of materials. Run in an image of build.Containerfile."""

import argparse
import os
import subprocess
from pathlib import Path

import sbom
from debian import Packages
from root import Root

ENGINES = ("terraform", "tofu")

def options():
    """What the Containerfile asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True, help="of the image")
    parser.add_argument("--version", required=True, help="of Stackyard")
    parser.add_argument("--revision", required=True, help="the commit")
    parser.add_argument("--created", type=int, required=True, help="when, in seconds since 1970")
    parser.add_argument("--program", action="append", default=[], help="of /programs, if it is there")
    parser.add_argument("--package", action="append", default=[], help="a whole Debian package")
    parser.add_argument("--folder", action="append", default=[], help="SOURCE:TARGET")
    parser.add_argument("--root", default="/image")
    return parser.parse_args()


def version_of(program, version):
    """Of engines and helpers their own, of ours Stackyard's."""
    if program.startswith("stackyard"):
        return version
    done = subprocess.run([f"/programs/{program}", "version"], capture_output=True, text=True, check=True)
    # `Terraform v1.11.4`, `OpenTofu v1.12.6`, `Version: 1.9.0`
    return done.stdout.split("\n", maxsplit=1)[0].split()[-1].removeprefix("v")


def main():
    """Fills and describes."""
    asked = options()
    os.umask(0o022)
    packages = Packages()
    root = Root(asked.root, packages)
    root.add_base()
    programs = []
    for name in asked.program:
        # Of terraform and tofu there is one.
        if name in ENGINES and not Path(f"/programs/{name}").exists():
            continue
        programs.append((root.add_program(f"/programs/{name}"), version_of(name, asked.version)))
    for name in asked.package:
        root.add_package(name)
    for folder in asked.folder:
        root.add_folder(*folder.split(":"))
    root.add_records()
    sbom.describe(root, packages, programs, asked)
    total = sum(path.lstat().st_size for path in Path(asked.root).rglob("*") if path.is_file())
    engines = [path.name for path, _ in programs if path.name in ENGINES]
    if set(ENGINES) & set(asked.program) and len(engines) != 1:
        raise SystemExit("there must be one of terraform and tofu in /programs")
    print(f"{asked.name}: {total >> 20} MiB with {len(root.of_package)} packages")


if __name__ == "__main__":
    main()
