"""Certificates that in real life come from somebody else: the offline root above the logon CA, the domain controller's
own authority, the identity provider's key."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from .layout import PUBLISH_URL, write

EKU_KDC = ObjectIdentifier("1.3.6.1.5.2.3.5")
BACKDATE = datetime.timedelta(minutes=10)  # a KDC whose clock is minutes behind must accept what it is given


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0, tzinfo=None)


def new_key(kind="rsa-2048"):
    if kind == "p256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, int(kind.removeprefix("rsa-")))


def key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


def pem(thing):
    return thing.public_bytes(serialization.Encoding.PEM)


def name(common_name, organization="Lab"):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
                      x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def usage(*on):
    every = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{one: one in on for one in every})


class Authority:
    """A certificate authority that a test holds in its hand."""

    def __init__(self, key, certificate):
        self.key, self.certificate = key, certificate

    @classmethod
    def new_root(cls, common_name, days=3650):
        key = new_key()
        subject = name(common_name)
        builder = _builder(subject, subject, key.public_key(), days)
        builder = builder.add_extension(x509.BasicConstraints(True, None), True)
        builder = builder.add_extension(usage("key_cert_sign", "crl_sign"), True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        return cls(key, builder.sign(key, hashes.SHA256()))

    @classmethod
    def load(cls, folder, stem):
        key = serialization.load_pem_private_key((folder / f"{stem}.key").read_bytes(), None)
        return cls(key, x509.load_pem_x509_certificate((folder / f"{stem}.crt").read_bytes()))

    def save(self, folder, stem):
        write(folder / f"{stem}.key", key_pem(self.key), 0o600)
        write(folder / f"{stem}.crt", pem(self.certificate))

    def issue(self, subject, public_key, days, extensions):
        """extensions: pairs (extension, critical), beside the two key identifiers that all get."""
        builder = _builder(subject, self.certificate.subject, public_key, days)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False)
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())

    def crl(self, revoked=(), days=30):
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(now() - BACKDATE).next_update(now() + datetime.timedelta(days=days))
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False)
        builder = builder.add_extension(x509.CRLNumber(int(now().timestamp() * 1000)), False)
        for serial in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now() - BACKDATE)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.key, hashes.SHA256())


def _builder(subject, issuer, public_key, days):
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public_key)
            .serial_number(x509.random_serial_number()).not_valid_before(now() - BACKDATE)
            .not_valid_after(now() + datetime.timedelta(days=days)))


def sign_subordinate(root, csr_pem, label="main-1", days=1825, publish_url=PUBLISH_URL):
    """What the keeper of the offline root does with the CSR of `fasctl ca init`: a subordinate CA's certificate whose CDP
    and AIA name the root's CRL and certificate."""
    csr = x509.load_pem_x509_csr(csr_pem)
    if not csr.is_signature_valid:
        raise ValueError("the CSR is not signed by its own key")
    cdp = x509.DistributionPoint([x509.UniformResourceIdentifier(f"{publish_url}/crl/{label}-root.crl")],
                                 None, None, None)
    aia = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS,
                                 x509.UniformResourceIdentifier(f"{publish_url}/ca/{label}-root.cer"))
    return root.issue(csr.subject, csr.public_key(), days, [
        (x509.BasicConstraints(True, 0), True),
        (usage("key_cert_sign", "crl_sign"), True),
        (x509.CRLDistributionPoints([cdp]), False),
        (x509.AuthorityInformationAccess([aia]), False),
    ])


def issue_kdc(root, dns_names):
    """A domain controller's certificate as AD CS gives it: DNS names only, no krbtgt name (RFC 4556 3.2.4 would have
    one), so that a host which needs that name fails here already."""
    key = new_key()
    names = [x509.DNSName(one) for one in dns_names]
    certificate = root.issue(name(dns_names[0]), key.public_key(), 365, [
        (usage("digital_signature", "key_encipherment"), True),
        (x509.ExtendedKeyUsage([EKU_KDC, ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), False),
        (x509.SubjectAlternativeName(names), False),
    ])
    return key, certificate


def issue_server(root, dns_name, key=None):
    """A web server's certificate, of a life that browsers take."""
    key = key or new_key()
    certificate = root.issue(name(dns_name), key.public_key(), 90, [
        (usage("digital_signature", "key_encipherment"), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectAlternativeName([x509.DNSName(dns_name)]), False),
    ])
    return key, certificate


def issue_self_signed(common_name):
    """A signing certificate as identity providers have: a container for a key, signed by itself."""
    key = new_key()
    subject = name(common_name)
    return key, _builder(subject, subject, key.public_key(), 3650).sign(key, hashes.SHA256())
