#!/usr/bin/env python3
"""Runs the official SDKs against the simulator; see README.md."""

import json
import os
import sys
import urllib.parse
import urllib.request

# A proxy of the environment must not stand between the SDKs and loopback.
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "*"

from aliyunsdkcore.client import AcsClient  # noqa: E402
from aliyunsdkcore.request import CommonRequest  # noqa: E402
from aliyunsdkcore.acs_exception.exceptions import ServerException  # noqa: E402
from aliyunsdkecs.request.v20140526 import (  # noqa: E402
    AttachClassicLinkVpcRequest,
    DescribeClassicLinkInstancesRequest,
    DescribeInstancesRequest,
    DetachClassicLinkVpcRequest,
)
from alibabacloud_ecs20140526 import models  # noqa: E402
from alibabacloud_ecs20140526.client import Client  # noqa: E402
from alibabacloud_tea_openapi.models import Config, OpenApiRequest, Params  # noqa: E402
from darabonba.exceptions import DaraException  # noqa: E402
from darabonba.runtime import RuntimeOptions  # noqa: E402

KEY, SECRET = "sim-access-key", "sim-secret"
endpoint = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:9180"
address = urllib.parse.urlsplit(endpoint)
passed = 0


def control(path, **form):
    data = urllib.parse.urlencode(form).encode() if form else None
    with urllib.request.urlopen(f"{endpoint}/_sim/{path}", data, timeout=10) as answer:
        return json.load(answer)


def fail(what):
    print(f"FAILED {what}\n{passed} passed, 1 failed")
    sys.exit(1)


def expect(what, got, wanted):
    global passed
    if got != wanted:
        fail(f"{what}\n  got    {got!r}\n  wanted {wanted!r}")
    passed += 1
    print(f"ok     {what}")


class Refused(Exception):
    def __init__(self, status, code):
        super().__init__(code)
        self.seen = (status, code)


class Old:
    """aliyun-python-sdk-core: signature V1."""

    requests = {
        "describe": DescribeClassicLinkInstancesRequest.DescribeClassicLinkInstancesRequest,
        "attach": AttachClassicLinkVpcRequest.AttachClassicLinkVpcRequest,
        "detach": DetachClassicLinkVpcRequest.DetachClassicLinkVpcRequest,
        "instances": DescribeInstancesRequest.DescribeInstancesRequest,
    }
    # It compares the echoed string to sign with its own: equal means that the secret is wrong, and
    # so the simulator's echo is right.
    wrong_secret = (400, "InvalidAccessKeySecret")

    def __init__(self, method):
        self.name = f"V1 {method}"
        self.method = method

    def client(self, secret):
        return AcsClient(KEY, secret, region, port=address.port, auto_retry=False)

    def call(self, action, secret=SECRET, **params):
        request = self.requests[action]()
        request.set_protocol_type("http")
        request.set_endpoint(address.hostname)
        request.set_method(self.method)
        request.set_accept_format("JSON")
        for name, value in params.items():
            getattr(request, f"set_{name}")(value)
        try:
            answer = self.client(secret).do_action_with_exception(request)
        except ServerException as error:
            raise Refused(error.get_http_status(), error.get_error_code()) from None
        return json.loads(answer)

    def identity(self):
        request = CommonRequest(address.hostname, "2015-04-01", "GetCallerIdentity")
        request.set_protocol_type("http")
        request.set_method(self.method)
        request.set_accept_format("JSON")
        return json.loads(self.client(SECRET).do_action_with_exception(request))


class New:
    """alibabacloud_ecs20140526: signature V3, or V1 when told `v2`."""

    calls = {
        "describe": ("describe_classic_link_instances", models.DescribeClassicLinkInstancesRequest),
        "attach": ("attach_classic_link_vpc", models.AttachClassicLinkVpcRequest),
        "detach": ("detach_classic_link_vpc", models.DetachClassicLinkVpcRequest),
        "instances": ("describe_instances", models.DescribeInstancesRequest),
    }
    wrong_secret = (400, "SignatureDoesNotMatch")
    members = {
        "InstanceId": "instance_id",
        "VpcId": "vpc_id",
        "PageNumber": "page_number",
        "PageSize": "page_size",
        "InstanceIds": "instance_ids",
        "InstanceNetworkType": "instance_network_type",
    }

    def __init__(self, algorithm):
        self.name = "V1 by the new SDK" if algorithm == "v2" else "V3"
        self.algorithm = algorithm

    def client(self, secret):
        config = Config(
            access_key_id=KEY,
            access_key_secret=secret,
            endpoint=address.netloc,
            protocol="http",
            signature_algorithm=self.algorithm,
        )
        return Client(config)

    def call(self, action, secret=SECRET, **params):
        method, model = self.calls[action]
        # PageNumber and PageSize are texts in these models, except for DescribeInstances.
        members = {self.members[name]: value for name, value in params.items()}
        request = model(region_id=region, **members)
        try:
            answer = getattr(self.client(secret), method)(request)
        except DaraException as error:
            data = getattr(error, "data", None) or {}
            status = getattr(error, "status_code", None) or data.get("statusCode")
            raise Refused(int(status), error.code) from None
        return answer.body.to_map()

    def identity(self):
        params = Params(
            action="GetCallerIdentity", version="2015-04-01", protocol="HTTP", pathname="/",
            method="POST", auth_type="AK", style="RPC", req_body_type="formData", body_type="json",
        )
        answer = self.client(SECRET).call_api(params, OpenApiRequest(), RuntimeOptions())
        return answer["body"]


