import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from vla_policy.healthy import main


@contextmanager
def server(status: int, body: bytes) -> Iterator[int]:
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield listening.server_port
        finally:
            listening.shutdown()
            thread.join()
    assert set(asked) <= {"/healthz"}


def test_a_server_that_answers_is_healthy(capsys: pytest.CaptureFixture[str]) -> None:
    with server(200, b"OK\n") as port:
        assert main(["--port", str(port)]) == 0
    assert capsys.readouterr().out == "healthy\n"


def test_a_server_whose_inference_hangs_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    with server(503, b"inference runs for 12.0 s\n") as port:
        assert main(["--port", str(port)]) == 1
    assert "503 inference runs for 12.0 s" in capsys.readouterr().err


def test_nobody_there_is_said_with_the_address(capsys: pytest.CaptureFixture[str]) -> None:
    with server(200, b"") as port:
        pass
    assert main(["--port", str(port)]) == 1
    assert f"no policy server answers at 127.0.0.1:{port}" in capsys.readouterr().err


def test_one_that_does_not_speak_tls_is_not_healthy_over_tls(capsys: pytest.CaptureFixture[str]) -> None:
    with server(200, b"OK\n") as port:
        assert main(["--port", str(port), "--tls", "--timeout", "2"]) == 1
    assert "--tls" in capsys.readouterr().err
