"""What dpkg knows of the root that this runs in."""

import os
from pathlib import Path

INFO = Path("/var/lib/dpkg/info")
STATUS = Path("/var/lib/dpkg/status")


def in_place(path):
    """A path by the real name of its folder: /lib is a link to /usr/lib, and dpkg knows both names."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def stanzas(text):
    """The paragraphs of a control file, by package."""
    found = {}
    for paragraph in text.strip().split("\n\n"):
        lines = paragraph.split("\n")
        fields = dict(line.split(": ", 1) for line in lines if ": " in line and line[0] != " ")
        if fields.get("Status", "").endswith(" installed"):
            found[fields["Package"]] = (fields, paragraph)
    return found


class Packages:
    """Installed packages and whose each file is."""

    def __init__(self):
        self._stanzas = stanzas(STATUS.read_text())
        self._files = {}
        self._owners = {}
        for listing in INFO.glob("*.list"):
            name = listing.stem.split(":")[0]
            paths = [in_place(line) for line in listing.read_text().splitlines() if line != "/."]
            self._files[name] = paths
            for path in paths:
                self._owners[path] = name

    def owner(self, path):
        """The package that a file came with; None: dpkg does not know it."""
        return self._owners.get(in_place(str(path)))

    def files(self, name):
        """All files of a package, its folders left out."""
        if name not in self._stanzas:
            raise SystemExit(f"the package {name} is not installed: add it to packages.txt")
        return [path for path in self._files[name]
                if os.path.islink(path) or not os.path.isdir(path)]

    def field(self, name, field):
        """A field of a package's control file; empty: it has none."""
        return self._stanzas[name][0].get(field, "")

    def stanza(self, name):
        """A package's whole paragraph of dpkg's status."""
        return self._stanzas[name][1] + "\n"
