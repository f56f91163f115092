"""DIR/env: the shell file by which people, scripts and tests find a lab's parts."""

import shlex

from . import programs, public
from .layout import ACS_URL, FRONT_URL, IDP_ENTITY_ID, IDP_NAME, LOGIN, REALM, SP_ENTITY_ID, VDA1, VDA2, WEB, write


def variables(lab):
    return {
        "FAS_LAB": lab.folder,
        "FAS_BUILD": programs.build_folder(),
        "FAS_API_URL": lab.api_url,
        "FAS_PUBLIC_URL": lab.public_url,
        "FAS_OPS_URL": lab.ops_url,
        "FAS_FRONT_URL": FRONT_URL,
        "FAS_FRONT_ADDRESS": f"{lab.address(LOGIN)}:443",
        "FAS_FRONT_CA": public.root(lab),
        "FAS_SERVICE_CA": lab.pki / "service-ca.crt",
        "FAS_LOGON_CA_CHAIN": lab.pki / "logon-ca.pem",
        "FAS_STOREFRONT_CERT": lab.pki / "storefront.crt",
        "FAS_STOREFRONT_KEY": lab.pki / "storefront.key",
        "FAS_HOST_CERT": lab.pki / "host.crt",
        "FAS_HOST_KEY": lab.pki / "host.key",
        "FAS_HOST_NAME": VDA1,
        "FAS_HOST2_CERT": lab.pki / "host2.crt",
        "FAS_HOST2_KEY": lab.pki / "host2.key",
        "FAS_HOST2_NAME": VDA2,
        "FAS_SP_ENTITY_ID": SP_ENTITY_ID,
        "FAS_ACS_URL": ACS_URL,
        "FAS_IDP_NAME": IDP_NAME,
        "FAS_IDP_ENTITY_ID": IDP_ENTITY_ID,
        "FAS_IDP_KEY": lab.pki / "idp.key",
        "FAS_IDP_CERT": lab.pki / "idp.crt",
        "FAS_CONFIG": lab.fas / "fasd.yaml",
        "FAS_SIGNER_CONFIG": lab.fas / "signer.yaml",
        "FAS_SIGNER_ADMIN": lab.run / "signer" / "admin.sock",
        "FAS_ADMIN": lab.run / "fasd" / "admin.sock",
        "FAS_REALM": REALM,
        "FAS_WEB_URL": f"http://{WEB}/",
        "KRB5_CONFIG": lab.krb5_conf,
        "FAS_ACCOUNTS": lab.accounts_file,
    }


def write_file(lab):
    lines = [f"export {name}={shlex.quote(str(value))}" for name, value in variables(lab).items()]
    write(lab.env_file, "\n".join(lines) + "\n")
