"""The built binary: a simulated cloud, and a daemon with its page, on free loopback ports."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.parse
import urllib.request

from browser import until

ROOMY = ["--set", "limits.budget.hour=50000", "--set", "limits.budget.day=50000"]
KEY = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "sim-access-key", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "sim-secret"}


def manifest(name, vpc, ids, mode="detach", region="cn-hangzhou", owner="team-shop", more=""):
    """The text of a manifest; an id may be a map, as JSON."""
    listed = "".join(f"    - {of if isinstance(of, str) else json.dumps(of, ensure_ascii=False)}\n" for of in ids) or "    []\n"
    return (f"apiVersion: classiclinkd/v1\nkind: ClassicLinkSet\nmetadata:\n  name: {name}\n"
            f"  owner: {json.dumps(owner, ensure_ascii=False)}\nspec:\n  regionId: {region}\n  vpcId: {vpc}\n"
            f"  mode: {mode}\n{more}  instances:\n{listed}")


class Place:
    """A folder with manifests, a cloud made of them, and a daemon."""

    def __init__(self, binary, files, stale=0):
        self.binary = str(pathlib.Path(binary).resolve())
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="classiclinkd-page-"))
        self.manifests = self.root / "manifests"
        self.processes, self.page = {}, None
        self.environment = {key: value for key, value in os.environ.items()
                            if not key.startswith(("CLASSICLINKD_", "ALIBABA_", "GIT_"))} | KEY
        try:
            for name, text in files.items():
                self.write(name, text)
            self.cloud = self._start("cloud", ["simulate", "--listen", "127.0.0.1:0", "--manifests", "manifests",
                                               "--stale", str(stale), "--fault", "detach-delay=0s..1s"], r"endpoint listens at (http://\S+)")
            self.environment["CLASSICLINKD_ENDPOINT"] = self.cloud
        except BaseException:
            self.close()
            raise

    def run(self, *more, listen="127.0.0.1:0", interval="1s"):
        """Starts the daemon; its page is at `self.page`."""
        arguments = ["run", "--manifests", "manifests", "--state", "state", "--interval", interval, "--listen", listen,
                     "--set", "source.settle=100ms", "--set", "source.poll=300ms",
                     "--set", "limits.readsPerSecond.start=100", "--set", "limits.readsPerSecond.max=500", *more]
        self.page = self._start("daemon", arguments, r"status page listens.*?(http://[^\s\"]+)")
        return self

    def _start(self, name, arguments, says):
        log = self.root / f"{name}.log"
        with open(log, "wb") as out:
            self.processes[name] = subprocess.Popen([self.binary, *arguments], cwd=self.root, env=self.environment,
                                                    stdout=out, stderr=out, stdin=subprocess.DEVNULL)

        def said():
            if self.processes[name].poll() is not None:
                raise AssertionError(f"{name} ended\n{log.read_text()}")
            found = re.search(says, re.sub(r"\x1b\[[0-9;]*m", "", log.read_text()))
            return found and found.group(1)
        return until(f"{name} listens", said, 60, log.read_text)

    def write(self, name, text):
        path = self.manifests / name
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(".partial")
        partial.write_text(text)
        partial.rename(path)

    def ask(self, path):
        with urllib.request.urlopen(self.page.rstrip("/") + path, timeout=20) as answer:
            return json.load(answer)

    def stands(self, standing):
        until(f"it stands {standing}", lambda: self.ask("/api/v1/status")["standing"] == standing, 60,
              lambda: (self.root / "daemon.log").read_text()[-3000:])

    def stream(self):
        """An event stream, until it is closed."""
        return urllib.request.urlopen(self.page.rstrip("/") + "/api/v1/events", timeout=20)

    def fault(self, **faults):
        """Orders faults from the cloud."""
        faults = {name.replace("_", "-"): value for name, value in faults.items()}
        urllib.request.urlopen(f"{self.cloud}/_sim/fault", urllib.parse.urlencode(faults).encode(), timeout=20).close()

    def command(self, *arguments):
        subprocess.run([self.binary, *arguments, "--state", "state"], cwd=self.root, env=self.environment, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self, name="daemon"):
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def close(self):
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.root, ignore_errors=True)
