"""A root that is filled with programs and what they need, and with nothing else."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

from debian import in_place

# As in Debian: programs may be asked for by either name.
MERGED = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}
# Folders of packages that no program reads.
UNREAD = re.compile(r"/usr/share/(doc|man|info|locale|lintian|bug|doc-base|bash-completion|zsh|perl5|"
                    r"gitweb|git-core/contrib|linda|menu)/|/etc/(bash_completion\.d|default|init\.d|cron\.)|"
                    r"/usr/lib/ssl/(private|misc)|/var/")
OURS = "stackyard"
USER = 65532
USERS = f"root:x:0:0:root:/:/sbin/nologin\nstackyard:x:{USER}:{USER}::/data:/sbin/nologin\n"
GROUPS = f"root:x:0:\nstackyard:x:{USER}:\n"
NAMES = "passwd: files\ngroup: files\nhosts: files dns\n"
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


def libraries(path):
    """The shared libraries that a file is linked with, through all others; [] of what is no such
    program."""
    with open(path, "rb") as file:
        if file.read(4) != b"\x7fELF":
            return []
    done = subprocess.run(["ldd", path], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return []
    if "not found" in done.stdout:
        missing = [line.split()[0] for line in done.stdout.splitlines() if "not found" in line]
        raise SystemExit(f"{path} needs {', '.join(missing)}: was it compiled for another Debian? "
                         "Else add the package to packages.txt")
    return re.findall(r"(/\S+) \(0x", done.stdout)


class Root:
    """Two folders that become layers: `system`, which stays as long as Debian's packages do, and `own`,
    which changes with each commit. Remembers of which packages it has files."""

    def __init__(self, path, packages):
        self._path = Path(path) / "system"
        self.own = Path(path) / "own"
        self._packages = packages
        self._added = set()
        # Packages that files are of, and of each program those that it is linked with.
        self.of_package = set()
        self.linked = {}

    def add_base(self):
        """What any program may look for, and places to write to."""
        for link, target in MERGED.items():
            (self._path / target).mkdir(parents=True, exist_ok=True)
            (self._path / link).symlink_to(target)
        etc = self._path / "etc"
        etc.mkdir()
        (etc / "passwd").write_text(USERS)
        (etc / "group").write_text(GROUPS)
        (etc / "nsswitch.conf").write_text(NAMES)
        self.add_file("/etc/os-release", "base-files")
        self.add_file("/etc/debian_version")
        self.add_file(AUTHORITIES, "ca-certificates")
        for name, mode, owner in (("data", 0o700, USER), ("tmp", 0o1777, 0), ("run", 0o755, 0)):
            (self._path / name).mkdir()
            os.chmod(self._path / name, mode)
            os.chown(self._path / name, owner, owner)

    def add_program(self, source):
        """A program of /programs into /usr/bin."""
        name = os.path.basename(source)
        target = (self.own if name.startswith(OURS) else self._path) / "usr/bin" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        os.chmod(target, 0o755)
        self.linked[target.name] = self._add_libraries(source)
        return target

    def add_package(self, name):
        """A Debian package, but for what only people read."""
        for path in self._packages.files(name):
            if UNREAD.search(path) is None:
                self.add_file(path, name)
                if os.path.isfile(path):
                    self._add_libraries(path)

    def add_folder(self, source, target):
        """A folder of data that belongs to the commit."""
        shutil.copytree(source, self.own / target.lstrip("/"))

    def add_file(self, path, package=None):
        """A file by its name; what a link leads to as well."""
        path = in_place(path)
        if path in self._added:
            return
        package = package or self._packages.owner(path)
        if package is None:
            raise SystemExit(f"{path} is of no package")
        self._added.add(path)
        self.of_package.add(package)
        target = self._path / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if os.path.islink(path):
            target.unlink(missing_ok=True)
            os.symlink(os.readlink(path), target)
            real = os.path.join(os.path.dirname(path), os.readlink(path))
            if os.path.isfile(real):
                self.add_file(os.path.normpath(real))
        else:
            shutil.copyfile(path, target)
            # No program here may become somebody else.
            os.chmod(target, stat.S_IMODE(os.stat(path).st_mode) & 0o755)

    def _add_libraries(self, path):
        owners = set()
        for library in libraries(path):
            owner = self._packages.owner(library)
            self.add_file(library, owner)
            owners.add(owner)
        return sorted(owners)

    def add_records(self):
        """Of each package its licence, and its paragraph where scanners of images look for it."""
        records = self._path / "var/lib/dpkg/status.d"
        records.mkdir(parents=True)
        for name in sorted(self.of_package):
            (records / name).write_text(self._packages.stanza(name))
            licence = Path(f"/usr/share/doc/{name}/copyright")
            if licence.exists():
                target = self._path / f"usr/share/doc/{name}/copyright"
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(licence.resolve(), target)
