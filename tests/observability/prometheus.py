"""A real Prometheus on a free port, with the chart's rules, that scrapes a running mesh."""

import json
import pathlib
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request

import definitions
import yaml

from mesh import eventually, free_port

NAMESPACE = "mesh"
# Rules and scrapes are this quick, so that a test need not wait for what takes half a minute.
PACE = "1s"
# What is answered by nobody goes through no proxy.
HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def job_of(service):
    """What the chart's ServiceMonitor calls it: runner-1 and runner-2 are one job."""
    return f"stackyard-{service.split('-')[0]}"


class Prometheus:
    """`targets` are addresses by the name of the service."""

    def __init__(self, targets):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sy-prom-"))
        self.address = f"127.0.0.1:{free_port()}"
        (self.folder / "rules").mkdir()
        for path in definitions.rule_files():
            document = yaml.safe_load(path.read_text())
            for group in document["groups"]:
                group["interval"] = PACE
            (self.folder / "rules" / path.name).write_text(yaml.safe_dump(document))
        (self.folder / "prometheus.yaml").write_text(yaml.safe_dump({
            "global": {"scrape_interval": PACE, "evaluation_interval": PACE},
            "rule_files": [str(self.folder / "rules/*.yaml")],
            "scrape_configs": [
                {"job_name": name, "static_configs": [{"targets": [address]}],
                 "relabel_configs": [
                     {"target_label": "job", "replacement": job_of(name)},
                     {"target_label": "namespace", "replacement": NAMESPACE},
                     {"target_label": "instance", "replacement": name}]}
                for name, address in targets.items()]}))
        self.log = (self.folder / "log").open("w")
        program = shutil.which("prometheus")
        if not program:
            raise AssertionError("prometheus is missing; install Debian's package (make setup)")
        self.process = subprocess.Popen(
            [program, f"--config.file={self.folder}/prometheus.yaml",
             f"--storage.tsdb.path={self.folder}/data", f"--web.listen-address={self.address}"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        eventually(self.ready, lambda: f"Prometheus is ready\n{self.tail()}", 60)

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"Prometheus ended\n{self.tail()}")
        try:
            with HTTP.open(f"http://{self.address}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def tail(self):
        return (self.folder / "log").read_text()[-3000:]

    def call(self, path, **arguments):
        url = f"http://{self.address}/api/v1/{path}"
        data = urllib.parse.urlencode(arguments).encode()
        try:
            with HTTP.open(url, data if arguments else None, timeout=60) as answer:
                return json.loads(answer.read())["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{arguments}: {error.read().decode()}") from None

    def query(self, expr):
        """Samples of now: (labels, value)."""
        data = self.call("query", query=expr)
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(one["metric"], float(one["value"][1])) for one in data["result"]]

    def range(self, expr, start, end, step):
        """Series: (labels, [(time, value)])."""
        data = self.call("query_range", query=expr, start=start, end=end, step=step)
        return [(one["metric"], [(float(time), float(value)) for time, value in one["values"]])
                for one in data["result"]]

    def down(self):
        """Targets that could not be scraped, with the error."""
        return {target["labels"]["instance"]: target["lastError"]
                for target in self.call("targets")["activeTargets"] if target["health"] != "up"}

    def rules(self):
        return [rule for group in self.call("rules")["groups"] for rule in group["rules"]]

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
