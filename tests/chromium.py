"""A headless Chromium, spoken to over its debugging pipe; the tests of reports look at their pages with it."""

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PROGRAM = next(filter(None, map(shutil.which, NAMES)), None)
SECONDS = 60


class Chromium:
    """One tab. `messages` are the console's and the log's, such as a policy that was violated."""

    def __init__(self, process, write_to, read_from):
        self.process, self.write_to, self.read_from = process, write_to, read_from
        self.unread, self.n_calls, self.session = b"", 0, None
        self.messages, self.events = [], set()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        """What the browser answers to a command of its debugging protocol."""
        self.n_calls += 1
        message = {"id": self.n_calls, "method": method, "params": parameters}
        message |= {"sessionId": self.session} if self.session else {}
        os.write(self.write_to, json.dumps(message).encode() + b"\0")
        answer = self._wait(lambda found: found.get("id") == self.n_calls)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def _wait(self, is_it):
        end = time.monotonic() + SECONDS
        while True:
            while b"\0" in self.unread:
                text, _, self.unread = self.unread.partition(b"\0")
                found = json.loads(text)
                self._note(found)
                if is_it(found):
                    return found
            readable, _, _ = select.select([self.read_from], [], [], max(0, end - time.monotonic()))
            part = os.read(self.read_from, 1 << 20) if readable else b""
            if not part:
                raise TimeoutError(f"Chromium did not answer in {SECONDS} seconds, or ended")
            self.unread += part

    def _note(self, found):
        method, parameters = found.get("method"), found.get("params", {})
        if method == "Runtime.consoleAPICalled":
            self.messages.append(str(parameters["args"]))
        elif method == "Log.entryAdded":
            self.messages.append(parameters["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.messages.append(str(parameters["exceptionDetails"]))
        elif method == "Network.requestWillBeSent":
            self.events.add(parameters["request"]["url"])

    def open(self, path, width=1280, height=900, scheme="light"):
        """Load a file as a window of this size and a reader of light or dark pages sees it."""
        self.messages, self.events = [], set()
        media = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=media)
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self.call("Page.navigate", url=path.resolve().as_uri())
        self._wait(lambda found: found.get("method") == "Page.loadEventFired")

    def value(self, expression):
        """What an expression of JavaScript is on the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def screenshot(self, path, whole=False):
        """Write a PNG of the window, or of the whole page."""
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))


@contextlib.contextmanager
def chromium():
    """A browser with a profile of its own, ended afterwards."""
    to_browser, write_to = os.pipe()
    read_from, from_browser = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # the browser reads commands from descriptor 3 and answers on 4
        command = f'exec "$0" "$@" 3<&{to_browser} 4>&{from_browser}'
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe"]
        process = subprocess.Popen(
            ["bash", "-c", command, PROGRAM, *options, f"--user-data-dir={profile}", "--no-first-run"],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        try:
            yield Chromium(process, write_to, read_from)
        finally:
            process.terminate()
            process.wait(SECONDS)
            os.close(write_to)
            os.close(read_from)
