#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The page of `dmremap report` in a real browser: light, dark, on a phone and on paper. By command, as a browser is much to install:

    apt-get install chromium chromium-driver python3-selenium
    tests/monitoring/report_look.py [PAGE.html...]        without any: the pages of build/host/tests/monitoring/report_sample

Checked: the console has nothing to say, text is found by its roles, nothing is wider than the screen or cut off on paper, all text stands out from what is behind it (WCAG's 4.5),
and it prints. The pictures are left in build/report. Exit status 1: something is wrong.
"""
import base64
import pathlib
import subprocess
import sys

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

TOP = pathlib.Path(__file__).resolve().parents[2]
OUT = TOP / "build/report"
SAMPLE = TOP / "build/host/tests/monitoring/report_sample"
VIEWS = {"light": (1200, 900, "light"), "dark": (1200, 900, "dark"), "phone": (360, 740, "light"), "phone-dark": (360, 740, "dark")}

# Of each element with text of its own: how much it stands out from the first background behind it. Pictures have none.
CONTRAST = """
const channel = c => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
const light = rgb => 0.2126 * channel(rgb[0]) + 0.7152 * channel(rgb[1]) + 0.0722 * channel(rgb[2]);
const colour = text => text.match(/[\\d.]+/g).map(Number);
const out = [];
for (const element of document.body.querySelectorAll('*')) {
    if (element.closest('svg') || ![...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
        continue;
    let behind = element;
    while (behind && (colour(getComputedStyle(behind).backgroundColor)[3] ?? 1) === 0)
        behind = behind.parentElement;
    const a = light(colour(getComputedStyle(element).color)), b = light(colour(getComputedStyle(behind ?? document.documentElement).backgroundColor));
    out.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), element.tagName + ': ' + element.textContent.trim().slice(0, 40)]);
}
return out;
"""


def roles(browser):
    """(role, name) of all that a screen reader is told of."""
    tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree if not node.get("ignored")]


def look(browser, path, view, width, height, scheme):
    """What is wrong with it."""
    wrong = []
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    browser.get(path.as_uri())
    wrong += [f"console: {entry['message']}" for entry in browser.get_log("browser")]
    there = roles(browser)
    for role, name in (("banner", None), ("main", None), ("contentinfo", None), ("status", None), ("heading", "What to do next"),
                       ("heading", "What cannot be read"), ("region", "Main"), ("region", "What the drives say of themselves")):
        if not any(role == r and name in (None, n) for r, n in there):
            wrong.append(f"nothing of role {role}{f', {name}' if name else ''}")
    pictures = browser.execute_script("return document.querySelectorAll('svg[role=img]').length")
    named = sum(role in ("img", "image") and bool(name) for role, name in there)
    if named < pictures:
        wrong.append(f"{named} of {pictures} pictures have a name")
    wide = browser.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
    if wide > 0:
        wrong.append(f"{wide} pixels wider than the screen")
    faint = [(ratio, what) for ratio, what in browser.execute_script(CONTRAST) if ratio < 4.5]
    wrong += [f"contrast {ratio:.2f} of {what}" for ratio, what in faint]
    whole = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
    (OUT / f"{path.stem}-{view}.png").write_bytes(base64.b64decode(whole["data"]))
    return wrong


def cut_on_paper(browser):
    """What does not fit on it: paper does not scroll."""
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 718, "height": 1047, "deviceScaleFactor": 1, "mobile": False}) # A4 within margins
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    cut = browser.execute_script("""
        return [...document.querySelectorAll('*')].filter(element => element.getBoundingClientRect().right > window.innerWidth)
            .map(element => `cut off on paper: ${element.tagName}: ${element.textContent.trim().slice(0, 40)}`)""")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    return cut


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    pages = [pathlib.Path(word).resolve() for word in sys.argv[1:]]
    if not pages:
        for kind in ("bad", "well", "offline", "large", "small"):
            pages.append(OUT / f"{kind}.html")
            pages[-1].write_bytes(subprocess.run([SAMPLE, kind], check=True, capture_output=True).stdout)
    options = webdriver.ChromeOptions()
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    bad = 0
    try:
        for path in pages:
            for view, (width, height, scheme) in VIEWS.items():
                wrong = look(browser, path, view, width, height, scheme)
                print(f"{path.name}, {view}: {'as it should be' if not wrong else ''}", *wrong, sep="\n  " if wrong else "")
                bad += bool(wrong)
            cut = cut_on_paper(browser)
            bad += bool(cut)
            paper = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True, "paperWidth": 8.27, "paperHeight": 11.69})["data"])
            (OUT / f"{path.stem}.pdf").write_bytes(paper)
            print(f"{path.name}, paper: {paper.count(b'/Type /Page') - paper.count(b'/Type /Pages')} pages", *cut, sep="\n  ")
    finally:
        browser.quit()
    print(f"{OUT}: look at the pictures")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
