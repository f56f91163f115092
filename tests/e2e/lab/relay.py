"""Between fasd and the domain controller: passes everything on, and, when told so, so slowly that no answer ever ends."""

import select
import socket
import threading

DRIP_S = 0.2


class Relay:
    def __init__(self, address, port, target):
        self.target, self.dripping, self.ended = target, threading.Event(), threading.Event()
        self.listener = socket.create_server((address, port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while not self.ended.is_set():
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client, socket.create_connection(self.target) as server:
            while not self.ended.is_set():
                ready, _, _ = select.select([client, server], [], [], 0.5)
                for one in ready:
                    data = one.recv(65536)
                    if not data or not self.pass_on(data, client if one is server else server, one is server):
                        return

    def pass_on(self, data, to, is_answer):
        try:
            if not (is_answer and self.dripping.is_set()):
                to.sendall(data)
                return True
            for at in range(len(data)):  # octet by octet: the line is never silent
                to.sendall(data[at:at + 1])
                if self.ended.wait(DRIP_S):
                    return False
            return True
        except OSError:
            return False

    def stop(self):
        self.ended.set()
        self.listener.close()
