"""An ECS ClassicLink endpoint for tests, written from the documented API only.

It speaks DescribeClassicLinkInstances, DetachClassicLinkVpc and AttachClassicLinkVpc (ECS RPC,
2014-05-26) over HTTP/1.1, checks every request as the cloud would, misbehaves to order, and keeps
a record of every call and of every call that should not have been made.

    world = World("cn-hangzhou", vpcs=["vpc-a"])
    world.link("i-1", "vpc-a", keep=False)
    with Endpoint(world) as endpoint:
        ... endpoint.url ...
    world.wrong()   # {} when the client made no call it should not have made
"""

import base64
import calendar
import hashlib
import hmac
import http.server
import json
import random
import socket
import struct
import threading
import time
import urllib.parse
import uuid
from collections import Counter

VERSION = "2014-05-26"
TIME_WINDOW = 15 * 60
DESCRIBE, DETACH, ATTACH = "DescribeClassicLinkInstances", "DetachClassicLinkVpc", "AttachClassicLinkVpc"


class Faults:
    """What goes wrong. Probabilities are per call, times are seconds."""

    def __init__(self, **given):
        self.latency = 0.0
        self.throttle = None              # (calls, seconds): fixed windows, per action
        self.throttle_hint = True         # send x-acs-retry-after with a throttled answer
        self.hint_ms = None               # the hint, instead of the rest of the window
        self.lost = 0.0                   # apply, then close the socket without an answer
        self.error_5xx = 0.0              # half of them before, half after applying
        self.reset = 0.0                  # TCP reset before applying
        self.visibility = 0.0             # a detached link stays listed that long
        self.shuffle = False              # another order for every read
        self.describe_500_vpcs = set()    # Describe of these VPCs always fails
        self.detach_script = {}           # id -> "notfound" | "notfound-stays" | "denied" | ("status", seconds)
        self.hang = 0
        self.hang_first_detach = 0        # apply the first Detach, and answer nothing for that long
        self.empty = "list"               # an empty list is {"Link": []}, "object" {}, or "absent"
        self.text_numbers = False         # numbers come as strings
        self.hide = set()                 # ids that VPC reads count, and do not list
        self.wrong_vpc = False            # VPC reads list the links as another VPC's
        self.reattach = {}                # (id, vpc) -> how often a hand attaches it again
        self.reattach_after = 0.3
        for name, value in given.items():
            if not hasattr(self, name):
                raise TypeError(f"no such fault: {name}")
            setattr(self, name, value)


class ApiError(Exception):
    def __init__(self, status, code, message, headers=()):
        super().__init__(code)
        self.status, self.code, self.message, self.headers = status, code, message, dict(headers)


