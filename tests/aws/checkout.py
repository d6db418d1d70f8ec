"""A copy of what deploys Stackyard, whose scripts run against an emulator of AWS."""

import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import emulator
from mesh import ENVIRONMENT, MIRROR, ROOT, TERRAFORM

REGION = "eu-central-1"
ACCOUNT = "123456789012"
PARTS = ("terraform", "scripts", "helm", "deploy")
LONGEST_SECONDS = 1800


def aws_cli():
    return shutil.which("aws", path=f"{ROOT}/build/tools/bin:{ENVIRONMENT['PATH']}")


def missing():
    """Why these tests cannot run here, or None."""
    if not aws_cli():
        return "no AWS CLI: aws is not on PATH (scripts/setup.sh deploy)"
    return emulator.missing()


def settings(folder):
    """A file that tells Terraform to take its providers from the mirror alone."""
    file = folder / "terraform.rc"
    file.write_text('provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n' % MIRROR)
    return file


class Failed(AssertionError):
    def __init__(self, command, answer):
        super().__init__(f"{' '.join(map(str, command))} ended with {answer.returncode}\n"
                         f"{answer.stdout[-4000:]}\n{answer.stderr[-4000:]}")


class Checkout:
    def __init__(self, folder, endpoint):
        self.root = folder / "checkout"
        self.times = []
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *PARTS],
            cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
        for name in filter(None, listed):
            if (ROOT / name).is_file():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.root / name)
        own = {k: v for k, v in ENVIRONMENT.items()
               if not k.startswith(("AWS_", "TF_", "STACKYARD_")) and k != "KUBECONFIG"}
        self.environment = {
            **own, "PATH": f"{pathlib.Path(aws_cli()).parent}:{own['PATH']}", "HOME": str(folder),
            "AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION,
            "AWS_PAGER": "",
            "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": str(settings(folder)),
            "STACKYARD_TERRAFORM": TERRAFORM}

    def try_run(self, *command, **environment):
        """Runs a command in the copy and answers what came of it."""
        began = time.monotonic()
        answer = subprocess.run(
            [str(c) for c in command], cwd=self.root, env={**self.environment, **environment},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONGEST_SECONDS)
        self.times.append((" ".join(str(c) for c in command[:3]), time.monotonic() - began))
        return answer

    def run(self, *command, **environment):
        answer = self.try_run(*command, **environment)
        if answer.returncode != 0:
            raise Failed(command, answer)
        return answer.stdout

    def terraform(self, layer, *arguments):
        return self.run("scripts/tf.sh", layer, *arguments)

    def aws(self, *arguments):
        return self.run("aws", *arguments, "--output", "text").strip()

    def write(self, name, text):
        (self.root / name).write_text(text)
