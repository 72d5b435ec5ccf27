"""Certificates of the campaign's own authority: a good one, and others that no client should trust."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Certificates:
    """The file that a client trusts, and the contexts of a server with each certificate."""

    ca_file: Path
    good: ssl.SSLContext
    bad: dict[str, ssl.SSLContext]


def make_certificates(folder: Path) -> Certificates:
    folder.mkdir(parents=True, exist_ok=True)
    key, authority = _authority("Fleet test authority")
    other_key, other = _authority("Somebody else")
    ca_file = folder / "authority.pem"
    ca_file.write_bytes(authority.public_bytes(_PEM))
    return Certificates(
        ca_file,
        _context(folder / "good.pem", "localhost", key, authority),
        {
            "expired": _context(folder / "expired.pem", "localhost", key, authority, days=-2),
            "wrong host": _context(folder / "host.pem", "fleet.example.com", key, authority),
            "unknown authority": _context(folder / "other.pem", "localhost", other_key, other),
        },
    )


def _authority(name: str) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _builder(subject, subject, key, 10).add_extension(x509.BasicConstraints(True, None), critical=True)
    return key, builder.sign(key, hashes.SHA256())


def _context(
    path: Path, host: str, key: ec.EllipticCurvePrivateKey, authority: x509.Certificate, days: int = 2
) -> ssl.SSLContext:
    own = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    certificate = (
        _builder(subject, authority.subject, own, days)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = own.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(pem + certificate.public_bytes(_PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=10))
        .not_valid_after(now + timedelta(days=days))
    )
