"""Certificates of a control plane, made by openssl."""

import pathlib
import subprocess
import tempfile

DAYS = "30"
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Authority:
    """An authority in a folder; every certificate is NAME.crt and NAME.key there."""

    def __init__(self, folder, days=DAYS):
        self.dir = pathlib.Path(folder)
        self.dir.mkdir(parents=True, exist_ok=True)
        if not self.path("ca.crt").exists():
            openssl("req", "-x509", *KEY, "-days", days, "-subj", "/CN=tests",
                    "-keyout", self.path("ca.key"), "-out", self.path("ca.crt"))

    def path(self, name):
        return self.dir / name

    def client(self, name, subject):
        return self._issue(name, subject, "extendedKeyUsage=clientAuth\n")

    def server(self, name, subject, names):
        """`names` as openssl writes them: DNS:localhost, IP:127.0.0.1."""
        return self._issue(name, subject, "extendedKeyUsage=serverAuth,clientAuth\n"
                                          f"subjectAltName={','.join(names)}\n")

    def _issue(self, name, subject, extensions):
        with tempfile.NamedTemporaryFile("w", suffix=".ext", dir=self.dir) as file:
            file.write(extensions)
            file.flush()
            request = self.path(f"{name}.csr")
            openssl("req", *KEY, "-subj", subject, "-keyout", self.path(f"{name}.key"), "-out", request)
            openssl("x509", "-req", "-in", request, "-CA", self.path("ca.crt"), "-CAkey",
                    self.path("ca.key"), "-CAcreateserial", "-days", DAYS, "-extfile", file.name,
                    "-out", self.path(f"{name}.crt"))
            request.unlink()
        return self.path(f"{name}.crt"), self.path(f"{name}.key")

    def signing_key(self, name):
        """An RSA key without a certificate, for the tokens of service accounts."""
        openssl("genrsa", "-out", self.path(name), "2048")
        return self.path(name)
