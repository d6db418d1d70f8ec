#!/usr/bin/env python3
"""After a restore: finds what was made since the backup, and brings back what was swept away since.

    salvage.py lost --since TIME --blobs PLACE --seal-key FILE [--write FOLDER]
        The Terraform states that were saved since, which no restored stack knows: of stacks that are
        newer than the backup, and later states of older ones. With --write each is put into a file,
        which `stackyard stacks import` or `stackyard states push` takes.
    salvage.py undelete --since TIME --blobs s3://BUCKET/PREFIX?…
        Objects that were deleted since, in a bucket that keeps versions. (The same for documents.)

TIME is that of the backup, as manifest.json or the point in time of a database has it:
2026-11-26T12:00:00Z. PLACE is as --blobs of stackyard-stacks: a folder, or s3://…

Needs the Python packages cryptography, and boto3 for S3 (Debian: python3-cryptography, python3-boto3).
"""

import argparse
import datetime
import hashlib
import hmac
import json
import pathlib
import sys
import urllib.parse
import zlib

MAGIC = b"SYS1"


def give_up(what, advice):
    sys.exit(f"error: {what}\nwhat to do: {advice}")


# ---- Places -------------------------------------------------------------------------------------

class Folder:
    def __init__(self, path):
        self.root = pathlib.Path(path)
        if not self.root.is_dir():
            give_up(f"there is no folder {path}", "say where the blobs are: --blobs PLACE")

    def blobs(self):
        """(digest, time, what reads it) of every blob."""
        for path in sorted(self.root.glob("??/*")):
            digest = path.parent.name + path.name
            if len(digest) == 64:
                when = datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.timezone.utc)
                yield digest, when, path.read_bytes


class Bucket:
    def __init__(self, place):
        try:
            import boto3  # pylint: disable=import-outside-toplevel
        except ImportError:
            give_up("S3 needs the Python package boto3", "apt-get install python3-boto3")
        parts = urllib.parse.urlsplit(place)
        options = dict(urllib.parse.parse_qsl(parts.query))
        self.name, self.prefix = parts.netloc, parts.path.strip("/")
        if self.prefix:
            self.prefix += "/"
        self.client = boto3.client("s3", endpoint_url=options.get("endpoint"),
                                   region_name=options.get("region"))

    def pages(self, operation, field):
        for page in self.client.get_paginator(operation).paginate(Bucket=self.name, Prefix=self.prefix):
            yield from page.get(field, [])

    def blobs(self):
        for entry in self.pages("list_objects_v2", "Contents"):
            # PREFIX/ab/cdef… or PREFIX/ab/cdef….RANDOM: each writing is a copy of its own.
            digest = entry["Key"].removeprefix(self.prefix).replace("/", "").split(".")[0]
            if len(digest) == 64:
                yield digest, entry["LastModified"], lambda key=entry["Key"]: self.client.get_object(
                    Bucket=self.name, Key=key)["Body"].read()

    def undelete(self, since):
        """Takes away the marks of what was deleted since, and answers how many."""
        count = 0
        for mark in self.pages("list_object_versions", "DeleteMarkers"):
            if mark["IsLatest"] and mark["LastModified"] >= since:
                self.client.delete_object(Bucket=self.name, Key=mark["Key"], VersionId=mark["VersionId"])
                count += 1
        return count


def open_place(place):
    return Bucket(place) if place.startswith("s3://") else Folder(place)


# ---- Seals --------------------------------------------------------------------------------------

def read_keys(path):
    """Master keys by their ids, the first four bytes of their SHA-256 (common/sealer.h)."""
    try:
        lines = [line.strip() for line in pathlib.Path(path).read_text().splitlines()]
        keys = [bytes.fromhex(line) for line in lines if line and not line.startswith("#")]
    except (OSError, ValueError) as error:
        give_up(f"{path} holds no keys: {error}", "say where the seal key is: --seal-key FILE")
    return {hashlib.sha256(key).digest()[:4]: key for key in keys}


