"""Schemas of Kubernetes' objects, and of the operators' that the chart knows, for kubeconform to use
offline."""

import importlib.util
import json
import pathlib
import re
import subprocess

import yaml

import helm
from mesh import ROOT

VERSION = "v1.36.0"
CACHE = ROOT / "build" / "tools" / "schemas"
CRDS = ROOT / "build" / "tools" / "kubernetes" / "crds"
REFERENCE = re.compile(r"(?:/api/)?_definitions\.json#/(?:\$defs|definitions)/")


def package():
    """The folder of the schemas in the package kubernetes-validate, or None."""
    found = importlib.util.find_spec("kubernetes_validate")
    if not found:
        return None
    return pathlib.Path(found.origin).parent / "kubernetes-json-schema" / f"{VERSION}-local-strict"


def folder():
    """Schemas as kubeconform looks for them; None where there is nothing to make them of."""
    source = package()
    if not source:
        return None
    out = CACHE / VERSION
    if not (out / "done").exists():
        out.mkdir(parents=True, exist_ok=True)
        write_kubernetes(source, out)
        (out / "done").touch()
    for file in CRDS.glob("*.yaml") if CRDS.is_dir() else ():
        write_custom(yaml.safe_load(file.read_text()), out)
    return out


def write_kubernetes(source, out):
    """Each kind with all the definitions that it needs in its own file: references to other files are
    read from the network by kubeconform."""
    def local(schema):
        text = REFERENCE.sub("#/definitions/", json.dumps(schema))
        return json.loads(text.replace('"#/$defs/', '"#/definitions/'))

    shared = json.loads((source / "_definitions.json").read_text())
    shared = {name: local(s) for name, s in (shared.get("$defs") or shared["definitions"]).items()}
    for file in source.glob("*.json"):
        schema = local(json.loads(file.read_text())) if not file.name.startswith("_") else {}
        if "kind" not in schema.get("properties", {}):
            continue
        needed, todo = {}, references(schema)
        while todo:
            name = todo.pop()
            needed[name] = shared[name]
            todo |= references(shared[name]) - set(needed)
        (out / file.name).write_text(json.dumps({**schema, "definitions": needed}))


def references(schema):
    return set(re.findall(r'"#/definitions/([^"]+)"', json.dumps(schema)))


def write_custom(crd, out):
    group, kind = crd["spec"]["group"].split(".")[0], crd["spec"]["names"]["kind"].lower()
    for version in crd["spec"]["versions"]:
        schema = strict(version["schema"]["openAPIV3Schema"])
        (out / f"{kind}-{group}-{version['name']}.json").write_text(json.dumps(schema))


def strict(schema, top=True):
    """No fields but those that are named, as the API server prunes them."""
    if not isinstance(schema, dict):
        return schema
    result = dict(schema)
    if "properties" in schema:
        result["properties"] = {name: strict(s, False) for name, s in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields") and "additionalProperties" not in schema:
            result["additionalProperties"] = False
    if isinstance(schema.get("items"), dict):
        result["items"] = strict(schema["items"], False)
    if isinstance(schema.get("additionalProperties"), dict):
        result["additionalProperties"] = strict(schema["additionalProperties"], False)
    if top:
        # Metadata is any object there; what may be in it is Kubernetes' own.
        result["properties"]["metadata"] = {"type": "object"}
    if schema.get("x-kubernetes-int-or-string"):
        result = {"type": ["integer", "string"]}
    return result


def check(text, schemas):
    """kubeconform over manifests; the finished process."""
    location = f"{schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    skip = [] if CRDS.is_dir() else ["-ignore-missing-schemas"]
    return subprocess.run([helm.tool("kubeconform"), "-strict", "-summary", *skip, "-schema-location",
                           location, "-"], input=text, capture_output=True, text=True, check=False)
