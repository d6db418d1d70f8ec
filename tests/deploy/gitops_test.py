#!/usr/bin/env python3
"""The manifests of deploy/gitops: Argo CD takes them, what they name is there, and what they would
deploy is what the chart and Kubernetes take, by digests."""

import functools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/e2e"), str(ROOT / "tests/k8s")]

# pylint: disable=wrong-import-position
import helm
import schemas
import suite
from mesh import TERRAFORM

FOLDER = ROOT / "deploy/gitops"
ENVIRONMENTS = ("staging", "production")
VERSIONS = [f"{group}/{version}/{kind}" for group, version, kind in (
    ("monitoring.coreos.com", "v1", "ServiceMonitor"), ("keda.sh", "v1alpha1", "ScaledObject"),
    ("cert-manager.io", "v1", "Certificate"))]


def load(path):
    return yaml.safe_load((FOLDER / path).read_text())


def chart_of(application):
    """The sources of the chart and of the values."""
    chart, values = application["spec"]["sources"]
    return chart, values


def kubeconform(text):
    done = schemas.check(text, schemas.folder())
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@functools.cache
def rendered(name):
    """What Argo CD would apply: its own `helm template`, with the files that the Application names."""
    chart, _ = chart_of(load(f"argocd/{name}.yaml"))
    files = [ROOT / path.removeprefix("$values/") for path in chart["helm"]["valueFiles"]]
    done = subprocess.run(
        [helm.tool("helm"), "template", chart["helm"]["releaseName"], ROOT / chart["path"], "--namespace",
         load(f"argocd/{name}.yaml")["spec"]["destination"]["namespace"], "--skip-tests",
         *[word for file in files for word in ("--values", str(file))],
         *[word for version in VERSIONS for word in ("--api-versions", version)]],
        check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def paths(values, before=""):
    """Where something stands in values: the names of dictionaries, as a.b.c."""
    for key, value in values.items():
        yield f"{before}{key}"
        if isinstance(value, dict):
            yield from paths(value, f"{before}{key}.")


@functools.cache
def told_by_terraform():
    """Paths of what modules/app makes, for the variables of its own test; it needs no provider."""
    with tempfile.TemporaryDirectory(prefix="sy-app-") as folder:
        app = pathlib.Path(folder) / "app"
        shutil.copytree(ROOT / "terraform/modules/app", app,
                        ignore=shutil.ignore_patterns(".terraform*"))
        text = (app / "tests/app.tftest.hcl").read_text()
        [variables] = re.findall(r"^variables \{\n(.*?)^\}", text, re.M | re.S)
        (app / "terraform.tfvars").write_text(variables)
        own = {key: value for key, value in os.environ.items() if not key.startswith("TF_")}
        for arguments in (("init",), ("apply", "-auto-approve"), ("output", "-raw", "values")):
            done = subprocess.run([TERRAFORM, f"-chdir={app}", *arguments], check=False, env=own,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
    return set(paths(yaml.safe_load(done.stdout)))


class GitOpsTest(unittest.TestCase):
    def applications(self):
        return {name: load(f"argocd/{name}.yaml") for name in ENVIRONMENTS}

    def test_argo_takes_them(self):
        if not (schemas.CRDS / "application.yaml").exists():
            self.assertNotIn("STACKYARD_ALL_TOOLS", os.environ, "run scripts/kubernetes.sh")
            self.skipTest("Argo CD's schemas come with the control plane: scripts/kubernetes.sh")
        text = "\n---\n".join(path.read_text() for path in sorted((FOLDER / "argocd").glob("*.yaml")))
        self.assertIn("3 resources found", kubeconform(text))
        for spoiled in (text.replace("  project: stackyard", "  projekt: stackyard"),
                        text.replace("releaseName: stackyard", "releaseName: 7")):
            self.assertNotEqual(schemas.check(spoiled, schemas.folder()).returncode, 0)

    def test_namespaces_are_as_a_cluster_by_hand_has_them(self):
        docs = yaml.safe_load_all((ROOT / "deploy/aws/namespace.yaml").read_text())
        labels = next(doc for doc in docs if doc["kind"] == "Namespace")["metadata"]["labels"]
        self.assertEqual(labels["elbv2.k8s.aws/pod-readiness-gate-inject"], "enabled")
        for application in self.applications().values():
            metadata = application["spec"]["syncPolicy"]["managedNamespaceMetadata"]
            self.assertEqual(metadata["labels"], labels)

    def test_environments_are_those_of_terraform(self):
        """Examples have all that modules/app tells; the chart gets it as by `make release`."""
        told = told_by_terraform()
        self.assertGreater(len(told), 30)
        for name, application in self.applications().items():
            example = load(f"environments/{name}/terraform.yaml")
            self.assertEqual(sorted(told - set(paths(example))), [],
                             f"{name}: write terraform.yaml anew")
            files = chart_of(application)[0]["helm"]["valueFiles"]
            own = f"$values/deploy/gitops/environments/{name}"
            self.assertEqual(files, [
                f"$values/terraform/{name}/values.yaml", f"{own}/terraform.yaml",
                f"{own}/values.yaml", f"{own}/image.yaml"])
            docs = [doc for doc in yaml.safe_load_all(rendered(name)) if doc]
            [runner] = [
                doc["spec"]["template"]["spec"] for doc in docs
                if (doc["kind"], doc["metadata"]["name"]) == ("Deployment", "stackyard-runner")]
            self.assertEqual(runner["nodeSelector"], example["runner"]["nodeSelector"])
            # A profile that no node has would leave each runner waiting.
            self.assertNotIn("Localhost", yaml.safe_dump(runner))
            copied = {doc["spec"]["target"]["name"] for doc in docs
                      if doc["kind"] == "ExternalSecret"}
            self.assertEqual(copied, {"stackyard-database", "stackyard-seal-key", "stackyard-session-keys"})

    def test_what_they_name_is_there(self):
        project = load("argocd/project.yaml")["spec"]
        for name, application in self.applications().items():
            chart, values = chart_of(application)
            self.assertTrue((ROOT / chart["path"] / "Chart.yaml").is_file())
            self.assertEqual(values["ref"], "values")
            for source in (chart, values):
                self.assertIn(source["repoURL"], project["sourceRepos"])
            self.assertIn({"name": name, "namespace": "stackyard"}, project["destinations"])
            self.assertEqual(application["spec"]["destination"], {"name": name, "namespace": "stackyard"})

    def test_what_is_deployed_is_pinned(self):
        for name, application in self.applications().items():
            image = load(f"environments/{name}/image.yaml")["image"]
            self.assertEqual(chart_of(application)[0]["targetRevision"], image["tag"])
            images = set(re.findall(r"^ *image: \"?([^\"\n]+)\"?$", rendered(name), re.M))
            self.assertGreaterEqual(len(images), 5)
            for one in images:
                self.assertRegex(one, r"@sha256:[0-9a-f]{64}$")

    def test_kubernetes_takes_what_is_rendered(self):
        if not schemas.package():
            self.assertNotIn("STACKYARD_ALL_TOOLS", os.environ, "run scripts/setup.sh deploy")
            self.skipTest("the package kubernetes-validate is not installed (make setup)")
        for name in ENVIRONMENTS:
            kubeconform(rendered(name))

    def test_argo_and_autoscalers_do_not_pull_at_the_same_field(self):
        for name in ENVIRONMENTS:
            objects = [doc for doc in yaml.safe_load_all(rendered(name)) if doc]
            scaled = {doc["spec"]["scaleTargetRef"]["name"] for doc in objects
                      if doc["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")}
            self.assertEqual(len(scaled), 4)
            for doc in objects:
                if doc["kind"] == "Deployment" and doc["metadata"]["name"] in scaled:
                    self.assertNotIn("replicas", doc["spec"], doc["metadata"]["name"])

    def test_nothing_is_made_up_in_the_cluster(self):
        """Secrets that a job makes there are in no backup and in no repository."""
        for name in ENVIRONMENTS:
            kinds = [doc["kind"] for doc in yaml.safe_load_all(rendered(name)) if doc]
            self.assertNotIn("Secret", kinds)
            self.assertNotIn("Job", kinds)

    def test_production_waits_for_somebody(self):
        found = self.applications()
        self.assertTrue(found["staging"]["spec"]["syncPolicy"]["automated"]["selfHeal"])
        self.assertNotIn("automated", found["production"]["spec"]["syncPolicy"])

    def test_a_release_is_pinned_by_one_command(self):
        commit, digest = "f" * 40, f"sha256:{'e' * 64}"
        with tempfile.TemporaryDirectory() as folder:
            repo = pathlib.Path(folder)
            for path in ("scripts/release.sh", "scripts/lib.sh", "scripts/env.sh"):
                (repo / path).parent.mkdir(exist_ok=True)
                shutil.copy2(ROOT / path, repo / path)
            shutil.copytree(FOLDER, repo / "deploy/gitops")
            release = repo / "release.json"
            release.write_text(f'{{"commit": "{commit}", "prefix": "r.example.com/x", "digests": {{' + ", ".join(
                f'"{i}": "{digest}"' for i in ("gateway", "rest", "stacks", "quota", "runner", "cli")) + "}}")
            subprocess.run([repo / "scripts/release.sh", "pin", "staging", release], check=True,
                           capture_output=True)
            gitops = repo / "deploy/gitops"
            image = yaml.safe_load((gitops / "environments/staging/image.yaml").read_text())["image"]
            self.assertEqual((image["prefix"], image["tag"], set(image["digests"].values())),
                             ("r.example.com/x", commit, {digest}))
            chart, values = chart_of(yaml.safe_load((gitops / "argocd/staging.yaml").read_text()))
            self.assertEqual((chart["targetRevision"], values["targetRevision"]), (commit, "main"))
            for path in ("argocd/production.yaml", "environments/production/image.yaml"):
                self.assertEqual((gitops / path).read_bytes(), (FOLDER / path).read_bytes())


if __name__ == "__main__":
    suite.main()
