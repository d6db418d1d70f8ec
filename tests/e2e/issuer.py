"""A small OpenID Connect issuer for what a real one does not do: keys of our choice, over TLS of its
own authority, and every token that should be refused.

It signs with RSA or elliptic keys, and serves discovery and keys; nobody can log in.
"""

import base64
import datetime
import hashlib
import hmac
import http.server
import ipaddress
import json
import ssl
import threading
import time

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
except ImportError:
    x509 = None

from mesh import free_port

CLIENT_ID = "stackyard"


def missing():
    """Why tests with this issuer cannot run here, or None."""
    return None if x509 else "no cryptography for Python (make setup)"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def part(value):
    return b64(json.dumps(value).encode())


def number(value, size):
    return b64(value.to_bytes(size, "big"))


class Key:
    def __init__(self, kid, algorithm="RS256", bits=2048):
        self.kid, self.algorithm = kid, algorithm
        self.key = (rsa.generate_private_key(65537, bits) if algorithm == "RS256"
                    else ec.generate_private_key(ec.SECP256R1()))

    def public(self):
        numbers = self.key.public_key().public_numbers()
        shown = {"kid": self.kid, "alg": self.algorithm, "use": "sig"}
        if self.algorithm == "RS256":
            return {**shown, "kty": "RSA", "e": "AQAB", "n": number(numbers.n, self.key.key_size // 8)}
        return {**shown, "kty": "EC", "crv": "P-256", "x": number(numbers.x, 32),
                "y": number(numbers.y, 32)}

    def pem(self):
        return self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def sign(self, claims, **header):
        text = f"{part({'alg': self.algorithm, 'kid': self.kid, 'typ': 'JWT', **header})}.{part(claims)}"
        if self.algorithm == "RS256":
            signature = self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        else:
            r, s = utils.decode_dss_signature(self.key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
            signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return f"{text}.{b64(signature)}"


def unsigned(claims):
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."


def keyed_by(secret, claims, kid):
    """HS256 with any secret: the public key, say, which everybody has."""
    text = f"{part({'alg': 'HS256', 'kid': kid})}.{part(claims)}"
    return f"{text}.{b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


class Issuer:
    """Serves on a free loopback port until it is closed. `keys` are those that it shows."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.issuer = f"https://127.0.0.1:{self.port}"
        self.ca_file = folder / "issuer-ca.pem"
        self._certify()
        self.keys = [Key("k1")]
        self.fetches = 0
        self.server = None
        self.open()

    def _certify(self):
        """A certificate that vouches for itself alone."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer")])
        now = datetime.datetime.now(datetime.timezone.utc)
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        certificate = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([address]), False)
            .add_extension(x509.BasicConstraints(True, None), True)
            .sign(key, hashes.SHA256()))
        self.ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self.key_file = self.folder / "issuer-key.pem"
        self.key_file.write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))

    def open(self):
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                document = {"/.well-known/openid-configuration": issuer.discovery,
                            "/keys": issuer.key_set}.get(self.path, lambda: None)()
                body = json.dumps(document).encode()
                self.send_response(200 if document else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca_file, self.key_file)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def discovery(self):
        self.fetches += 1
        return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}

    def key_set(self):
        return {"keys": [key.public() for key in self.keys]}

    def provider(self, **more):
        """An entry of --oidc-file."""
        return {"issuer": self.issuer, "client_id": CLIENT_ID, "ca_file": str(self.ca_file), **more}

    def claims(self, name, **more):
        """What a good token says; None takes a claim away."""
        now = int(time.time())
        claims = {"iss": self.issuer, "sub": f"subject-of-{name}", "aud": CLIENT_ID, "iat": now,
                  "exp": now + 600, "email": f"{name}@corp.example", "email_verified": True, **more}
        return {key: value for key, value in claims.items() if value is not None}

    def token(self, name, key=None, **more):
        return (key or self.keys[0]).sign(self.claims(name, **more))
