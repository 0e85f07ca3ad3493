"""A real S3-compatible server on the loopback interface, one that fails, and writers to either."""

import random
import socket
import struct
import subprocess
import sys
import threading
from contextlib import contextmanager
from urllib.request import Request, urlopen

import numpy as np

from ptycho_engine.io.specs import ArraySpec

#: What a client needs to reach it.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "of-a-test",
    "AWS_SECRET_ACCESS_KEY": "never-to-be-seen",
    "AWS_REGION": "us-east-1",
    "AWS_ALLOW_HTTP": "true",
}
COUNT, STEP = 48, 4
ARRAYS = {
    "patches": ArraySpec((COUNT, 8, 8), np.dtype("c8"), ("point", "y", "x"), chunks=(6, 8, 8)),
    "positions": ArraySpec((COUNT, 2), np.dtype("f8"), ("point", "coordinate"), "object pixels"),
}
#: A run in a process of its own, which says when it begins, waits, and ends with what came of it.
PROGRAM = """
import sys, time
from object_servers import fill
def wait(start):
    print("region", start, flush=True)
    time.sleep(float(sys.argv[3]))
fill(sys.argv[1], int(sys.argv[2]), wait)
"""


def values(seed):
    """All patches of a run."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(COUNT, 8, 8)) + 1j).astype("c8")


def fill(place, seed, after=lambda start: None):
    """Write an output to a path or URL."""
    from ptycho_engine.io.store import Store

    patches = values(seed)
    with Store.create(place, ARRAYS, configuration={"seed": seed}) as store:
        store.write("positions", (), np.zeros((COUNT, 2)) + seed)
        store.finish(())
        for start in range(0, COUNT, STEP):
            region = slice(start, start + STEP)
            store.write("patches", region, patches[region])
            store.finish(region)
            after(start)


def writer(url, seed, pause=0.0, environment=None):
    """Start a process that writes an output."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(url), str(seed), str(pause)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


class Failing:
    """A WSGI application of which a share of the requests fails.

    They fail before or after they are carried out: with 500, with 503, or by a reset connection.
    """

    def __init__(self, application, share, seed=0):
        self.application, self.share = application, share
        self.random, self.lock = random.Random(seed), threading.Lock()
        self.failed = 0

    def __call__(self, environ, start_response):
        with self.lock:
            fails = self.random.random() < self.share
            kind = self.random.choice(["before", "after", "busy", "reset", "lost"])
            self.failed += fails
        if not fails:
            return self.application(environ, start_response)
        if kind in ("after", "lost"):
            b"".join(self.application(environ, lambda status, headers, info=None: None))
        else:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if kind in ("reset", "lost"):
            connection = environ["werkzeug.socket"]
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
            return []
        status = "503 Slow Down" if kind == "busy" else "500 Internal Server Error"
        start_response(status, [("Content-Length", "0"), ("Connection", "close")])
        return [b""]


@contextmanager
def serving(share=0.0):
    """Run a server with the buckets ``scans`` and ``outputs``; yield its address and itself."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    application = Failing(DomainDispatcherApplication(create_backend_app), 0.0)
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    try:
        for name in ("scans", "outputs"):
            urlopen(Request(f"{address}/{name}", method="PUT")).close()
        application.share = share
        yield address, application
    finally:
        server.shutdown()
        thread.join()