class World:
    """The true state, what reads show of it, and the record. Every method is thread-safe."""

    def __init__(self, region, vpcs, key="LTAI5tConformanceKey", secret="conformance-secret", token=None,
                 faults=None, seed=1):
        self.region, self.vpcs = region, set(vpcs)
        self.key, self.secret, self.token = key, secret, token
        self.faults = faults or Faults()
        self.random = random.Random(seed)
        self.lock = threading.RLock()
        self.instances = set()
        self.links = {}                 # id -> vpc: the truth
        self.keep = set()               # pairs that nobody may cut
        self.sync_vpcs = set()          # VPCs whose manifests say mode sync
        self.ghosts = {}                # pair -> listed until
        self.ever = set()               # pairs that were linked at some time
        self.cut = {}                   # pair -> "clean" | "ambiguous": detached by the client, not linked since
        self.last_answer = {}           # pair -> "clean" | "ambiguous": the last Detach's
        self.seen_gone = set()          # cut pairs that a delivered read by id did not list
        self.status_until = {}
        self.skew = 0                   # seconds this server's clock is ahead
        self.nonces = set()
        self.buckets = Counter()
        self.calls = []
        self.violations = Counter()
        self.repeated_after_ambiguous = 0
        self.signatures = set()

    # -- the hand of the test ------------------------------------------------------------------

    def link(self, instance, vpc, keep=True):
        with self.lock:
            self.instances.add(instance)
            self.links[instance] = vpc
            pair = (instance, vpc)
            self.ever.add(pair)
            self.cut.pop(pair, None)
            self.last_answer.pop(pair, None)
            self.seen_gone.discard(pair)
            self.ghosts.pop(pair, None)
            if keep:
                self.keep.add(pair)

    def unlink(self, instance):
        with self.lock:
            return self.links.pop(instance, None)

    def release(self, instance):
        """The instance is gone, and its link with it."""
        with self.lock:
            self.instances.discard(instance)
            self.links.pop(instance, None)

    def stale(self):
        with self.lock:
            return {pair for pair in self.links.items() if pair not in self.keep}

    def pairs(self):
        with self.lock:
            return set(self.links.items())

    def set_keep(self, pairs):
        with self.lock:
            self.keep = set(pairs)

    # -- what the test asks ----------------------------------------------------------------------

    def log(self, action=None, **match):
        with self.lock:
            return [c for c in self.calls if (action is None or c["action"] == action)
                    and all(c.get(k) == v for k, v in match.items())]

    def writes(self):
        return self.log(DETACH) + self.log(ATTACH)

    def wrong(self):
        with self.lock:
            return dict(self.violations)

    def unverified(self):
        """Pairs cut and still cut that no later delivered read showed as gone."""
        with self.lock:
            return set(self.cut) - self.seen_gone

    # -- one call ------------------------------------------------------------------------------

    def flag(self, kind, entry):
        self.violations[kind] += 1
        entry.setdefault("wrong", []).append(kind)

    def view(self, now):
        """Pairs as reads show them."""
        pairs = set(self.links.items())
        for pair, until in list(self.ghosts.items()):
            if until <= now:
                del self.ghosts[pair]
            elif pair[0] in self.instances and pair[0] not in self.links:
                pairs.add(pair)
        return pairs

    def throttle(self, action):
        limit = self.faults.throttle
        if not limit:
            return
        calls, seconds = limit
        now = time.time()
        window = int(now // seconds)
        self.buckets[(action, seconds, window)] += 1
        if self.buckets[(action, seconds, window)] > calls:
            left = max(1, int(((window + 1) * seconds - now) * 1000))
            headers = {"x-acs-retry-after": str(self.faults.hint_ms or left)} if self.faults.throttle_hint else {}
            raise ApiError(400, "Throttling.User", "Request was denied due to user flow control.", headers)

    def describe(self, p, entry):
        vpc, listed_ids = p.get("VpcId", ""), p.get("InstanceId", "")
        ids = [i for i in listed_ids.split(",") if i] if listed_ids else []
        if not vpc and not ids:
            self.flag("bad_parameters", entry)
            raise ApiError(403, "InvalidParameter.InvalidInstanceIdAndVpcId", "The specified parameters are invalid.")
        if len(ids) > 100:
            self.flag("too_many_ids", entry)
            raise ApiError(403, "InvalidParameter.ToManyInstanceIds", "Too many instance ids.")
        if any(i != i.strip() for i in ids):
            self.flag("spaces_in_ids", entry)
            ids = [i.strip() for i in ids]
        number, size = self.page(p, "PageNumber", 1, 1, 10**9, entry), self.page(p, "PageSize", 10, 1, 100, entry)
        if vpc in self.faults.describe_500_vpcs:
            raise ApiError(500, "InternalError", "The request processing has failed due to some unknown error.")
        if vpc and vpc not in self.vpcs:
            raise ApiError(403, "InvalidVpc.NotBelong", "The specified VPC does not belong to you.")
        if any(i not in self.instances for i in ids):
            raise ApiError(403, "InvalidInstanceId.NotFound", "The specified InstanceId is not found.")
        found = [pair for pair in sorted(self.view(time.time()))
                 if (not vpc or pair[1] == vpc) and (not ids or pair[0] in ids)]
        if self.faults.shuffle:
            self.random.shuffle(found)
        part = found[(number - 1) * size:number * size]
        entry["listed"] = [pair[0] for pair in part]
        entry["total"] = len(found)
        if ids and len(found) <= size and number == 1:
            listed = set(found)
            entry["absent"] = [pair for pair in self.cut
                               if pair[0] in ids and (not vpc or pair[1] == vpc) and pair not in listed]
        elif vpc and not ids and number == 1 and len(found) <= size:
            listed = set(found)
            entry["absent"] = [pair for pair in self.cut if pair[1] == vpc and pair not in listed]
        if not ids:
            part = [pair for pair in part if pair[0] not in self.faults.hide]
            part = [(i, "vpc-bp67confanother00" if self.faults.wrong_vpc else v) for i, v in part]
        reply = {"TotalCount": len(found), "PageNumber": number, "PageSize": size}
        if self.faults.text_numbers:
            reply = {name: str(value) for name, value in reply.items()}
        if part or self.faults.empty == "list":
            reply["Links"] = {"Link": [{"InstanceId": i, "VpcId": v} for i, v in part]}
        elif self.faults.empty == "object":
            reply["Links"] = {}
        return reply

    def page(self, p, name, default, low, high, entry):
        text = p.get(name, "")
        if text == "":
            return default
        if not text.isdigit() or not low <= int(text) <= high:
            self.flag("bad_page", entry)
            raise ApiError(403, f"InvalidParameter.{name}", f"The specified {name} is invalid.")
        return int(text)

    def pair_of(self, p, entry):
        instance, vpc = p.get("InstanceId", ""), p.get("VpcId", "")
        if not instance or not vpc:
            self.flag("bad_parameters", entry)
            raise ApiError(403, "InvalidParameter.InvalidInstanceIdAndVpcId", "The specified parameters are invalid.")
        return instance, vpc

    def detach_arrives(self, p, entry):
        """Judge a Detach before anything, faults included, happens to it."""
        pair = self.pair_of(p, entry)
        if pair in self.keep:
            self.flag("detach_of_kept_link", entry)
        if pair not in self.ever:
            self.flag("detach_never_linked", entry)
        if pair in self.cut:
            if pair in self.seen_gone:
                self.flag("detach_after_seen_gone", entry)
            elif self.last_answer.get(pair) == "ambiguous":
                self.repeated_after_ambiguous += 1
                entry["repeated_after_ambiguous"] = True
            else:
                self.flag("detached_twice", entry)

    def detach(self, p, entry):
        pair = instance, vpc = self.pair_of(p, entry)
        script = self.faults.detach_script.get(instance)
        if script == "notfound":
            if self.links.pop(instance, None):
                entry["changed"] = True
                self.cut[pair] = "clean"
            self.instances.discard(instance)
        if script == "notfound-stays" or instance not in self.instances:
            raise ApiError(403, "InvalidInstanceId.NotFound", "The specified InstanceId is not found.")
        if script == "denied":
            raise ApiError(403, "OperationDenied", "The specified instance is not allowed to detach from vpc.")
        if isinstance(script, tuple):
            until = self.status_until.setdefault(instance, time.time() + script[1])
            if time.time() < until:
                raise ApiError(403, "InvalidStatus.InstanceStatus", "The status of the instance does not allow it.")
        if self.links.get(instance) != vpc:
            raise ApiError(403, "InvalidOperation.InvalidVpc", "The specified instance not link specify vpc.")
        del self.links[instance]
        self.cut[pair] = "clean"
        self.seen_gone.discard(pair)
        entry["changed"] = True
        if self.faults.visibility:
            self.ghosts[pair] = time.time() + self.faults.visibility
        if self.faults.reattach.get(pair, 0) > 0:
            self.faults.reattach[pair] -= 1
            if not self.faults.reattach_after:
                self.link(instance, vpc, keep=False)
                return {}
            timer = threading.Timer(self.faults.reattach_after, self.link, (instance, vpc, False))
            timer.daemon = True
            timer.start()
        return {}

    def attach(self, p, entry):
        instance, vpc = self.pair_of(p, entry)
        if vpc not in self.sync_vpcs:
            self.flag("attach_outside_sync", entry)
        if (instance, vpc) not in self.keep:
            self.flag("attach_of_undesired", entry)
        if instance not in self.instances:
            raise ApiError(403, "InvalidInstanceId.NotFound", "The specified InstanceId is not found.")
        if vpc not in self.vpcs:
            raise ApiError(403, "OperationDenied", "The specified VPC has disabled attach classic link.")
        held = self.links.get(instance)
        if held and held != vpc:
            raise ApiError(403, "OperationDenied", "The specified instance has been linked to other vpc.")
        if not held:
            self.link(instance, vpc, keep=False)
            entry["changed"] = True
        return {}


# -- signatures --------------------------------------------------------------------------------------


def encode(text):
    return urllib.parse.quote(text, safe="-_.~")


def canonical_query(pairs):
    return "&".join(f"{encode(k)}={encode(v)}" for k, v in sorted(pairs))


def sign_v1(method, pairs, secret):
    text = "&".join([method, encode("/"), encode(canonical_query([p for p in pairs if p[0] != "Signature"]))])
    mac = hmac.new((secret + "&").encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(mac).decode(), text


def sign_v3(method, path, query, headers, signed, body, secret):
    lines = "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in signed)
    request = "\n".join([method, path, canonical_query(query), lines, ";".join(signed),
                         hashlib.sha256(body).hexdigest()])
    text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(request.encode()).hexdigest()
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest(), text


def check_time(world, text, entry):
    try:
        at = calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))
    except ValueError:
        world.flag("bad_timestamp", entry)
        raise ApiError(400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.")
    if abs(time.time() + world.skew - at) > TIME_WINDOW:
        world.flag("bad_timestamp", entry)
        raise ApiError(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")


def check_nonce(world, nonce, entry):
    if nonce in world.nonces:
        world.flag("replayed_nonce", entry)
        raise ApiError(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
    world.nonces.add(nonce)


def require(world, given, names, entry):
    for name in names:
        if not given.get(name):
            world.flag("missing_parameter", entry)
            raise ApiError(400, "MissingParameter", f"The input parameter {name} that is mandatory is not supplied.")


def check_v1(world, method, pairs, entry):
    p = dict(pairs)
    if len(p) != len(pairs):
        world.flag("repeated_parameter", entry)
    require(world, p, ["Action", "Version", "AccessKeyId", "SignatureMethod", "SignatureVersion", "SignatureNonce",
                       "Timestamp", "Signature"], entry)
    if p.get("Format") != "JSON":
        world.flag("format_not_json", entry)
    if p["SignatureMethod"] != "HMAC-SHA1" or p["SignatureVersion"] != "1.0":
        world.flag("bad_signature", entry)
        raise ApiError(400, "InvalidSignatureMethod", "The specified signature method is invalid.")
    check_time(world, p["Timestamp"], entry)
    if p["AccessKeyId"] != world.key:
        raise ApiError(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
    check_token(world, p.get("SecurityToken"), entry)
    wanted, text = sign_v1(method, pairs, world.secret)
    world.signatures.add(p["Signature"])
    if not hmac.compare_digest(wanted, p["Signature"]):
        world.flag("bad_signature", entry)
        raise ApiError(400, "SignatureDoesNotMatch",
                       "Specified signature is not matched with our calculation. server string to sign is:" + text)
    check_nonce(world, p["SignatureNonce"], entry)
    return p["Action"], p["Version"]


def check_v3(world, method, path, query, headers, body, entry):
    require(world, headers, ["host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce",
                             "x-acs-content-sha256"], entry)
    check_time(world, headers["x-acs-date"], entry)
    kind, _, rest = headers["authorization"].partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
    if parts.get("Credential") != world.key:
        raise ApiError(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
    check_token(world, headers.get("x-acs-security-token"), entry)
    signed = parts.get("SignedHeaders", "").split(";")
    must = {"host"} | {n for n in headers if n.startswith("x-acs-")} | ({"content-type"} if body else set())
    wanted, text = sign_v3(method, path, query, headers, signed, body, world.secret)
    world.signatures.add(parts.get("Signature", ""))
    if headers["x-acs-content-sha256"] != hashlib.sha256(body).hexdigest() or signed != sorted(signed) \
            or not must <= set(signed) or not hmac.compare_digest(wanted, parts.get("Signature", "")):
        world.flag("bad_signature", entry)
        raise ApiError(400, "SignatureDoesNotMatch",
                       f"Specified signature does not match our calculation. server StringToSign is [{text}]")
    check_nonce(world, headers["x-acs-signature-nonce"], entry)
    return headers["x-acs-action"], headers["x-acs-version"]


def check_token(world, token, entry):
    if world.token and not token:
        raise ApiError(400, "MissingSecurityToken", "SecurityToken is mandatory for this action.")
    if token != world.token:
        raise ApiError(400, "InvalidSecurityToken.MismatchWithAccessKey", "Specified SecurityToken mismatches.")


# -- HTTP --------------------------------------------------------------------------------------------


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    timeout = 120

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return super().date_time_string((timestamp or time.time()) + self.server.world.skew)

    def do_GET(self):
        self.answer()

    def do_POST(self):
        self.answer()

    def answer(self):
        world, faults = self.server.world, self.server.world.faults
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length) if length else b""
        if faults.latency:
            time.sleep(faults.latency / 2)
        entry = {"t": time.time(), "action": "?", "params": {}, "result": None, "changed": False}
        request_id = str(uuid.uuid4()).upper()
        absent, headers, fate = [], {}, None
        with world.lock:
            world.calls.append(entry)
            try:
                action, p = self.admit(world, body, entry)
                fate = self.fate(world)
                if action == DETACH and faults.hang_first_detach:
                    fate, faults.hang, faults.hang_first_detach = "hang", faults.hang_first_detach, 0
                if action == DETACH:
                    world.detach_arrives(p, entry)
                if fate == "reset":
                    raise ApiError(0, "(reset before applying)", "")
                if fate == "5xx-before":
                    raise ApiError(0, "(5xx before applying)", "")
                handle = {DESCRIBE: world.describe, DETACH: world.detach, ATTACH: world.attach}[action]
                status, reply = 200, dict(handle(p, entry), RequestId=request_id)
                entry["result"] = "ok"
                absent = entry.get("absent", [])
            except ApiError as error:
                status, headers = error.status, error.headers
                reply = {"RequestId": request_id, "HostId": "ecs.aliyuncs.com", "Code": error.code,
                         "Message": error.message, "Recommend": "https://api.aliyun.com/troubleshoot"}
                entry["result"] = error.code
            if fate:
                entry["fault"] = fate
            if entry["action"] == DETACH and entry["params"].get("InstanceId"):
                pair = (entry["params"]["InstanceId"], entry["params"].get("VpcId"))
                world.last_answer[pair] = "ambiguous" if fate else "clean"
            if absent and not fate:
                world.seen_gone.update(pair for pair in absent if pair in world.cut)
        if faults.latency:
            time.sleep(faults.latency / 2)
        if fate == "hang":
            time.sleep(faults.hang)
            fate = "lost"
        if fate == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            self.wfile = open("/dev/null", "wb")
            return
        if fate == "lost":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if fate in ("5xx-before", "5xx-after"):
            status = world.random.choice([500, 502, 503])
            if status == 502:
                return self.send(502, b"<html><body>Bad Gateway</body></html>", "text/html", {})
            code = "InternalError" if status == 500 else "ServiceUnavailable"
            reply = {"RequestId": request_id, "HostId": "ecs.aliyuncs.com", "Code": code, "Message": "try again"}
        self.send(status, json.dumps(reply).encode(), "application/json;charset=utf-8", headers)

    def admit(self, world, body, entry):
        """Everything the gateway checks before the operation itself."""
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qsl(url.query, keep_blank_values=True)
        form = []
        if (self.headers.get("content-type") or "").startswith("application/x-www-form-urlencoded"):
            form = urllib.parse.parse_qsl(body.decode(), keep_blank_values=True)
        headers = {name.lower(): value for name, value in self.headers.items()}
        p = dict(query + form)
        entry["action"] = p.get("Action") or headers.get("x-acs-action", "?")
        common = ("Signature", "AccessKeyId", "SecurityToken", "Timestamp", "Format", "Version", "Action")
        entry["params"] = {k: v for k, v in p.items() if not k.startswith(common)}
        if headers.get("authorization", "").startswith("ACS3-HMAC-SHA256"):
            entry["signature"] = "v3"
            action, version = check_v3(world, self.command, url.path, query, headers, body, entry)
        else:
            entry["signature"] = "v1"
            action, version = check_v1(world, self.command, query + form, entry)
        if version != VERSION:
            raise ApiError(400, "InvalidVersion", "Specified parameter Version is not valid.")
        if action not in (DESCRIBE, DETACH, ATTACH):
            raise ApiError(404, "InvalidAction.NotFound", "Specified api is not found, please check your url.")
        world.throttle(action)
        if not p.get("RegionId"):
            world.flag("missing_parameter", entry)
            raise ApiError(400, "MissingParameter", "The input parameter RegionId is not supplied.")
        if p["RegionId"] != world.region:
            raise ApiError(404, "InvalidRegionId.NotFound", "The specified RegionId does not exist.")
        return action, p

    def fate(self, world):
        faults, draw = world.faults, world.random.random()
        for share, name in [(faults.reset, "reset"), (faults.lost, "lost"), (faults.error_5xx / 2, "5xx-before"),
                            (faults.error_5xx / 2, "5xx-after")]:
            if draw < share:
                return name
            draw -= share
        return None

    def send(self, status, body, content_type, headers):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_):
        pass                            # a client that goes away is no news here


class Endpoint:
    def __init__(self, world):
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.world = world
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
