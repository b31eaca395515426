#!/usr/bin/env python3
"""The official credentials package and our binary read the same files and variables; see README.md.

credentials.py BINARY. Both are pointed at doubles of STS, of ECS and of a credentials URI on this machine,
which write down which key signed and what was asked; the two accounts of it have to be the same.
"""

import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import urllib.parse

os.environ["no_proxy"] = os.environ["NO_PROXY"] = "*"
ROLE, LAST = "acs:ram::1234567890123456:role/first", "acs:ram::1234567890123456:role/last"
SECRET = "no-secret-of-anybody"
PROVIDER = "acs:ram::1234567890123456:oidc-provider/ack"
ASKED = ["Action", "AccessKeyId", "SecurityToken", "RoleArn", "RoleSessionName", "DurationSeconds", "Policy"]
ASKED += ["ExternalId", "OIDCProviderArn", "OIDCToken"]
MANIFEST = """apiVersion: classiclinkd/v1
kind: ClassicLinkSet
metadata: {name: a}
spec: {regionId: cn-hangzhou, vpcId: vpc-a, mode: observe, instances: []}
"""


def assumed(params):
    """The answer of STS: the key is named after the role."""
    name = params["RoleArn"].split("/")[-1]
    return {"RequestId": "r", "Credentials": {"AccessKeyId": f"of-{name}", "AccessKeySecret": SECRET, "SecurityToken": f"t-{name}",
                            "Expiration": "2100-01-01T00:00:00Z"}}


def told(params):
    return {name: params[name] for name in ASKED if params.get(name)}


def official():
    """The package, in a process of its own: it reads the variables when it is imported."""
    from Tea.core import TeaCore
    from alibabacloud_credentials.provider import DefaultCredentialsProvider

    calls = []
    real = TeaCore.do_action

    class Answer:
        status_code = 200

        def __init__(self, params):
            self.body = json.dumps(assumed(params)).encode()
            self.headers = {}

    def do_action(request, runtime=None):
        params = dict(request.query or {})
        body = request.body
        if isinstance(body, bytes):
            body = body.decode()
        params.update(urllib.parse.parse_qsl(body or ""))
        if "RoleArn" not in params:
            return real(request, runtime)
        calls.append(told(params))
        return Answer(params)

    TeaCore.do_action = staticmethod(do_action)
    try:
        key = DefaultCredentialsProvider().get_credentials()
        found = [key.get_access_key_id(), key.get_security_token() or None]
    except Exception as error:
        print(error, file=sys.stderr)
        found = None
    print(json.dumps({"key": found, "asked": calls}))


