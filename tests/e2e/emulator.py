"""The AWS emulator (moto) as a process, and its APIs over plain HTTP."""

import datetime
import http.client
import json
import os
import pathlib
import shutil
import subprocess
import urllib.parse
import xml.etree.ElementTree

from mesh import ENVIRONMENT, MIRROR, ROOT, eventually, free_port

REGION = "us-east-1"


def moto_server():
    own = ROOT / "build/tools/py/bin/moto_server"
    return str(own) if own.exists() else shutil.which("moto_server", path=ENVIRONMENT["PATH"])


def missing():
    """Why tests with the AWS provider cannot run here, or None."""
    if not MIRROR or not pathlib.Path(MIRROR, "registry.terraform.io/hashicorp/aws").is_dir():
        return "no AWS provider: STACKYARD_PROVIDER_MIRROR names no folder that holds it"
    if not moto_server():
        return "no emulator: moto_server is not installed (make setup)"
    return None


class Emulator:
    """moto_server; with `witness` the calls that it got are known and can be slowed down. `program` is
    another one that serves moto's APIs on the port that it is told."""

    def __init__(self, log, witness=False, program=None):
        self.address = f"127.0.0.1:{free_port()}"
        self.log = log
        port = self.address.split(":")[1]
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MOTO_"))}
        environment["MOTO_PORT"] = port
        # Roles refer to AWS's own policies.
        environment["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
        # Certificates are proven at once.
        environment["MOTO_ACM_VALIDATION_WAIT"] = "1"
        command = [moto_server(), "-H", "127.0.0.1", "-p", port]
        if witness:
            program = pathlib.Path(__file__).with_name("witness.py")
        if program:
            python = pathlib.Path(moto_server()).with_name("python3")
            command = [str(python), str(program), port]
        with log.open("wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                            env=environment, start_new_session=True)
        eventually(self.alive, lambda: f"moto_server\n{log.read_text()}", 60)

    @property
    def url(self):
        return f"http://{self.address}"

    def alive(self):
        try:
            return self.call("GET", "/moto-api/").status == 200
        except OSError:
            return False

    def call(self, method, path, body=None, service=None):
        # With it, moto looks for the service in the form.
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        if service:
            day = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d")
            headers["Authorization"] = (
                f"AWS4-HMAC-SHA256 Credential=test/{day}/{REGION}/{service}/aws4_request, "
                "SignedHeaders=host, Signature=0")
        connection = http.client.HTTPConnection(self.address, timeout=60)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.text = answer.read().decode(errors="replace")
            return answer
        finally:
            connection.close()

    # ---- The witness ------------------------------------------------------------------------

    def pace(self, before, after):
        """Changing calls take up to that many seconds longer, before and after they are done."""
        assert self.call("POST", f"/_witness/pace?before={before}&after={after}").status == 200

    def calls(self):
        return json.loads(self.call("GET", "/_witness/calls").text)

    # ---- APIs -------------------------------------------------------------------------------

    def ec2(self, action, **arguments):
        """Calls EC2 and answers its XML without namespaces."""
        body = urllib.parse.urlencode({"Action": action, "Version": "2016-11-15", **arguments})
        answer = self.call("POST", "/", body, "ec2")
        assert answer.status == 200, answer.text
        root = xml.etree.ElementTree.fromstring(answer.text)
        for element in root.iter():
            element.tag = element.tag.split("}")[-1]
        return root

    def instances(self):
        return {
            instance.findtext("instanceId"): instance
            for instance in self.ec2("DescribeInstances").iter("item")
            if instance.findtext("instanceId") and instance.find("instanceState") is not None
            and instance.findtext("instanceState/name") != "terminated"
        }

    def buckets(self):
        return self._texts("/", "Name")

    def objects(self, bucket):
        """Keys in a bucket."""
        return self._texts(f"/{bucket}?list-type=2&max-keys=1000", "Key")

    def remove_bucket(self, bucket):
        for key in self.objects(bucket):
            assert self.call("DELETE", f"/{bucket}/{key}", service="s3").status == 204
        assert self.call("DELETE", f"/{bucket}", service="s3").status == 204

    def _texts(self, path, tag):
        root = xml.etree.ElementTree.fromstring(self.call("GET", path, service="s3").text)
        return [e.text for e in root.iter() if e.tag.split("}")[-1] == tag]

    def close(self):
        self.process.kill()
        self.process.wait()
