#!/usr/bin/env python3
"""The chart as it is rendered: what it refuses, and what must hold of what it makes. Needs Helm, and
no cluster; slow/ installs it."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

# pylint: disable=wrong-import-position
import helm
import network
import suite
from helm import LEAST, container, find, merged, objects, pod
from mesh import ROOT

LACKING = helm.missing("helm")
SERVICES = ("gateway", "stacks", "quota", "runner")
OUTSIDE, DATABASE = "198.51.100.7", "10.20.30.40"
MONITORING = ("namespace", {"kubernetes.io/metadata.name": "monitoring"})
STRANGERS = ("namespace", {"kubernetes.io/metadata.name": "elsewhere"})


def labels_of(doc):
    return pod(doc)["metadata"]["labels"]


def arguments(docs, service, name=None):
    """Flags of a service's container, the last of each name."""
    flags = container(find(docs, "Deployment", f"-{service}"), name or service)["args"]
    return dict(flag.lstrip("-").split("=", 1) if "=" in flag else (flag.lstrip("-"), True)
                for flag in flags)


@unittest.skipIf(LACKING, LACKING)
class RefusalsTest(unittest.TestCase):
    """Wrong values are refused before anything is sent to a cluster, by name."""

    def refused(self, values, *words, least=None):
        result = helm.run("template", "shop", helm.CHART,
                          values=merged(LEAST if least is None else least, values))
        self.assertNotEqual(result.returncode, 0, f"{values} is taken")
        for word in words:
            self.assertIn(word, result.stderr)

    def test_the_least_is_taken(self):
        self.assertTrue(objects(LEAST))

    def test_a_tag_must_be_given(self):
        self.refused({}, "/image/tag", least={"database": {"existingSecret": "d"}})

    def test_latest_is_no_tag(self):
        self.refused({"image": {"tag": "latest"}}, "/image/tag")

    def test_unknown_names(self):
        for values, where in (
                ({"gatway": {}}, "gatway"), ({"gateway": {"replica": 3}}, "replica"),
                ({"runner": {"autoscaling": {"enabled": True}}}, "enabled"),
                ({"storage": {"s3": {"bucket": "x"}}}, "bucket"),
                ({"image": {"digests": {"gatewai": "sha256:" + "0" * 64}}}, "gatewai")):
            with self.subTest(where):
                self.refused(values, f"additional properties '{where}' not allowed")

    def test_wrong_values(self):
        for values, where in (
                ({"gateway": {"replicas": "two"}}, "/gateway/replicas"),
                ({"gateway": {"replicas": 0}}, "/gateway/replicas"),
                ({"gateway": {"trustedProxies": ["10.0.0.1"]}}, "/gateway/trustedProxies/0"),
                ({"gateway": {"oidc": [{"issuer": "https://id.example.com"}]}}, "client_id"),
                ({"rest": {"corsOrigins": ["example.com"]}}, "/rest/corsOrigins/0"),
                ({"rest": {"publicUrl": "https://example.com/console"}}, "/rest/publicUrl"),
                ({"rest": {"grafanaUrl": "javascript:alert(1)"}}, "/rest/grafanaUrl"),
                ({"runner": {"confinement": "none"}}, "/runner/confinement"),
                ({"runner": {"seccompProfile": "/etc/x"}}, "/runner/seccompProfile"),
                ({"runner": {"runMemory": "2G"}}, "/runner/runMemory"),
                ({"runner": {"autoscaling": {"kind": "hpa"}}}, "/runner/autoscaling/kind"),
                ({"mutualTLS": {"source": "none"}}, "/mutualTLS/source"),
                ({"mutualTLS": {"schedule": "daily"}}, "/mutualTLS/schedule"),
                ({"mutualTLS": {"trustDomain": "Example.org"}}, "/mutualTLS/trustDomain"),
                ({"storage": {"type": "nfs"}}, "/storage/type"),
                ({"storage": {"s3": {"blobs": "bucket/blobs"}}}, "/storage/s3/blobs"),
                ({"networkPolicy": {"databaseCidrs": ["10.0.0.0"]}}, "/networkPolicy/databaseCidrs/0"),
                ({"monitoring": {"traces": {"endpoint": "collector:4318"}}}, "/monitoring/traces/endpoint"),
                ({"monitoring": {"traces": {"ratio": 2}}}, "/monitoring/traces/ratio"),
                ({"image": {"digests": {"gateway": "sha256:12"}}}, "/image/digests/gateway"),
                ({"gateway": {"extraArgs": ["listen"]}}, "/gateway/extraArgs/0"),
                ({"defaults": {"extraEnv": [{"value": "x"}]}}, "/defaults/extraEnv/0")):
            with self.subTest(where):
                self.refused(values, where)

    def test_values_that_do_not_go_together(self):
        bare = {"image": LEAST["image"]}
        runners = helm.variant("runners")
        for least, values, message in (
                ({**bare, "storage": LEAST["storage"]}, {}, "database.existingSecret is missing"),
                ({**bare, "database": LEAST["database"]}, {}, "storage.s3.blobs is missing"),
                (LEAST, {"postgresql": {"enabled": True}},
                 "postgresql.enabled and database.existingSecret exclude each other"),
                ({**bare, "storage": LEAST["storage"]}, {"postgresql": {"enabled": True}},
                 "postgresql.image is missing"),
                (LEAST, {"storage": {"s3": {"blobs": "s3://b", "documents": "s3://b"}}},
                 "must be two places"),
                (LEAST, {"storage": {"type": "pvc"}}, "storage.pvc.accessMode is for one pod"),
                (LEAST, {"ingress": {"enabled": True}}, "ingress.host is missing"),
                (LEAST, {"externalSecrets": {"enabled": True}}, "externalSecrets.store.name is missing"),
                (LEAST, {"stacks": {"smtp": {"server": "smtp://h:25"}}}, "stacks.smtp.from is missing"),
                (LEAST, {"quota": {"autoscaling": {"minReplicas": 9}}},
                 "quota.autoscaling.minReplicas is greater than maxReplicas"),
                (LEAST, {"runner": {"slots": 1}}, "runner.autoscaling.targetRuns is greater than"),
                (runners, {"runner": {"stacksTarget": ""}}, "runner.stacksTarget is missing"),
                (runners, {"mutualTLS": {"path": ""}}, "mutualTLS.path is missing"),
                (runners, {"mutualTLS": {"source": "job"}}, "mutualTLS.source job makes an authority"),
                (LEAST, {"mutualTLS": {"source": "certManager", "certManager": {"durationHours": 24}}},
                 "renewBeforeHours must be less than durationHours")):
            with self.subTest(message):
                self.refused(values, message, least=least)


