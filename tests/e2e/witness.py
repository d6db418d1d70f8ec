"""moto behind a witness: every call that changes something is written down, and takes as long as it is
told to. To be run by the Python that has moto:

    witness.py PORT

`GET /_witness/calls` lists the calls so far: {method, path, key, status}, where `key` is the access key
of the caller; a call is listed when its work is done, before it is answered. `POST
/_witness/pace?before=SECONDS&after=SECONDS` makes changing calls wait up to that long, by chance, before
and after they are done.
"""

import json
import random
import re
import sys
import threading
import time
import urllib.parse

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, run_simple

KEY = re.compile(r"Credential=([^/]+)/")
READS = ("GET", "HEAD", "OPTIONS")


class Witness:
    def __init__(self, application):
        self.application = application
        self.lock = threading.Lock()
        self.calls = []
        self.before = self.after = 0.0

    def __call__(self, environment, start):
        path = environment["PATH_INFO"]
        if path.startswith("/_witness/"):
            return self.answer(environment, start)
        changes = environment["REQUEST_METHOD"] not in READS
        if changes:
            time.sleep(random.uniform(0, self.before))
        status = []

        def keep(line, headers, fault=None):
            status.append(line)
            return start(line, headers, fault)

        body = list(self.application(environment, keep))
        key = KEY.search(environment.get("HTTP_AUTHORIZATION", ""))
        call = {"method": environment["REQUEST_METHOD"], "path": path, "query": environment["QUERY_STRING"],
                "key": key.group(1) if key else "", "status": int(status[0].split()[0])}
        with self.lock:
            self.calls.append(call)
        if changes:
            time.sleep(random.uniform(0, self.after))
        return body

    def answer(self, environment, start):
        if environment["REQUEST_METHOD"] == "POST":
            query = urllib.parse.parse_qs(environment["QUERY_STRING"])
            self.before, self.after = float(query["before"][0]), float(query["after"][0])
        with self.lock:
            body = json.dumps(self.calls).encode()
        start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]


class Handler(WSGIRequestHandler):
    # Connections that stay, as the real service has them.
    protocol_version = "HTTP/1.1"

    def log_request(self, code="-", size="-"):
        pass


if __name__ == "__main__":
    run_simple("127.0.0.1", int(sys.argv[1]), Witness(DomainDispatcherApplication(create_backend_app)),
               threaded=True, request_handler=Handler)
