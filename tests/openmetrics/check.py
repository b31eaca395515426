#!/usr/bin/env python3
"""check.py URL: reads URL/metrics with the reference parser of OpenMetrics, once a pass is in it."""

import sys
import time
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def scrape(url):
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        assert answer.headers["content-type"] == CONTENT_TYPE, answer.headers["content-type"]
        text = answer.read().decode("utf-8")
    return {family.name: family for family in text_string_to_metric_families(text)}


def main(url):
    deadline = time.monotonic() + 30
    while True:
        families = scrape(url.rstrip("/"))
        if any(sample.value for sample in families["classiclinkd_passes"].samples):
            break
        assert time.monotonic() < deadline, "no pass ended within 30 s"
        time.sleep(0.2)
    samples = sum(len(family.samples) for family in families.values())
    assert families["classiclinkd_build"].type == "info"
    assert families["classiclinkd_call_duration_seconds"].unit == "seconds"
    print(f"{len(families)} families, {samples} samples")


if __name__ == "__main__":
    main(sys.argv[1])