def unseal(sealed, digest, keys):
    """The content of a blob; None where it is sealed with a key that is not among these."""
    # pylint: disable=import-outside-toplevel
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    if not sealed.startswith(MAGIC):
        return sealed
    master = keys.get(sealed[4:8])
    if master is None:
        return None
    salt, nonce, header, rest = sealed[8:24], sealed[24:36], sealed[:36], sealed[36:]
    key = hmac.new(master, b"stackyard sealed message " + salt, hashlib.sha256).digest()
    packed = AESGCM(key).decrypt(nonce, rest, header + f"blob {digest}".encode())
    return packed[1:] if packed[:1] == b"p" else zlib.decompress(packed[9:])


# ---- Lost states --------------------------------------------------------------------------------

def as_state(content):
    """The Terraform state that a blob holds, or None: bundles, plans and logs are blobs too."""
    if not content or content[:1] not in b"{\n ":
        return None
    try:
        state = json.loads(content)
    except ValueError:
        return None
    return state if isinstance(state, dict) and "lineage" in state and "serial" in state else None


def resources_of(state):
    """Addresses and ids of what a state manages."""
    for resource in state.get("resources", []):
        if resource.get("mode") != "managed":
            continue
        module = resource.get("module", "")
        address = f"{module + '.' if module else ''}{resource['type']}.{resource['name']}"
        for instance in resource.get("instances", []):
            key = instance.get("index_key")
            where = address if key is None else f"{address}[{json.dumps(key)}]"
            yield where, str((instance.get("attributes") or {}).get("id", ""))


def lost(place, keys, since):
    """(last state, its bytes, what was known of it) of each lineage that went on since."""
    known, newest = {}, {}
    for digest, when, read in place.blobs():
        sealed = read()
        content = unseal(sealed, digest, keys)
        if content is None:
            give_up(f"blob {digest} is sealed with a key that the key file lacks",
                    "use the key file with all keys, old ones too")
        if (state := as_state(content)) is None:
            continue
        lineage, serial = state["lineage"], state["serial"]
        if when < since:
            known[lineage] = max(known.get(lineage, -1), serial)
        elif lineage not in newest or serial > newest[lineage][0]["serial"]:
            newest[lineage] = (state, content)
    return [(state, content, known.get(lineage)) for lineage, (state, content) in sorted(newest.items())
            if known.get(lineage, -1) < state["serial"]]


def show_lost(found, folder):
    for state, content, before in found:
        what = "a stack that is newer than the backup" if before is None else \
            f"a stack whose state was at serial {before} then"
        resources = list(resources_of(state))
        print(f"{state['lineage']} serial {state['serial']}: {what}, {len(resources)} resources")
        for address, identifier in resources:
            print(f"    {address}  {identifier}")
        if folder:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = folder / f"{state['lineage']}.tfstate"
            file.touch(mode=0o600)
            file.write_bytes(content)
    print(f"{len(found)} states were saved since that the restored stacks do not know")


def instant(text):
    try:
        when = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        give_up(f"'{text}' is no time", "write it like 2026-11-26T12:00:00Z")
    return when if when.tzinfo else when.replace(tzinfo=datetime.timezone.utc)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("lost", "undelete"))
    parser.add_argument("--since", required=True)
    parser.add_argument("--blobs", required=True)
    parser.add_argument("--seal-key")
    parser.add_argument("--write", type=pathlib.Path)
    options = parser.parse_args()
    since, place = instant(options.since), open_place(options.blobs)
    if options.command == "undelete":
        if not isinstance(place, Bucket):
            give_up("a folder keeps no versions", "restore a backup that holds it: scripts/backup.py")
        print(f"{place.undelete(since)} objects are back")
        return
    if not options.seal_key:
        give_up("the key that states are sealed with is missing", "say where it is: --seal-key FILE")
    show_lost(lost(place, read_keys(options.seal_key), since), options.write)


main()
