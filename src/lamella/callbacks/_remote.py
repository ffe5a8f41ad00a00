"""Sending the metrics to a server."""

import json
import urllib.error
import urllib.parse
import urllib.request
import warnings

import numpy as np

from lamella.training._callback import Callback


class RemoteMonitor(Callback):
    """Posts the metrics of every epoch to a server, as JSON. A server that does not answer costs a warning.

    Args:
        root: the server, as in `"http://localhost:9000"`.
        path: where on it.
        field: the name of the form's field that holds the JSON, where it is sent as a form.
        headers: headers of the request; a dict.
        send_as_json: send the JSON as the body (`application/json`) instead of as a field of a form.
    """

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict | None = None,
        send_as_json: bool = False,
    ):
        super().__init__()
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        values = {"epoch": epoch}
        for name, value in (logs or {}).items():
            values[name] = np.asarray(value).tolist()
        text = json.dumps(values)
        body = text if self.send_as_json else urllib.parse.urlencode({self.field: text})
        kind = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
        request = urllib.request.Request(
            self.root + self.path, body.encode(), {"Content-Type": kind, **(self.headers or {})}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=10):
                pass
        except (urllib.error.URLError, OSError) as error:
            warnings.warn(f"Could not reach RemoteMonitor root server at {self.root}: {error}", stacklevel=2)