@unittest.skipIf(LACKING, LACKING)
class ObjectsTest(unittest.TestCase):
    """What must hold of every variant."""

    @classmethod
    def setUpClass(cls):
        cls.variants = {name: objects(helm.variant(name)) for name in helm.VARIANTS}
        cls.variants["least"] = objects(LEAST)

    variant = ""

    def each(self):
        for self.variant, docs in self.variants.items():
            yield docs

    def _formatMessage(self, msg, standardMsg):
        return super()._formatMessage(msg, f"variant {self.variant}: {standardMsg}")

    def test_every_variant_is_there(self):
        self.assertEqual({"production", "trial", "restricted", "runners"}, set(helm.VARIANTS))

    def test_names_are_unique_and_labelled(self):
        for docs in self.each():
            names = [(doc["kind"], doc["metadata"]["name"]) for doc in docs]
            self.assertEqual(len(names), len(set(names)))
            for doc in docs:
                labels = doc["metadata"]["labels"]
                self.assertEqual(labels["app.kubernetes.io/name"], "stackyard")
                self.assertEqual(labels["app.kubernetes.io/instance"], "shop")
                self.assertEqual(labels["app.kubernetes.io/managed-by"], "Helm")
                self.assertEqual(doc["metadata"].get("namespace"), "platform", doc["kind"])

    def test_pods_end_after_their_servers(self):
        for docs in self.each():
            for service in SERVICES:
                found = [d for d in docs if d["kind"] == "Deployment"
                         and d["metadata"]["name"].endswith(f"-{service}")]
                for doc in found:
                    flags = arguments(docs, service)
                    needed = sum(int(flags.get(name, "0s")[:-1]) for name in ("drain-delay", "drain"))
                    self.assertGreater(pod(doc)["spec"]["terminationGracePeriodSeconds"], needed)
                    self.assertFalse(any("preStop" in json.dumps(c) for c in pod(doc)["spec"]["containers"]))

    def test_the_gateway_outlasts_its_sidecar(self):
        docs = objects(merged(LEAST, {"rest": {"drainSeconds": 33}, "defaults": {"drainDelaySeconds": 7}}))
        rest, gateway = arguments(docs, "gateway", "rest"), arguments(docs, "gateway")
        self.assertEqual((rest["drain-delay"], rest["drain"]), ("7s", "33s"))
        self.assertEqual(gateway["drain-delay"], "40s")

    def test_no_update_takes_a_replica_away_first(self):
        for docs in self.each():
            for doc in docs:
                if doc["kind"] == "Deployment" and doc["spec"]["strategy"].get("type") != "Recreate":
                    self.assertEqual(doc["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"], 0)

    def test_pods_are_restricted_but_for_what_a_sandbox_needs(self):
        for docs in self.each():
            for doc in helm.workloads(docs):
                spec, runner = pod(doc)["spec"], doc["metadata"]["name"].endswith("-runner")
                self.assertFalse(spec.get("hostNetwork") or spec.get("hostPID") or spec.get("hostIPC"))
                self.assertFalse([v for v in spec["volumes"] if "hostPath" in v])
                for one in spec["containers"]:
                    context = one["securityContext"]
                    self.assertTrue(context["readOnlyRootFilesystem"])
                    self.assertFalse(context["allowPrivilegeEscalation"])
                    self.assertEqual(context["capabilities"]["drop"], ["ALL"])
                    self.assertIn("memory", one["resources"]["limits"])
                    self.assertNotIn("add", context["capabilities"])
                self.assertTrue(spec["securityContext"]["runAsNonRoot"])
                if not runner:
                    self.assertEqual(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault")

    def test_tokens_of_accounts_are_for_the_job_that_needs_one(self):
        for docs in self.each():
            for doc in helm.workloads(docs):
                mounted = pod(doc)["spec"]["automountServiceAccountToken"]
                self.assertEqual(mounted, "-secrets" in doc["metadata"]["name"], doc["metadata"]["name"])

    def test_images_are_pinned(self):
        for docs in self.each():
            for doc in helm.workloads(docs):
                for one in pod(doc)["spec"]["containers"]:
                    self.assertRegex(one["image"], r"(:[0-9a-f]{7,40}|@sha256:[0-9a-f]{64}|:[0-9.]+)$")
        docs = self.variants["production"]
        image = container(find(docs, "Deployment", "-gateway"), "gateway")["image"]
        self.assertEqual(image.split("@")[0], "registry.example.com/platform/stackyard-gateway")

    def test_selectors_choose_their_own_pods_alone(self):
        for docs in self.each():
            pods = {d["metadata"]["name"]: labels_of(d) for d in helm.workloads(docs)}
            for doc in docs:
                selector = doc.get("spec", {}).get("selector")
                if doc["kind"] not in ("Deployment", "StatefulSet", "Service", "PodDisruptionBudget"):
                    continue
                labels = selector.get("matchLabels", selector)
                chosen = {n for n, l in pods.items() if all(l.get(k) == v for k, v in labels.items())}
                own = doc["metadata"]["name"].removesuffix("-public")
                own += "-gateway" if doc["metadata"]["name"].endswith("-public") else ""
                self.assertEqual(chosen, {own}, doc["kind"])

    def test_secrets_never_stand_in_objects(self):
        for docs in self.each():
            self.assertFalse([d for d in docs if d["kind"] == "Secret"])

    def test_autoscaled_deployments_have_no_replicas(self):
        for docs in self.each():
            scaled = {d["spec"]["scaleTargetRef"]["name"] for d in docs
                      if d["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")}
            for doc in docs:
                if doc["kind"] == "Deployment":
                    self.assertEqual("replicas" in doc["spec"], doc["metadata"]["name"] not in scaled)

    def test_scale_in_is_slow(self):
        runner = find(self.variants["production"], "ScaledObject", "-runner")
        behavior = runner["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        self.assertEqual(behavior["scaleDown"]["stabilizationWindowSeconds"], 300)
        external = find(self.variants["restricted"], "HorizontalPodAutoscaler", "-runner")
        self.assertEqual(external["spec"]["behavior"]["scaleDown"], behavior["scaleDown"])
        self.assertGreaterEqual(
            pod(find(self.variants["least"], "Deployment", "-runner"))["spec"]
            ["terminationGracePeriodSeconds"], 7200)

    def test_two_replicas_of_a_volume_of_one_node_never_run(self):
        stacks = find(self.variants["trial"], "Deployment", "-stacks")
        self.assertEqual((stacks["spec"]["strategy"], stacks["spec"]["replicas"]), ({"type": "Recreate"}, 1))
        claim = find(self.variants["trial"], "PersistentVolumeClaim", "-blobs")
        self.assertEqual(claim["metadata"]["annotations"]["helm.sh/resource-policy"], "keep")

    def test_certificates_name_services_of_one_mesh(self):
        made = {d["metadata"]["name"]: d["spec"] for d in self.variants["production"]
                if d["kind"] == "Certificate" and not d["spec"].get("isCA")}
        uris = sorted(uri for spec in made.values() for uri in spec["uris"])
        mesh = "spiffe://cluster.local/ns/platform/stackyard/shop-stackyard"
        self.assertEqual(uris, [f"{mesh}/{s}" for s in sorted((*SERVICES, "keda"))])
        plan = json.loads(find(self.variants["trial"], "ConfigMap", "-secrets")["data"]["plan.json"])
        self.assertEqual([leaf["uri"] for leaf in plan["certificates"]["leaves"]],
                         [f"{mesh}/{s}" for s in SERVICES])

    def test_secrets_that_are_used_are_made_or_named(self):
        """Each Secret that a pod mounts is in the plan of the job, made by an operator, or a value."""
        for name, docs in self.variants.items():
            with self.subTest(name):
                text = json.dumps([pod(d) for d in helm.workloads(docs)])
                used = set(re.findall(r'"secretName": "([^"]+)"', text))
                used |= set(re.findall(r'"secretKeyRef": \{"name": "([^"]+)"', text))
                made = {d["spec"]["secretName"] for d in docs if d["kind"] == "Certificate"}
                made |= {d["spec"]["target"]["name"] for d in docs if d["kind"] == "ExternalSecret"}
                for config in docs:
                    if config["kind"] == "ConfigMap" and "plan.json" in config["data"]:
                        plan = json.loads(config["data"]["plan.json"])
                        made |= {s["name"] for s in plan["secrets"]}
                        made |= {s["secret"] for s in plan.get("certificates", {}).get("leaves", [])}
                named = set(re.findall(r'"existingSecret": "([^"]+)"',
                                       json.dumps(LEAST if name == "least" else helm.variant(name))))
                self.assertEqual(used - made - named, set())

    def test_the_job_may_touch_what_it_makes_and_nothing_else(self):
        for docs in self.each():
            if not any("plan.json" in d.get("data", {}) for d in docs):
                continue
            plan = json.loads(find(docs, "ConfigMap", "-secrets")["data"]["plan.json"])
            wanted = {s["name"] for s in plan["secrets"]}
            if "certificates" in plan:
                wanted |= {plan["certificates"]["authority"]}
                wanted |= {leaf["secret"] for leaf in plan["certificates"]["leaves"]}
            create, rest = find(docs, "Role", "-secrets")["rules"]
            self.assertEqual((create["verbs"], create["resources"]), (["create"], ["secrets"]))
            self.assertEqual((rest["verbs"], set(rest["resourceNames"])), (["get", "update"], wanted))

    def test_a_changed_plan_is_another_job(self):
        def name(values):
            return next(d["metadata"]["name"] for d in objects(merged(LEAST, values)) if d["kind"] == "Job"
                        and "-secrets-" in d["metadata"]["name"])

        self.assertEqual(name({}), name({"gateway": {"replicas": 3}}))
        for values in ({"mutualTLS": {"days": 7}}, {"image": {"tag": "fedcba9"}},
                       {"image": {"tag": "fedcba9", "digests": {"cli": "sha256:" + "0" * 64}}},
                       {"defaults": {"nodeSelector": {"a": "b"}}}):
            self.assertNotEqual(name({}), name(values), values)

    def test_changed_settings_make_new_pods(self):
        def annotations(service, values):
            doc = find(objects(merged(LEAST, values)), "Deployment", f"-{service}")
            return pod(doc)["metadata"].get("annotations")

        for service, key in (("gateway", "oidc"), ("stacks", "catalogPolicy")):
            first, second = ([{"issuer": f"https://{n}", "client_id": "c"}] if key == "oidc"
                             else {"providers": [n]} for n in ("a", "b"))
            self.assertNotEqual(annotations(service, {service: {key: first}}),
                                annotations(service, {service: {key: second}}))

    def test_another_version_of_the_chart_alone_makes_no_new_pods(self):
        for docs in self.each():
            for doc in helm.workloads(docs):
                self.assertNotIn("helm.sh/chart", json.dumps(pod(doc)))

    def test_further_flags_come_last_and_so_win(self):
        docs = objects(merged(LEAST, {"quota": {"extraArgs": ["--drain=99s"]}}))
        self.assertEqual(container(find(docs, "Deployment", "-quota"), "quota")["args"][-1], "--drain=99s")

    def test_confinement(self):
        for level, host_users, lacking in (
                ("full", False, "memory-limit,cpu-limit,process-limit"),
                ("degraded", None, "memory-limit,cpu-limit,process-limit,sandbox")):
            with self.subTest(level):
                docs = objects(merged(LEAST, {"runner": {"confinement": level}}))
                doc = find(docs, "Deployment", "-runner")
                self.assertEqual(pod(doc)["spec"].get("hostUsers"), host_users)
                self.assertEqual(arguments(docs, "runner")["allow-without"], lacking)
                proc = container(doc, "runner")["securityContext"].get("procMount")
                self.assertEqual(proc, "Unmasked" if level == "full" else None)

    def test_rules_and_dashboards_are_taken_as_they_are(self):
        docs = self.variants["production"]
        rules = {d["metadata"]["name"].split("stackyard-", 1)[1] for d in docs if d["kind"] == "PrometheusRule"}
        self.assertEqual(rules, {p.stem for p in (helm.CHART / "rules").glob("*.yaml")})
        boards = {key for d in docs if d["kind"] == "ConfigMap" for key in d["data"] if key.endswith(".json")}
        self.assertEqual(boards - {"plan.json"}, {p.name for p in (helm.CHART / "dashboards").glob("*.json")})
        for doc in docs:
            for key, text in doc.get("data", {}).items() if doc["kind"] == "ConfigMap" else ():
                if key.endswith(".json") and key != "plan.json":
                    self.assertEqual(text.strip(), (helm.CHART / "dashboards" / key).read_text().strip())

    def test_the_template_of_the_smoke_test_is_hello(self):
        own, starter = helm.CHART / "files/hello", ROOT / "templates/hello"
        for file in own.glob("*.tf"):
            self.assertEqual(file.read_text(), (starter / file.name).read_text(), file.name)
        self.assertEqual({f.name for f in own.glob("*.tf")}, {f.name for f in starter.glob("*.tf")})


@unittest.skipIf(LACKING, LACKING)
class NetworkTest(unittest.TestCase):
    """The matrix of who may connect to whom, worked out from the policies."""

    EVERYBODY = {"gateway": (8081, 8080), "stacks": (7301,), "quota": (7302,), "runner": (),
                 "postgresql": (5432,), "secrets": (), "smoke-test": ()}

    def network(self, values, *names):
        docs = objects(values)
        pods = {}
        for doc in helm.workloads(docs):
            component = labels_of(doc)["app.kubernetes.io/component"]
            ports = {p["name"]: p["containerPort"] for c in pod(doc)["spec"]["containers"]
                     for p in c.get("ports", [])}
            pods[component] = (labels_of(doc), ports)
        return network.Network([d for d in docs if d["kind"] == "NetworkPolicy"], "platform", pods)

    @staticmethod
    def arrows():
        """Arrows between services in the drawing of ARCHITECTURE.md."""
        drawing = re.search(r"```mermaid\n(.*?)```", (ROOT / "ARCHITECTURE.md").read_text(), re.S)[1]
        found = set(re.findall(r'^ *(\w+)(?:\[[^]]*\])? -- [^>]+ --> (\w+)', drawing, re.M))
        return {(a, b) for a, b in found if a in SERVICES and b in SERVICES}

    def test_arrows_of_the_architecture_and_no_others(self):
        arrows = self.arrows()
        self.assertEqual(arrows, {("gateway", "stacks"), ("gateway", "quota"), ("stacks", "quota"),
                                  ("runner", "stacks")})
        allowed = arrows | {(s, "postgresql") for s in ("gateway", "stacks", "quota")}
        allowed |= {("smoke-test", "gateway")}
        net = self.network(helm.variant("trial"))
        self.assertEqual(set(net.pods), set(self.EVERYBODY))
        for source in net.pods:
            for target, ports in self.EVERYBODY.items():
                for port in (*ports, 9090, 9091, 9095, 22):
                    wanted = (source, target) in allowed and port in ports
                    # The test speaks REST.
                    wanted &= (source, port) != ("smoke-test", 8081)
                    if source != target:
                        self.assertEqual(net.allows(source, target, port), wanted, (source, target, port))

    def test_the_outside(self):
        net = self.network(merged(LEAST, {"gateway": {"oidc": [{"issuer": "https://i", "client_id": "c"}]}}))
        for source, port, wanted in (
                ("gateway", 443, True), ("stacks", 443, True), ("runner", 443, True), ("quota", 443, False),
                ("stacks", 25, False), ("runner", 22, False), ("gateway", 80, False)):
            self.assertEqual(net.allows(source, OUTSIDE, port), wanted, (source, port))
        for source in ("gateway", "stacks", "quota", "runner"):
            self.assertEqual(net.allows(source, DATABASE, 5432), source != "runner", source)
        # Runs must not reach what is inside, nor the cloud's metadata.
        for address in (DATABASE, "169.254.169.254", "172.20.0.1", "192.168.1.1"):
            self.assertFalse(net.allows("runner", address, 443), address)
        self.assertFalse(self.network(LEAST).allows("gateway", OUTSIDE, 443))

    def test_who_comes_in(self):
        net = self.network(helm.variant("production"))
        for target, port, peer, wanted in (
                ("gateway", 8081, OUTSIDE, True), ("gateway", 8080, STRANGERS, True),
                ("gateway", 9090, OUTSIDE, False), ("gateway", 9091, MONITORING, True),
                ("stacks", 7301, OUTSIDE, False), ("stacks", 7301, STRANGERS, False),
                ("stacks", 7301, ("namespace", {"kubernetes.io/metadata.name": "keda"}), True),
                ("quota", 7302, ("namespace", {"kubernetes.io/metadata.name": "keda"}), False),
                ("stacks", 9090, MONITORING, True), ("runner", 9090, MONITORING, True),
                ("runner", 9095, MONITORING, False), ("quota", 7302, MONITORING, False)):
            self.assertEqual(net.allows(peer, target, port), wanted, (target, port, peer))
        trial = self.network(helm.variant("trial"))
        self.assertFalse(trial.allows(("namespace", {"kubernetes.io/metadata.name": "keda"}), "stacks", 7301))

    def test_each_end_has_a_policy_of_its_own(self):
        """Somebody in the namespace whom no policy holds is neither let in nor reached."""
        net = self.network(helm.variant("trial"))
        net.pods["stranger"] = ({"app": "another"}, {})
        for name, ports in self.EVERYBODY.items():
            for port in (*ports, 9090, 9095):
                wanted = name == "gateway" and port in (8080, 8081)
                self.assertEqual(net.allows("stranger", name, port), wanted, (name, port))
            for port in (443, 5432, 7301, 8081):
                self.assertFalse(net.allows(name, "stranger", port), (name, port))

    def test_clients_can_be_named(self):
        inside = {"networkPolicy": {"clients": [{"ipBlock": {"cidr": "10.9.0.0/16"}}]}}
        net = self.network(merged(LEAST, inside))
        self.assertTrue(net.allows("10.9.1.1", "gateway", 8081))
        self.assertTrue(net.allows("smoke-test", "gateway", 8080))
        self.assertFalse(net.allows(OUTSIDE, "gateway", 8081))

    def test_traces_and_names_go_where_they_should(self):
        net = self.network(helm.variant("production"))
        dns = ("namespace", {"kubernetes.io/metadata.name": "kube-system"})
        for service in SERVICES:
            self.assertTrue(net.allows(service, MONITORING, 4318))
            self.assertFalse(net.allows(service, MONITORING, 4317))
            self.assertTrue(net.allows(service, dns, 53, "UDP"))
            self.assertFalse(net.allows(service, STRANGERS, 53, "UDP"))
        self.assertFalse(self.network(LEAST).allows("quota", MONITORING, 4318))

    def test_another_release_beside_it_is_a_stranger(self):
        mine = objects(LEAST)
        other = objects(LEAST, "other")
        pods = {}
        for name, docs in (("mine", mine), ("other", other)):
            for service in SERVICES:
                doc = find(docs, "Deployment", f"-{service}")
                ports = {p["name"]: p["containerPort"] for c in pod(doc)["spec"]["containers"] for p in c["ports"]}
                pods[f"{name}-{service}"] = (labels_of(doc), ports)
        net = network.Network([d for d in mine + other if d["kind"] == "NetworkPolicy"], "platform", pods)
        self.assertTrue(net.allows("mine-gateway", "mine-stacks", 7301))
        self.assertFalse(net.allows("mine-gateway", "other-stacks", 7301))
        self.assertFalse(net.allows("other-runner", "mine-stacks", 7301))


@unittest.skipIf(helm.missing("helm", "kubeconform"), "helm or kubeconform not set up here")
class SchemaTest(unittest.TestCase):
    """Objects against the schemas of Kubernetes and of the operators' CRDs."""

    def test_objects_are_what_kubernetes_takes(self):
        import schemas  # pylint: disable=import-outside-toplevel
        folder = schemas.folder()
        if not folder:
            self.skipTest("no schemas: set-up has not fetched them")
        for name in helm.VARIANTS:
            with self.subTest(name):
                result = schemas.check(helm.rendered(helm.variant(name)), folder)
                self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_the_check_finds_faults(self):
        import schemas  # pylint: disable=import-outside-toplevel
        folder = schemas.folder()
        if not folder:
            self.skipTest("no schemas: set-up has not fetched them")
        text = helm.rendered(LEAST).replace("terminationGracePeriodSeconds:", "terminationGraceSeconds:")
        self.assertIn("terminationGraceSeconds", schemas.check(text, folder).stdout)


@unittest.skipIf(helm.missing("helm", "helm-unittest"), "helm-unittest not set up here")
class UnitTestsTest(unittest.TestCase):
    """The chart's own unit tests, in helm/stackyard/tests."""

    def test_all_pass(self):
        result = subprocess.run([helm.tool("helm-unittest"), "--color=false", str(helm.CHART)],
                                capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertGreater(int(re.search(r"Tests: +(\d+) passed", result.stdout)[1]), 15, result.stdout)


if __name__ == "__main__":
    suite.main()
