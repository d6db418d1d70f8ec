#!/usr/bin/env python3
"""The command line tool as people use it: logging in, files that are applied, watching over a
restart, a cluster taken into a kubeconfig, completion in the real shells, manual pages."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading

import bundles
import dex
import suite
from clients import Done
from mesh import BIN, Mesh, eventually

MESH = None
PROGRAM = str(BIN / "stackyard")

KUBECONFIG = {
    "apiVersion": "v1", "kind": "Config", "current-context": "c",
    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "u", "user": {"token": "0123"}}],
    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
}
CLUSTER = {
    "main.tf": 'resource "terraform_data" "cluster" {\n  input = "up"\n}\n',
    "variables.tf": "",
    "outputs.tf": 'output "kubeconfig" {\n  value     = "%s"\n  sensitive = true\n}\n'
                  % json.dumps(KUBECONFIG).replace('"', '\\"'),
    "template.yaml": "title: Cluster\ndescription: What a cluster leaves behind.\n"
                     "approval: {mode: auto}\nlease: {default: 24h, maximum: 168h}\n"
                     "files:\n  - {filename: kubeconfig, output: kubeconfig}\n",
}
STACK = """apiVersion: stackyard.dev/v1
kind: Project
name: shop
displayName: The shop
---
kind: QuotaLimit
name: resources
project: shop
value: 50
---
kind: Binding
project: shop
role: dev
member: ann
---
kind: Stack
name: greeting
project: shop
templateVersion: quick@1
displayName: Greeting
parameters:
  name: Ada
  repeat: 2
labels: {team: web}
lease: {duration: 48h}
"""


def setUpModule():
    global MESH
    MESH = Mesh(runners=1).start()
    try:
        admin = MESH.rest("admin")
        admin.post("/v1/projects?projectId=web", {})
        MESH.person("ann", web="dev")
        quick = bundles.automatic(bundles.read("hello"))
        bundles.published(admin, "quick", "1", bundles.pack(quick))
        bundles.published(admin, "slow", "1", bundles.pack(bundles.slow()))
        bundles.published(admin, "cluster", "1", bundles.pack(CLUSTER))
    except BaseException:
        MESH.close(show_logs=True)
        raise


def tearDownModule():
    MESH.close()


class Home:
    """Somebody's home folder, and the program run in it: nothing comes from anywhere else."""

    def __init__(self, test):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sy-cli-", dir="/tmp"))
        test.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.environment = {"HOME": str(self.folder), "PATH": f"{BIN}:{os.environ['PATH']}",
                            "LANG": "C.UTF-8"}

    def run(self, *args, text=None, timeout=120, **environment):
        done = subprocess.run(
            [PROGRAM, *map(str, args)], env={**self.environment, **environment}, cwd=self.folder,
            input=text if text is not None else "", capture_output=True, text=True, timeout=timeout)
        return Done(done.returncode, done.stdout, done.stderr)

    def ok(self, *args, **more):
        done = self.run(*args, **more)
        assert done.code == 0, f"stackyard {' '.join(map(str, args))}: {done}"
        return done

    def login(self, who, project="web"):
        self.ok("login", "--server", MESH.grpc, "--token-stdin", "-p", project,
                text=MESH.tokens[who] + "\n")
        return self


