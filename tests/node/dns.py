"""A small DNS for a cluster of tests: names of Services as the API server tells them, A records alone."""

import json
import socket
import ssl
import struct
import threading
import time
import urllib.request

DOMAIN = "cluster.local"
TTL = 5
# How long an answer of the API server is good for; less than what a drain waits.
FRESH_SECONDS = 0.5
NOERROR, NXDOMAIN, SERVFAIL = 0, 3, 2
A = 1


class Names:
    """NAME.NAMESPACE.svc by what the API server says."""

    def __init__(self, server, authority, certificate, key):
        self._server = server
        self._context = ssl.create_default_context(cafile=authority)
        self._context.load_cert_chain(certificate, key)
        self._lock = threading.Lock()
        self._known = {}

    def _get(self, path):
        with urllib.request.urlopen(self._server + path, context=self._context, timeout=5) as answer:
            return json.load(answer)

    def _read(self, name, namespace):
        try:
            service = self._get(f"/api/v1/namespaces/{namespace}/services/{name}")
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise
        if service["spec"].get("clusterIP") != "None":
            return [service["spec"]["clusterIP"]]
        slices = self._get(f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
                           f"?labelSelector=kubernetes.io/service-name%3D{name}")["items"]
        return sorted({address for one in slices for endpoint in one.get("endpoints") or []
                       if endpoint["conditions"].get("ready") for address in endpoint["addresses"]})

    def addresses(self, name, namespace):
        """Of a Service; of a headless one those of its ready pods. None: there is no such Service."""
        with self._lock:
            when, found = self._known.get((name, namespace), (0, None))
            if time.monotonic() - when > FRESH_SECONDS:
                found = self._read(name, namespace)
                self._known[name, namespace] = (time.monotonic(), found)
            return found


def question(packet):
    """The name and type that a query asks for, and the bytes that ask it."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode())
        at += 1 + packet[at]
    return ".".join(labels).lower(), struct.unpack("!H", packet[at + 1:at + 3])[0], packet[12:at + 5]


def answer(packet, names):
    """What is said to a query."""
    name, kind, asked = question(packet)
    parts = name.removesuffix(f".{DOMAIN}").split(".")
    code, found = NXDOMAIN, []
    if name.endswith(f".{DOMAIN}") and len(parts) == 3 and parts[2] == "svc":
        try:
            found = names.addresses(parts[0], parts[1])
        except OSError:
            code, found = SERVFAIL, []
        else:
            code = NXDOMAIN if found is None else NOERROR
            found = found if found and kind == A else []
    records = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", A, 1, TTL, 4) + socket.inet_aton(one)
                       for one in found)
    return packet[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, len(found), 0, 0) + asked + records


class Dns:
    """Answers on UDP until the process ends."""

    def __init__(self, address, names):
        self._names = names
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            packet, peer = self._socket.recvfrom(4096)
            threading.Thread(target=self._answer, args=(packet, peer), daemon=True).start()

    def _answer(self, packet, peer):
        try:
            self._socket.sendto(answer(packet, self._names), peer)
        except (IndexError, UnicodeDecodeError, struct.error):
            pass
