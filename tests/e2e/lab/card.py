"""The card protocol (docs/PROTOCOL.md, "fas-agent: card socket"), spoken by a process that is the user.

`Program` starts this very file under a user's uid, as any program of a session would be, and sends it what to ask, one
JSON object a line; values of bytes travel as hex.
"""

import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

OPS = {"cards": 1, "objects": 2, "sign": 3, "hash_begin": 4, "hash_update": 5, "sign_hashed": 6, "wait": 7, "logon": 32,
       "open": 33, "close": 34, "sessions": 35, "status": 36, "unlock": 37}
STATUSES = ["ok", "denied", "no_consent", "card_gone", "key_gone", "mechanism", "data", "away", "limit", "busy", "internal",
            "malformed", "session_gone"]
# name: (tag, bytes of a number; 0 = text, -1 = bytes, -2 = list)
TAGS = {"reason": (1, 0), "text": (2, 0), "correlation": (3, 0), "generation": (10, 8), "card": (11, -2),
        "card_id": (12, 4), "label": (13, 0), "serial": (14, 0), "timeout": (15, 4), "key": (20, -2), "key_id": (21, -1),
        "purpose": (22, 1), "key_type": (23, 1), "bits": (24, 4), "modulus": (25, -1), "exponent": (26, -1),
        "ec_params": (27, -1), "ec_point": (28, -1), "certificate": (29, -1), "subject": (30, -1), "issuer": (31, -1),
        "cert_serial": (32, -1), "not_before": (33, 8), "not_after": (34, 8), "mechanisms": (35, 4),
        "issuer_cert": (36, -2), "mechanism": (40, 1), "hash": (41, 1), "mgf_hash": (42, 1), "salt_len": (43, 2),
        "data": (44, -1), "signature": (45, -1), "ticket": (60, 0), "user": (61, 0), "service": (62, 0), "rhost": (63, 0),
        "session": (64, 0), "ccache": (65, 0), "pid": (66, 4), "uid": (67, 4), "state": (68, 0), "expires": (69, 8),
        "session_entry": (70, -2), "line": (71, -2), "name": (72, 0), "value": (73, 0)}
NAMES = {tag: (name, kind) for name, (tag, kind) in TAGS.items()}
LOGON, IN_SESSION = 1, 2
RSA_PKCS1, RSA_PSS, ECDSA = 1, 2, 3
SHA256, SHA384, SHA512 = 1, 2, 3


def encode_value(kind, value):
    if kind > 0:
        return value.to_bytes(kind, "big")
    return value.encode() if kind == 0 else bytes.fromhex(value)


def encode(op, fields):
    parts = [(TAGS[name][0], encode_value(TAGS[name][1], value)) for name, value in fields.items()]
    head = struct.pack(">HHI", 1, OPS[op], len(parts))
    return head + b"".join(struct.pack(">HI", tag, len(data)) + data for tag, data in parts)


def decode_fields(data):
    found = {}
    while data:
        tag, length = struct.unpack(">HI", data[:6])
        value, data = data[6:6 + length], data[6 + length:]
        name, kind = NAMES[tag]
        if kind == -2:
            found.setdefault(name, []).append(decode_fields(value))
        elif kind > 0:
            found[name] = int.from_bytes(value, "big")
        else:
            found[name] = value.decode() if kind == 0 else value.hex()
    return found


def decode(packet):
    version, status, _ = struct.unpack(">HHI", packet[:8])
    assert version == 1, packet[:8]
    return {"status": STATUSES[status], **decode_fields(packet[8:])}


def connect(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(path)
    return s


def ask(s, op, fields):
    s.send(encode(op, fields))
    packet = s.recv(65536)
    return decode(packet) if packet else {"status": "closed"}


def serve(path):
    """One question a line, one answer a line; "raw" sends bytes as they are, "fork" asks from a child's copy."""
    s = None
    for line in sys.stdin:
        question = json.loads(line)
        op, fields = question.pop("op"), question
        s = s or connect(path)
        try:
            if op == "raw":
                s.send(bytes.fromhex(fields["data"]))
                packet = s.recv(65536)
                answer = decode(packet) if packet else {"status": "closed"}
            elif op == "fork":
                answer = ask_from_child(s, fields)
            elif op == "reconnect":
                s.close()
                s, answer = None, {"status": "ok"}
            else:
                answer = ask(s, op, fields)
        except OSError as error:
            answer, s = {"status": "closed", "text": str(error)}, None
        print(json.dumps(answer), flush=True)


def ask_from_child(s, fields):
    """A forked child on its parent's connection."""
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, json.dumps(ask(s, fields.pop("of"), fields)).encode())
        os._exit(0)
    os.wait()
    return json.loads(os.read(read, 65536))


class Program:
    """A process under a uid that speaks to the agent at a socket."""

    def __init__(self, path, uid, python="/usr/bin/python3", env=None):
        self.process = subprocess.Popen([python, "-c", Path(__file__).read_text(), str(path)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, user=uid, group=uid,
                                        extra_groups=[], cwd="/", env={"PATH": "/usr/bin:/bin", **(env or {})})

    @property
    def pid(self):
        return self.process.pid

    def send(self, op, **fields):
        self.process.stdin.write(json.dumps({"op": op, **fields}) + "\n")
        self.process.stdin.flush()

    def receive(self):
        return json.loads(self.process.stdout.readline())

    def ask(self, op, **fields):
        self.send(op, **fields)
        return self.receive()

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


if __name__ == "__main__":
    serve(sys.argv[1])
