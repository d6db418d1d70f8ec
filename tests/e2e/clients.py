"""The three ways in: REST, the command line tool, and gRPC by grpcurl."""

import http.client
import json
import subprocess


class ApiError(Exception):
    """An error: a problem of REST, or the google.rpc.Status that an operation ended with."""

    def __init__(self, http_status, body, headers=None):
        self.http, self.headers = http_status, headers or {}
        self.body = body if isinstance(body, dict) else {"detail": str(body)}
        self.details = self.body.get("details", [])
        self.message = self.body.get("detail") or self.body.get("message", "")
        info = self.detail("ErrorInfo") or {}
        self.reason = self.body.get("reason") or info.get("reason")
        super().__init__(f"{http_status} {self.reason}: {self.message}")

    # What each detail of a google.rpc.Status is called in a problem.
    IN_PROBLEMS = {"BadRequest": ("errors", "fieldViolations"), "QuotaFailure": ("quota", "violations"),
                   "PreconditionFailure": ("preconditions", "violations")}

    def detail(self, kind):
        """The detail of type google.rpc.{kind}, or None."""
        ours, theirs = self.IN_PROBLEMS.get(kind, (None, None))
        if ours in self.body:
            return {theirs: [{**entry, "description": entry["detail"]} for entry in self.body[ours]]}
        return next((d for d in self.details if d.get("@type", "").endswith(f".{kind}")), None)

    def fields(self):
        """Names of the fields at fault."""
        bad = self.detail("BadRequest") or {}
        return sorted(v["field"] for v in bad.get("fieldViolations", []))


def status_error(status):
    """A google.rpc.Status of JSON, as an ApiError."""
    return ApiError(None, status)


class Rest:
    """REST over one connection that is kept open."""

    def __init__(self, address, token, timeout=120):
        self.address, self.timeout = address, timeout
        self.headers = {"Content-Type": "application/json"}
        if token:
            self.headers["Authorization"] = f"Bearer {token}"
        self.connection = None

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def raw(self, method, path, body=None, headers=None):
        """(code, headers, bytes). A connection that the server closed while idle is opened anew."""
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        for attempt in (1, 2):
            fresh = self.connection is None
            if fresh:
                self.connection = http.client.HTTPConnection(self.address, timeout=self.timeout)
            try:
                self.connection.request(method, path, data, {**self.headers, **(headers or {})})
                answer = self.connection.getresponse()
                return answer.status, dict(answer.getheaders()), answer.read()
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self.close()
                if fresh or attempt == 2:
                    raise
            except OSError:
                self.close()
                raise

    def call(self, method, path, body=None, headers=None):
        code, answer_headers, data = self.raw(method, path, body, headers)
        answer = json.loads(data) if data else {}
        if code >= 400:
            raise ApiError(code, answer, answer_headers)
        return answer

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None):
        return self.call("POST", path, {} if body is None else body)

    def patch(self, path, body):
        return self.call("PATCH", path, body)

    def put(self, path, body):
        return self.call("PUT", path, body)

    def delete(self, path):
        return self.call("DELETE", path)

    def stream(self, path):
        """Yields the messages of a server stream, over a connection of its own."""
        connection = http.client.HTTPConnection(self.address, timeout=self.timeout)
        try:
            connection.request("GET", path, headers=self.headers)
            answer = connection.getresponse()
            if answer.status >= 400:
                raise ApiError(answer.status, json.loads(answer.read()))
            while line := answer.readline():
                message = json.loads(line)
                if "error" in message:
                    raise ApiError(answer.status, message["error"])
                yield message["result"]
        finally:
            connection.close()

    def wait(self, operation, seconds=120):
        """Waits for an operation and answers it; it may have failed."""
        name = operation if isinstance(operation, str) else operation["name"]
        answer = self.post(f"/v1/{name}:wait", {"timeout": f"{seconds}s"})
        if not answer["done"]:
            raise AssertionError(f"{name} is not done after {seconds} s: {answer}")
        return answer

    def succeed(self, operation, seconds=120):
        """Waits for an operation and answers its response; raises its error."""
        answer = self.wait(operation, seconds)
        if "error" in answer:
            raise status_error(answer["error"])
        return answer["response"]


class Done:
    """What a program said."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit code {self.code}\n{self.out}\n{self.err}"


class Cli:
    """The command line tool."""

    def __init__(self, program, endpoint, token, project, environment):
        self.program = program
        self.environment = {
            **environment, "STACKYARD_ENDPOINT": endpoint, "STACKYARD_TOKEN": token,
            "STACKYARD_PROJECT": project, "NO_COLOR": "1",
        }

    def __call__(self, *args, timeout=120):
        done = subprocess.run([self.program, *map(str, args)], env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
        return Done(done.returncode, done.stdout, done.stderr)

    def ok(self, *args, timeout=120):
        done = self(*args, timeout=timeout)
        if done.code != 0:
            raise AssertionError(f"stackyard {' '.join(map(str, args))}: {done}")
        return done


class Grpcurl:
    """gRPC with reflection, no generated code."""

    def __init__(self, program, endpoint, token):
        self.program, self.endpoint = program, endpoint
        self.headers = ["-H", f"authorization: Bearer {token}"] if token else []

    def __call__(self, method, request=None, timeout=60):
        command = [self.program, "-plaintext", "-max-time", str(timeout), *self.headers,
                   "-d", json.dumps(request or {}), self.endpoint, method]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout + 10)
        return Done(done.returncode, done.stdout, done.stderr)

    def services(self):
        """Names of the services that reflection tells."""
        done = subprocess.run([self.program, "-plaintext", *self.headers, self.endpoint, "list"],
                              capture_output=True, text=True, check=True, timeout=60)
        return done.stdout.split()
