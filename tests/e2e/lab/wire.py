"""The programs' Unix sockets, spoken by hand (docs/PROTOCOL.md, "framing"): to be a peer that they did not expect."""

import json
import os
import socket
import struct

TIMEOUT_S = 10


def _exchange(path, messages):
    replies = []
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(TIMEOUT_S)
        peer.connect(str(path))
        stream = peer.makefile("rb")
        for message in messages:
            data = message if isinstance(message, bytes) else json.dumps(message).encode()
            peer.sendall(struct.pack(">I", len(data)) + data)
            head = stream.read(4)
            if len(head) < 4:
                replies.append(None)
                break
            replies.append(json.loads(stream.read(struct.unpack(">I", head)[0])))
    return replies


def ask_as(uid, path, *messages):
    """Send messages over one connection as that uid; the replies, None where the peer closed instead."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            try:
                told = _exchange(path, messages)
            except OSError as error:
                told = [str(error)]
            os.write(writer, json.dumps(told).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return json.loads(told or b"[null]")
