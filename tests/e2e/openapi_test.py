#!/usr/bin/env python3
"""The description of the REST API: it is valid OpenAPI, complete, and its examples are true."""

import json
import subprocess
import unittest
import urllib.request

import jsonschema
import openapi_spec_validator

import mesh
import suite

METHODS = {"get", "put", "post", "patch", "delete"}


def setUpModule():
    global DOCUMENT, SERVER
    address = f"127.0.0.1:{mesh.free_port()}"
    # The description needs no gateway.
    SERVER = subprocess.Popen([str(mesh.BIN / "stackyard-rest"), "--listen", address, "--gateway",
                               "unix:/nowhere"], stderr=subprocess.DEVNULL)

    def read():
        try:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"http://{address}/api-docs", timeout=10) as answer:
                return json.load(answer)
        except OSError:
            return None

    DOCUMENT = mesh.eventually(read, "the description")


def tearDownModule():
    SERVER.terminate()
    SERVER.wait()


def resolved(node):
    """What a reference leads to."""
    while isinstance(node, dict) and "$ref" in node:
        target = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def operations():
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield method, path, operation


class OpenApiTest(unittest.TestCase):
    maxDiff = None

    def check(self, schema, example, where):
        # References are to the whole description.
        validator = jsonschema.Draft202012Validator(
            {"components": DOCUMENT["components"], **schema}, format_checker=jsonschema.FormatChecker())
        faults = [f"{where}: {error.json_path}: {error.message}" for error in validator.iter_errors(example)]
        self.assertEqual(faults, [])

    def test_is_valid(self):
        self.assertEqual(DOCUMENT["openapi"], "3.1.0")
        openapi_spec_validator.validate(DOCUMENT)

    def test_operations_are_described_in_full(self):
        ids = set()
        for method, path, operation in operations():
            where = f"{method} {path}"
            with self.subTest(where):
                self.assertTrue(operation["summary"])
                self.assertNotIn("\n", operation["summary"])
                self.assertTrue(operation["description"])
                self.assertNotIn(operation["operationId"], ids)
                ids.add(operation["operationId"])
                statuses = set(operation["responses"])
                self.assertLessEqual({"200", "400", "429", "503", "default"}, statuses)
                if operation.get("security") != []:
                    self.assertIn("401", statuses)
                for status in statuses - {"200", "304"}:
                    answer = resolved(operation["responses"][status])
                    self.assertIn("application/problem+json", answer["content"])
                for parameter in operation["parameters"]:
                    self.assertTrue(parameter["description"], parameter["name"])
        self.assertGreater(len(ids), 100)

    def test_examples_are_true(self):
        seen = 0
        for method, path, operation in operations():
            contents = [operation.get("requestBody", {}).get("content", {})]
            contents += [resolved(answer).get("content", {}) for answer in operation["responses"].values()]
            where = f"{method} {path}"
            with self.subTest(where):
                for content in contents:
                    for kind, media in content.items():
                        if "example" in media:
                            seen += 1
                            self.check(media["schema"], media["example"], f"{where} {kind}")
                for parameter in operation["parameters"]:
                    if "example" in parameter:
                        seen += 1
                        self.check(parameter["schema"], parameter["example"], f"{where} {parameter['name']}")
        self.assertGreater(seen, 400)

    def test_a_wrong_example_would_be_seen(self):
        with self.assertRaises(AssertionError):
            self.check({"$ref": "#/components/schemas/Stack"}, {"name": 7}, "a stack")

    def test_what_every_resource_has(self):
        stack = DOCUMENT["components"]["schemas"]["Stack"]["properties"]
        self.assertLessEqual({"self", "parent", "runs", "templateVersion", "creator"},
                             set(stack["links"]["properties"]))
        reads = DOCUMENT["paths"]["/v1/projects/{project}/stacks/{stack}"]["get"]
        names = {p["name"]: p for p in reads["parameters"]}
        self.assertIn("runs", names["expand"]["schema"]["items"]["enum"])
        self.assertIn("If-None-Match", names)
        self.assertIn("ETag", reads["responses"]["200"]["headers"])
        changes = DOCUMENT["paths"]["/v1/projects/{project}/stacks/{stack}"]["patch"]
        self.assertLessEqual({"If-Match", "Idempotency-Key"}, {p["name"] for p in changes["parameters"]})
        self.assertIn("412", changes["responses"])
        watch = DOCUMENT["paths"]["/v1/projects/{project}/stacks/{stack}:watch"]["get"]
        self.assertLessEqual({"application/x-ndjson", "text/event-stream"},
                             set(watch["responses"]["200"]["content"]))

    def test_reasons_come_with_their_status(self):
        creates = DOCUMENT["paths"]["/v1/projects/{project}/stacks"]["post"]["responses"]
        self.assertIn("RESOURCE_EXISTS", resolved(creates["409"])["description"])
        self.assertIn("INVALID_FIELD", resolved(creates["400"])["description"])
        # What the operation ends with is no answer of the call.
        self.assertNotIn("RUN_FAILED", json.dumps([resolved(a) for a in creates.values()]))

    def test_ways_on(self):
        made = DOCUMENT["paths"]["/v1/projects/{project}/stacks"]["post"]["responses"]["200"]["links"]
        self.assertEqual(made["GetStack"]["parameters"],
                         {"project": "$request.path.project", "stack": "$request.query.stackId"})
        known = {operation["operationId"] for _, _, operation in operations()}
        for _, path, operation in operations():
            for link in operation["responses"]["200"].get("links", {}).values():
                self.assertIn(link["operationId"], known, path)


if __name__ == "__main__":
    suite.main()
