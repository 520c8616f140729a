"""A certificate authority for one run, made with openssl: good, wrong-name, expired,
self-signed."""

import pathlib
import ssl
import subprocess


class Authority:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca = self.folder / "ca.pem"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                      "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj",
                      "/CN=mynah test CA")

    def _openssl(self, *words):
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)

    def context(self, name="localhost", days=2, signed=True):
        """A server context whose certificate is for `name`; days < 0 is expired."""
        certificate, key = self.certificate(name, days, signed)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context

    def certificate(self, name="localhost", days=2, signed=True):
        """Paths of a certificate and its key, made as context() says."""
        stem = f"{name}-{days}-{signed}"
        extra = self.folder / f"{stem}.ext"
        extra.write_text(f"subjectAltName=DNS:{name}\n", encoding="utf-8")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                      "-keyout", f"{stem}.key", "-out", f"{stem}.csr", "-subj", f"/CN={name}")
        issuer = (["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"] if signed
                  else ["-signkey", f"{stem}.key"])
        self._openssl("x509", "-req", "-in", f"{stem}.csr", *issuer, "-out", f"{stem}.pem",
                      "-days", str(days), "-extfile", extra.name)
        return self.folder / f"{stem}.pem", self.folder / f"{stem}.key"