def refusal(sdk, action, **params):
    try:
        return sdk.call(action, **params)
    except Refused as refused:
        return refused.seen


def listed(answer):
    return [(link["InstanceId"], link["VpcId"]) for link in answer["Links"]["Link"]]


def check(sdk):
    def say(what):
        return f"{sdk.name}: {what}"

    found, pages, number = [], 0, 1
    while True:
        answer = sdk.call("describe", VpcId=vpc, PageNumber=str(number), PageSize="10")
        found += listed(answer)
        if number == 1:
            expect(say("the page is echoed"), (answer["PageNumber"], answer["PageSize"]), (1, 10))
        expect(say(f"page {number} counts all links"), answer["TotalCount"], len(links))
        pages, number = pages + 1, number + 1
        if not listed(answer):
            break
    expect(say("describe by VPC, all pages"), sorted(found), [(one, vpc) for one in links])
    expect(say("as many pages as needed, and an empty one"), pages, -(-len(links) // 10) + 1)

    few = links[:3]
    answer = sdk.call("describe", InstanceId=",".join(few), PageSize="100")
    expect(say("describe by ids"), sorted(listed(answer)), [(one, vpc) for one in few])
    answer = sdk.call("describe", InstanceId=few[0], VpcId=vpc)
    expect(say("describe by id and VPC; ten to a page"), answer["PageSize"], 10)
    expect(say("a request id"), len(answer["RequestId"]), 36)

    pair = {"InstanceId": few[0], "VpcId": vpc}
    expect(say("detach"), sorted(sdk.call("detach", **pair)), ["RequestId"])
    answer = sdk.call("describe", InstanceId=few[0])
    expect(say("the detached link is gone"), (listed(answer), answer["TotalCount"]), ([], 0))
    gone = (403, "InvalidOperation.InvalidVpc")
    expect(say("detach again"), refusal(sdk, "detach", **pair), gone)
    expect(say("attach"), sorted(sdk.call("attach", **pair)), ["RequestId"])
    expect(say("the link is back"), listed(sdk.call("describe", InstanceId=few[0])), [(few[0], vpc)])

    answer = sdk.call(
        "instances", InstanceIds=json.dumps([few[0], "i-nobody"]), InstanceNetworkType="classic"
    )
    instances = [(one["InstanceId"], one["Status"]) for one in answer["Instances"]["Instance"]]
    expect(say("DescribeInstances leaves out the unknown"), instances, [(few[0], "Running")])

    for what, action, params, wanted in [
        ("unknown id", "describe", {"InstanceId": "i-nobody"}, (403, "InvalidInstanceId.NotFound")),
        ("unknown id among known", "describe", {"InstanceId": f"{few[0]},i-nobody"},
         (403, "InvalidInstanceId.NotFound")),
        ("unknown VPC", "describe", {"VpcId": "vpc-nobody"}, (403, "InvalidVpc.NotBelong")),
        ("page size 0", "describe", {"VpcId": vpc, "PageSize": "0"},
         (403, "InvalidParameter.PageSize")),
        ("page size 101", "describe", {"VpcId": vpc, "PageSize": "101"},
         (403, "InvalidParameter.PageSize")),
        ("page x", "describe", {"VpcId": vpc, "PageNumber": "x"},
         (403, "InvalidParameter.PageNumber")),
        ("no filter", "describe", {}, (403, "InvalidParameter.InvalidInstanceIdAndVpcId")),
        ("101 ids", "describe", {"InstanceId": ",".join(["i-a"] * 101)},
         (403, "InvalidParameter.ToManyInstanceIds")),
        ("detach of an unknown id", "detach", {"InstanceId": "i-nobody", "VpcId": vpc},
         (403, "InvalidInstanceId.NotFound")),
        ("bad VPC id", "detach", {"InstanceId": few[0], "VpcId": "vpc-bad id, ~*+&=/ü"},
         (403, "InvalidVpcId.Malformed")),
        ("wrong secret", "describe", {"VpcId": vpc, "secret": "wrong"}, sdk.wrong_secret),
    ]:
        expect(say(what), refusal(sdk, action, **params), wanted)

    [account] = state["accounts"]
    expect(say("whose key it is"), sdk.identity()["AccountId"], account)

    control("fault", **{"limit-per-minute": "DetachClassicLinkVpc:0"})
    expect(say("throttled"), refusal(sdk, "detach", **pair), (400, "Throttling"))
    control("fault", **{"limit-per-minute": "", "deny-actions": "DetachClassicLinkVpc"})
    expect(say("no permission"), refusal(sdk, "detach", **pair), (403, "Forbidden.SubUser"))
    control("fault", **{"deny-actions": ""})


state = control("state")
place, links = max(state["links"].items(), key=lambda item: len(item[1]))
region, vpc = place.split("/")
links = sorted(links)
if len(links) < 3:
    sys.exit("the simulator has no VPC with three links or more")
calm = {"order": "stable", "detach-delay": "0s", "attach-delay": "0s", "latency": "0s",
        "limit-per-minute": "", "limit-per-second": "", "deny-actions": "", "edition": "2024"}
control("fault", **calm)
try:
    for sdk in [Old("POST"), Old("GET"), New(None), New("v2")]:
        try:
            check(sdk)
        except Exception as error:
            fail(f"{sdk.name}: no answer of the expected shape: {error!r}")
finally:
    control("fault", **{name: state["switches"][name] for name in calm})
    for instance in links:
        control("attach", region=region, instance=instance, vpc=vpc)
print(f"{passed} passed, 0 failed")
