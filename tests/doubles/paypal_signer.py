"""Signs webhooks as PayPal does, with an authority and a certificate of its own that `openssl` makes."""
import base64
import json
import subprocess
import uuid
import zlib
from datetime import datetime, timezone
from pathlib import Path

NAME = "messageverificationcerts.paypal.com"


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *map(str, arguments)], input=data, check=True, capture_output=True).stdout


class Signer:
    def __init__(self, folder, webhook_id):
        self.folder = Path(folder)
        self.webhook_id = webhook_id

    # Keys take long to make, so each is made when it is first needed.
    @property
    def authority(self):
        return self._authority("authority")

    def _files(self, certificate):
        """The name of the certificate's files, or None: there is no such certificate."""
        if certificate == "CERT-good":
            return self._issue("good", NAME, "authority")
        if certificate == "CERT-other-name":
            return self._issue("other", "example.com", "authority")
        if certificate == "CERT-stranger":  # the right name, of an authority that nobody trusts
            return self._issue("foreign", NAME, "stranger")
        return None

    def _authority(self, name):
        key, certificate = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        if certificate.exists():
            return certificate.read_text()
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 7300, "-subj", f"/CN=Double {name}",
                "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", key, "-out", certificate)
        return certificate.read_text()

    def _issue(self, name, subject, authority):
        self._authority(authority)
        key, request, certificate = (self.folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
        if certificate.exists():
            return name
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName=DNS:{subject}\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={subject}", "-keyout", key, "-out", request)
        openssl("x509", "-req", "-days", 7300, "-in", request, "-CA", self.folder / f"{authority}.pem",
                "-CAkey", self.folder / f"{authority}.key", "-CAcreateserial", "-extfile", extensions, "-out", certificate)
        return name

    def pem(self, certificate):
        name = self._files(certificate)
        return None if name is None else (self.folder / f"{name}.pem").read_text() + self.authority

    @staticmethod
    def text(transmission, when, webhook, body):
        return f"{transmission}|{when}|{webhook}|{zlib.crc32(body)}"

    def sign(self, body, base, at, certificate="CERT-good"):
        """The headers of a delivery of `body` at the unix time `at`."""
        transmission = str(uuid.uuid4())
        when = datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        key = self.folder / f"{self._files(certificate)}.key"
        signed = openssl("dgst", "-sha256", "-sign", key, data=self.text(transmission, when, self.webhook_id, body).encode())
        return {
            "paypal-transmission-id": transmission,
            "paypal-transmission-time": when,
            "paypal-transmission-sig": base64.b64encode(signed).decode(),
            "paypal-cert-url": f"{base}/v1/notifications/certs/{certificate}",
            "paypal-auth-algo": "SHA256withRSA",
        }

    def verify(self, question, raw):
        """The provider's own check, over the event as it stands in the question."""
        body = raw[raw.index(b'"webhook_event":') + len(b'"webhook_event":'):-1]
        name = self._files(question["cert_url"].rsplit("/", 1)[1])
        if name is None or question["webhook_id"] != self.webhook_id or json.loads(body) != question["webhook_event"]:
            return False
        text = self.text(question["transmission_id"], question["transmission_time"], self.webhook_id, body)
        public = self.folder / f"{name}.pub"
        public.write_bytes(openssl("x509", "-in", self.folder / f"{name}.pem", "-noout", "-pubkey"))
        signature = self.folder / f"{uuid.uuid4()}.sig"
        signature.write_bytes(base64.b64decode(question["transmission_sig"]))
        done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", public, "-signature", signature], input=text.encode(),
                              capture_output=True, check=False)
        signature.unlink()
        return done.returncode == 0