class Double(http.server.BaseHTTPRequestHandler):
    """STS and ECS for our binary, and a credentials URI for both."""

    def log_message(self, *_):
        pass

    def answer(self, body):
        body = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer({"Code": "Success", "AccessKeyId": "of-uri", "AccessKeySecret": SECRET, "SecurityToken": "t-uri",
                     "Expiration": "2100-01-01T00:00:00Z"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        params = dict(urllib.parse.parse_qsl(body))
        if "RoleArn" in params:
            self.server.asked.append(told(params))
            return self.answer(assumed(params))
        self.server.key = [params["AccessKeyId"], params.get("SecurityToken")]
        self.answer({"RequestId": "r", "TotalCount": 0, "PageNumber": 1, "PageSize": 100, "Links": {"Link": []}})


def ours(binary, folder, variables):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Double)
    server.asked, server.key = [], None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    variables = {**variables, "CLASSICLINKD_ENDPOINT": f"http://127.0.0.1:{server.server_port}"}
    ran = subprocess.run([binary, "plan", "--manifests", "manifests", "--state", "state"], cwd=folder,
                         env=variables, capture_output=True, timeout=60, text=True)
    server.shutdown()
    return {"key": server.key, "asked": server.asked}, ran.stderr


def cases():
    """Name, files below the home folder, variables."""
    def cli(current, *profiles):
        return {".aliyun/config.json": json.dumps({"current": current, "profiles": list(profiles)})}

    def ak(name, id):
        return {"name": name, "mode": "AK", "access_key_id": id, "access_key_secret": SECRET}

    def ini(section, **values):
        lines = [f"[{section}]"] + [f"{name} = {value}" for name, value in values.items()]
        return {".alibabacloud/credentials.ini": "\n".join(lines) + "\n"}

    env = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "env", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": SECRET}
    role = {"ram_role_arn": ROLE, "ram_session_name": "links", "external_id": "x", "policy": "{}"}
    key = {"type": "access_key", "access_key_id": "ini", "access_key_secret": SECRET}
    oidc = {"ALIBABA_CLOUD_ROLE_ARN": ROLE, "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": PROVIDER,
            "ALIBABA_CLOUD_OIDC_TOKEN_FILE": "token", "ALIBABA_CLOUD_ROLE_SESSION_NAME": "links"}
    token = {"token": "a.b.c"}
    yield "environment", {}, env
    yield "environment with a token", {}, {**env, "ALIBABA_CLOUD_SECURITY_TOKEN": "t"}
    yield "environment before profile", cli("a", ak("a", "cli")), env
    yield "half a key in the environment", cli("a", ak("a", "cli")), {"ALIBABA_CLOUD_ACCESS_KEY_ID": "env"}
    yield "current profile", cli("b", ak("a", "cli-a"), ak("b", "cli-b")), {}
    yield "named profile", cli("b", ak("a", "cli-a"), ak("b", "cli-b")), {"ALIBABA_CLOUD_PROFILE": "a"}
    yield "profile before ini", {**cli("a", ak("a", "cli")), **ini("default", **key)}, {}
    yield "profiles turned off", {**cli("a", ak("a", "cli")), **ini("default", **key)}, {
        "ALIBABA_CLOUD_CLI_PROFILE_DISABLED": "true"}
    yield "profile that is not there, then ini", {**cli("gone", ak("a", "cli")), **ini("default", **key)}, {}
    yield "RamRoleArn", cli("a", {**ak("a", "cli"), **role, "mode": "RamRoleArn", "expired_seconds": 900}), {}
    yield "ChainableRamRoleArn", cli("b", {**ak("a", "cli"), **role, "mode": "RamRoleArn"}, {
        "name": "b", "mode": "ChainableRamRoleArn", "source_profile": "a", "ram_role_arn": LAST,
        "ram_session_name": "links"}), {}
    yield "OIDC profile", {**token, **cli("a", {
        "name": "a", "mode": "OIDC", "ram_role_arn": ROLE, "oidc_provider_arn": PROVIDER,
        "oidc_token_file": "token", "role_session_name": "links"})}, {}
    yield "ini", ini("default", **key), {}
    yield "ini section", ini("links", **key), {"ALIBABA_CLOUD_PROFILE": "links"}
    yield "ini elsewhere", {"own": ini("default", **key)[".alibabacloud/credentials.ini"]}, {
        "ALIBABA_CLOUD_CREDENTIALS_FILE": "own"}
    yield "ini ram_role_arn", ini("default", **{**key, "type": "ram_role_arn"}, role_arn=ROLE,
                                  role_session_name="links", policy="{}"), {}
    yield "ini oidc_role_arn", {**token, **ini("default", type="oidc_role_arn", role_arn=ROLE,
                                oidc_provider_arn=PROVIDER, oidc_token_file_path="token",
                                role_session_name="links")}, {}
    yield "OIDC of the environment", token, oidc
    yield "OIDC before profile", {**token, **cli("a", ak("a", "cli"))}, oidc
    yield "credentials URI", {}, {"ALIBABA_CLOUD_CREDENTIALS_URI": "URI"}
    yield "ini before URI", ini("default", **key), {"ALIBABA_CLOUD_CREDENTIALS_URI": "URI"}
    yield "nothing", {}, {}


def compare(binary):
    uri = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Double)
    threading.Thread(target=uri.serve_forever, daemon=True).start()
    differ = passed = 0
    for name, files, variables in cases():
        with tempfile.TemporaryDirectory() as folder:
            home = pathlib.Path(folder)
            for path, text in {"manifests/a.yaml": MANIFEST, **files}.items():
                path = home / path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
                path.chmod(0o600)
            here = {"URI": f"http://127.0.0.1:{uri.server_port}/key"}
            variables = {name: here.get(value, value) for name, value in variables.items()}
            variables |= {"HOME": folder, "PATH": os.environ["PATH"], "no_proxy": "*",
                          "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true"}
            ran = subprocess.run([sys.executable, __file__, "--official"], cwd=folder, env=variables,
                                 capture_output=True, timeout=60, text=True)
            if ran.returncode:
                sys.exit(f"the official package failed\n{ran.stderr}")
            theirs = json.loads(ran.stdout)
            mine, said = ours(binary, folder, variables)
        if mine == theirs:
            passed += 1
            print(f"ok     {name}: {(theirs['key'] or ['no key'])[0]}")
        else:
            differ += 1
            print(f"DIFFER {name}\n  ours   {mine}\n  theirs {theirs}\n  {said.strip()}\n  {ran.stderr.strip()}")
    print(f"{passed} the same, {differ} differ")
    sys.exit(1 if differ else 0)


if __name__ == "__main__":
    official() if sys.argv[1] == "--official" else compare(os.path.abspath(sys.argv[1]))
