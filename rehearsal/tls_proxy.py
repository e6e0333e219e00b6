"""A forward proxy that ends TLS: a client reaches the cloud's storage by its real address.

``HTTPS_PROXY`` and ``REQUESTS_CA_BUNDLE`` lead a client here, so nothing of the product knows of
the rehearsal. Hosts that are not the storage's, and hosts that are blocked, get 502.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ssl
from fnmatch import fnmatch
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOSTS = ("storage.googleapis.com", "*.dfs.core.windows.net", "*.blob.core.windows.net")
_CHUNK_BYTES = 2**16


class TlsProxy:
    """Forwards what clients send to the storage's hosts, decrypted, to one server.

    Args:
        folder: Holds the certificate, its key, and ``blocked``: patterns of hosts, one a line.
        port: Of the server on 127.0.0.1.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self._blocked, self._port = folder / "blocked", port
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(*create_certificate(folder))

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of a client."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
            request = await reader.readuntil(b"\r\n\r\n")
            method, target, *_ = request.decode("latin-1").split()
            host = target.rpartition(":")[0]
            if method != "CONNECT" or not self._is_served(host):
                writer.write(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
            else:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await writer.start_tls(self._context)
                await self._forward(reader, writer)
        writer.close()

    def _is_served(self, host: str) -> bool:
        blocked = self._blocked.read_text().split() if self._blocked.exists() else []
        return any(fnmatch(host, each) for each in HOSTS) and not any(
            fnmatch(host, each) for each in blocked
        )

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            await asyncio.gather(_copy(reader, server_writer), _copy(server_reader, writer))
        finally:
            server_writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the end, and then close the other side."""
    with contextlib.suppress(OSError, ssl.SSLError):
        while chunk := await reader.read(_CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    writer.close()


def create_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate of the storage's hosts, and its key; a client trusts it by its path."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cloud storage of a rehearsal")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=7))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "storage.pem", folder / "storage.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].touch(mode=0o600)
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths
