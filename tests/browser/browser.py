"""A headless Chromium, driven over its own protocol (CDP): pages, what goes wrong on them, pictures."""

import base64
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-port=0"]
DEADLINE = 30


def until(what, holds, within=DEADLINE, shown=lambda: ""):
    """Waits until something holds and returns it; says what it waited for if it never does."""
    end = time.monotonic() + within
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {within} s: {what}\n{shown()}")
        time.sleep(0.05)


class Browser:
    """One process with its own profile. Ends with `close`."""

    def __init__(self, binary):
        self.profile = tempfile.mkdtemp(prefix="classiclinkd-browser-")
        self.log = open(pathlib.Path(self.profile) / "log", "w+b")
        command = [binary, *FLAGS, f"--user-data-dir={self.profile}", "about:blank"]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        self.socket, self.serial, self.heard = None, 0, []
        try:
            url = until("the browser listens", self._address, 60, self._said)
            self.socket = connect(url, max_size=None, max_queue=None, compression=None, ping_interval=None)
        except BaseException:
            self.close()
            raise

    def _said(self):
        return (pathlib.Path(self.profile) / "log").read_text(errors="replace")

    def _address(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the browser ended\n{self._said()}")
        found = re.search(r"DevTools listening on (ws://\S+)", self._said())
        return found and found.group(1)

    def call(self, method, session=None, **parameters):
        self.serial += 1
        number = self.serial
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        self.socket.send(json.dumps(message))
        end = time.monotonic() + DEADLINE
        while True:
            answer = json.loads(self.socket.recv(timeout=max(0.1, end - time.monotonic())))
            if answer.get("id") == number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.heard.append(answer)

    def close(self):
        try:
            if self.socket:
                self.call("Browser.close")
                self.socket.close()
        except (ConnectionClosed, OSError, TimeoutError):
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.profile, ignore_errors=True)


class Page:
    """A tab of its own, without anybody's cookies or cache."""

    def __init__(self, browser, width=1280, height=900, scheme="light", motion="reduce", parts=None):
        self.browser, self.parts = browser, parts
        self.context = browser.call("Target.createBrowserContext")["browserContextId"]
        target = browser.call("Target.createTarget", url="about:blank", browserContextId=self.context)
        self.session = browser.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM", "Accessibility"):
            self.call(f"{domain}.enable")
        self.size(width, height)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": motion}])
        self.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def size(self, width, height):
        self.width = width
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def go(self, url):
        self.call("Page.navigate", url=url)

    def run(self, script):
        """The value of an expression, awaited."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            told = answer["exceptionDetails"]
            raise AssertionError(told.get("exception", {}).get("description") or told["text"])
        return answer["result"].get("value")

    def text(self, selector):
        return self.run(f"[...document.querySelectorAll({json.dumps(selector)})].map((of) => of.innerText).join('\\n')")

    def until(self, what, script, within=DEADLINE):
        return until(what, lambda: self.run(script), within, lambda: self.run("document.body.innerText")[:3000])

    def sees(self, text, selector="body", within=DEADLINE):
        found = f"[...document.querySelectorAll({json.dumps(selector)})].some((of) => of.innerText.includes({json.dumps(text)}))"
        self.until(f"`{text}` in {selector}", found, within)

    def events(self, name):
        """What the browser told so far under a name."""
        self.run("0")
        return [heard["params"] for heard in self.browser.heard
                if heard.get("sessionId") == self.session and heard.get("method") == name]

    def wrong(self):
        """Errors of the console, exceptions, dialogs, violations of the policy, requests elsewhere."""
        found = [f"console: {of['type']} {[a.get('value', a.get('description')) for a in of['args']]}"
                 for of in self.events("Runtime.consoleAPICalled") if of["type"] in ("error", "warning", "assert")]
        found += [f"exception: {of['exceptionDetails']}" for of in self.events("Runtime.exceptionThrown")]
        found += [f"log: {of['entry']['source']} {of['entry']['text']} {of['entry'].get('url', '')}"
                  for of in self.events("Log.entryAdded") if of["entry"]["level"] in ("error", "warning")]
        found += [f"dialog: {of['message']}" for of in self.events("Page.javascriptDialogOpening")]
        found += [f"policy: {of}" for of in self.run("window.violations || []")]
        origin = self.run("location.origin")
        found += [f"elsewhere: {of['request']['url']}" for of in self.events("Network.requestWillBeSent")
                  if not of["request"]["url"].startswith((origin, "about:"))]
        return found

    def press(self, key, code=None, shift=False):
        numbers = {"Tab": 9, "Enter": 13, " ": 32}
        told = {"key": key, "code": code or key, "windowsVirtualKeyCode": numbers.get(key, 0), "modifiers": 8 if shift else 0}
        if key == "Enter":
            told["text"] = "\r"
        self.call("Input.dispatchKeyEvent", type="keyDown", **told)
        self.call("Input.dispatchKeyEvent", type="keyUp", **{k: v for k, v in told.items() if k != "text"})

    def picture(self, path, whole=True):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 6000), "scale": 1}
        more = {"clip": clip, "captureBeyondViewport": True} if whole else {}
        taken = self.call("Page.captureScreenshot", format="png", **more)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(taken["data"]))

    def close(self):
        self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)


WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (of) => violations.push(`${of.effectiveDirective} ${of.blockedURI}`));
"""
