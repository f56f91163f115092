"""The programs' configuration files, as an administrator would write them (docs/FILES.md), for one lab."""

import json
import os

from . import public, samlp, simplesaml
from .layout import (BASE_DN, DC, DOMAIN, FASD_UID, FOREIGN_SUFFIX, FRONT_URL, IDP_ENTITY_ID, IDP_NAME, LOGIN, NETBIOS, REALM,
                     SP_ENTITY_ID, STORE_URL, STOREFRONT, write)
from .people import MACHINE_OU, VDI_HOSTS


def logon_ca_name(lab):
    """The first node's is the one that the package's example of a browser policy knows."""
    return "CORP Federated Logon CA" + ("" if lab.node == "fas1" else f" of {lab.node}")


def signer_yaml(lab):
    return f"""\
state: {lab.fas}/signer
public: {lab.fas}/public
issue: {{ socket: {lab.run}/signer/issue.sock, uid: {FASD_UID} }}
admin: {{ socket: {lab.run}/signer/admin.sock }}
limits: limits.yaml
clock_skew: 60s
{lab.tokens}authorities:
  - name: main
    publish_urls: [{lab.publish_url}]
    backdate: 5m
    crl_life: 24h
    crl_each: 8h
    common_name: {logon_ca_name(lab)}
{lab.key}service_ca:
  server_names: [{lab.host}, {lab.address(lab.host)}]
  machine_life: 90d
  server_life: 30d
  token_life: 24h
pool: {{ rsa-2048: 4, p-256: 4 }}
"""


def domain_sid(lab):
    return lab.accounts["alice"]["sid"].rpartition("-")[0]


def limits_yaml(lab):
    return f"""\
domains:
  - sid: {domain_sid(lab)}
    upn_suffixes: [{DOMAIN}, {FOREIGN_SUFFIX}]
refuse_rids_below: 1000
allow_rids: []
refuse_sids: []
profiles: [smartcard-logon, client-auth]
longest_life: 1h
rate: {{ per_sid: {{ count: 1000, period: 10m }}, total: {{ count: 60000, period: 10m }} }}
"""


def fasd_yaml(lab):
    return f"""\
node: {lab.node}
state: {lab.fas}/fasd
policy: policy.d
signer: {{ socket: {lab.run}/signer/issue.sock, connections: 8, timeout: 5s }}
public_folder: {lab.fas}/public
admin: {{ socket: {lab.run}/fasd/admin.sock }}
listen:
  api: ["{lab.address(lab.host)}:8443"]
  public: ["{lab.address(lab.host)}:80"]
  ops: ["{lab.address(lab.host)}:9643"]
workers: 8
queue: 64
clock_skew: 60s
log_level: info
saml:
  signing: [{{ key: saml.key, certificate: saml.pem }}]
  decryption: [{{ key: saml-enc.key, certificate: saml-enc.pem }}]
identity_providers:
  - name: {IDP_NAME}
    entity_id: {IDP_ENTITY_ID}
    certificates: [{lab.pki}/idp.crt]
    audiences: [{SP_ENTITY_ID}]
    recipients: [{lab.acs_url}]
    clock_skew: 60s
    max_age: 5m
    allow_unsolicited: true
    single_sign_on: {{ redirect: "https://idp.example.net/sso" }}
  - name: {simplesaml.NAME}
    entity_id: {simplesaml.ENTITY_ID}
    certificates: [{lab.pki}/simplesaml.crt]
    audiences: [{SP_ENTITY_ID}]
    recipients: [{lab.acs_url}]
    clock_skew: 60s
    max_age: 5m
    allow_unsolicited: true
    single_sign_on: {{ redirect: "{simplesaml.SIGN_ON_URL}" }}
    single_logout: {{ redirect: "{simplesaml.LOGOUT_URL}" }}
    title: Example Corp
    email_domains: [{DOMAIN}]
  - name: {samlp.NAME}
    metadata: {lab.pki}/samlp.xml
    binding: post
    title: Example Org
    email_domains: [example.org]
domains:
  - name: {DOMAIN}
    netbios: {NETBIOS}
    controllers: [{DC}]
    bind: gssapi
    principal: svc-fas@{REALM}
    keytab: {lab.fas}/svc-fas.keytab
    connections: 3
    timeout: 3s
kerberos:
  principal: HTTP/{lab.host}@{REALM}
  keytab: {lab.fas}/fas-http.keytab
  recheck: 2s
machines:
  - role: storefront
    accounts: ['{NETBIOS}\\STOREFRONT01$']
  - role: host
    groups: ['{NETBIOS}\\{VDI_HOSTS}']
    names: ["*.vdi.{DOMAIN}"]
  - role: host
    ou: {MACHINE_OU},{BASE_DN}
{front_yaml(lab) if lab.has_front else ""}"""


