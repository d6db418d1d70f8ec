"""Secrets that are planted, and found again wherever they got to."""

import base64
import collections
import contextlib
import gzip
import io
import os
import pathlib
import re
import secrets
import socket
import sqlite3
import threading
import zipfile
import zlib

Leak = collections.namedtuple("Leak", "secret place")


def in_base64(core):
    """What base64 makes of it, whatever stands before and after it."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + core).rstrip(b"=")
        yield encoded[(before * 8 + 5) // 6:(before + len(core)) * 8 // 6]


class Planted:
    """Secrets by what they are. Each has a core of its own that no encoding of text changes, so that
    it is found inside JSON, XML, URLs and the like."""

    def __init__(self):
        self.cores = {}

    def plant(self, what, plain=False):
        """A new secret; with characters that encodings change unless `plain`."""
        core = secrets.token_hex(12)
        self.know(what, core)
        return core if plain else f'{what[:3]}&<"{core}">+/% é'

    def know(self, what, value):
        """Looks for a secret that somebody else made."""
        core = value.encode()
        self.cores[what] = {core, core.hex().encode(), core.hex().upper().encode(), *in_base64(core)}

    def secrets_in(self, data):
        """Names of the secrets in bytes or text."""
        data = data if isinstance(data, bytes) else str(data).encode()
        return sorted(what for what, forms in self.cores.items() if any(f in data for f in forms))

    def leaks_in_folder(self, folder, allowed):
        """All leaks in files below a folder, but for what `allowed` says: (pattern of the path, names
        of secrets or None for all, why)."""
        leaks = []
        for path in sorted(pathlib.Path(folder).rglob("*")):
            shown = str(path.relative_to(folder))
            found = set()
            with contextlib.suppress(OSError):  # Sockets, and what goes away meanwhile.
                if path.is_file() and not path.is_symlink():
                    for layer in layers(path):
                        found.update(self.secrets_in(layer))
            for what in sorted(found):
                if not any(re.fullmatch(pattern, shown) and (names is None or what in names)
                           for pattern, names, why in allowed):
                    leaks.append(Leak(what, shown))
        return leaks


def layers(path):
    """What a file holds: its bytes, what is packed in it, and cells of a database."""
    data = path.read_bytes()
    yield data
    with contextlib.suppress(OSError, EOFError, zlib.error):
        yield gzip.decompress(data)
    with contextlib.suppress(zlib.error):
        yield zlib.decompress(data)
    with contextlib.suppress(zipfile.BadZipFile):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield archive.read(name)
    if data.startswith(b"SQLite format 3"):
        yield from cells(path)


def cells(path):
    """The cells of a database, as they are and without the base64 that messages are packed in."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in db.execute(f'SELECT * FROM "{table}"'):
                for cell in row:
                    if not isinstance(cell, (str, bytes)):
                        continue
                    cell = cell.encode() if isinstance(cell, str) else cell
                    yield cell
                    with contextlib.suppress(ValueError):
                        yield base64.b64decode(cell, validate=True)


class CommandLines:
    """Sees the command lines of all processes while it is open."""

    def __init__(self, ours=()):
        self.seen, self.ours, self.done = set(), [os.fsencode(part) for part in ours], threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.done.set()
        self.thread.join()

    def _watch(self):
        while not self.done.wait(0.02):
            for process in filter(str.isdigit, os.listdir("/proc")):
                with contextlib.suppress(OSError):
                    line = pathlib.Path("/proc", process, "cmdline").read_bytes()
                    if line and not any(line.startswith(part) for part in self.ours):
                        self.seen.add(line)


class Gate:
    """Where a provisioner waits until it is let through: it connects, and reads to the end."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(60)
        self.port = self.server.getsockname()[1]
        self.visitor = None

    def wait(self):
        """Until somebody stands at the gate."""
        self.visitor, _ = self.server.accept()

    def open(self):
        self.visitor.close()
        self.visitor = None

    def close(self):
        self.server.close()
