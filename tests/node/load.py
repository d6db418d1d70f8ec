"""People at work while something else happens: every call that fails is remembered."""

import http.client
import json
import subprocess
import threading
import time

import clients


class Load:
    """Calls by REST on connections of their own, by REST on one that is kept, and by the command line tool,
    over and over, until it is stopped."""

    def __init__(self, rest, tool, token, environment):
        self.calls = {"REST": 0, "REST, kept open": 0, "gRPC": 0}
        self.faults = []
        self._rest, self._tool, self._token = rest, tool, token
        self._environment = environment
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._repeat, args=(name, work), daemon=True)
                         for name, work in (("REST", self._fresh), ("REST", self._fresh),
                                            ("REST, kept open", self._kept()), ("gRPC", self._tooled))]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends it, and waits for what is under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _repeat(self, name, work):
        while not self._stop.is_set():
            began = time.time()
            try:
                work()
            except Exception as error:  # pylint: disable=broad-except
                self.faults.append(f"{name} at {began:.1f} after {time.time() - began:.1f} s: {error!r}")
            self.calls[name] += 1
            self._stop.wait(0.05)

    def _fresh(self):
        connection = http.client.HTTPConnection(self._rest, timeout=30)
        try:
            connection.request("GET", "/v1/projects/web/stacks",
                               headers={"Authorization": f"Bearer {self._token}"})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200 or "stacks" not in json.loads(body):
                raise AssertionError(f"{answer.status} {body[:500]}")
        finally:
            connection.close()

    def _kept(self):
        rest = clients.Rest(self._rest, self._token, timeout=30)
        return lambda: rest.get("/v1/projects/web/stacks")

    def _tooled(self):
        done = subprocess.run([*self._tool, "stacks", "list"], env=self._environment, capture_output=True,
                              text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise AssertionError(f"exit code {done.returncode}: {done.stderr}")
