"""Those who are told: a web server for webhooks, and a real mail server."""

import collections
import http.server
import mailbox
import pathlib
import shutil
import subprocess
import threading

from mesh import ENVIRONMENT, ROOT, eventually, free_port

Post = collections.namedtuple("Post", "path headers body")


class Hooks:
    """A web server that keeps what it is sent. `answers` says by path what it answers: a number, or
    a function that gets the Post and answers (code, headers)."""

    def __init__(self, host="127.0.0.1"):
        self.posts, self.answers, self.lock = [], {}, threading.Lock()
        hooks = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                post = Post(self.path, dict(self.headers),
                            self.rfile.read(int(self.headers["Content-Length"])))
                with hooks.lock:
                    hooks.posts.append(post)
                answer = hooks.answers.get(self.path, 204)
                code, headers = answer(post) if callable(answer) else (answer, {})
                try:
                    self.send_response(code)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except OSError:
                    pass

            do_GET = do_POST

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer((host, 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://{host}:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def to(self, path):
        with self.lock:
            return [post for post in self.posts if post.path == path]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def smtp_program():
    """aiosmtpd, or None."""
    own = ROOT / "build/tools/py/bin/aiosmtpd"
    return str(own) if own.exists() else shutil.which("aiosmtpd", path=ENVIRONMENT["PATH"])


class Mails:
    """A mail server that delivers into a folder."""

    def __init__(self, folder):
        self.address = f"127.0.0.1:{free_port()}"
        self.folder = pathlib.Path(folder)
        self.process = subprocess.Popen(
            [smtp_program(), "-n", "-l", self.address, "-c", "aiosmtpd.handlers.Mailbox",
             str(self.folder)], stdin=subprocess.DEVNULL)
        eventually(self.listens, "the mail server listens", 30)

    def listens(self):
        host, port = self.address.split(":")
        with open("/proc/net/tcp", encoding="ascii") as table:
            wanted = f":{int(port):04X} 00000000:0000 0A"
            return any(wanted in line for line in table)

    def all(self):
        return list(mailbox.Maildir(self.folder)) if (self.folder / "new").exists() else []

    def to(self, address):
        return [mail for mail in self.all() if address in mail["To"]]

    def close(self):
        self.process.kill()
        self.process.wait()
