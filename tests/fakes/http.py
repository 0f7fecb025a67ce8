"""A static file server on loopback."""

from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class serving:  # noqa: N801 - reads as a verb
    """Serve a folder on loopback."""

    def __init__(self, folder, handler=QuietHandler):
        def handle(*given):
            return handler(*given, directory=str(folder))

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handle)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self):
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
