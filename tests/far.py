"""Places far away that stand on this machine: an S3 interface, and a server that misbehaves."""

import contextlib
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock

BUCKET = "team"


@contextlib.contextmanager
def s3():
    """A real S3 interface with an empty bucket; the environment leads there."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with contextlib.redirect_stdout(None):
        server.start()
    try:
        host, port = server.get_host_and_port()
        with led_to(f"http://{host}:{port}"):
            bucket().create()
            bucket().objects.delete()  # the library keeps one world in a process
            yield
    finally:
        server.stop()


def bucket():
    """The bucket, seen past lorabuild."""
    import boto3

    return boto3.resource("s3").Bucket(BUCKET)


@contextlib.contextmanager
def led_to(address):
    """S3 is at this address."""
    keys = {"AWS_ACCESS_KEY_ID": "someone", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
    with mock.patch.dict(os.environ, {"AWS_ENDPOINT_URL": address, "AWS_EC2_METADATA_DISABLED": "true", **keys}):
        yield


class Misbehaving(BaseHTTPRequestHandler):
    """Answers every request in one bad way; ``server.waits`` lets go of those that are kept waiting."""

    def answer(self):
        self.server.asked += 1
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        getattr(self, self.server.manner)()

    do_GET = do_HEAD = do_PUT = do_POST = answer  # noqa: N815 – the library's names

    def silent(self):
        self.server.waits.wait(30)
        self.close_connection = True

    def refusing(self):
        self.reply(403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")

    def failing(self):
        self.reply(500, b"<Error><Code>InternalError</Code><Message>We are sorry</Message></Error>")

    def cut_off(self):
        self.send_response(200)
        self.send_header("Content-Length", "9999")
        self.end_headers()
        self.wfile.write(b"<ListBucketResult>")
        self.close_connection = True

    def babbling(self):
        self.reply(200, b"<html>please log in</html>")

    def reply(self, code, body):
        self.send_response(code)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_words):
        """Says nothing."""


@contextlib.contextmanager
def misbehaving(manner):
    """A server that answers in a bad way; S3 is there. Gives the server, which counts what it was ``asked``."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving)
    server.daemon_threads, server.manner, server.asked, server.waits = True, manner, 0, threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        with led_to(f"http://127.0.0.1:{server.server_port}"):
            yield server
    finally:
        server.waits.set()
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def nobody():
    """An address at which nobody listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving)
    port = server.server_port
    server.server_close()
    with led_to(f"http://127.0.0.1:{port}"):
        yield
