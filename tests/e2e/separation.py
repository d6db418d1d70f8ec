"""Two projects with credentials and endpoints of their own, whose runs go on at the same time: neither
may ever reach the other's endpoint, whatever is kept warm between runs."""

import concurrent.futures
import json
import random

import bundles
import clients
from emulator import Emulator
from mesh import MIRROR, Mesh

PATIENCE = 240
PROJECTS = ("red", "blue")


def secret(project):
    return f"{project}-secret-of-the-project"


class Separation:
    """Two emulators and a mesh; each project has credentials for one of them."""

    def __init__(self, folder):
        self.emulators = {}
        self.mesh = Mesh(runners=1, slots=4, runner_flags=["--provider-mirror", MIRROR, "--no-provider-direct"])
        try:
            for project in PROJECTS:
                self.emulators[project] = Emulator(folder / f"{project}.log", witness=True)
            self.mesh.start()
            self.admin = self.mesh.rest("admin")
            self.admin.timeout = PATIENCE
            for project in PROJECTS:
                self.prepare(project)
            self.admin.succeed(bundles.publish(
                self.admin, "json-object", "1", bundles.pack(bundles.read("json-object"))), PATIENCE)
        except BaseException:
            self.close(show_logs=True)
            raise

    def prepare(self, project):
        self.admin.post(f"/v1/projects?projectId={project}", {})
        for metric in ("stacks", "resources", "buckets", "objects"):
            self.admin.put(f"/v1/projects/{project}/quota/limits/{metric}", {"value": 100000})
        self.admin.post(f"/v1/projects/{project}/credentials?credentialId=aws", {"static": {
            "variables": {"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": self.emulators[project].url},
            "secretVariables": {"AWS_ACCESS_KEY_ID": f"{project}-key",
                                "AWS_SECRET_ACCESS_KEY": secret(project)}}})

    def close(self, show_logs=False):
        for emulator in self.emulators.values():
            emulator.close()
        self.mesh.close(show_logs=show_logs)

    # ---- Rounds -----------------------------------------------------------------------------

    def live(self, project, name):
        """A stack from its request to its end."""
        rest = clients.Rest(self.mesh.rest_address, self.mesh.tokens["admin"], timeout=PATIENCE)
        try:
            stack = rest.succeed(rest.post(
                f"/v1/projects/{project}/stacks?stackId={name}",
                {"templateVersion": "templates/json-object/versions/1",
                 "parameters": {"name": name, "content": {"of": project}}}), PATIENCE)
            outputs = {key: output.get("value") for key, output in stack["outputs"].items()}
            path = f"/{outputs['bucket']}/{outputs['key']}"
            for other in PROJECTS:
                found = outputs["bucket"] in self.emulators[other].buckets()
                assert found == (other == project), f"{path} of {project} is found at {other}: {found}"
            text = self.emulators[project].call("GET", path, service="s3").text
            assert json.loads(text) == {"of": project}, text
            rest.succeed(rest.delete(f"/v1/{stack['name']}"), PATIENCE)
            assert outputs["bucket"] not in self.emulators[project].buckets()
        finally:
            rest.close()

    def play(self, rounds, seed):
        """Each round one or two stacks of each project, begun in an order of its own."""
        dice = random.Random(seed)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for number in range(rounds):
                work = [(project, f"r{number}-{i}") for project in PROJECTS for i in range(dice.choice((1, 1, 2)))]
                dice.shuffle(work)
                for done in [pool.submit(self.live, *one) for one in work]:
                    done.result()
        self.judge()

    def judge(self):
        """Every signed call that an emulator got was made with the key of its project, or by the test."""
        for project in PROJECTS:
            keys = {call["key"] for call in self.emulators[project].calls()} - {"", "test"}
            assert keys == {f"{project}-key"}, f"{project}'s endpoint was called with {keys}"
