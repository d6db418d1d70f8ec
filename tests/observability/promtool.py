"""Prometheus's own tool for rules."""

import pathlib
import subprocess
import tempfile

import yaml


def promtool(*args):
    try:
        done = subprocess.run(["promtool", *map(str, args)], capture_output=True, text=True,
                              check=False, timeout=300)
    except FileNotFoundError:
        raise AssertionError("promtool is missing; install Debian's prometheus (make setup)") from None
    return done.returncode, done.stdout + done.stderr


def faults(expressions):
    """What promtool finds wrong with expressions; nothing where all are valid."""
    rules = [{"record": f"expression:{number}", "expr": expr}
             for number, expr in enumerate(expressions)]
    with tempfile.TemporaryDirectory(prefix="sy-expressions-") as folder:
        path = pathlib.Path(folder) / "rules.yaml"
        path.write_text(yaml.safe_dump({"groups": [{"name": "expressions", "rules": rules}]}))
        code, said = promtool("check", "rules", path)
    return "" if code == 0 else said
