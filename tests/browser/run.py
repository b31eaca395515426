#!/usr/bin/env python3
"""The status page in a real browser: run.py BINARY --browser CHROMIUM [--only NAME]... [--pictures DIR]"""

import argparse
import importlib.util
import pathlib
import signal
import sys
import time
import traceback

from browser import Browser
from checks import CHECKS, Case


def axe():
    """The text of axe-core, wherever the package that carries it is installed."""
    found = importlib.util.find_spec("axe_playwright_python")
    return (pathlib.Path(found.submodule_search_locations[0]) / "axe.min.js").read_text()


class Setting:
    def __init__(self, binary, browser, pictures):
        self.binary, self.browser, self.pictures, self.axe = binary, browser, pictures, axe()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary")
    parser.add_argument("--browser", required=True)
    parser.add_argument("--only", action="append", default=[], help="part of a check's name")
    parser.add_argument("--pictures", type=pathlib.Path, default=pathlib.Path("target/browser"))
    options = parser.parse_args()
    # Asked to end, it ends what it started first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    browser = Browser(options.browser)
    setting = Setting(options.binary, browser, options.pictures)
    failed, ran = [], 0
    try:
        for check in CHECKS:
            name = check.__name__.replace("_", " ")
            if options.only and not any(part in name for part in options.only):
                continue
            began, ran = time.monotonic(), ran + 1
            with Case(setting) as case:
                try:
                    check(case)
                except Exception:
                    failed.append(name)
                    print(f"FAIL {name}\n{traceback.format_exc()}", flush=True)
                    for n, page in enumerate(case.pages):
                        case.picture(page, f"failed-{check.__name__}-{n}")
                    continue
            print(f"ok   {name} ({time.monotonic() - began:.1f} s)", flush=True)
    finally:
        browser.close()
    print(f"{ran - len(failed)} of {ran} checks of the status page hold; pictures are in {options.pictures}")
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
