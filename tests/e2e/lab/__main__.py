"""The command line behind tests/lab."""

import argparse
import os
import sys

from . import lifecycle, namespace, programs, saml
from .layout import Lab, LabError, default_folder

CLAIMS = {"sid": "cip_sid", "upn": "cip_upn", "guid": "cip_oid"}


def run_up(args):
    if os.geteuid():
        raise LabError("needs root: it mounts, binds port 80 and starts programs under users of their own")
    lab = lifecycle.up(args.folder or default_folder(), lifecycle.Steps(args.quiet))
    print(f"The lab is up.  Next:\n  . {lab.env_file}\n  tests/lab exec klist\n  tests/lab assert alice\n"
          f"  tests/lab down {lab.folder}")


def run_down(args):
    lab = Lab.load(args.folder or default_folder())
    lifecycle.down(lab)
    if args.purge:
        lifecycle.purge(lab)


def run_exec(args):
    lab = Lab.load(default_folder())
    command = args.command[args.command[:1] == ["--"]:]
    if not command:
        raise LabError("exec: which command?")
    argv = namespace.enter(lab, command, os.getcwd())
    os.environ.pop("PYTHONPATH", None)  # tests/lab's own
    os.environ.update(programs.tool_env(lab) | {"KRB5_CONFIG": str(lab.krb5_conf), "FAS_LAB": str(lab.folder)})
    os.environ["PATH"] = f"{programs.build_folder() / 'bin'}:{os.environ['PATH']}"
    os.execvp(argv[0], argv)


def claims_from(lab, args):
    account = lab.accounts.get(args.user)
    if account is None and not args.claim:
        raise LabError(f"no account {args.user} in {lab.accounts_file}; or give all of its claims by --claim")
    claims = saml.claims_of(account) if account else {}
    for claim in args.claim:
        name, equals, value = claim.partition("=")
        if not equals:
            raise LabError(f"--claim {claim}: want NAME=VALUE; an empty value leaves the claim out")
        claims[CLAIMS.get(name, name)] = value
    return {name: value for name, value in claims.items() if value}


def run_assert(args):
    lab = Lab.load(default_folder())
    fields = {name: value for name, value in vars(args).items()
              if name in ("in_response_to", "destination", "recipient", "audience", "issuer", "assertion_id", "age_s")
              and value is not None}
    print(saml.response(claims_from(lab, args), saml.load_key(lab), what=args.sign, digest=args.digest,
                        name_id=args.user, **fields))


def parser():
    top = argparse.ArgumentParser(prog="tests/lab", description="An Active Directory domain with everything that a first "
                                  "logon needs, on loopback addresses of this machine.")
    commands = top.add_subparsers(dest="name", required=True, metavar="COMMAND")

    def command(name, run, help):
        made = commands.add_parser(name, help=help, description=help)
        made.set_defaults(run=run)
        return made

    up = command("up", run_up, "start a lab and write DIR/env")
    up.add_argument("folder", nargs="?", metavar="DIR", help="default: $FAS_LAB, else fas-lab in the folder for "
                    "temporary files")
    up.add_argument("-q", "--quiet", action="store_true", help="no line for each step")
    down = command("down", run_down, "stop everything that this lab started; its files stay")
    down.add_argument("folder", nargs="?", metavar="DIR")
    down.add_argument("--purge", action="store_true", help="remove its files as well")
    enter = command("exec", run_exec, "run a command where the lab's names resolve")
    enter.add_argument("command", nargs=argparse.REMAINDER, metavar="CMD")
    make = command("assert", run_assert, "print a freshly signed SAML response, base64")
    make.add_argument("user", metavar="USER", help="an account of the lab (accounts.json)")
    make.add_argument("--claim", action="append", default=[], metavar="NAME=VALUE",
                      help="set a claim (sid, upn, guid or any attribute name); an empty value leaves it out")
    make.add_argument("--sign", choices=["assertion", "response", "both", "none"], default="assertion")
    make.add_argument("--digest", choices=sorted(saml.HASHES), default="sha256")
    make.add_argument("--in-response-to", metavar="ID")
    make.add_argument("--age", dest="age_s", type=int, metavar="SECONDS", help="made so long ago")
    for name in ("destination", "recipient", "audience", "issuer", "assertion-id"):
        make.add_argument("--" + name, metavar="TEXT")
    return top


def main():
    args = parser().parse_args()
    try:
        args.run(args)
    except (LabError, OSError) as error:
        print(f"tests/lab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
