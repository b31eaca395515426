#!/usr/bin/env python3
"""Black-box conformance suite: run.py BINARY [--only NAME]... [--seed N] [--jobs N] [--logs DIR] [--list]

Each scenario starts its own ECS endpoint (endpoint.py), writes its own manifests, runs the binary
as a user would, and judges it by exit code, output, and the calls that reached the endpoint.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from endpoint import ATTACH, DESCRIBE, DETACH, Endpoint, Faults, World  # noqa: E402

REGION = "cn-hangzhou"
ROOMY = ["--set", "limits.budget.hour=5000", "--set", "limits.budget.day=5000"]
FAST = ["--set", "limits.writesPerSecond.start=100", "--set", "limits.writesPerSecond.max=500",
        "--set", "limits.readsPerSecond.start=100", "--set", "limits.readsPerSecond.max=500"]
SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__.replace("_", "-")] = function
    return function


def instance(n):
    return f"i-bp67conf{n:012d}"


def vpc(n):
    return f"vpc-bp67conf{n:010d}"


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err


class Case:
    """One scenario's folders, endpoint, processes and soft assertions."""

    def __init__(self, name, binary, seed, keep_logs):
        self.name, self.binary, self.seed, self.keep_logs = name, binary, seed, keep_logs
        self.root = pathlib.Path(tempfile.mkdtemp(prefix=f"conformance-{name}-"))
        self.manifests, self.state, self.home = self.root / "manifests", self.root / "state", self.root / "home"
        self.manifests.mkdir()
        self.home.mkdir()
        self.failures, self.outputs, self.daemons = [], [], []
        self.world = self.endpoint = self.user = None
        self.env = {"PATH": os.environ.get("PATH", ""), "HOME": str(self.home), "RUST_BACKTRACE": "1",
                    "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true"}

    # -- the world -----------------------------------------------------------------------------

    def serve(self, vpcs, links=0, stale=0, **world):
        """`links` links in each VPC, the first `stale` of them undesired."""
        self.world = World(REGION, vpcs, seed=self.seed, **world)
        self.env["ALIBABA_CLOUD_ACCESS_KEY_ID"] = self.world.key
        self.env["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = self.world.secret
        if self.world.token:
            self.env["ALIBABA_CLOUD_SECURITY_TOKEN"] = self.world.token
        n = 0
        for name in vpcs:
            for k in range(links):
                n += 1
                self.world.link(instance(n), name, keep=k >= stale)
        self.endpoint = Endpoint(self.world).__enter__()
        return self.world

    def kept(self, name):
        return sorted(i for i, v in self.world.keep if v == name)

    def manifest(self, name, ids, mode="detach", max_detach=None, allow_empty=None, file=None):
        """Write one manifest the way careful tools do: beside, then renamed over."""
        lines = ["apiVersion: classiclinkd/v1", "kind: ClassicLinkSet", "metadata:", f"  name: set-{name}", "spec:",
                 f"  regionId: {REGION}", f"  vpcId: {name}", f"  mode: {mode}"]
        if max_detach is not None or allow_empty is not None:
            lines.append("  limits:")
            lines += [f"    maxDetach: {max_detach}"] if max_detach is not None else []
            lines += [f"    allowEmpty: {str(allow_empty).lower()}"] if allow_empty is not None else []
        lines.append("  instances:" + ("" if ids else " []"))
        lines += [f"    - {i}" for i in ids]
        return self.write(file or f"{name}.yaml", "\n".join(lines) + "\n")

    def write(self, file, text):
        path = self.manifests / file
        beside = path.with_name("." + path.name + ".new")
        beside.write_text(text)
        os.replace(beside, path)
        return path

    # -- the binary -----------------------------------------------------------------------------

    def line(self, args):
        fixed = ["--state", str(self.state), "--listen", "none"]
        if self.endpoint and "--endpoint" not in args:
            fixed += ["--endpoint", self.endpoint.url]
        return [self.binary, *map(str, args), *fixed]

    def options(self, env):
        options = {"env": {**self.env, **(env or {})}, "cwd": self.root, "stdin": subprocess.DEVNULL}
        if self.user is not None:
            options.update(user=self.user, group=self.user, extra_groups=[])
        return options

    def run(self, *args, timeout=60, env=None, **process):
        command = self.line(args)
        try:
            done = subprocess.run(command, capture_output=True, timeout=timeout, **self.options(env), **process)
            result = Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
        except subprocess.TimeoutExpired as late:
            result = Result(None, (late.stdout or b"").decode(errors="replace"),
                            (late.stderr or b"").decode(errors="replace"))
            self.check(False, f"`{args[0]}` did not end within {timeout} s")
        self.outputs.append((args, result))
        return result

    def command(self, name, *args, **more):
        return self.run(name, "--manifests", self.manifests, *args, **more)

    def plan(self, *args, **more):
        result = self.command("plan", "--output", "json", *args, **more)
        try:
            result.json = json.loads(result.out)
        except ValueError:
            result.json = None
        return result

    def start(self, *args, env=None):
        number = len(self.daemons)
        out, err = open(self.root / f"daemon{number}.out", "wb"), open(self.root / f"daemon{number}.err", "wb")
        process = subprocess.Popen(self.line(args), stdout=out, stderr=err, **self.options(env))
        process.paths = (self.root / f"daemon{number}.out", self.root / f"daemon{number}.err")
        self.daemons.append(process)
        return process

    def daemon(self, *args, **more):
        return self.start("run", "--manifests", self.manifests, *args, **more)

    def terminate(self, process, within=10.5):
        """SIGTERM; the exit code, or None when it did not end in time."""
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(within)
        except subprocess.TimeoutExpired:
            self.check(False, f"SIGTERM did not end it within {within} s")
            return None

    # -- judging -------------------------------------------------------------------------------

    def check(self, holds, message):
        if not holds:
            self.failures.append(message)
        return bool(holds)

    def equal(self, got, wanted, what):
        return self.check(got == wanted, f"{what}: expected {wanted!r}, got {got!r}")

    def clean(self, what=""):
        self.equal(self.world.wrong(), {}, f"wrong calls {what}".strip())

    def eventually(self, condition, within, what):
        end = time.time() + within
        while time.time() < end:
            if condition():
                return True
            time.sleep(0.05)
        return self.check(condition(), f"not within {within} s: {what}")

    def passes(self, count, within=20):
        """Wait for reads of `count` further passes; a scope's pass reads its VPC."""
        def vpc_reads():
            return sum(1 for c in self.world.log(DESCRIBE) if c["params"].get("VpcId") and not c["params"].get("InstanceId"))
        first = vpc_reads()
        return self.eventually(lambda: vpc_reads() >= first + count, within, f"{count} further passes")

    def close(self):
        for process in self.daemons:
            if process.poll() is None:
                process.kill()
                process.wait()
        if self.endpoint:
            self.endpoint.__exit__()
        if self.keep_logs:
            folder = pathlib.Path(self.keep_logs) / self.name
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            if self.world:
                with open(folder / "calls.jsonl", "w") as log:
                    for call in self.world.calls:
                        log.write(json.dumps(call) + "\n")
            for number, (args, result) in enumerate(self.outputs):
                text = f"$ {' '.join(map(str, args))}\nexit {result.code}\n--- stdout\n{result.out}\n--- stderr\n{result.err}\n"
                (folder / f"run{number}.txt").write_text(text)
            for process in self.daemons:
                for path in process.paths:
                    shutil.copy(path, folder)
        shutil.rmtree(self.root, ignore_errors=True)


# -- shared judgements -----------------------------------------------------------------------------------


def check_plan_json(case, plan):
    """The whole documented shape, design section 10; says what is missing or mistyped."""
    def members(value, where, **types):
        if not case.check(isinstance(value, dict), f"{where} is not an object"):
            return False
        ok = True
        for name, kind in types.items():
            ok &= case.check(name in value, f"{where}.{name} is missing")
            if name in value:
                ok &= case.check(isinstance(value[name], kind) and not (kind is int and isinstance(value[name], bool)),
                                 f"{where}.{name} is {value[name]!r}")
        return ok

    if not members(plan, "plan", formatVersion=int, revision=dict, scopes=list, summary=dict):
        return
    case.equal(plan["formatVersion"], 1, "plan.formatVersion")
    members(plan["revision"], "revision", digest=str, commit=(str, type(None)), author=(str, type(None)))
    members(plan["summary"], "summary", detach=int, attach=int, missing=int, inSync=int, held=int)
    for number, scope in enumerate(plan["scopes"]):
        where = f"scopes[{number}]"
        if not members(scope, where, account=str, regionId=str, vpcId=str, mode=str, observed=(int, type(None)),
                       desired=int, digest=(str, type(None)), verdict=str, actions=list, missing=list, refusals=list):
            continue
        case.check(scope["verdict"] in ("approved", "held", "inSync", "partial"), f"{where}.verdict: {scope['verdict']}")
        for action in scope["actions"]:
            members(action, f"{where}.actions[]", action=str, instanceId=str, vpcId=str, reason=str)
            case.check(action.get("action") in ("detach", "attach"), f"{where}: action {action.get('action')!r}")
        for refusal in scope["refusals"]:
            members(refusal, f"{where}.refusals[]", rule=str, message=str)
        keys = [(a.get("action"), a.get("instanceId")) for a in scope["actions"]]
        case.equal(keys, sorted(keys, key=lambda k: (k[0] != "detach", k[1])), f"{where}: order of actions")


def named(summary):
    """The documented members of a summary; further ones are allowed."""
    return {name: (summary or {}).get(name) for name in ("detach", "attach", "missing", "inSync", "held")}


def ten_vpcs(case, faults=None):
    vpcs = [vpc(n) for n in range(10)]
    world = case.serve(vpcs, links=100, stale=10, faults=faults)
    for name in vpcs:
        case.manifest(name, case.kept(name), max_detach=100)
    return world


# -- scenarios -------------------------------------------------------------------------------------------


@scenario
def plain(case):
    """1,000 links in 10 VPCs, 100 of them stale."""
    world = ten_vpcs(case)
    planned = case.plan(*ROOMY, *FAST)
    case.equal(planned.code, 2, "exit code of plan")
    if case.check(planned.json, "plan --output json prints JSON on stdout"):
        check_plan_json(case, planned.json)
        case.equal(named(planned.json.get("summary")), {"detach": 100, "attach": 0, "missing": 0, "inSync": 0, "held": 0},
                   "summary")
        told = {(a["instanceId"], a["vpcId"]) for s in planned.json["scopes"] for a in s["actions"]}
        case.equal(told, world.stale(), "planned detaches")
    case.equal(len(world.writes()), 0, "writes of plan")
    before = len(world.log(DESCRIBE))
    applied = case.command("apply", "--yes", *ROOMY, *FAST)
    case.equal(applied.code, 0, "exit code of apply")
    case.equal(len(world.stale()), 0, "stale links left")
    case.equal(len(world.log(DETACH)), 100, "Detach calls")
    case.equal(len(world.unverified()), 0, "detached links that no later read showed as gone")
    before = len(world.log(DESCRIBE))
    again = case.command("apply", "--yes", *ROOMY, *FAST)
    case.equal(again.code, 0, "exit code of the second apply")
    case.equal(len(world.writes()), 100, "writes after the second apply")
    reads = len(world.log(DESCRIBE)) - before
    case.check(reads <= 20, f"reads of an unchanged pass: at most one page a VPC plus its seam (20), got {reads}")
    case.clean()


@scenario
def rough(case):
    """The same under throttling, lost answers, 5xx, resets, visibility delay, and cloud-side refusals."""
    script = {instance(100 * n + 1): "notfound" for n in range(5)}
    script.update({instance(100 * n + 2): "denied" for n in range(3)})
    script.update({instance(100 * n + 3): ("status", 5) for n in range(3)})
    world = ten_vpcs(case, Faults(throttle=(20, 1), lost=0.05, error_5xx=0.05, reset=0.02, visibility=3,
                                  detach_script=script))
    denied = {(instance(100 * n + 2), vpc(n)) for n in range(3)}
    applied = case.command("apply", "--yes", *ROOMY, timeout=140)
    case.equal(applied.code, 2, "exit code")
    case.equal(world.stale(), denied, "stale links left")
    gone = {(instance(100 * n + 1), vpc(n)) for n in range(5)}
    case.equal(len(world.unverified() - gone), 0, "detached links that no later read showed as gone")
    for pair in denied:
        clean = [c for c in world.log(DETACH, result="OperationDenied") if c["params"]["InstanceId"] == pair[0]
                 and "fault" not in c]
        case.check(len(clean) == 1, f"{pair[0]}: OperationDenied is for hours, yet asked {len(clean)} times")
    throttled = len(world.log(DETACH, result="Throttling.User"))
    case.check(throttled <= 15, f"throttled Detach calls: {throttled}")
    case.clean()


@scenario
def minute_throttle(case):
    """A minute's quota without a hint: no storm, no wrong call, and the daemon stays up."""
    world = case.serve([vpc(0)], links=100, stale=10, faults=Faults(throttle=(8, 60), throttle_hint=False))
    case.manifest(vpc(0), case.kept(vpc(0)), max_detach=100)
    process = case.daemon("--interval", "5s", *ROOMY)
    case.eventually(lambda: world.log(DETACH), 15, "the first Detach")
    time.sleep(8)
    case.check(process.poll() is None, "run ended under throttling")
    for action in (DESCRIBE, DETACH):
        throttled = len(world.log(action, result="Throttling.User"))
        case.check(throttled <= 12, f"throttled {action} calls within seconds: {throttled}")
    case.terminate(process, within=11)
    case.clean()


@scenario
def hand(case):
    """`run` against a hand that attaches again; one daemon per state folder."""
    world = case.serve([vpc(0)], links=20, stale=1)
    pair = next(iter(world.stale()))
    case.manifest(vpc(0), case.kept(vpc(0)))
    process = case.daemon("--interval", "2s")
    case.eventually(lambda: not world.stale(), 15, "the first detach")
    second = case.command("apply", "--yes")
    case.equal(second.code, 1, "exit code of an apply on the state folder of a running daemon")
    for time_again in ("second", "third"):
        case.eventually(lambda: not world.unverified(), 10, "the last detach is verified")
        world.link(*pair, keep=False)
        case.eventually(lambda: not world.stale(), 10, f"a link that a hand attached again goes a {time_again} time")
    case.eventually(lambda: not world.unverified(), 10, "the last detach is verified")
    started = time.time()
    case.equal(case.terminate(process), 0, "exit code after SIGTERM")
    case.check(time.time() - started < 10, "SIGTERM took longer than 10 s")
    case.check(not process.paths[0].read_bytes(), "run printed to stdout")
    case.clean()


@scenario
def flapping(case):
    """A link that was detached three times within an hour is held."""
    world = case.serve([vpc(0)], links=20, stale=1)
    pair = next(iter(world.stale()))
    case.manifest(vpc(0), case.kept(vpc(0)))
    case.daemon("--interval", "2s")
    case.eventually(lambda: not world.stale(), 15, "the first detach")
    for time_again in ("second", "third"):
        case.eventually(lambda: not world.unverified(), 10, "the last detach is verified")
        world.link(*pair, keep=False)
        case.eventually(lambda: not world.stale(), 10, f"a link that a hand attached again goes a {time_again} time")
    case.eventually(lambda: not world.unverified(), 10, "the last detach is verified")
    world.link(*pair, keep=False)
    case.passes(3)
    case.equal(len(world.log(DETACH)), 3, "Detach calls (the fourth within an hour is flapping and held)")
    case.clean()


@scenario
def gate(case):
    """What may not go without a word from a human."""
    world = case.serve([vpc(0)], links=100, stale=50)
    kept = case.kept(vpc(0))
    case.manifest(vpc(0), kept)
    for name, args in (("plan", ()), ("apply", ("--yes",)), ("run", ("--once",))):
        held = case.command(name, *args)
        case.equal(held.code, 3, f"exit code of {name}, 50 stale of 100")
    planned = case.plan()
    if case.check(planned.json, "plan --output json"):
        scope = planned.json["scopes"][0]
        case.equal(scope["verdict"], "held", "verdict")
        case.check(scope["refusals"] and "50" in scope["refusals"][0]["message"], "a refusal names the number")
        case.equal(planned.json["summary"]["held"], 50 if planned.json["summary"]["held"] == 50 else 1, "summary.held")
    case.equal(len(world.writes()), 0, "writes while held")
    case.manifest(vpc(0), [])
    case.equal(case.command("apply", "--yes").code, 3, "exit code, emptying")
    case.manifest(vpc(0), [], max_detach=100)
    case.equal(case.command("apply", "--yes").code, 3, "exit code, emptying within maxDetach")
    case.equal(len(world.writes()), 0, "writes while held (emptying)")
    case.manifest(vpc(0), kept, mode="observe", max_detach=100)
    case.command("apply", "--yes", *ROOMY)
    case.equal(len(world.writes()), 0, "writes in mode observe")
    case.clean()


@scenario
def empty(case):
    """`instances: []` with allowEmpty: all go."""
    world = case.serve([vpc(0)], links=30, stale=30)
    case.manifest(vpc(0), [], max_detach=100, allow_empty=True)
    case.equal(case.command("apply", "--yes", *FAST).code, 0, "exit code")
    case.equal(world.pairs(), set(), "links left")
    case.clean()


@scenario
def shrink(case):
    """Desired loses more than 20 % against the last accepted revision: held, whatever maxDetach says."""
    world = case.serve([vpc(0)], links=20)
    case.manifest(vpc(0), case.kept(vpc(0)), max_detach=100)
    case.equal(case.command("apply", "--yes").code, 0, "exit code in sync")
    world.set_keep(sorted(world.keep)[:10])
    case.manifest(vpc(0), case.kept(vpc(0)), max_detach=100)
    for _ in range(2):
        case.equal(case.command("apply", "--yes").code, 3, "exit code, 10 of 20 taken from the manifest")
    case.equal(len(world.writes()), 0, "writes while held")
    case.clean()


@scenario
def budget(case):
    """50 detaches an hour, counted in sends, kept across restarts."""
    world = case.serve([vpc(0), vpc(1)], links=100, stale=40)
    for name in (vpc(0), vpc(1)):
        case.manifest(name, case.kept(name), max_detach=100)
    first = case.command("apply", "--yes", *FAST)
    sent = len(world.log(DETACH))
    case.check(0 < sent <= 50 or first.code == 3, f"sends within an hour: at most 50, got {sent}")
    case.check(first.code in (2, 3), f"exit code with links left: expected 2 or 3, got {first.code}")
    second = case.command("apply", "--yes", *FAST)
    case.check(len(world.log(DETACH)) <= 50, f"sends after a restart: at most 50, got {len(world.log(DETACH))}")
    case.check(second.code in (2, 3), f"exit code with the budget spent: expected 2 or 3, got {second.code}")
    case.clean()


@scenario
def wrong_place(case):
    """A burst of NotFound while the links stay listed smells of a wrong account: the scope pauses."""
    script = {instance(n): "notfound-stays" for n in range(1, 21)}
    world = case.serve([vpc(0)], links=100, stale=20, faults=Faults(detach_script=script))
    case.manifest(vpc(0), case.kept(vpc(0)), max_detach=100)
    applied = case.command("apply", "--yes", timeout=100)
    case.check(applied.code in (1, 2, 3), f"exit code: expected not 0, got {applied.code}")
    case.check(len(world.log(DETACH)) <= 12, f"Detach calls before the pause: {len(world.log(DETACH))} of 20")
    case.clean()


@scenario
def trees(case):
    """Broken, empty, half-written, unreadable and missing trees under `run`."""
    world = case.serve([vpc(0), vpc(1)], links=20)
    extra = instance(9001)
    world.link(extra, vpc(0), keep=False)
    if os.getuid() == 0:                # root reads everything: be nobody
        case.user = 65534
        for path in (case.root, case.manifests, case.home):
            os.chown(path, case.user, case.user)
    for name in (vpc(0), vpc(1)):
        case.manifest(name, case.kept(name), file=f"{name[-1]}.yaml")
    first, second = case.manifests / "0.yaml", case.manifests / "1.yaml"
    good = first.read_text()
    process = case.daemon("--interval", "1s", "--set", "source.poll=1s")
    if not case.eventually(lambda: not world.stale(), 15, "the stale link goes under a good tree"):
        return
    case.eventually(lambda: not world.unverified(), 10, "its detach is verified")

    def quiet(what, seconds=2.6):
        before, writes = len(world.log(DESCRIBE)), len(world.writes())
        time.sleep(seconds)
        case.equal(len(world.writes()), writes, f"writes under {what}")
        case.check(process.poll() is None, f"run ended under {what}")
        case.check(len(world.log(DESCRIBE)) > before, f"no pass against the last accepted revision under {what}")

    lines = good.splitlines(keepends=True)
    states = [
        ("a file cut in the middle of its instances", lambda: first.write_text("".join(lines[:12]))),
        ("a file cut right after `instances:`", lambda: first.write_text("".join(lines[:9]))),
        ("a file cut in the middle of an id", lambda: first.write_text(good[:-9])),
        ("the whole file again", lambda: first.write_text(good)),
        ("an empty file", lambda: first.write_text("")),
        ("YAML that does not parse", lambda: first.write_text(good + "  - [unclosed\n")),
        ("an unknown field", lambda: first.write_text(good.replace("spec:\n", "spec:\n  instance: []\n"))),
        ("a file that may not be read", lambda: (first.write_text(good), first.chmod(0))),
        ("a folder that may not be read", lambda: (first.chmod(0o644), case.manifests.chmod(0))),
        ("a missing folder", lambda: (case.manifests.chmod(0o755), case.manifests.rename(case.root / "away"))),
        ("an empty folder", lambda: case.manifests.mkdir()),
    ]
    for what, make in states:
        make()
        quiet(what)
    # drift goes on being repaired against the last accepted revision
    world.link(extra, vpc(0), keep=False)
    case.eventually(lambda: not world.stale(), 10, "drift is repaired while the tree is missing its manifests")
    case.eventually(lambda: not world.unverified(), 10, "that repair is verified")
    # a good tree heals without a restart, and the change it carries is done
    victim = case.kept(vpc(0))[0]
    world.set_keep(world.keep - {(victim, vpc(0))})
    case.manifests.rmdir()
    (case.root / "away").rename(case.manifests)
    case.manifest(vpc(0), case.kept(vpc(0)), file="0.yaml")
    case.eventually(lambda: not world.stale(), 15, "a good tree heals without a restart")
    writes = len(world.writes())
    # released
    second.unlink()
    time.sleep(2.5)
    world.link(instance(9002), vpc(1), keep=False)
    time.sleep(3)
    case.equal(len(world.writes()), writes, "writes after a scope was released")
    case.equal(case.terminate(process), 0, "exit code after SIGTERM")
    case.clean()


@scenario
def no_revision(case):
    """No last accepted revision and a broken tree: nothing is cut; the fix needs no restart."""
    world = case.serve([vpc(0)], links=20, stale=1)
    good = case.manifest(vpc(0), case.kept(vpc(0))).read_text()
    case.write(f"{vpc(0)}.yaml", good.split("    - ")[0])
    process = case.daemon("--interval", "1s", "--set", "source.poll=1s")
    time.sleep(3)
    case.check(process.poll() is None, "run ended on a broken first tree")
    case.equal(len(world.writes()), 0, "writes without an accepted revision")
    case.write(f"{vpc(0)}.yaml", good)
    if process.poll() is None:
        case.eventually(lambda: not world.stale(), 15, "a good tree heals without a restart")
        case.terminate(process)
    case.clean()


@scenario
def sync(case):
    """Mode sync attaches what is missing, and moves a link between two VPCs."""
    world = case.serve([vpc(0), vpc(1)], links=20)
    world.sync_vpcs = {vpc(0), vpc(1)}
    for n in range(100, 105):
        world.instances.add(instance(n))
        world.keep.add((instance(n), vpc(0)))
    for name in (vpc(0), vpc(1)):
        case.manifest(name, case.kept(name), mode="sync")
    planned = case.plan()
    case.equal(planned.code, 2, "exit code of plan")
    case.equal((planned.json or {}).get("summary", {}).get("attach"), 5, "summary.attach")
    applied = case.command("apply", "--yes", *FAST)
    case.equal(applied.code, 0, "exit code of apply")
    case.equal(world.pairs(), world.keep, "links after apply")
    process = case.daemon("--interval", "2s", *FAST)
    case.passes(2)
    writes = len(world.writes())
    case.equal(writes, 5, "writes once in sync")
    mover = case.kept(vpc(0))[0]
    world.set_keep((world.keep - {(mover, vpc(0))}) | {(mover, vpc(1))})
    text = {name: None for name in (vpc(0), vpc(1))}
    for name in text:
        case.manifest(name, case.kept(name), mode="sync")
    case.eventually(lambda: world.pairs() == world.keep, 20, "the move converges")
    case.passes(2)
    case.equal(len(world.log(DETACH)), 1, "Detach calls for one move")
    attaches = [c["result"] for c in world.log(ATTACH)][5:]
    case.check(attaches.count("ok") == 1 and len(attaches) <= 3, f"Attach calls for one move: {attaches}")
    case.equal(case.terminate(process), 0, "exit code after SIGTERM")
    case.clean()


@scenario
def signature_v3(case):
    world = case.serve([vpc(0)], links=50, stale=3, token="conformance-token")
    case.manifest(vpc(0), case.kept(vpc(0)))
    case.equal(case.command("apply", "--yes", "--set", "signature=v3", *FAST).code, 0, "exit code")
    case.equal(len(world.stale()), 0, "stale links left")
    case.equal({c.get("signature") for c in world.calls}, {"v3"}, "signatures seen")
    case.clean()


@scenario
def shuffled(case):
    """Another order for every read, more links than pages can hold at once."""
    world = case.serve([vpc(0)], links=250, stale=10, faults=Faults(shuffle=True))
    case.manifest(vpc(0), case.kept(vpc(0)))
    applied = case.command("apply", "--yes", *ROOMY, *FAST)
    case.equal(applied.code, 0, "exit code")
    case.equal(len(world.stale()), 0, "stale links left")
    again = case.command("apply", "--yes", *ROOMY, *FAST)
    case.equal(again.code, 0, "exit code with no drift")
    case.equal(len(world.log(DETACH)), 10, "Detach calls")
    case.clean()


@scenario
def ordered_pages(case):
    """250 links, stable order: one pass in sync costs its three pages and their seams."""
    world = case.serve([vpc(0)], links=250)
    case.manifest(vpc(0), case.kept(vpc(0)))
    case.equal(case.command("apply", "--yes").code, 0, "exit code")
    reads = len(world.log(DESCRIBE))
    case.check(reads <= 6, f"reads of 250 links in sync: at most 3 pages plus seams, got {reads}")
    case.clean()


def timeless(document):
    """Without when it would begin and end, which a second more changes."""
    if isinstance(document, dict):
        return {key: timeless(value) for key, value in document.items() if key not in ("beginsAt", "doneAt")}
    if isinstance(document, list):
        return [timeless(value) for value in document]
    return document


@scenario
def output(case):
    """Exit codes, stdout and stderr."""
    world = case.serve([vpc(0)], links=20, stale=2)
    path = case.manifest(vpc(0), case.kept(vpc(0)) + [instance(777)])
    world.instances.add(instance(777))
    planned = case.plan()
    case.equal(planned.code, 2, "exit code of plan")
    if case.check(planned.json, "plan --output json prints nothing but JSON on stdout"):
        check_plan_json(case, planned.json)
        case.equal(named(planned.json.get("summary")), {"detach": 2, "attach": 0, "missing": 1, "inSync": 0, "held": 0}, "summary")
        scope = planned.json["scopes"][0]
        case.equal((scope["observed"], scope["desired"], scope["missing"], scope["mode"]),
                   (20, 19, [instance(777)], "detach"), "observed, desired, missing, mode")
        case.equal(timeless(planned.json), timeless(case.plan().json), "the same plan twice")
    for output_format in ("text", "markdown"):
        told = case.command("plan", "--output", output_format)
        case.equal(told.code, 2, f"exit code of plan --output {output_format}")
        case.check(all(i in told.out for i, _ in world.stale()), f"{output_format} on stdout names the links")
        case.check("\x1b" not in told.out + told.err, f"{output_format}: no escapes in a pipe")
    asked = case.command("apply")
    case.equal(asked.code, 1, "exit code of apply without --yes and without a terminal")
    case.equal(len(world.writes()), 0, "writes without consent")
    applied = case.command("apply", "--yes", "--output", "json")
    try:
        json.loads(applied.out)
    except ValueError:
        case.check(False, f"apply --output json: stdout is not JSON: {applied.out[:80]!r}")
    once = case.command("run", "--once")
    case.check(once.code in (0, 2), f"exit code of run --once, one link missing: {once.code}")
    case.check(not once.out or once.out.lstrip().startswith(("{", "revision", "Revision", "plan", "Plan", "scope"))
               or "INFO" not in once.out, "run --once logs to stdout")
    # usage
    for args in (["plan"], ["plan", "--bogus"], ["nosuch"], ["plan", "--manifests"],
                 ["plan", "--manifests", case.manifests, "--output", "xml"],
                 ["plan", "--manifests", case.manifests, "--set", "limits.nosuch=1"],
                 ["plan", "--manifests", case.root / "nowhere"], ["apply", "--yes"]):
        result = case.run(*args)
        case.equal(result.code, 1, f"exit code of `{' '.join(map(str, args[:1] + args[1:2]))}…` (usage error: {args[-1]})")
        case.check(not result.out, f"a usage error prints to stdout: {args}")
        case.check(result.err, f"a usage error is silent: {args}")
    # manifests
    case.equal(case.run("validate", case.manifests).code, 0, "exit code of validate")
    good = path.read_text()
    bad = {
        "null instances": good.split("    - ")[0],
        "unknown field": good + "  bogus: 1\n",
        "duplicate key": good.replace("  mode: detach\n", "  mode: detach\n  mode: observe\n"),
        "duplicate instance": good + f"    - {instance(777)}\n",
        "bad id": good + "    - i-BAD ID\n",
        "no mode": good.replace("  mode: detach\n", ""),
        "wrong type": good.replace(f"vpcId: {vpc(0)}", "vpcId: 7"),
        "no documents": "# nothing\n",
    }
    calls = len(world.calls)
    for what, text in bad.items():
        case.write(path.name, text)
        for command in (["validate", case.manifests], ["plan", "--manifests", case.manifests]):
            result = case.run(*command)
            case.equal(result.code, 1, f"exit code of {command[0]}, {what}")
            case.check(path.name in result.err or what == "no documents", f"{command[0]} does not name the file, {what}")
            case.check(not result.out or command[0] == "validate", f"{command[0]}, {what}: stdout is not empty")
    case.equal(len(world.calls), calls, "calls made for an invalid tree")
    # one instance in two VPCs names both places
    case.write(path.name, good)
    case.manifest(vpc(1), [instance(777)])
    result = case.run("validate", case.manifests)
    case.check(result.code == 1 and path.name in result.err and f"{vpc(1)}.yaml" in result.err,
               "one instance claimed by two VPCs names both files")
    case.clean()


@scenario
def partial(case):
    """Describe of one VPC always fails: exit 4, the others still planned, and applied."""
    world = case.serve([vpc(0), vpc(1)], links=20, stale=1, faults=Faults(describe_500_vpcs={vpc(1)}))
    for name in (vpc(0), vpc(1)):
        case.manifest(name, case.kept(name))
    planned = case.plan(timeout=130)
    case.equal(planned.code, 4, "exit code of plan")
    if case.check(planned.json, "plan --output json"):
        check_plan_json(case, planned.json)
        verdicts = {s["vpcId"]: s["verdict"] for s in planned.json["scopes"]}
        case.equal(verdicts, {vpc(0): "approved", vpc(1): "partial"}, "verdicts")
        case.equal(planned.json["summary"].get("detach"), 1, "summary.detach")
    case.equal(len(world.writes()), 0, "writes")
    applied = case.command("apply", "--yes", timeout=130)
    case.equal(applied.code, 4, "exit code of apply")
    case.equal(world.stale(), {(instance(21), vpc(1))}, "stale links left, one VPC unreadable")
    case.clean()


@scenario
def credentials(case):
    """A wrong secret is one error, not a storm; no credentials is an error."""
    world = case.serve([vpc(n) for n in range(5)], links=10, stale=1)
    for n in range(5):
        case.manifest(vpc(n), case.kept(vpc(n)))
    result = case.plan(env={"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "not-the-secret"})
    case.equal(result.code, 1, "exit code with a wrong secret")
    case.check("SignatureDoesNotMatch" in result.err, "the code is named on stderr")
    case.check(len(world.calls) <= 10, f"calls with a wrong secret: {len(world.calls)}")
    applied = case.command("apply", "--yes", env={"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "not-the-secret"})
    case.equal(applied.code, 1, "exit code of apply with a wrong secret")
    result = case.plan(env={"ALIBABA_CLOUD_ACCESS_KEY_ID": "", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": ""})
    case.equal(result.code, 1, "exit code without credentials")
    case.equal(len(world.writes()), 0, "writes")


@scenario
def pin(case):
    """An account pin that is not known to hold refuses everything: this endpoint tells nobody who is calling."""
    world = case.serve([vpc(0)], links=20, stale=1)
    case.manifest(vpc(0), case.kept(vpc(0)))
    config = case.root / "config.yaml"
    config.write_text('accounts: { default: { accountId: "1234567890123456" } }\n')
    done = case.command("apply", "--yes", "--config", config)
    case.check(done.code in (1, 3), f"exit code: expected 1 or 3, got {done.code}")
    case.equal(len(world.writes()), 0, "writes with an account pin that was not checked")


@scenario
def secrets(case):
    """Canaries at the loudest log level appear nowhere."""
    secret, token = "CANARYsecretX9y8Z7w6V5u4T3s2R1", "CANARYtoken+/abc123=DEF456ghi789"
    key = "LTAI5tCANARYkeyid0001"
    world = case.serve([vpc(0)], links=20, stale=1, key=key, secret=secret, token=token)
    case.manifest(vpc(0), case.kept(vpc(0)))
    trace = ["--log-level", "trace"]
    wrong = {"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "CANARYwrongsecret0000000000000"}
    strays = (instance(n) for n in range(9001, 9099))     # one that came back each time would flap
    for version in ("v1", "v3"):
        signed = ["--set", f"signature={version}"]
        case.plan(*trace, *signed)
        case.plan(*trace, *signed, env=wrong)
        case.command("plan", *trace, *signed, "--log-format", "json", env=wrong)
        case.command("apply", "--yes", *trace, *signed)
        world.link(next(strays), vpc(0), keep=False)
        process = case.daemon("--interval", "1s", *trace, *signed)
        case.eventually(lambda: not world.stale(), 15, "run detaches")
        case.eventually(lambda: not world.unverified(), 10, "the detach is verified")
        case.terminate(process)
        world.link(next(strays), vpc(0), keep=False)
        process = case.daemon("--interval", "1s", *trace, *signed, env=wrong)
        case.eventually(lambda: world.log(result="SignatureDoesNotMatch", signature=version), 10, "a signature error")
        time.sleep(1)
        case.terminate(process)
    case.plan("--endpoint", "http://127.0.0.1:1", *trace, timeout=100)
    texts = {}
    for args, result in case.outputs:
        texts[f"stdout of {args[0]}"] = texts.get(f"stdout of {args[0]}", "") + result.out
        texts[f"stderr of {args[0]}"] = texts.get(f"stderr of {args[0]}", "") + result.err
    for process in case.daemons:
        for path in process.paths:
            texts[f"run's {path.name}"] = path.read_text(errors="replace")
    for path in case.state.rglob("*"):
        if path.is_file():
            texts[f"state/{path.name}"] = path.read_bytes().decode("latin-1")
    canaries = {"secret": {secret, wrong["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]},
                "token": {token, urllib.parse.quote(token, safe=""), urllib.parse.quote(urllib.parse.quote(token, safe=""), safe="")},
                "token's stem": {"CANARYtoken"},
                "signature": {s for s in world.signatures} | {urllib.parse.quote(s, safe="") for s in world.signatures},
                "string to sign": {"string to sign is:", "StringToSign is", "SignatureNonce%3D", "SignatureNonce=",
                                   "POST&%2F&", "GET&%2F&"}}
    for where, text in texts.items():
        for what, words in canaries.items():
            hits = [w for w in words if w and w in text]
            if hits:
                at = text.index(hits[0])
                case.check(False, f"{what} in {where}: …{text[max(0, at - 80):at + 20]!r}…")
    # bad_signature is what this scenario asked for
    world.violations.pop("bad_signature", None)
    case.clean()


@scenario
def killed(case):
    """kill -9 in the middle of an apply, then run again."""
    world = case.serve([vpc(0)], links=200, stale=100, faults=Faults(latency=0.05))
    case.manifest(vpc(0), case.kept(vpc(0)), max_detach=150)
    process = case.start("apply", "--manifests", case.manifests, "--yes", *ROOMY, *FAST)
    case.eventually(lambda: len(world.log(DETACH)) >= 20, 20, "20 Detach calls")
    process.kill()
    process.wait()
    time.sleep(0.5)
    left = len(world.stale())
    case.check(0 < left < 100, f"killed in the middle: {left} stale links left")
    mode = stat.S_IMODE(case.state.stat().st_mode)
    case.equal(oct(mode), "0o700", "mode of the state folder")
    again = case.command("apply", "--yes", *ROOMY, *FAST)
    case.equal(again.code, 0, "exit code after the crash")
    case.equal(len(world.stale()), 0, "stale links left")
    case.equal(world.repeated_after_ambiguous, 0, "repeated Detach calls")
    case.clean()


@scenario
def killed_unseen(case):
    """kill -9 while detaches are applied but still listed: settled by observing, not by asking again."""
    world = case.serve([vpc(0)], links=100, stale=20, faults=Faults(latency=0.05, visibility=4))
    case.manifest(vpc(0), case.kept(vpc(0)), max_detach=100)
    process = case.start("apply", "--manifests", case.manifests, "--yes", *ROOMY, *FAST)
    case.eventually(lambda: len(world.log(DETACH)) >= 20, 20, "20 Detach calls")
    time.sleep(0.3)
    process.kill()
    process.wait()
    time.sleep(0.2)
    again = case.command("apply", "--yes", *ROOMY, *FAST)
    case.equal(again.code, 0, "exit code after the crash")
    case.equal(len(world.stale()), 0, "stale links left")
    case.clean()


@scenario
def edited(case):
    """A stale link is listed again while apply runs: it is not cut once the edit has settled."""
    world = case.serve([vpc(0)], links=100, stale=20, faults=Faults(latency=0.1))
    case.manifest(vpc(0), case.kept(vpc(0)), max_detach=100)
    process = case.start("apply", "--manifests", case.manifests, "--yes", *ROOMY, "--set", "limits.writesPerSecond.start=2",
                         "--set", "limits.writesPerSecond.max=2", "--set", "limits.concurrency=1")
    case.eventually(lambda: len(world.log(DETACH)) >= 3, 20, "3 Detach calls")
    back = world.stale()
    case.manifest(vpc(0), sorted(i for i, _ in world.keep | back), max_detach=100)
    time.sleep(2)
    left = world.stale()
    world.set_keep(world.keep | left)
    case.check(len(left) >= 8, f"the edit came too late to mean anything: {len(left)} left")
    try:
        code = process.wait(40)
        case.check(code in (0, 2), f"exit code: expected 0 or 2, got {code}")
    except subprocess.TimeoutExpired:
        case.check(False, "apply did not end within 40 s of the edit")
    case.equal(world.pairs() & left, left, "links listed again that are still there")
    case.clean()


def withdrawn(case, edit):
    """A slow apply of vpc 0, `edit` after three detaches: what it still cut two seconds later."""
    world = case.serve([vpc(0), vpc(1)], links=60, faults=Faults(latency=0.1))
    for n in range(9000, 9020):
        world.link(instance(n), vpc(0), keep=False)
    for name in (vpc(0), vpc(1)):
        case.manifest(name, case.kept(name), max_detach=100)
    process = case.start("apply", "--manifests", case.manifests, "--yes", *ROOMY, "--set", "limits.writesPerSecond.start=2",
                         "--set", "limits.writesPerSecond.max=2")
    case.eventually(lambda: len(world.log(DETACH)) >= 3, 20, "3 Detach calls")
    edit()
    time.sleep(2)
    left = world.stale()
    case.check(len(left) >= 8, f"the edit came too late to mean anything: {len(left)} left")
    try:
        process.wait(40)
    except subprocess.TimeoutExpired:
        case.check(False, "apply did not end within 40 s of the edit")
    case.equal(len(world.stale()), len(left), "links left two seconds after the edit, and at the end")
    case.clean()


@scenario
def released_during_apply(case):
    """The manifest of the VPC is deleted while apply runs: a released scope is never detached."""
    withdrawn(case, lambda: (case.manifests / f"{vpc(0)}.yaml").unlink())


@scenario
def observed_during_apply(case):
    """The mode becomes observe while apply runs: from then on nothing is cut."""
    withdrawn(case, lambda: case.manifest(vpc(0), case.kept(vpc(0)), mode="observe"))


@scenario
def asked_to_wait(case):
    """SIGTERM while the cloud asks for 45 s of patience: no call is in flight, so nothing is waited for."""
    world = case.serve([vpc(0)], links=100, stale=20, faults=Faults(throttle=(6, 3600), hint_ms=45_000))
    case.manifest(vpc(0), case.kept(vpc(0)), max_detach=100)
    process = case.daemon("--interval", "5s", *ROOMY)
    case.eventually(lambda: world.log(DETACH, result="Throttling.User"), 15, "a throttled Detach")
    time.sleep(2)
    started = time.time()
    code = case.terminate(process, within=20)
    case.equal(code, 0, "exit code after SIGTERM")
    case.check(time.time() - started <= 5, f"SIGTERM took {time.time() - started:.1f} s with no call in flight")
    case.clean()


@scenario
def hung_at_the_end(case):
    """SIGTERM while a Detach hangs: 10 s at most, and the next apply settles it by a read."""
    world = case.serve([vpc(0)], links=50, stale=4, faults=Faults(hang_first_detach=60))
    case.manifest(vpc(0), case.kept(vpc(0)), max_detach=10)
    process = case.daemon("--interval", "5s", *ROOMY)
    case.eventually(lambda: world.log(DETACH), 15, "the first Detach")
    started = time.time()
    case.terminate(process, within=12)
    case.check(time.time() - started <= 11, f"SIGTERM took {time.time() - started:.1f} s")
    process.kill()
    process.wait()
    case.equal(case.command("apply", "--yes", *ROOMY, *FAST).code, 0, "exit code of the next apply")
    case.equal(len(world.stale()), 0, "stale links left")
    case.equal(len(world.log(DETACH)), 4, "Detach calls: a read shows what became of the lost one")
    case.clean()


@scenario
def drained(case):
    """SIGTERM in the middle of an apply: calls in flight end, nothing is left half known."""
    world = case.serve([vpc(0)], links=100, stale=50, faults=Faults(latency=0.3))
    case.manifest(vpc(0), case.kept(vpc(0)), max_detach=100)
    process = case.daemon("--interval", "60s", *ROOMY)
    case.eventually(lambda: len(world.log(DETACH)) >= 5, 20, "5 Detach calls")
    case.equal(case.terminate(process), 0, "exit code after SIGTERM")
    sent = len(world.log(DETACH))
    time.sleep(0.5)
    case.equal(len(world.log(DETACH)), sent, "Detach calls after the end")
    case.equal(case.command("apply", "--yes", *ROOMY, *FAST).code, 0, "exit code of the apply that finishes it")
    case.equal(len(world.stale()), 0, "stale links left")
    case.clean()


@scenario
def released_instances(case):
    """Instances released between plan and apply, and in the middle: converged, nobody else hurt."""
    world = case.serve([vpc(0)], links=150, stale=15, faults=Faults(latency=0.1))
    case.manifest(vpc(0), case.kept(vpc(0)), max_detach=100)
    gone = sorted(i for i, _ in world.stale())[-5:]
    process = case.start("apply", "--manifests", case.manifests, "--yes", *ROOMY, "--set", "limits.concurrency=2")
    case.eventually(lambda: world.log(DETACH), 20, "the first Detach")
    for one in gone[:2]:
        world.release(one)
    try:
        case.equal(process.wait(60), 0, "exit code")
    except subprocess.TimeoutExpired:
        case.check(False, "apply did not end within 60 s")
    case.equal(len(world.stale()), 0, "stale links left")
    # a kept instance released: missing, poison for a read by id, and no reason to stop
    world.release(case.kept(vpc(0))[0])
    world.link(instance(9001), vpc(0), keep=False)
    final = case.command("apply", "--yes", *ROOMY)
    case.equal(len(world.stale()), 0, "stale links left, with a missing instance in the manifest")
    case.check(final.code in (0, 2), f"exit code with one released kept instance: {final.code}")
    case.clean()


@scenario
def saved_plan(case):
    world = case.serve([vpc(0)], links=100, stale=3)
    file = case.root / "plan.json"

    def save():
        return case.command("plan", "--out", file)

    def refused(what):
        before = len(world.writes())
        result = case.run("apply", "--plan", file, "--yes")
        case.equal(result.code, 1, f"exit code of a saved plan, {what}")
        case.equal(len(world.writes()), before, f"writes of a saved plan, {what}")

    path = case.manifest(vpc(0), case.kept(vpc(0)))
    case.equal(save().code, 2, "exit code of plan --out")
    case.equal(len(world.writes()), 0, "writes of plan --out")
    keep, stale = world.keep, sorted(world.stale())
    world.set_keep(keep | {stale[0]})
    case.manifest(vpc(0), case.kept(vpc(0)))
    refused("the manifests keep one of its links now")
    world.set_keep(keep)
    case.manifest(vpc(0), case.kept(vpc(0)))
    save()
    world.link(instance(9001), vpc(0), keep=False)
    refused("one more stale link")
    save()
    world.unlink(instance(9001))
    refused("one stale link fewer")
    save()
    text = file.read_text()
    path.rename(case.root / "aside")
    refused("the manifests are gone")
    (case.root / "aside").rename(path)
    applied = case.run("apply", "--plan", file, "--yes")
    case.equal(applied.code, 0, "exit code of apply --plan")
    case.equal(len(world.stale()), 0, "stale links left")
    refused("carried out already")
    for pair in stale:
        world.link(*pair, keep=False)
    save()
    text = file.read_text()
    edited_text = text.replace(stale[0][0], case.kept(vpc(0))[0])
    case.check(edited_text != text, "the saved plan names its links")
    file.write_text(edited_text)
    refused("edited to name a kept link")
    file.write_text(text[:len(text) // 2])
    refused("cut in half")
    case.clean()


@scenario
def stalled(case):
    """A link that stays listed after its detach (a hand was quicker than the verifying read) stops nothing else."""
    world = case.serve([vpc(0), vpc(1)], links=20)
    bad = instance(9001)
    world.link(bad, vpc(0), keep=False)
    world.faults.reattach, world.faults.reattach_after = {(bad, vpc(0)): 1}, 0.0
    for name in (vpc(0), vpc(1)):
        case.manifest(name, case.kept(name))
    process = case.daemon("--interval", "2s")
    case.eventually(lambda: world.log(DETACH), 15, "the first detach")
    time.sleep(1)
    world.link(instance(9002), vpc(0), keep=False)
    world.link(instance(9003), vpc(1), keep=False)
    case.eventually(lambda: (instance(9003), vpc(1)) not in world.pairs(), 8, "drift in another VPC is repaired")
    case.eventually(lambda: (instance(9002), vpc(0)) not in world.pairs(), 12, "drift of another link of the VPC is repaired")
    case.equal(case.terminate(process), 0, "exit code after SIGTERM")
    case.clean()


@scenario
def waiting(case):
    """One link that waits for its instance's status stops neither its neighbours nor new drift."""
    world = case.serve([vpc(0)], links=20, faults=Faults(detach_script={instance(9001): ("status", 45)}))
    world.link(instance(9001), vpc(0), keep=False)
    case.manifest(vpc(0), case.kept(vpc(0)))
    process = case.daemon("--interval", "2s")
    case.eventually(lambda: world.log(DETACH), 15, "the first detach")
    time.sleep(1)
    world.link(instance(9002), vpc(0), keep=False)
    case.eventually(lambda: (instance(9002), vpc(0)) not in world.pairs(), 12, "drift of another link of the VPC is repaired")
    asked = len([c for c in world.log(DETACH) if c["params"]["InstanceId"] == instance(9001)])
    case.check(asked <= 12, f"Detach calls for an instance in transition within 15 s: {asked}")
    case.equal(case.terminate(process), 0, "exit code after SIGTERM")
    case.clean()


@scenario
def confirmed(case):
    """A slow apply: every Detach follows a read by id, at most 10 s old, that lists the link."""
    world = case.serve([vpc(0)], links=100, stale=30)
    case.manifest(vpc(0), case.kept(vpc(0)), max_detach=100)
    applied = case.command("apply", "--yes", *ROOMY, "--set", "limits.writesPerSecond.start=2",
                           "--set", "limits.writesPerSecond.max=2", timeout=60)
    case.equal(applied.code, 0, "exit code")
    reads = [(c["t"], set(c.get("listed", ()))) for c in world.log(DESCRIBE) if c["params"].get("InstanceId")]
    ages = []
    for call in world.log(DETACH):
        seen = [t for t, listed in reads if t <= call["t"] and call["params"]["InstanceId"] in listed]
        ages.append(round(call["t"] - max(seen), 1) if seen else float("inf"))
    case.check(max(ages) <= 10.5, f"age of the confirming read at the Detach: oldest {max(ages)} s")
    case.clean()


@scenario
def hand_during_apply(case):
    """A stale link is taken away and attached to a VPC that keeps it, while a slow apply runs."""
    world = case.serve([vpc(0), vpc(1)], links=50, stale=0)
    stale = [instance(n) for n in range(9000, 9020)]
    for one in stale:
        world.link(one, vpc(0), keep=False)
    for name in (vpc(0), vpc(1)):
        case.manifest(name, case.kept(name), max_detach=100)
    process = case.start("apply", "--manifests", case.manifests, "--yes", *ROOMY, "--set", "limits.writesPerSecond.start=2",
                         "--set", "limits.writesPerSecond.max=2")
    case.eventually(lambda: len(world.log(DETACH)) >= 2, 20, "2 Detach calls")
    moved = sorted(i for i, _ in world.stale())[-2:]
    for one in moved:
        world.unlink(one)
        world.link(one, vpc(1))
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        case.check(False, "apply did not end within 60 s")
    case.check({(i, vpc(1)) for i in moved} <= world.pairs(), "the moved links are still where the hand put them")
    case.equal(len(world.stale()), 0, "stale links left")
    case.equal([c["params"] for c in world.log(DETACH) if c["params"].get("VpcId") == vpc(1)], [], "Detach calls for the other VPC")
    case.clean()


def intents(case):
    """Instances that the journal holds an intent of, read as an operator would: with SQLite."""
    found = []
    for path in case.state.glob("*.sqlite"):
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            for kind, body in db.execute("SELECT kind, body FROM entry ORDER BY seq"):
                if kind == "intent":
                    found.append(json.loads(body)["instanceId"])
    return found


@scenario
def journal(case):
    """No durable intent, no call: a journal that cannot be opened, is no database, was altered, or fills up."""
    world = case.serve([vpc(0)], links=200, stale=80)
    case.manifest(vpc(0), case.kept(vpc(0)), max_detach=100)
    fast = ["--yes", *ROOMY, *FAST]

    def full():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    done = case.command("apply", *fast, preexec_fn=full)
    case.equal(done.code, 1, "exit code, the disk fills up in the middle")
    case.check(done.err, "a full disk is silent")
    sent = [c["params"]["InstanceId"] for c in world.log(DETACH)]
    case.check(0 < len(sent) < 80, f"Detach calls until the disk was full: {len(sent)} of 80")
    case.check(set(sent) <= set(intents(case)), "a Detach without a durable intent")
    before = len(world.writes())
    path = next(iter(case.state.glob("*.sqlite")), None)
    if not case.check(path, "one *.sqlite file in the state folder"):
        return
    aside = {p.name: p.read_bytes() for p in case.state.glob("*.sqlite*")}

    def refused(what):
        result = case.command("apply", *fast)
        case.equal(result.code, 1, f"exit code, {what}")
        case.check(result.err, f"{what}: silent")
        case.equal(len(world.writes()), before, f"writes, {what}")
        for old in case.state.glob("*.sqlite*"):
            old.unlink()
        for name, data in aside.items():
            (case.state / name).write_bytes(data)

    for extra in case.state.glob("*.sqlite-*"):
        extra.unlink()
    path.write_bytes(b"this is no database" * 1000)
    refused("a journal that is no database")
    path.unlink()
    path.mkdir()
    result = case.command("apply", *fast)
    case.equal(result.code, 1, "exit code, a folder where the journal belongs")
    path.rmdir()
    for name, data in aside.items():
        (case.state / name).write_bytes(data)
    with sqlite3.connect(path) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f'DROP TRIGGER "{name}"')
        db.execute("UPDATE entry SET body = replace(body, 'detach', 'attach') WHERE seq = (SELECT min(seq) FROM entry WHERE kind = 'intent')")
    db.close()
    refused("a journal with an altered entry")
    done = case.command("apply", *fast)
    case.equal(done.code, 0, "exit code once there is room")
    case.equal(len(world.stale()), 0, "stale links left")
    case.equal(sorted(intents(case)), sorted(c["params"]["InstanceId"] for c in world.log(DETACH)),
               "intents of the journal, against the Detach calls")
    case.clean()


@scenario
def chaos(case):
    """`run` killed again and again under lost answers, 5xx and resets: no wrong call, and an end."""
    vpcs = [vpc(n) for n in range(3)]
    world = case.serve(vpcs, links=80, stale=40,
                       faults=Faults(latency=0.03, lost=0.05, error_5xx=0.05, reset=0.03, shuffle=True))
    for name in vpcs:
        case.manifest(name, case.kept(name), max_detach=100)
    pace = ["--set", "limits.writesPerSecond.start=20", "--set", "limits.writesPerSecond.max=30"]
    for _ in range(6):
        process = case.daemon("--interval", "1s", *ROOMY, *pace)
        time.sleep(world.random.uniform(1.2, 2.5))
        process.kill()
        process.wait()
        time.sleep(0.2)
        with world.lock:                # what it had no time to hear or to write down is ambiguous
            for call in world.calls:
                if call["action"] == DETACH and time.time() - call["t"] < 0.6:
                    world.last_answer[(call["params"]["InstanceId"], call["params"]["VpcId"])] = "ambiguous"
    process = case.daemon("--interval", "1s", *ROOMY, *pace)
    case.eventually(lambda: not world.stale() and not world.unverified(), 40, "all stale links are gone and verified")
    writes = len(world.writes())
    case.passes(3)
    case.equal(len(world.writes()), writes, "writes once converged")
    case.equal(case.terminate(process), 0, "exit code after SIGTERM")
    case.clean()


@scenario
def hung(case):
    """The first Detach is applied and never answered: it times out, a read decides."""
    world = case.serve([vpc(0)], links=50, stale=4, faults=Faults(hang_first_detach=40))
    case.manifest(vpc(0), case.kept(vpc(0)), max_detach=10)
    done = case.command("apply", "--yes", *FAST, timeout=60)
    case.equal(done.code, 0, "exit code")
    case.equal(len(world.stale()), 0, "stale links left")
    case.equal(len(world.log(DETACH)), 4, "Detach calls: a read shows what became of the lost one")
    case.clean()


@scenario
def until(case):
    """A time-boxed exception ends: from then on no longer desired."""
    world = case.serve([vpc(0)], links=20, stale=2)
    past, soon = sorted(i for i, _ in world.stale())
    at = time.time() + 6
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    path = case.manifest(vpc(0), case.kept(vpc(0)))
    case.write(path.name, path.read_text() + f"    - id: {past}\n      until: 2020-01-01T00:00:00Z\n      reason: over\n"
               f"    - id: {soon}\n      until: {stamp}\n")
    process = case.daemon("--interval", "1s")
    case.eventually(lambda: (past, vpc(0)) not in world.pairs(), 4, "the exception that is over goes")
    case.check((soon, vpc(0)) in world.pairs() or time.time() > at, "the exception that runs stays")
    case.eventually(lambda: (soon, vpc(0)) not in world.pairs(), 12, "the exception that ends goes without an edit")
    cut = [c["t"] for c in world.log(DETACH) if c["params"]["InstanceId"] == soon]
    case.check(not cut or cut[0] >= int(at), "the exception was cut before its end")
    case.terminate(process)
    case.clean()


@scenario
def protected(case):
    """A protected link needs two revisions: one lifts the protection, a later one removes the link."""
    world = case.serve([vpc(0)], links=20, stale=1)
    one = sorted(world.stale())[0][0]
    path = case.manifest(vpc(0), case.kept(vpc(0)))
    plain_text = path.read_text()
    case.write(path.name, plain_text + f"    - id: {one}\n      protected: true\n")
    case.equal(case.command("apply", "--yes").code, 0, "exit code in sync")
    case.write(path.name, plain_text)
    case.equal(case.command("apply", "--yes").code, 3, "exit code, a protected link removed in one revision")
    case.equal(len(world.writes()), 0, "writes against a protected link")
    case.write(path.name, plain_text + f"    - id: {one}\n")
    case.command("apply", "--yes")
    case.write(path.name, plain_text)
    case.equal(case.command("apply", "--yes").code, 0, "exit code, protection lifted a revision earlier")
    case.equal(len(world.stale()), 0, "stale links left")
    case.clean()


@scenario
def layout(case):
    """Several documents a file, depth, .yml, hidden files, a union, a symlink that leaves the tree, `..data` swaps."""
    world = case.serve([vpc(0)], links=30, stale=1)
    ids = case.kept(vpc(0))
    deep = case.manifests / "a" / "b"
    deep.mkdir(parents=True)
    text = case.manifest(vpc(0), ids[:10]).read_text()
    second = case.manifest(vpc(0), ids[10:20], file="x.yaml").read_text().replace("set-", "second-")
    third = case.manifest(vpc(0), ids[20:], file="x.yaml").read_text().replace("set-", "third-")
    (case.manifests / "x.yaml").unlink()
    case.write(f"{vpc(0)}.yaml", text + "---\n" + second)
    (deep / "third.yml").write_text(third)
    (case.manifests / ".hidden.yaml").write_text("not: [valid")
    (case.manifests / ".git").mkdir()
    (case.manifests / ".git" / "x.yaml").write_text("not: [valid")
    planned = case.plan()
    case.equal(planned.code, 2, "exit code, one scope from three documents")
    case.equal(named((planned.json or {}).get("summary"))["detach"], 1, "summary.detach")
    outside = case.root / "outside.yaml"
    outside.write_text(text.replace("set-", "out-"))
    (deep / "out.yaml").symlink_to(outside)
    case.equal(case.plan().code, 1, "exit code, a link that leaves the tree")
    (deep / "out.yaml").unlink()
    (deep / "third.yml").write_text(third.replace("mode: detach", "mode: observe"))
    case.equal(case.plan().code, 1, "exit code, modes of one scope disagree")
    # a mounted config map: the files are links through ..data, which is swapped
    shutil.rmtree(case.manifests)
    case.manifests.mkdir()

    def mount(name, listed):
        folder = case.manifests / name
        folder.mkdir()
        body = case.manifest(vpc(0), listed, file="staging.yaml").read_text()
        (case.manifests / "staging.yaml").unlink()
        (folder / "web.yaml").write_text(body)
        beside = case.manifests / "..data_tmp"
        beside.symlink_to(name)
        os.replace(beside, case.manifests / "..data")

    mount("..2026_01", ids)
    (case.manifests / "web.yaml").symlink_to("..data/web.yaml")
    process = case.daemon("--interval", "60s", "--set", "source.poll=30s")
    case.eventually(lambda: not world.stale(), 15, "the stale link goes")
    case.eventually(lambda: not world.unverified(), 10, "its detach is verified")
    world.set_keep(world.keep - {(ids[0], vpc(0))})
    mount("..2026_02", ids[1:])
    shutil.rmtree(case.manifests / "..2026_01")
    case.eventually(lambda: not world.stale(), 12, "a ..data swap is noticed long before poll and interval")
    case.terminate(process)
    case.clean()


@scenario
def shapes(case):
    """Empty lists in every shape, numbers as strings, a page that hides links, a page of another VPC."""
    world = case.serve([vpc(0)])
    case.manifest(vpc(0), [], max_detach=100, allow_empty=True)
    for number, shape in enumerate(("absent", "object", "list")):
        world.faults.empty, world.faults.text_numbers = shape, True
        for n in range(5):
            world.link(instance(10 * number + n), vpc(0), keep=False)
        done = case.command("apply", "--yes", *ROOMY, *FAST)
        case.equal(done.code, 0, f"exit code, an empty list as {shape}")
        case.equal(len(world.stale()), 0, f"stale links left, an empty list as {shape}")
        case.equal(case.command("apply", "--yes", *ROOMY, *FAST).code, 0, f"exit code in sync, an empty list as {shape}")
    case.clean()


@scenario
def dishonest(case):
    """Reads that contradict themselves are no ground for a plan."""
    world = case.serve([vpc(0)], links=30, stale=2)
    world.sync_vpcs = {vpc(0)}
    case.manifest(vpc(0), case.kept(vpc(0)), mode="sync")
    world.faults.hide = {instance(n) for n in range(20, 25)}
    done = case.command("apply", "--yes", *FAST, timeout=100)
    case.check(done.code == 4 or (done.code == 0 and not world.stale()), f"TotalCount 30, 25 listed: exit code {done.code}")
    case.equal(len(world.log(ATTACH)), 0, "Attach calls for links that a page hid")
    world.faults.hide = set()
    world.faults.wrong_vpc = True
    before = len(world.writes())
    done = case.command("apply", "--yes", *FAST, timeout=100)
    case.equal(done.code, 4, "exit code, a VPC's page lists links of another VPC")
    case.equal(len(world.writes()), before, "writes after a page of another VPC")
    case.clean()


@scenario
def clock(case):
    """A client clock 20 minutes off: corrected by the answer's Date, once."""
    world = case.serve([vpc(0)], links=20, stale=1)
    world.skew = 1200
    case.manifest(vpc(0), case.kept(vpc(0)))
    done = case.command("apply", "--yes")
    case.equal(done.code, 0, "exit code")
    expired = len(world.log(result="InvalidTimeStamp.Expired"))
    case.check(1 <= expired <= 3, f"expired calls: {expired}")
    world.violations.pop("bad_timestamp", None)
    case.clean()


@scenario
def endpoint_rules(case):
    """Plain http is for loopback addresses only; a wrong region and an unknown VPC are no storm."""
    world = case.serve([vpc(0)], links=20, stale=1)
    path = case.manifest(vpc(0), case.kept(vpc(0)))
    for url in ("http://ecs.example.com", "http://10.0.0.1:80", "http://127.0.0.1.example.com", "ftp://127.0.0.1", "nonsense"):
        case.equal(case.plan("--endpoint", url).code, 1, f"exit code of --endpoint {url}")
    case.write(path.name, path.read_text().replace(REGION, "cn-qingdao"))
    elsewhere = case.command("apply", "--yes", timeout=100)
    case.check(elsewhere.code in (1, 4), f"exit code, an unknown region: {elsewhere.code}")
    case.check(len(world.calls) <= 5, f"calls for an unknown region: {len(world.calls)}")
    calls = len(world.calls)
    case.write(path.name, path.read_text().replace("cn-qingdao", REGION).replace(vpc(0), vpc(9)))
    unknown = case.command("apply", "--yes", timeout=100)
    case.check(unknown.code in (1, 4), f"exit code, an unknown VPC: {unknown.code}")
    case.check(len(world.calls) - calls <= 5, f"calls for an unknown VPC: {len(world.calls) - calls}")
    case.equal(len(world.writes()), 0, "writes")


# -- the runner ------------------------------------------------------------------------------------------


def run_one(name, options):
    started = time.time()
    case = Case(name, options.binary, options.seed, options.logs)
    try:
        SCENARIOS[name](case)
    except Exception:  # noqa: BLE001 - a broken scenario is a failed one, with its place
        last = traceback.format_exc().strip().splitlines()
        case.failures.append(f"{last[-1]} ({last[-3].strip() if len(last) > 2 else ''})")
    finally:
        case.close()
    return name, case.failures, time.time() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", nargs="?", help="the classiclinkd binary")
    parser.add_argument("--only", action="append", metavar="NAME", help="only this scenario; may be repeated")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=4, help="scenarios at a time (default 4)")
    parser.add_argument("--logs", metavar="DIR", help="keep the call log and the output of every scenario there")
    parser.add_argument("--list", action="store_true", help="print the scenarios' names")
    options = parser.parse_args()
    if options.list:
        print("\n".join(SCENARIOS))
        return 0
    if not options.binary:
        parser.error("BINARY is missing")
    options.binary = str(pathlib.Path(options.binary).resolve())
    names = options.only or list(SCENARIOS)
    unknown = [n for n in names if n not in SCENARIOS]
    if unknown:
        parser.error(f"no such scenario: {', '.join(unknown)}; there are: {', '.join(SCENARIOS)}")
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        futures = [pool.submit(run_one, name, options) for name in names]
        for future in futures:
            name, failures, seconds = future.result()
            failed += bool(failures)
            told = "; ".join(re.sub(r"\s+", " ", f) for f in failures)
            print(f"{'FAIL' if failures else 'ok  '} {name} ({seconds:.1f} s){': ' + told if told else ''}", flush=True)
    print(f"{len(names) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    threading.stack_size(512 * 1024)
    sys.exit(main())
