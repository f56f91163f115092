"""A program of the lab: TLS in front of a server that speaks none (PHP's own), as a load balancer does it.

    tls.py ADDRESS CERTIFICATE KEY TARGET_PORT     listens at ADDRESS:443, goes on to ADDRESS:TARGET_PORT
"""

import selectors
import socket
import ssl
import sys
import threading


def serve(client, context, target):
    """Both ways until one side has ended; TLS has to be read until nothing is pending, which select does not see."""
    with context.wrap_socket(client, server_side=True) as browser, socket.create_connection(target) as server:
        watch = selectors.DefaultSelector()
        watch.register(browser, selectors.EVENT_READ, (browser, server))
        watch.register(server, selectors.EVENT_READ, (server, browser))
        while True:
            for ready, _ in watch.select(60):
                source, sink = ready.data
                data = source.recv(65536)
                while source is browser and data and browser.pending():
                    data += browser.recv(65536)
                if not data:
                    return
                sink.sendall(data)


def quietly(*arguments):
    try:
        serve(*arguments)
    except OSError as error:
        print(f"tls: {error}", file=sys.stderr, flush=True)


def main(address, certificate, key, port):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server((address, 443), backlog=64)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=quietly, args=(client, context, (address, int(port))), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