class Reading:
    """A program that goes on, and the lines that it has written so far."""

    def __init__(self, test, home, *args):
        self.lines = []
        self.process = subprocess.Popen(
            [PROGRAM, *args], env=home.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        test.addCleanup(self.close)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.thread.join()
        self.process.stdout.close()

    def until(self, pattern, seconds=60):
        return eventually(lambda: next((l for l in self.lines if re.search(pattern, l)), None),
                          lambda: f"{pattern} in {self.lines}", seconds)


class LoginTest(suite.MeshTestCase):
    def test_token_makes_a_context(self):
        home = Home(self).login("ann")
        who = home.ok("whoami")
        self.assertIn("users/ann", who.out)
        self.assertIn("login of context local", who.out)
        secret = home.folder / ".config/stackyard/credentials/local.json"
        self.assertEqual(secret.stat().st_mode & 0o777, 0o600)
        config = home.folder / ".config/stackyard/config.yaml"
        self.assertNotIn(MESH.tokens["ann"], config.read_text())
        home.ok("login", "--server", MESH.grpc, "--name", "boss", "--token-stdin",
                text=MESH.tokens["admin"])
        self.assertIn("users/admin", home.ok("whoami").out)
        self.assertIn("users/ann", home.ok("whoami", "--context", "local").out)
        self.assertIn("users/ann", home.ok("whoami", STACKYARD_CONTEXT="local").out)
        home.ok("contexts", "use", "local")
        self.assertIn("users/ann", home.ok("whoami").out)
        home.ok("logout")
        out = home.run("whoami")
        self.assertEqual(out.code, 4, out)
        self.assertIn("run: stackyard login", out.err)

    def test_wrong_token_keeps_what_there_was(self):
        home = Home(self).login("ann")
        self.assertEqual(home.run("login", "--token-stdin", text="junk\n").code, 4)
        self.assertIn("users/ann", home.ok("whoami").out)

    def test_device_flow(self):
        if dex.missing():
            self.skipTest(dex.missing())
        home = Home(self)
        folder = pathlib.Path(tempfile.mkdtemp(prefix="sy-dex-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        with dex.Dex(folder, token_life="90s") as provider, Mesh(runners=0) as mesh:
            mesh["gateway"].command += ["--oidc-file", str(provider.oidc_file())]
            mesh["gateway"].stop()
            mesh["gateway"].start()
            process = subprocess.Popen(
                [PROGRAM, "login", "--server", mesh.grpc], env=home.environment,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                shown = ""
                while "or open " not in shown:
                    line = process.stderr.readline()
                    self.assertNotEqual(line, "", shown)
                    shown += line
                provider.approve(re.search(r"or open (\S+)", shown)[1])
                out, err = process.communicate(timeout=60)
            finally:
                process.kill()
            self.assertEqual(process.returncode, 0, shown + err)
            self.assertIn("Logged in to", out)
            first = home.ok("whoami", "-o", "json").json()
            self.assertEqual(first["user"]["email"], "ada@example.com")
            # The ID token is worth 90 s, and is exchanged for a new one in its last minute.
            path = home.folder / ".config/stackyard/credentials/local.json"
            before = json.loads(path.read_text())

            def refreshed():
                home.ok("whoami")
                return json.loads(path.read_text())["id_token"] != before["id_token"]
            eventually(refreshed, "the ID token is refreshed", 90, every=2)

            # Nobody answers: Ctrl-C leaves all as it was.
            waiting = subprocess.Popen(
                [PROGRAM, "login", "--server", mesh.grpc], env=home.environment,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            while "Waiting for you" not in waiting.stderr.readline():
                self.assertIsNone(waiting.poll())
            waiting.send_signal(2)
            waiting.communicate(timeout=30)
            self.assertEqual(waiting.returncode, 130)
            self.assertIn("ada@example.com", home.ok("whoami").out)


class ApplyTest(suite.MeshTestCase):
    def test_file_is_applied_changed_and_written_back(self):
        home = Home(self).login("admin", project="shop")
        path = home.folder / "shop.yaml"
        path.write_text(STACK)
        self.assertEqual(home.run("apply", "-f", path).code, 2, "nobody is there to say yes")
        diff = home.run("diff", "-f", path)
        self.assertEqual(diff.code, 1, diff)
        self.assertIn("+ Project projects/shop create", diff.out)
        applied = home.ok("apply", "-f", path, "--yes", "--wait")
        self.assertIn("+ parameters.name: \"Ada\"", applied.out.replace("    ", ""))
        stack = home.ok("stacks", "get", "greeting", "-o", "json").json()
        self.assertEqual((stack["state"], stack["parameters"]["repeat"]), ("READY", 2))
        self.assertEqual(stack["lease"]["duration"], "172800s")

        again = home.ok("apply", "-f", path, "--yes")
        self.assertEqual(again.out.count("unchanged"), 4, again)
        self.assertEqual(home.ok("diff", "-f", path).code, 0)
        self.assertEqual(home.ok("stacks", "get", "greeting", "-o", "json").json(), stack)

        path.write_text(STACK.replace("repeat: 2", "repeat: 3"))
        plan = home.run("apply", "-f", path, "--dry-run", "--plan")
        self.assertEqual(plan.code, 1, plan)
        self.assertIn("~ parameters.repeat: 2 -> 3", plan.out)
        self.assertIn("Quota holds for it.", plan.out)
        self.assertIn("terraform_data", plan.out)
        home.ok("apply", "-f", path, "--yes", "--wait")

        # What the tool wrote is applied back: nothing changes.
        for command in (["stacks", "get", "greeting", "-o", "yaml"], ["export"]):
            path.write_text(home.ok(*command).out)
            back = home.ok("apply", "-f", path, "--yes")
            self.assertNotIn("~", back.out)
            self.assertNotIn("+", back.out)

    def test_document_is_applied_and_written_back(self):
        home = Home(self).login("admin")
        path = home.folder / "flags.yaml"
        path.write_text("kind: Document\nname: flags\npublic: true\ncontent: {a: 1, b: [x]}\n")
        home.ok("apply", "-f", path, "--yes")
        self.assertEqual(json.loads(home.ok("documents", "read", "flags", "--as-anybody").out),
                         {"a": 1, "b": ["x"]})
        path.write_text(home.ok("documents", "get", "flags", "-o", "yaml").out)
        self.assertIn("unchanged", home.ok("apply", "-f", path, "--yes").out)
        home.ok("documents", "update", "flags", "--private")
        # The file says which state of things it was written from: somebody has changed it since.
        stale = home.run("apply", "-f", path, "--yes")
        self.assertEqual(stale.code, 6, stale)
        self.assertIn("public", stale.out)
        path.write_text(re.sub("(?m)^etag:.*$", "", path.read_text()))
        self.assertEqual(home.run("diff", "-f", path).code, 1)

    def test_document_that_is_opened_keeps_its_bytes(self):
        home = Home(self).login("admin")
        path = home.folder / "exact.yaml"
        exact = home.folder / "exact.json"
        exact.write_text('{"b": 1.0,  "a": 12345678901234567890}')
        home.ok("documents", "put", "exact", exact)
        for text in ("kind: Document\nname: exact\npublic: true\n",
                     "kind: Document\nname: exact\npublic: true\n"
                     "content: {b: 1, a: 12345678901234567890}\n"):
            home.ok("documents", "update", "exact", "--private")
            path.write_text(text)
            home.ok("apply", "-f", path, "--yes")
            self.assertEqual(home.ok("documents", "read", "exact", "--as-anybody").out.strip(),
                             exact.read_text())

    def test_wrong_file_changes_nothing(self):
        home = Home(self).login("ann")
        (home.folder / "a.yaml").write_text(
            "kind: Stack\nname: one\ntemplateVersion: quick@1\n"
            "parameters: {name: Ada, repeat: 1000}\n"
            "---\nkind: Stack\nname: two\ntemplateVersion: quick@1\nparameters: {name: Ada}\n")
        done = home.run("apply", "-f", "a.yaml", "--yes")
        self.assertEqual(done.code, 2, done)
        self.assertIn("projects/web/stacks/one", done.err)
        self.assertEqual(home.run("stacks", "get", "two").code, 3)
        (home.folder / "a.yaml").write_text("kind: Stack\nname: one\nparametres: {}\n")
        self.assertIn('a.yaml:3: Stack has no field "parametres"; did you mean "parameters"?',
                      home.run("apply", "-f", "a.yaml", "--yes").err)


class WatchTest(suite.MeshTestCase):
    def test_watch_and_logs_outlive_a_restart(self):
        home = Home(self).login("ann")
        project = Reading(self, home, "stacks", "watch")
        journal = MESH.mark("cli-watch")
        home.ok("stacks", "create", "first", "-t", "slow@1", "--set", f"journal={journal}",
                "--set", "steps=3", "--set", "seconds=4")
        project.until(r"first  APPLYING")
        one = Reading(self, home, "stacks", "watch", "first")
        logs = Reading(self, home, "runs", "logs", "first", "-f")
        one.until("APPLYING")
        logs.until("terraform_data")
        MESH["stacks"].restart()
        home.ok("stacks", "wait", "first")
        project.until("first  READY")
        one.until("READY")
        eventually(lambda: logs.process.poll() == 0, lambda: f"the log ends: {logs.lines}")
        whole = home.ok("runs", "logs", "first").out.splitlines()
        logs.thread.join()
        self.assertEqual(logs.lines, whole, "nothing is missing and nothing twice")
        home.ok("stacks", "create", "second", "-t", "quick@1", "--set", "name=Eve")
        project.until("second  READY")


class KubeconfigTest(suite.MeshTestCase):
    def test_cluster_is_taken_in(self):
        home = Home(self).login("ann")
        home.ok("stacks", "create", "eks", "-t", "cluster@1", "--wait")
        self.assertIn("kubeconfig", home.ok("stacks", "files", "eks").out)
        path = home.folder / ".kube/config"
        path.parent.mkdir()
        path.write_text("apiVersion: v1\nkind: Config\ncurrent-context: home\nclusters: []\n"
                        "users:\n- {name: home, user: {password: '1234'}}\ncontexts: []\n")
        home.ok("kubeconfig", "eks")
        text = path.read_text()
        self.assertIn("current-context: web/eks", text)
        self.assertIn('password: "1234"', text)
        self.assertRegex(text, '"?token"?: "0123"')
        self.assertIn("current-context: home", path.with_name("config.stackyard.bak").read_text())
        self.assertEqual(json.loads(home.ok("kubeconfig", "eks", "--print").out), KUBECONFIG)
        home.ok("stacks", "download", "eks", "kubeconfig", "--out", "k.json")
        self.assertEqual((home.folder / "k.json").stat().st_mode & 0o777, 0o600)
        path.write_text("this is: [no kubeconfig\n")
        self.assertEqual(home.run("kubeconfig", "eks").code, 2)
        self.assertEqual(path.read_text(), "this is: [no kubeconfig\n")


class CompletionTest(suite.MeshTestCase):
    @classmethod
    def setUpClass(cls):
        cls.names = ("tea", "toast")
        admin = MESH.rest("admin")
        for name in cls.names:
            admin.post(f"/v1/projects/web/stacks?stackId={name}",
                       {"templateVersion": "templates/quick/versions/1",
                        "parameters": {"name": "x"}})

    def shell(self, home, *command, text):
        if not shutil.which(command[0]):
            self.skipTest(f"{command[0]} is not installed")
        done = subprocess.run([*command], env=home.environment, input=text, capture_output=True,
                              text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(done.stderr, "")
        return done.stdout.split("\n")

    def bash(self, home, line):
        return self.shell(home, "bash", "--norc", text=f"""
            source <(stackyard completion bash)
            compopt() {{ echo "compopt $*"; }}
            COMP_LINE='{line}' COMP_POINT={len(line)} COMP_WORDBREAKS=$' \\t\\n"\\'@><=;|&(:'
            _stackyard
            printf '%s\\n' "${{COMPREPLY[@]}}" """)

    def test_bash(self):
        home = Home(self).login("ann")
        self.assertEqual(self.bash(home, "stackyard stac")[:1], ["stacks"])
        self.assertEqual(sorted(filter(None, self.bash(home, "stackyard stacks get t"))),
                         list(self.names))
        self.assertIn("--project", self.bash(home, "stackyard stacks get --pro"))
        # bash takes what is behind the @ for a word of its own.
        self.assertEqual(self.bash(home, "stackyard templates describe quick@")[:1], ["1"])
        self.assertIn("compopt -o default", self.bash(home, "stackyard apply -f "))

    def test_zsh(self):
        home = Home(self).login("ann")
        lines = self.shell(home, "zsh", "-f", text="""
            autoload -Uz compinit && compinit -D
            source <(stackyard completion zsh)
            [[ $_comps[stackyard] == _stackyard ]] || echo "not bound"
            _describe() { print -rl -- "${(@P)2}" }
            _files() { echo files }
            words=(stackyard stacks get t) CURRENT=4; _stackyard
            words=(stackyard apply -f '') CURRENT=4; _stackyard
            true
            """)
        self.assertEqual(sorted(l.split(":")[0] for l in lines if l), ["files", *self.names])

    def test_fish(self):
        home = Home(self).login("ann")
        lines = self.shell(home, "fish", "--no-config", text="""
            stackyard completion fish | source
            complete -C 'stackyard stacks get t'
            """)
        self.assertEqual(sorted(l.split("\t")[0] for l in lines if l), list(self.names))


class ManualTest(suite.MeshTestCase):
    def test_pages_are_clean(self):
        home = Home(self)
        home.ok("man", home.folder / "man")
        pages = sorted((home.folder / "man").glob("*.1"))
        self.assertGreater(len(pages), 20)
        if not shutil.which("mandoc"):
            self.skipTest("mandoc is not installed")
        lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *map(str, pages)],
                              capture_output=True, text=True)
        self.assertEqual((lint.returncode, lint.stdout), (0, ""), lint)
        text = subprocess.run(["mandoc", "-T", "utf8", str(home.folder / "man/stackyard-stacks.1")],
                              capture_output=True, text=True, check=True).stdout
        self.assertIn("--params-file", re.sub(".\b", "", text))

    def test_help_is_for_everything(self):
        home = Home(self)
        for topic in ("filters", "names", "output", "contexts", "apply", "exit-codes"):
            self.assertTrue(home.ok("help", topic).out)
        self.assertIn("Example", home.ok("help", "stacks", "create").out)


if __name__ == "__main__":
    suite.main()
