"""The external metrics API out of what stacks tells KEDA. KEDA itself asks the same questions; this stands
in for it and its adapter, since tests have no images but ours."""

import json
import ssl
import subprocess
import threading
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from mesh import ROOT

GROUP = "external.metrics.k8s.io"
METRIC = "stackyard_runs"
PATH = f"/apis/{GROUP}/v1beta1"


class Scaler:
    """Serves the API on loopback by asking stacks, as the peer `keda`."""

    def __init__(self, certificate, key, stacks, peer):
        self.asked = []
        self._stacks, self._peer = stacks, peer
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def objects(self):
        """What tells the API server where this is."""
        name = "external-metrics"
        return [
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "kube-system"},
             "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": self.port}]}},
            {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
             "metadata": {"name": f"v1beta1.{GROUP}"},
             "spec": {"group": GROUP, "version": "v1beta1", "insecureSkipTLSVerify": True,
                      "groupPriorityMinimum": 100, "versionPriority": 100,
                      "service": {"name": name, "namespace": "kube-system", "port": self.port}}}]

    def value(self):
        """What stacks answers to GetMetrics."""
        asks = {"scaledObjectRef": {"name": "runner", "namespace": "mesh",
                                    "scalerMetadata": {"targetRunsPerRunner": "1"}}, "metricName": METRIC}
        done = subprocess.run(
            [ROOT / "build/tools/bin/grpcurl", "-insecure", "-cert", self._peer.crt, "-key", self._peer.key,
             "-import-path", ROOT / "protos", "-proto", "externalscaler/externalscaler.proto", "-max-time",
             "10", "-d", json.dumps(asks), self._stacks(), "externalscaler.ExternalScaler/GetMetrics"],
            capture_output=True, text=True, check=True)
        value = json.loads(done.stdout)["metricValues"][0]
        return int(float(value.get("metricValueFloat", value.get("metricValue", 0))))

    def _answer(self, path):
        if path.rstrip("/") == PATH:
            return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{GROUP}/v1beta1",
                    "resources": [{"name": METRIC, "singularName": "", "namespaced": True,
                                   "kind": "ExternalMetricValueList", "verbs": ["get"]}]}
        value = self.value()
        self.asked.append(value)
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"kind": "ExternalMetricValueList", "apiVersion": f"{GROUP}/v1beta1", "metadata": {},
                "items": [{"metricName": METRIC, "metricLabels": {}, "timestamp": now, "value": str(value)}]}

    def _handler(self):
        scaler = self

        class Handler(BaseHTTPRequestHandler):
            """One request."""

            def do_GET(self):  # pylint: disable=invalid-name
                """As the API server forwards them."""
                try:
                    code, body = 200, scaler._answer(self.path.split("?")[0])
                except (subprocess.CalledProcessError, KeyError, ValueError) as error:
                    code, body = 503, {"message": str(getattr(error, "stderr", error))}
                data = json.dumps(body).encode()
                try:
                    self.send_response(code)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:
                    # The API server had enough of waiting, and asks again.
                    self.close_connection = True

            def log_message(self, *_):
                """Nobody reads them."""

        return Handler
