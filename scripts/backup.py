#!/usr/bin/env python3
"""Saves a mesh and brings it back; the mesh may go on while it is saved.

    backup.py save FOLDER      what is there now, into a new folder
    backup.py check FOLDER     whether a saved mesh is whole
    backup.py restore FOLDER   into databases that are empty, while no service runs

What is saved: the databases of gateway, stacks and quota, and the blobs and documents where they are
folders. What is not: seal.key, without which states and secrets cannot be read (keep it elsewhere, or
one thief has both), and what is in S3, whose versions keep it (scripts/salvage.py brings it back).

    --data FOLDER         the data of `make up` (STACKYARD_DATA); says where the rest is:
    --blobs PLACE         folder or s3://…, as the flag of stackyard-stacks (DATA/stacks/blobs)
    --documents PLACE     the same (DATA/stacks/documents)
    STACKYARD_GATEWAY_DATABASE, STACKYARD_STACKS_DATABASE, STACKYARD_QUOTA_DATABASE
                          postgresql:…, as --database of each service (SQLite in DATA)

docs/deploy.md tells what happens after a restore, and how to find what was made since the backup.
"""

import argparse
import datetime
import hashlib
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys

import backup_databases as databases

FORMAT = 1
# Stacks first: a reservation that no stack accounts for is given back after a while, which is safer
# than a stack whose reservation the ledger has never heard of.
SERVICES = ("stacks", "quota", "gateway")
FOLDERS = ("blobs", "documents")


class Failure(Exception):
    """What is wrong, and what to do."""

    def __init__(self, what, advice):
        super().__init__(what)
        self.advice = advice


# ---- Files --------------------------------------------------------------------------------------

