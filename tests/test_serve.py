"""`declutter serve` as a process of its own, asked over real connections; fuzzed by its own description."""

import contextlib
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from declutter import Cleaner, Page, learn

pytest.importorskip("starlette", reason="needs declutter-text[serve]")
pytest.importorskip("uvicorn", reason="needs declutter-text[serve]")

SEEDS = Path(__file__).parent.parent / "seeds"
BOATS = "The boats came back at dawn, and nobody had slept that night."
MAX_BODY = 4_000_000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def service(log_path, *options):
    """(process, port) of a running service."""
    port = free_port()
    command = [sys.executable, "-m", "declutter.cli", "serve", "--port", str(port), *options]
    with open(log_path, "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                if ask(port, "GET", "/health")[0] == 200:
                    break
            assert process.poll() is None and time.monotonic() < deadline, Path(log_path).read_text()
            time.sleep(0.05)
        yield process, port
    finally:
        process.terminate()
        process.wait(30)


def ask(port, method, path, body=None, content_type="application/json", timeout=60):
    """(status, body as text) of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    body = json.dumps(body) if isinstance(body, dict) else body
    connection.request(method, path, body, {"Content-Type": content_type} if body is not None else {})
    response = connection.getresponse()
    found = response.status, response.read().decode()
    connection.close()
    return found


@pytest.fixture(scope="module")
def pages():
    paths = sorted(SEEDS.rglob("*.txt"))
    urls = (f"https://www.{path.parent.name}.example/{path.stem}" for path in paths)
    texts = [path.read_text("utf-8") for path in paths]
    found = [Page(path.stem, url=url, text=text) for path, url, text in zip(paths, urls, texts, strict=True)]
    return (
        found + [Page(f"{page.id}-2", url=f"{page.url}-2", text=page.text[::-1]) for page in found][: 200 - len(found)]
    )


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """(port, log) of a service with small limits; at the end its log shows no trace."""
    log_path = tmp_path_factory.mktemp("serve") / "log"
    limits = ["--max-body", str(MAX_BODY / 1e6), "--max-pages", "250"]
    with service(log_path, "--workers", "2", *limits) as (process, port):
        yield port, log_path
        assert process.poll() is None
    assert "Traceback" not in log_path.read_text()


def test_200_pages_are_what_clean_pages_makes_of_them(running, pages):
    records = [{"id": page.id, "url": page.url, "text": page.text} for page in pages]
    status, body = ask(running[0], "POST", "/clean/pages?verdicts=true", {"pages": records})
    assert status == 200
    for got, cleaned in zip(json.loads(body)["pages"], Cleaner().clean_pages(pages), strict=True):
        assert (got["id"], got["text"]) == (cleaned.page.id, cleaned.text)
        verdicts = {row + 1: verdict for row, verdict in enumerate(cleaned.verdicts)}
        for line in got["verdicts"]:
            label, _, keep, reason = verdicts[line["line"]]
            assert (line["label"], line["keep"], line["reason"]) == (label, keep, reason)


def test_with_a_profile_single_pages_are_the_same(pages, tmp_path):
    profile = learn(pages)
    profile.save(tmp_path / "p.profile")
    expected = [cleaned.text for cleaned in Cleaner(keep={"body"}, profile=profile).clean_pages(pages[:60])]
    found = {}
    options = ["--profile", str(tmp_path / "p.profile"), "--keep", "body", "--workers", "1", "--quiet"]
    with service(tmp_path / "log", *options) as (_, port):

        def ask_some(first):
            for number in range(first, 60, 4):
                page = {"url": pages[number].url, "text": pages[number].text}
                found[number] = json.loads(ask(port, "POST", "/clean", page)[1])["text"]

        threads = [threading.Thread(target=ask_some, args=(first,)) for first in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [found[number] for number in range(60)] == expected
    assert (tmp_path / "log").read_text() == ""


def test_health_answers_while_pages_are_cleaned(running, pages):
    port = running[0]
    body = {"pages": [{"text": page.text} for page in pages[:100]]}
    busy = [threading.Thread(target=ask, args=(port, "POST", "/clean/pages", body)) for _ in range(4)]
    for thread in busy:
        thread.start()
    slowest = 0.0
    while any(thread.is_alive() for thread in busy):
        begin = time.perf_counter()
        assert ask(port, "GET", "/health")[0] == 200
        slowest = max(slowest, time.perf_counter() - begin)
    assert slowest < 0.5  # one of the four takes longer than that; measured 0.02


def test_limits_and_refusals(running):
    port = running[0]
    assert ask(port, "POST", "/clean/raw", b"a" * (MAX_BODY + 1), "text/plain")[0] == 413
    chunks = (b"a" * 100_000 for _ in range(MAX_BODY // 100_000 + 1))  # no Content-Length: sent chunked
    try:
        assert ask(port, "POST", "/clean/raw", chunks, "text/plain")[0] == 413
    except BrokenPipeError:  # the service closes the connection at once
        pass
    assert ask(port, "POST", "/clean/pages", {"pages": [{"text": "a"}] * 251})[0] == 400
    assert ask(port, "POST", "/clean", b"{}", "application/xml")[0] == 415
    assert ask(port, "POST", "/clean", b"{")[0] == 400
    assert ask(port, "GET", "/clean")[0] == 405
    status, body = ask(port, "GET", "/etc/passwd")
    assert (status, json.loads(body)) == (404, {"error": "Not Found"})


def test_a_body_that_does_not_come_is_not_waited_for(tmp_path):
    head = b"POST /clean HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    with service(tmp_path / "log", "--workers", "1", "--time-limit", "0.5") as (_, port):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(head)
            assert b" 408 " in connection.recv(1000).partition(b"\r\n")[0]
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(head)  # and hangs up
        assert ask(port, "GET", "/health")[0] == 200
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_metrics_count_in_the_format_of_prometheus(running):
    port = running[0]

    def counted():
        lines = ask(port, "GET", "/metrics")[1].splitlines()
        assert all(
            re.fullmatch(r'# (HELP|TYPE) .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [\d.]+', line) for line in lines
        )
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}

    before = counted()
    ask(port, "POST", "/clean", {"text": "Home\n"})
    ask(port, "POST", "/clean", {"txet": "Home\n"})
    after = counted()
    gained = {name: value - before.get(name, 0.0) for name, value in after.items()}
    assert gained["declutter_pages_total"] == 1
    assert gained['declutter_requests_total{path="/clean",status="200"}'] == 1
    assert gained['declutter_requests_total{path="/clean",status="400"}'] == 1
    assert gained["declutter_request_seconds_count"] == gained['declutter_request_seconds_bucket{le="+Inf"}'] == 2
    assert after["declutter_workers"] == 2


def test_a_fuzzer_finds_nothing_that_its_description_does_not_say(running, tmp_path):
    pytest.importorskip("schemathesis", reason="needs schemathesis")
    options = ["--checks", "all", "--max-examples", "25", "--seed", "1", "--generation-database", "none", "--no-color"]
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{running[0]}/openapi.json", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"(\d+) generated", done.stdout)[1]) > 200
    assert ask(running[0], "GET", "/health")[0] == 200


def test_a_request_under_way_is_answered_before_the_service_ends(pages, tmp_path):
    found = []
    with service(tmp_path / "log", "--workers", "1") as (process, port):
        body = {"pages": [{"text": page.text} for page in pages]}
        asking = threading.Thread(target=lambda: found.append(ask(port, "POST", "/clean/pages", body)))
        asking.start()
        while "declutter_busy_workers 1" not in ask(port, "GET", "/metrics")[1]:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        asking.join()
        assert found[0][0] == 200
        assert process.wait(30) == 0
    with pytest.raises(OSError):
        ask(port, "GET", "/health")


def test_it_says_why_it_does_not_start(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "-m", "declutter.cli", "serve", "--workers", "1", "--port"]
        port = str(taken.getsockname()[1])
        done = subprocess.run([*command, port], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert f"Error: could not listen on 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr
