"""Helm, and what it renders."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import yaml

from mesh import ENVIRONMENT, ROOT

CHART = ROOT / "helm" / "stackyard"
VARIANTS = sorted(path.stem.removesuffix("-values") for path in (CHART / "ci").glob("*-values.yaml"))
TAG = "0123456789abcdef"
# What a release needs at least.
LEAST = {
    "image": {"tag": TAG},
    "database": {"existingSecret": "databases"},
    "storage": {"s3": {"blobs": "s3://bucket/blobs?region=eu-central-1",
                       "documents": "s3://bucket/documents?region=eu-central-1"}},
}


def tool(name):
    """A program that set-up made, or one on PATH, or None."""
    return shutil.which(name, path=f"{ROOT}/build/tools/bin:{ENVIRONMENT['PATH']}")


def missing(*names):
    """Which of some programs is not there, as a reason to skip; a fault where all must be."""
    lacking = [name for name in names if not tool(name)]
    if lacking and os.environ.get("STACKYARD_ALL_TOOLS"):
        raise AssertionError(f"{', '.join(lacking)} missing: run scripts/setup.sh deploy")
    return f"{', '.join(lacking)} not set up here" if lacking else None


class HelmError(AssertionError):
    """A Helm that failed; the text is what it said."""


def merged(*values):
    """Dictionaries of values, the later ones win."""
    result = {}
    for value in values:
        for key, entry in value.items():
            if isinstance(entry, dict) and isinstance(result.get(key), dict):
                result[key] = merged(result[key], entry)
            else:
                result[key] = entry
    return result


def variant(name):
    return yaml.safe_load((CHART / "ci" / f"{name}-values.yaml").read_text())


def run(*arguments, values=None, environment=None):
    """Helm, with values as a dictionary; answers the finished process."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(values or {}, file)
        file.flush()
        extra = ["--values", file.name] if values is not None else []
        return subprocess.run([tool("helm"), *map(str, arguments), *extra], capture_output=True,
                              text=True, check=False, env=environment or ENVIRONMENT)


def helm(*arguments, **options):
    """Helm, which must succeed; answers its output."""
    result = run(*arguments, **options)
    if result.returncode != 0:
        raise HelmError(f"helm {' '.join(map(str, arguments))}\n{result.stderr}{result.stdout}")
    return result.stdout


def rendered(values, name="shop", namespace="platform", *arguments):
    """The text of all objects of a release."""
    return helm("template", name, CHART, "--namespace", namespace, *arguments, values=values)


def objects(values, *arguments, **options):
    """All objects of a release, as dictionaries."""
    return [doc for doc in yaml.safe_load_all(rendered(values, *arguments, **options)) if doc]


def find(docs, kind, name):
    """The one object of a kind whose name ends so."""
    found = [doc for doc in docs if doc["kind"] == kind and doc["metadata"]["name"].endswith(name)]
    if len(found) != 1:
        names = [f"{doc['kind']}/{doc['metadata']['name']}" for doc in docs]
        raise AssertionError(f"{len(found)} of {kind} …{name} among {names}")
    return found[0]


def pod(doc):
    """The pod template of a workload."""
    spec = doc["spec"]
    return (spec["jobTemplate"]["spec"] if doc["kind"] == "CronJob" else spec)["template"]


def workloads(docs):
    return [doc for doc in docs
            if doc["kind"] in ("Deployment", "StatefulSet", "Job", "CronJob")]


def container(doc, name):
    return next(c for c in pod(doc)["spec"]["containers"] if c["name"] == name)


def write(values, folder):
    path = pathlib.Path(folder) / "rendered.yaml"
    path.write_text(rendered(values))
    return path