def digest_of(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def contents(folder):
    """The finished files below a folder, by relative path; half-written ones have other names."""
    if not folder.is_dir():
        return []
    return sorted(path.relative_to(folder) for path in folder.glob("??/*")
                  if path.is_file() and len(path.parent.name + path.name) == 64)


def copy_new(source, target):
    """Copies what the target lacks, with its age. A file never changes once it has its name; one that
    is swept away while we look is named by nothing any more."""
    for path in contents(source):
        if (target / path).exists():
            continue
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        part = target / path.with_name(path.name + ".part")
        try:
            shutil.copy2(source / path, part)
        except FileNotFoundError:
            continue
        part.rename(target / path)


def in_s3(place):
    return str(place).startswith("s3://")


# ---- Save ---------------------------------------------------------------------------------------

def save(places, folder):
    if folder.exists():
        raise Failure(f"{folder} is there already", "name a new folder: a backup is never changed")
    # It has its name only once it is whole.
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        manifest = fill(places, part)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    os.sync()
    part.rename(folder)
    say(f"saved to {folder}: {describe(manifest)}")
    say("The key that states are sealed with is not in it. Keep a copy of it somewhere else.")


def fill(places, part):
    manifest = {"format": FORMAT, "time": now(), "databases": {}, "files": {}}
    # Blobs are written before a row names them, and swept some time after the last row that did is
    # gone. So what is there before the dump and what is there after it hold all that it names.
    for name in FOLDERS:
        copy_blobs(places, name, part)
    for service in SERVICES:
        file = part / places[service].file_name(service)
        places[service].save(file)
        manifest["databases"][service] = {"file": file.name, "sha256": digest_of(file)}
    for name in FOLDERS:
        copy_blobs(places, name, part)
        place = str(places[name])
        manifest["files"][name] = {"place": place} if in_s3(place) else {
            "sha256": {str(path): digest_of(part / name / path) for path in contents(part / name)}}
    (part / "manifest.json").write_text(json.dumps(manifest, indent=1))
    return manifest


def copy_blobs(places, name, part):
    if not in_s3(places[name]):
        copy_new(pathlib.Path(places[name]), part / name)


def describe(manifest):
    parts = [f"{len(manifest['databases'])} databases of {manifest['time']}"]
    for name, files in manifest["files"].items():
        parts.append(f"{name} in {files['place']} (not copied)" if "place" in files
                     else f"{len(files['sha256'])} {name}")
    return ", ".join(parts)


# ---- Check --------------------------------------------------------------------------------------

def check(folder):
    """The manifest of a backup that is whole."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
    except (OSError, ValueError) as error:
        raise Failure(f"{folder} is no backup: {error}", "name a folder that `save` made") from None
    if manifest.get("format") != FORMAT:
        raise Failure(f"{folder} has the format {manifest.get('format')}, not {FORMAT}",
                      "use the program that made it")
    wanted = {entry["file"]: entry["sha256"] for entry in manifest["databases"].values()}
    for name, files in manifest["files"].items():
        wanted.update({f"{name}/{path}": digest for path, digest in files.get("sha256", {}).items()})
    for path, digest in wanted.items():
        file = folder / path
        if not file.is_file():
            raise Failure(f"{file} is missing", "take another backup")
        if digest_of(file) != digest:
            raise Failure(f"{file} was changed since it was saved", "take another backup")
    return manifest


# ---- Restore ------------------------------------------------------------------------------------

def restore(places, folder):
    manifest = check(folder)
    # All is looked at before anything is written.
    for service in SERVICES:
        file = folder / manifest["databases"][service]["file"]
        if file.name != places[service].file_name(service):
            raise Failure(f"{file.name} cannot be restored into {places[service]}",
                          "restore into the engine that it was saved from")
        places[service].must_be_free()
    for name, files in manifest["files"].items():
        if "place" in files and files["place"] != str(places[name]):
            raise Failure(f"the {name} of this backup are in {files['place']}, not in {places[name]}",
                          f"say --{name} {files['place']}, or copy that bucket first")
    for name, files in manifest["files"].items():
        if "place" not in files:
            copy_new(folder / name, pathlib.Path(places[name]))
    for service in SERVICES:
        places[service].restore(folder / manifest["databases"][service]["file"])
    say(f"restored {describe(manifest)}")
    say("Put the seal key back, start stacks with a --blob-grace of some weeks, and read what to look "
        "for after a restore in docs/deploy.md.")


# ---- The command --------------------------------------------------------------------------------

def say(text):
    print(text, flush=True)


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def must_be_down(data):
    """No service of `make up` runs on this data."""
    for file in (data / "run").glob("*.pid"):
        pid = file.read_text().split()[0]
        if pathlib.Path("/proc", pid).exists():
            raise Failure(f"{file.stem} runs (pid {pid})", "run: make down")


def places_of(options):
    data = pathlib.Path(options.data)
    places = {name: getattr(options, name) or str(data / "stacks" / name) for name in FOLDERS}
    for service in SERVICES:
        url = os.environ.get(f"STACKYARD_{service.upper()}_DATABASE") or \
            f"sqlite:{data}/{service}/{service}.db"
        places[service] = databases.at(url)
    return places


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("save", "check", "restore"))
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--data", default=os.environ.get("STACKYARD_DATA", ".local"))
    parser.add_argument("--blobs")
    parser.add_argument("--documents")
    options = parser.parse_args()
    # What is saved and restored is for its owner alone.
    os.umask(0o077)
    if options.command == "save":
        save(places_of(options), options.folder)
    elif options.command == "check":
        say(f"{options.folder} is whole: {describe(check(options.folder))}")
    else:
        must_be_down(pathlib.Path(options.data))
        restore(places_of(options), options.folder)


try:
    main()
except Failure as failure:
    sys.exit(f"error: {failure}\nwhat to do: {failure.advice}")
except databases.Refusal as refusal:
    sys.exit(f"error: {refusal}\nwhat to do: {refusal.advice}")
except subprocess.CalledProcessError as error:
    sys.exit(f"error: {error.cmd[0]} failed: {(error.stderr or '').strip()}\n"
             "what to do: mend what it names; empty what was restored already, then run the same again")
except (OSError, sqlite3.Error) as error:
    sys.exit(f"error: {error}\nwhat to do: mend what it names, then run the same again")
