"""What must hold of the status page; each check gets a browser, and pictures go to a folder."""

import json

from browser import Page, until
from daemon import ROOMY, Place, manifest

CHECKS = []
LOOKS = [("light", 1280, "light"), ("dark", 1280, "dark"), ("phone", 320, "light"), ("phone-dark", 320, "dark")]
# Of what axe finds, what fails a check.
SEVERE = ("serious", "critical")


def check(function):
    CHECKS.append(function)
    return function


def ids(vpc, many):
    return [f"i-bp67{vpc:04d}{n:06d}" for n in range(many)]


def vpc(n):
    return f"vpc-bp67acfm{n:06d}"


class Case:
    """The places and pages of one check, ended with it."""

    def __init__(self, setting):
        self.setting, self.places, self.pages = setting, [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for page in self.pages:
            page.close()
        for place in self.places:
            place.close()

    def place(self, files, **more):
        self.places.append(Place(self.setting.binary, files, **more))
        return self.places[-1]

    def open(self, place, **look):
        page = Page(self.setting.browser, **look)
        self.pages.append(page)
        page.go(place.page)
        return page

    def picture(self, page, name, **more):
        page.picture(self.setting.pictures / f"{name}.png", **more)

    def audit(self, page, what):
        """axe finds nothing serious; its other findings are printed."""
        page.run(self.setting.axe + ";0")
        told = page.run("axe.run(document, {resultTypes: ['violations']}).then((of) => of.violations.map((one) => "
                        "({id: one.id, impact: one.impact, help: one.help, nodes: one.nodes.slice(0, 5).map((n) => n.html + ' ' + n.failureSummary)})))")
        for of in told:
            print(f"   axe, {what}: {of['impact']}: {of['id']}: {of['help']}")
        severe = [of for of in told if of["impact"] in SEVERE]
        assert not severe, f"{what}: {json.dumps(severe, indent=1)}"


def fits(page, what):
    """Nothing goes beyond the right edge. Not asked of `innerWidth`: on a phone it grows with what is too wide."""
    cut = page.run("[...document.querySelectorAll('body *')].filter((of) => of.getClientRects().length && !of.closest('.unseen, thead')"
                   f" && of.getBoundingClientRect().right > {page.width} + 1).slice(0, 5).map((of) => of.outerHTML.slice(0, 200))")
    assert not cut, f"{what}: cut off at the right: {cut}"
    wide = page.run("document.documentElement.scrollWidth")
    assert wide <= page.width, f"{what}: {wide} px wide, where {page.width} are"


def clean(page, what):
    assert page.wrong() == [], f"{what}: {page.wrong()}"


@check
def first_load_in_every_look(case):
    """Everything is there, without an error; axe agrees; at 320 px nothing is cut off."""
    files = {"shop/web.yaml": manifest("shop-web", vpc(1), [*ids(1, 7), {"id": "i-bp67000100late", "until": "2999-01-01T00:00:00Z", "reason": "moves in wave 3", "protected": True}]),
             "shop/batch.yaml": manifest("shop-batch", vpc(2), ids(2, 30), "observe", owner="team-batch"),
             "pay/gateway.yaml": manifest("gateway", vpc(3), ids(3, 12), "sync", "cn-beijing", "team-pay",
                                          "  windows:\n    - { allow: \"*\", timezone: Asia/Shanghai }\n")}
    place = case.place(files, stale=2).run("--set", "windows=[{deny: \"2020-01-01\", timezone: UTC}]")
    place.stands("held")
    until("both others are in sync", lambda: place.ask("/api/v1/status")["summary"]["inSync"] == 2)
    for name, width, scheme in LOOKS:
        page = case.open(place, width=width, scheme=scheme)
        page.sees("Held", "#standing-title")
        page.sees("2 of 3", "#figures")
        page.sees("2 of 50 within the hour", "#budgets")
        page.sees("detached, and seen to be gone", "#history")
        page.sees("observeMode", "#holds")
        page.sees("live", "#connection")
        for n in range(1, 4):
            page.run(f"[...document.querySelectorAll('.scopes .open')].find((of) => of.innerText.includes('{vpc(n)}')).click()")
        page.sees("moves in wave 3", ".links")
        page.sees("owner team-pay", ".terms")
        page.run("for (const of of document.querySelectorAll('details')) of.open = true")
        page.sees("converged", "#runs-list")
        case.audit(page, name)
        fits(page, name)
        case.picture(page, f"first-{name}-details")
        page.run("for (const of of document.querySelectorAll('.open[aria-expanded=true]')) of.click()")
        page.run("for (const of of document.querySelectorAll('details')) of.open = false")
        case.picture(page, f"first-{name}")
        clean(page, name)
        page.close()
        case.pages.remove(page)


@check
def a_hold_says_what_to_do(case):
    """Rule, message, way out, the very command, and a button that copies it; a pause and how it ends."""
    place = case.place({"web.yaml": manifest("web", vpc(1), ids(1, 20))}).run()
    place.stands("converged")
    page = case.open(place)
    page.sees("Converged", "#standing-title")
    case.picture(page, "converged")
    place.write("web.yaml", manifest("web", vpc(1), ids(1, 12)))
    page.sees("Held", "#standing-title")
    page.sees("perPlan", "#holds")
    page.sees("shrink", "#holds")
    digest = place.ask("/api/v1/refusals")["refusals"][0]["digest"][:12]
    page.sees(f"classiclinkd approve {digest}", "#holds .copyable code")
    page.sees("maxDetach: 8", "#holds .copyable code")
    case.setting.browser.call("Browser.grantPermissions", browserContextId=page.context, origin=place.page.rstrip("/"),
                              permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    page.call("Page.bringToFront")
    page.run("document.querySelector('#holds .copyable button').focus()")
    page.press("Enter")
    page.sees("Copied", "#holds")
    assert page.run("navigator.clipboard.readText()") == f"classiclinkd approve {digest}"
    place.command("pause", "--reason", "looking into it")
    page.sees("looking into it", "#problems")
    page.sees("paused", "#problems")
    page.sees("classiclinkd resume", "#problems .copyable code")
    page.sees("classiclinkd resume", "#holds .copyable code")
    page.sees("Calls are paused", "#standing-why")
    case.audit(page, "hold")
    case.picture(page, "hold")
    place.command("resume")
    place.command("approve", digest, "--reason", "agreed")
    page.sees("Converged", "#standing-title")
    page.until("the hold is gone", "document.getElementById('holds').hidden && document.getElementById('problems').hidden")
    page.sees("approved by", "#history")
    clean(page, "hold")


@check
def a_link_goes_while_one_watches(case):
    """A link is taken out of a manifest: its row comes by an event, without a reload, at most one question a second."""
    place = case.place({"web.yaml": manifest("web", vpc(1), ids(1, 8)), "b.yaml": manifest("b", vpc(2), ids(2, 3))}).run()
    place.stands("converged")
    page = case.open(place)
    page.sees("live", "#connection")
    page.run("window.sameDocument = true")
    gone = ids(1, 8)[-1]
    assert gone not in page.text("#history")
    place.write("web.yaml", manifest("web", vpc(1), ids(1, 7)))
    page.sees(gone, "#history tbody")
    page.sees("Converged", "#standing-title")
    assert page.run("window.sameDocument") is True, "the page was loaded again"
    case.picture(page, "detached")
    time_of = lambda: [of["timestamp"] for of in page.events("Network.requestWillBeSent") if of["request"]["url"].endswith("/api/v1/status")]
    before = len(time_of())
    until("it is told by events", lambda: len(time_of()) >= before + 5, 9)
    times = time_of()
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert min(gaps[1:]) > 0.9, f"asked more than once a second: {gaps}"
    assert page.events("Network.eventSourceMessageReceived"), "no event was received"
    place.write("web.yaml", manifest("web", vpc(1), ids(1, 7)).replace("  instances:", "  wrong: 1\n  instances:"))
    page.sees("Manifests not accepted", "#standing-title")
    page.sees("web.yaml:", "#problems pre")
    case.picture(page, "mistake")
    clean(page, "detach")


@check
def what_fails_is_said(case):
    """A link in quarantine, with why; a cloud that refuses to be read, with its code."""
    place = case.place({"web.yaml": manifest("web", vpc(1), ids(1, 8))}).run()
    place.stands("converged")
    stuck = ids(1, 8)[-1]
    place.fault(stuck=f"{stuck}:OperationDenied")
    page = case.open(place)
    page.sees("Converged", "#standing-title")
    place.write("web.yaml", manifest("web", vpc(1), ids(1, 7)))
    page.until("one is in quarantine", "[...document.querySelectorAll('.figure.bad')].some((of) => of.innerText.includes('In quarantine'))", 60)
    page.run("document.querySelector('.scopes .open').click()")
    page.sees("In quarantine: 1 link", ".detail h4")
    page.sees("OperationDenied", ".facts")
    page.sees(stuck, ".facts")
    case.audit(page, "quarantine")
    case.picture(page, "quarantine")
    place.fault(deny_actions="DescribeClassicLinkInstances")
    page.sees("Failing", "#standing-title", 60)
    page.sees("grant ecs:DescribeClassicLinkInstances", "#holds .way")
    case.picture(page, "failing")
    clean(page, "fails")


HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script><b>bold</b>&amp;`classiclinkd resume`"


@check
def hostile_strings_stay_text(case):
    """Markup, orders of the text, and length, in every field and file name that takes them: nothing but text."""
    long = "W" * 256
    turned = "abc\u202egpj.exe\u2066"
    links = [*ids(1, 4), {"id": "i-bp67aaaa", "reason": HOSTILE}, {"id": "i-bp67bbbb", "reason": long},
             {"id": "i-" + "a" * 62, "reason": "\"'><svg onload=alert(3)>"}]
    files = {"<img src=x onerror=alert(4)>.yaml": manifest("x" * 253, vpc(1), links, owner=HOSTILE),
             "long/`classiclinkd approve all`" + "n" * 180 + ".yaml": manifest("-_.", vpc(2), ids(2, 3), "observe", owner=long),
             "javascript:alert(5)'\".yaml": manifest("a", "vpc-" + "b" * 60, ids(3, 3), owner="'\"><iframe src=//evil.example>")}
    place = case.place(files, stale=2).run()
    place.stands("held")
    for width in (1280, 320):
        page = case.open(place, width=width)
        page.sees("Held", "#standing-title")
        page.until("three VPCs", "document.querySelectorAll('.scopes .open').length === 3")
        page.run("for (const of of document.querySelectorAll('.scopes .open')) of.click()")
        page.sees(HOSTILE, ".terms bdi")
        page.sees(HOSTILE, ".links bdi")
        page.sees("<img src=x onerror=alert(4)>.yaml:", ".terms code")
        page.sees("'\"><iframe src=//evil.example>", ".terms bdi")
        # A name of a file is not offered for copying, whatever it says.
        offered = page.run("[...document.querySelectorAll('.copyable code')].map((of) => of.textContent)")
        assert set(offered) == {"mode: detach"}, offered
        strange = page.run("[...document.querySelectorAll('img, script:not([src=\"/page.js\"]), b, iframe, object, embed, [onerror], [onload], [style], style, form, base')].map((of) => of.outerHTML)")
        assert strange == [], strange
        fits(page, f"hostile at {width}")
        case.picture(page, f"hostile-{width}")
        clean(page, f"hostile at {width}")
    # What would reorder the text is refused in manifests; where a mistake is told, it is shown as what it is.
    place.write("turned.yaml", manifest("a", vpc(4), [{"id": "i-bp67cccc", "reason": turned}]))
    page.sees("manifests not accepted", "#problems")
    page.sees("turned.yaml", "#problems pre")
    assert "\u202e" not in page.run("document.body.textContent"), "a control that reorders text got through"
    name = "t\u202egpj.yaml"
    place.write(name, manifest("a", vpc(5), ["i-bp67dddd"]).replace("mode", "mood"))
    page.until("the file is named", "document.querySelector('#problems pre').textContent.includes('gpj.yaml')")
    assert "\u202e" not in page.run("document.body.textContent"), "a control that reorders text got through"
    clean(page, "turned")


@check
def ten_thousand_links_load_at_once(case):
    """200 VPCs with 10,000 links are shown soon; a VPC with 1,000 opens and is searched."""
    big = 200
    files = {f"v{n}.yaml": manifest(f"v{n}", vpc(n), ids(n, 1000 if n == 0 else 46), "observe" if n % 40 == 7 else "detach") for n in range(big)}
    place = case.place(files).run(*ROOMY, interval="60s")
    until("each VPC was read", lambda: len(place.ask("/api/v1/status").get("scopes", [])) == big, 120)
    links = sum(of["desired"] for of in place.ask("/api/v1/scopes")["scopes"])
    assert links >= 10_000, links
    page = case.open(place)
    page.until("shown", "window.performance.getEntriesByName('shown').length || (document.querySelectorAll('.scopes .open').length >= 25 && performance.mark('shown') && true)")
    shown = page.run("performance.getEntriesByName('shown')[0].startTime")
    # By the page's own clock, from navigation on; asking it from outside can only add to that.
    print(f"   {links} links in {big} VPCs: shown {shown:.0f} ms after navigation began")
    assert shown < 5000, shown
    page.sees("Show 25 more of 175 VPCs", "#scopes-more")
    page.run("(() => { const of = document.getElementById('scopes-find'); of.value = '%s'; of.dispatchEvent(new Event('input')); })()" % vpc(0))
    page.until("one is found", "document.querySelectorAll('.scopes .open').length === 1")
    page.run("document.querySelector('.scopes .open').click()")
    page.sees("Show 50 more of 950 links", ".detail")
    page.run("(() => { const of = document.querySelector('.detail input'); of.value = '%s'; of.dispatchEvent(new Event('input')); })()" % ids(0, 1000)[-1])
    page.until("the last link is found", "document.querySelectorAll('.links tbody tr').length === 1")
    assert page.run("document.querySelectorAll('*').length") < 20_000
    page.run("(() => { const of = document.getElementById('scopes-find'); of.value = ''; of.dispatchEvent(new Event('input')); })()")
    case.picture(page, "large")
    clean(page, "large")


@check
def the_keyboard_reaches_everything(case):
    """Tab goes over everything that can be used, in the order of the page, and one sees where it is."""
    place = case.place({"web.yaml": manifest("web", vpc(1), ids(1, 6), "observe")}, stale=2).run()
    place.stands("held")
    page = case.open(place)
    page.sees("observeMode", "#holds")
    page.sees("live", "#connection")
    page.call("Page.bringToFront")
    page.run("document.querySelector('.scopes .open').click()")
    page.sees("Links declared", ".detail")
    every = "[...document.querySelectorAll('a[href], button, input, select, summary, [tabindex=\"0\"]')].filter((of) => of.checkVisibility({visibilityProperty: true}) && !of.disabled)"
    reached, unseen = [], []
    for _ in range(100):
        page.press("Tab")
        at = page.run(f"(() => {{ const of = document.activeElement; if (of === document.body) return null; const how = getComputedStyle(of);"
                      f" return [{every}.indexOf(of), how.outlineStyle !== 'none' && parseFloat(how.outlineWidth) >= 2, of.outerHTML.slice(0, 120)]; }})()")
        if at is None or at[0] in reached:
            break
        reached.append(at[0])
        if not at[1]:
            unseen.append(at[2])
    wanted = page.run(f"{every}.length")
    missed = page.run(f"{every}.filter((of, n) => !{json.dumps(reached)}.includes(n)).map((of) => of.outerHTML.slice(0, 120))")
    assert not missed and len(reached) == wanted >= 10, f"{len(reached)} of {wanted}; not reached: {missed}"
    assert reached == sorted(reached), f"the order is not that of the page: {reached}"
    assert not unseen, f"nobody sees that these have the focus: {unseen}"
    # The focus stays while passes come in, and Enter opens and closes.
    page.run("document.querySelector('.scopes .open').focus()")
    page.press("Enter")
    page.until("closed", "!document.querySelector('.detail')")
    page.press("Enter")
    page.sees("Links declared", ".detail")
    passes = place.ask("/api/v1/status")["passes"]
    page.until("two more passes", f"Number([...document.querySelectorAll('.figure')].at(-1).querySelector('dd').textContent.replaceAll(',', '')) > {passes + 2}")
    assert page.run("document.activeElement.className") == "open", "the focus was lost"
    clean(page, "keyboard")


@check
def a_daemon_that_is_gone_is_said_and_one_that_is_back_is_found(case):
    """Killed: the page says since when; started again on its port: live again, without a reload."""
    place = case.place({"web.yaml": manifest("web", vpc(1), ids(1, 6))}).run()
    place.stands("converged")
    page = case.open(place)
    page.sees("live", "#connection")
    page.sees("Converged", "#standing-title")
    clean(page, "before it goes")
    port = place.page.rsplit(":", 1)[1].strip("/")
    place.kill()
    page.sees("Disconnected", "#standing-title", 15)
    page.sees("disconnected since", "#connection")
    page.sees("does not answer", "#standing-why")
    page.until("it is announced", "document.getElementById('announcer').textContent.includes('Disconnected')")
    case.audit(page, "disconnected")
    case.picture(page, "disconnected")
    place.run(listen=f"127.0.0.1:{port}")
    page.sees("Converged", "#standing-title")
    page.sees("live", "#connection")


@check
def without_events_it_asks_again_and_again(case):
    """Where no stream can be had, what changes is shown all the same."""
    place = case.place({"web.yaml": manifest("web", vpc(1), ids(1, 8))}).run()
    place.stands("converged")
    # All streams that the daemon serves are taken: there is none for the page.
    taken = [place.stream() for _ in range(64)]
    page = case.open(place)
    page.sees("asking every 2 s", "#connection")
    place.write("web.yaml", manifest("web", vpc(1), ids(1, 7)))
    page.sees(ids(1, 8)[-1], "#history tbody", 8)
    for stream in taken:
        stream.close()
    page.sees("live", "#connection")