def front_yaml(lab):
    """Two virtual servers for the providers of others, and one for responses that the tests sign; all browsers of the lab
    come from one address."""
    server = """\
    - name: {name}
      entity_id: {url}/metadata
      providers: [{providers}]
      targets:
        - {{ name: store, url: "{store}", storefront: {storefront} }}
"""
    providers = ", ".join((simplesaml.NAME, samlp.NAME))
    servers = "".join(server.format(name=name, url=FRONT_URL + path, providers=providers, store=STORE_URL, storefront=STOREFRONT)
                      for name, path in (("default", "/saml"), ("mobile", "/saml/v/mobile")))
    return f"""\
front:
  listen: ["{lab.address(LOGIN)}:443"]
  url: {FRONT_URL}
  certificate: front.pem
  key: front.key
  requests_per_minute: {{ address: 6000, provider: 6000 }}
  servers:
{servers}\
    - name: lab
      entity_id: {FRONT_URL}/saml/v/lab/metadata
      providers: [{IDP_NAME}]
      targets:
        - {{ name: store, url: "{STORE_URL}", storefront: {STOREFRONT} }}
        - {{ name: other, url: "https://other.example.net/return", storefront: storefront02.{DOMAIN} }}
"""


def policy_yaml():
    return f"""\
rules:
  - name: vdi-users
    identity_providers: [{IDP_NAME}, {simplesaml.NAME}, {samlp.NAME}]
    storefronts: [{STOREFRONT}]
    hosts: ["*.vdi.{DOMAIN}"]
    users:
      groups: ["{NETBIOS}\\\\VDI Users"]
      upn_suffixes: [{DOMAIN}, {FOREIGN_SUFFIX}]
    match: {{ require: [sid, upn], also: [guid] }}
    session: {{ max: 12h, lease: 10m }}
    logon: {{ authority: main, profile: smartcard-logon, validity: 15m, key: rsa-2048, custody: host }}
    logoff: revoke
"""


def write_all(lab, fasd_owner, signer_owner):
    """Configuration belongs to root, state to the program that keeps it; the keytab to fasd alone."""
    write(lab.fas / "signer.yaml", signer_yaml(lab), 0o640, (0, signer_owner[1]))
    write(lab.fas / "limits.yaml", limits_yaml(lab), 0o640, (0, signer_owner[1]))
    write(lab.fas / "fasd.yaml", fasd_yaml(lab), 0o640, (0, fasd_owner[1]))
    write(lab.fas / "policy.d" / "lab.yaml", policy_yaml())
    for stem in (*public.SAML_KEYS, *(["front"] if lab.has_front else [])):
        write(lab.fas / f"{stem}.key", (lab.pki / f"{stem}.key").read_bytes(), 0o400, fasd_owner)
        write(lab.fas / f"{stem}.pem", (lab.pki / f"{stem}.crt").read_bytes())
    write(lab.fas / "svc-fas.keytab", (lab.keytabs / "svc-fas.keytab").read_bytes(), 0o400, fasd_owner)
    write(lab.fas / "fas-http.keytab", (lab.keytabs / lab.http_keytab).read_bytes(), 0o400, fasd_owner)
    for path, owner, mode in ((lab.fas / "signer", signer_owner, 0o700), (lab.fas / "public", signer_owner, 0o755),
                              (lab.fas / "fasd", fasd_owner, 0o700), (lab.run / "signer", signer_owner, 0o755),
                              (lab.run / "fasd", fasd_owner, 0o755)):
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
        os.chown(path, *owner)


def agent_yaml(lab, state, servers=None, keytab=None, service_ca=None):
    by_account = f"service_ca: {service_ca or lab.pki / 'service-ca.crt'}\nkeytab: {keytab}\n" if keytab else ""
    return f"""\
servers: [{", ".join(servers or [lab.api_url])}]
state: {state}
kdc: {{ anchors: {lab.pki}/dcroot.crt, hostname: {DC} }}
{by_account}"""
