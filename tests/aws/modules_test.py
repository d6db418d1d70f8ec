#!/usr/bin/env python3
"""terraform/ without AWS: each folder's own tests, with mocks; all refusals have a test; format; what
checkov says of it. The AWS provider is started once and serves all of them, for they never configure
it: it is asked for its schema alone."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import checkout
import emulator
import suite
from mesh import MIRROR, ROOT, TERRAFORM, eventually

FOLDER = ROOT / "terraform"
NO_PROVIDER = None if MIRROR and emulator.missing() != "no AWS provider" else "no AWS provider"
CHECKOV = shutil.which("checkov", path=f"{ROOT}/build/tools/bin:{os.environ['PATH']}")
# Whole environments take long: here they are only validated, slow/whole_test.py has their tests.
WHOLE = ("environment", "staging", "production")
LONGEST_SECONDS = 2400
VALIDATED = re.compile(r'^variable "(\w+)" \{\n(.*?)^\}', re.M | re.S)


def with_tests():
    return sorted(p.parent for p in FOLDER.glob("**/tests") if ".terraform" not in p.parts)


class Provider:
    """The AWS provider as a process of its own, which Terraform is told to use."""

    def __init__(self, folder):
        [program] = pathlib.Path(MIRROR).glob("registry.terraform.io/hashicorp/aws/*/*/terraform-provider-aws*")
        self.out = folder / "provider.out"
        # In this mode it logs a line for each call otherwise.
        quiet = {f"TF_LOG_SDK{part}": "off" for part in ("", "_PROTO", "_FRAMEWORK", "_HELPER_SCHEMA", "_MUX")}
        with self.out.open("wb") as out, (folder / "provider.err").open("wb") as err:
            self.process = subprocess.Popen([str(program), "-debug"], stdout=out, stderr=err,
                                            stdin=subprocess.DEVNULL, env={**os.environ, **quiet})
        self.reattach = eventually(self.told, lambda: f"the provider is up\n{self.out.read_text()}", 120)

    def told(self):
        found = re.search(r"TF_REATTACH_PROVIDERS='(.*)'", self.out.read_text())
        return found and found.group(1)

    def close(self):
        self.process.kill()
        self.process.wait()


class ModulesTest(unittest.TestCase):
    whole = False

    @classmethod
    def setUpClass(cls):
        if NO_PROVIDER:
            raise unittest.SkipTest(NO_PROVIDER)
        cls.dir = pathlib.Path(tempfile.mkdtemp(prefix="stackyard-modules-"))
        cls.addClassCleanup(shutil.rmtree, cls.dir, ignore_errors=True)
        # A copy: `init` writes lock files beside what it looks at.
        cls.tree = cls.dir / "terraform"
        shutil.copytree(FOLDER, cls.tree, ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
        cls.provider = Provider(cls.dir)
        cls.addClassCleanup(cls.provider.close)
        cls.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_"))},
            "TF_CLI_CONFIG_FILE": str(checkout.settings(cls.dir)), "CHECKPOINT_DISABLE": "1",
            "TF_REATTACH_PROVIDERS": cls.provider.reattach, "AWS_EC2_METADATA_DISABLED": "true"}

    def terraform(self, folder, *arguments):
        answer = subprocess.run(
            [TERRAFORM, f"-chdir={self.tree / folder}", *arguments], capture_output=True, text=True,
            env={**self.environment, "TF_DATA_DIR": str(self.dir / "data" / folder)}, timeout=1200)
        self.assertEqual(answer.returncode, 0, f"{folder}\n{answer.stdout}\n{answer.stderr}")
        return answer.stdout

    def test_each_folder(self):
        for path in with_tests():
            folder = path.relative_to(FOLDER)
            with self.subTest(folder=str(folder)):
                command = "test" if (folder.name in WHOLE) == self.whole else "validate"
                # Whoever is validated as a part of another is not once more; nor what is tested elsewhere.
                if command == "validate" and (self.whole or folder.name == "environment"):
                    continue
                self.terraform(folder, "init", "-backend=false", "-input=false", "-no-color")
                told = self.terraform(folder, command, "-no-color")
                print(f"    {folder}: {told.strip().splitlines()[-1]}", flush=True)


class CodeTest(unittest.TestCase):
    def test_each_module_has_tests(self):
        modules = {p.parent for p in FOLDER.glob("**/versions.tf") if ".terraform" not in p.parts}
        self.assertEqual(modules - set(with_tests()), set())
        self.assertGreater(len(modules), 10)

    def test_each_refusal_has_a_test(self):
        for folder in with_tests():
            tests = "".join(p.read_text() for p in (folder / "tests").glob("*.tftest.hcl"))
            refused = re.findall(r"\bvar\.(\w+)", ", ".join(
                re.findall(r"expect_failures = \[(.*?)\]", tests, re.S)))
            for name, body in VALIDATED.findall((folder / "variables.tf").read_text()
                                                if (folder / "variables.tf").exists() else ""):
                with self.subTest(folder=folder.name, variable=name):
                    self.assertGreaterEqual(refused.count(name), body.count("validation {"))

    def test_variables_and_outputs_say_what_they_are(self):
        for path in FOLDER.glob("**/*.tf"):
            for kind, name, body in re.findall(r'^(variable|output) "(\w+)" \{\n(.*?)^\}',
                                               path.read_text(), re.M | re.S):
                with self.subTest(file=str(path.relative_to(FOLDER)), name=name):
                    self.assertRegex(body, r'(?m)^  description = "[A-Z`].*\."$')
                    if kind == "variable":
                        self.assertRegex(body, r"(?m)^  type +=")

    def test_environments_differ_in_numbers_alone(self):
        def arguments(name):
            text = (FOLDER / name / "main.tf").read_text()
            return set(re.findall(r"^  (\w+) +=", text, re.M))
        # What production leaves at the module's own value.
        self.assertEqual(arguments("staging") - arguments("production"), {"interface_endpoints"})
        self.assertEqual(arguments("production") - arguments("staging"), set())
        for file in ("variables.tf", "outputs.tf", "versions.tf"):
            self.assertEqual((FOLDER / "staging" / file).read_text(),
                             (FOLDER / "production" / file).read_text())

    def test_roles_are_for_accounts_that_there_are(self):
        """A role whose service account is called otherwise is taken by nobody, and nothing says so."""
        roles = set()
        for path in FOLDER.glob("modules/*/*.tf"):
            for body in re.findall(r'source += "../workload_role"\n(.*?)^}', path.read_text(), re.M | re.S):
                found = dict(re.findall(r'^  (namespace|service_account) += "?([\w.-]+)"?$', body, re.M))
                roles.add((found["namespace"], found["service_account"]))
        places = {}
        for line in (ROOT / "deploy/aws/charts.txt").read_text().splitlines():
            if line and not line.startswith("#"):
                release, namespace = line.lstrip("?").split()[:2]
                places[release] = namespace
        accounts = set()
        for release, namespace in places.items():
            text = (ROOT / f"deploy/aws/charts/{release}.yaml").read_text()
            for name in re.findall(r"serviceAccount: {name: ([\w-]+)}", text):
                accounts.add((namespace, name))
        # Those of the chart, of EKS's own add-on, and those whose namespace is a variable.
        known = {("local.namespace", "stackyard-stacks"), ("local.namespace", "stackyard-runner"),
                 ("kube-system", "ebs-csi-controller-sa")}
        monitoring = {("monitoring", name) for place, name in roles if place == "var.namespace"}
        named = {role for role in roles if role[0] != "var.namespace"} | monitoring
        self.assertEqual(named, accounts | known)

    def test_costs_are_added_up(self):
        text = (FOLDER / "README.md").read_text()
        rows = re.findall(r"^\| [^|*]+ \| (\d+) \| ([\d.]+) \| (hour|month) \| ([\d.]+) \|$", text, re.M)
        self.assertGreater(len(rows), 10)
        for number, price, unit, month in rows:
            self.assertAlmostEqual(int(number) * float(price) * (730 if unit == "hour" else 1), float(month), 2)
        [total] = re.findall(r"^\| \*\*together\*\* .*\*\*([\d.]+)\*\* \|$", text, re.M)
        self.assertAlmostEqual(sum(float(month) for *_, month in rows), float(total), 2)

    def test_format(self):
        answer = subprocess.run([TERRAFORM, f"-chdir={FOLDER}", "fmt", "-check", "-recursive", "-diff"],
                                capture_output=True, text=True,
                                env={k: v for k, v in os.environ.items() if k != "TF_CLI_CONFIG_FILE"})
        self.assertEqual(answer.returncode, 0, answer.stdout)

    @unittest.skipUnless(CHECKOV, "no checkov (make setup)")
    def test_checkov(self):
        answer = subprocess.run(
            [CHECKOV, "--directory", str(FOLDER), "--framework", "terraform", "--skip-download",
             "--download-external-modules", "false", "--quiet", "--compact",
             "--config-file", str(FOLDER / ".checkov.yaml")],
            capture_output=True, text=True, timeout=600)
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)


if __name__ == "__main__":
    suite.main(LONGEST_SECONDS)
