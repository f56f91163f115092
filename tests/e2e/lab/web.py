"""A Kerberos-protected web site: Apache with mod_auth_gssapi, as an intranet has it."""

import socket

from . import namespace, proc
from .layout import WEB, write

MODULES = "/usr/lib/apache2/modules"


def prepare(lab):
    folder = lab.folder / "web"
    run = lab.run / "web"
    for path in (folder / "docs", run):
        path.mkdir(parents=True, exist_ok=True)
    keytab = folder / "web.keytab"
    write(keytab, (lab.keytabs / "web.keytab").read_bytes(), 0o400, owner=(33, 33))  # www-data has number 33 on Debian
    write(folder / "docs" / "index.html", "<!doctype html><title>Intranet</title><p>Welcome to the intranet.\n")
    modules = ["mpm_event", "authn_core", "authz_core", "authz_user", "auth_gssapi", "dir", "mime", "unixd", "headers"]
    loads = [f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in modules if name != "unixd"]
    write(folder / "apache.conf", "\n".join([
        *loads, f"ServerRoot {folder}", f"ServerName {WEB}", f"Listen {lab.address(WEB)}:80",
        f"PidFile {run}/apache.pid", f"DefaultRuntimeDir {run}", f"Mutex file:{run} default",
        "User #33", "Group #33", f"ErrorLog {lab.log}/web-error.log", "StartServers 1", "ThreadsPerChild 4",
        "MinSpareThreads 1", "MaxSpareThreads 8", "MaxRequestWorkers 8", "ServerLimit 2", "TypesConfig /etc/mime.types",
        f"DocumentRoot {folder}/docs", "DirectoryIndex index.html",
        "<Location />",
        "  AuthType GSSAPI", '  AuthName "Intranet"', f"  GssapiCredStore keytab:{keytab}",
        "  GssapiAllowedMech krb5", "  Require valid-user",
        '  Header always set X-Remote-User "expr=%{REMOTE_USER}"',
        "</Location>", ""]))
    return folder / "apache.conf"


def start(lab):
    conf = prepare(lab)
    proc.start(lab, "web", namespace.enter(lab, ["apache2", "-f", conf, "-DFOREGROUND"]),
               env={"KRB5_CONFIG": str(lab.krb5_conf), "KRB5RCACHETYPE": "none"})


def wait_ready(lab):
    proc.wait_ready(lab, "web", lambda: listens(lab.address(WEB), 80))


def listens(address, port):
    try:
        socket.create_connection((address, port), 1).close()
        return True
    except OSError:
        return False
