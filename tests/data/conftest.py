"""A small web server on this machine that can misbehave on request."""

import http.server
import threading
from dataclasses import dataclass, field

import pytest


@dataclass
class Server:
    """`files` by name; `log` of (name, Range header); `cut` says after how many bytes to hang up, once."""

    address: str
    files: dict[str, bytes] = field(default_factory=dict)
    log: list[tuple[str, str | None]] = field(default_factory=list)
    cut: dict[str, int] = field(default_factory=dict)
    ranges: bool = True

    def url(self, name):
        return f"{self.address}/{name}"


@pytest.fixture
def server():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.lstrip("/").partition("?")[0]
            wanted = self.headers["Range"]
            site.log.append((name, wanted))
            if name not in site.files:
                self.send_error(404)
                return
            body = site.files[name]
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and site.ranges else 0
            if start >= len(body) > 0:
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            end = start + site.cut.pop(name) if name in site.cut else len(body)
            self.wfile.write(body[start:end])

        def log_message(self, *args):
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = Server(f"http://127.0.0.1:{httpd.server_address[1]}")
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
    thread.start()
    yield site
    httpd.shutdown()
    thread.join()
    httpd.server_close()


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty Keras home directory."""
    folder = tmp_path / "keras home"
    monkeypatch.setenv("KERAS_HOME", str(folder))
    return folder
