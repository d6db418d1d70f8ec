"""Reads the tours in Markdown files and plays them: what stands in a `console` block is what happens.

    ```console
    $ stackyard stacks list \\
    >   -o name
    projects/demo/stacks/…
    ```

A line that begins with `$ ` is typed, those with `> ` go on with it, and what follows is what comes,
on either output. `…` in a line stands for any text, a line of `…` alone for any lines. All blocks of
a file are typed into one shell, and every command must succeed.
"""

import dataclasses
import os
import pathlib
import re
import selectors
import subprocess
import time

LONGEST_SECONDS = 180
MARK = "end of a command of the tour:"


@dataclasses.dataclass
class Step:
    place: str
    command: str
    wanted: list


def read(path):
    """The steps of a Markdown file, in their order."""
    steps, inside = [], False
    for number, line in enumerate(pathlib.Path(path).read_text().splitlines(), 1):
        if line.startswith("```"):
            inside = not inside and line == "```console"
        elif not inside:
            continue
        elif line.startswith("$ "):
            steps.append(Step(f"{pathlib.Path(path).name}:{number}", line[2:], []))
        elif line.startswith("> ") and steps and not steps[-1].wanted:
            steps[-1].command += "\n" + line[2:]
        else:
            steps[-1].wanted.append(line)
    return steps


def matches(wanted, got):
    """Whether lines are as they were written down."""
    pattern = "".join(
        "(?:.*\n)*?" if line.strip() == "…" else
        ".*".join(re.escape(part) for part in line.split("…")) + "\n" for line in wanted)
    return re.fullmatch(pattern, "".join(line + "\n" for line in got)) is not None


class Shell:
    """A bash that commands are typed into."""

    def __init__(self, directory, environment):
        self.process = subprocess.Popen(
            ["bash", "--norc"], cwd=directory, env=environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def type(self, command):
        """Runs a command; answers the lines that it printed. An error when it failed."""
        # What it reads is not what is typed next.
        self.process.stdin.write(f"{{ {command}\n}} </dev/null\ncode=$?; echo; echo {MARK} $code\n".encode())
        self.process.stdin.flush()
        text, deadline = b"", time.monotonic() + LONGEST_SECONDS
        end = re.compile(rb"\n" + MARK.encode() + rb" \d+\n\Z")
        while not end.search(text):
            left = deadline - time.monotonic()
            if left <= 0 or not self.selector.select(left):
                raise AssertionError(f"after {LONGEST_SECONDS} s still running: {command}\n{text.decode()}")
            chunk = os.read(self.process.stdout.fileno(), 1 << 16)
            if not chunk:
                raise AssertionError(f"the shell ended at: {command}\n{text.decode()}")
            text += chunk
        printed = end.sub(b"", text).decode().rstrip("\n")
        if not text.endswith(b" 0\n"):
            raise AssertionError(f"{command}\nfailed:\n{printed}")
        return printed.splitlines()
