#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Draws what the dashboards show of the day of story.py, by their own queries, as one SVG: light or dark as the reader has it.

    tests/monitoring/picture.py docs/dashboards.svg      build/host has to be built
"""
import pathlib
import re
import sys
from xml.sax.saxutils import escape

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import dashboards
import story

COLUMN, ROW, GAP, TITLE = 42, 27, 6, 34
WIDTH = 24 * COLUMN + 2 * GAP
POINTS = 72
INKS = {"green": "#2c8a43", "orange": "#b86a07", "red": "#c4233a", "blue": "#2a68b8"}
SERIES = ("#3d85c6", "#d9822b", "#4f9d5d", "#c94f6d", "#8e6bbf", "#2a9d96", "#a3822a", "#6f7fd8", "#b0587a", "#7d8794")


def tones(page, panel, edge, ink, dim):
    return f".page{{fill:{page}}}.p{{fill:{panel};stroke:{edge}}}.g{{stroke:{edge}}}text{{fill:{ink}}}.d{{fill:{dim}}}"


# Without variables, which some that draw SVG do not know.
STYLE = "\n".join((
    "text{font:12px system-ui,sans-serif}.d{font-size:11px}.b{font-size:24px}.h{font-size:17px;font-weight:600}.t{font-weight:600}",
    ".m{text-anchor:middle}.e{text-anchor:end}.l{fill:none;stroke-width:1.4}",
    tones("#f3f4f6", "#fff", "#d9dce1", "#1d2127", "#666d78"),
    "@media (prefers-color-scheme:dark){" + tones("#111217", "#1a1c22", "#34373f", "#dfe1e6", "#989eab") + "}",
    "".join(f".c{name}{{fill:{ink}}}.k{name}{{stroke:{ink}}}" for name, ink in INKS.items()),
    "".join(f".s{number}{{stroke:{ink}}}" for number, ink in enumerate(SERIES)) + ".w{fill:#fff}"))


def scaled(value, factor, units):
    for unit in units[:-1]:
        if abs(value) < factor:
            break
        value /= factor
    else:
        unit = units[-1]
    return f"{value:.0f} {unit}" if value == int(value) or abs(value) >= 100 else f"{value:.1f} {unit}"


def shown(value, settings):
    """A value in its unit."""
    if isinstance(value, str):
        return value
    unit = settings.get("unit", "none")
    if unit == "bytes":
        return scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB"])
    if unit == "percentunit":
        return f"{100 * value:.1f} %"
    if unit == "s":
        if value and abs(value) < 1:
            return f"{1000 * value:.1f} ms"
        for name, seconds in (("days", 86400), ("hours", 3600), ("min", 60)):
            if value >= 2 * seconds:
                return f"{value / seconds:.1f} {name}"
        return f"{value:.0f} s"
    end = {"iops": "/s", "ops": "/s"}.get(unit, "")
    return (f"{value:.0f}" if value == round(value) or abs(value) >= 10 else f"{value:.2f}") + end


class Canvas:
    """Elements of an SVG; places are in whole pixels."""

    def __init__(self):
        self.parts = []

    def text(self, x, y, text, kind=""):
        self.parts.append(f'<text x="{x:.0f}" y="{y:.0f}"{self.kind(kind)}>{escape(text)}</text>')

    def box(self, x, y, width, height, kind, round=2):
        self.parts.append(f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}" rx="{round}"{self.kind(kind)}/>')

    def line(self, x, y, to, kind, more=""):
        self.parts.append(f'<path d="M{x:.0f} {y:.0f}H{to:.0f}"{self.kind(kind)}{more}/>')

    def path(self, points, kind):
        """What lies on a level line is left out."""
        points = [(round(x), round(y)) for x, y in points]
        kept = [point for number, point in enumerate(points)
                if number in (0, len(points) - 1) or not points[number - 1][1] == point[1] == points[number + 1][1]]
        self.parts.append('<path d="M' + "L".join(f"{x} {y}" for x, y in kept) + f'"{self.kind(kind)}/>')

    @staticmethod
    def kind(kind):
        return f' class="{kind}"' if kind else ""


def cut(text, width):
    """As much of it as has room."""
    room = max(3, int(width / 6.4))
    return text if len(text) <= room else text[:room - 1] + "…"


class Painter:
    def __init__(self, prometheus):
        self.prometheus, self.canvas = prometheus, Canvas()

    def dashboard(self, dashboard, values, top):
        """Returns where the next begins."""
        named = "" if values["instance"] == ".*" else f": {values['device']} on {values['instance']}"
        self.canvas.text(GAP, top + 22, dashboard.title + named, "h")
        for panel in dashboard.panels:
            self.panel(panel, values, top + TITLE)
        return top + TITLE + max(panel.place["y"] + panel.place["h"] for panel in dashboard.panels) * ROW + GAP

    def panel(self, panel, values, top):
        place = panel.place
        x, y = GAP + place["x"] * COLUMN, top + place["y"] * ROW
        width, height = place["w"] * COLUMN - GAP, place["h"] * ROW - GAP
        queries = [(letter, dashboards.filled(query, values), legend) for letter, query, legend in panel.queries]
        self.canvas.box(x, y, width, height, "p")
        if panel.type == "timeseries":
            answers = [(labels, legend, points) for _, query, legend in queries for labels, points in
                       self.prometheus.range(query, story.NOW - story.DAY, story.NOW, story.DAY // POINTS)]
        else:
            answers = [self.prometheus.instant(query, story.NOW) for _, query, _ in queries]
        {"stat": self.stat, "timeseries": self.series, "table": self.table, "bargauge": self.bars}[panel.type](panel, answers, x, y, width, height)

    def stat(self, panel, answers, x, y, width, height):
        value = answers[0][0][1] if answers[0] else None
        text, ink = dashboards.colour(value, panel.settings) if value is not None else (panel.settings.get("noValue", "-"), "text")
        white = ""
        if ink != "text":
            self.canvas.box(x, y, width, height, f"c{ink}")
            white = " w"
        self.canvas.text(x + width / 2, y + 20, panel.title, "m" + white)
        self.canvas.text(x + width / 2, y + height / 2 + 20, text or shown(value, panel.settings), "b m" + white)

    def series(self, panel, answers, x, y, width, height):
        self.canvas.text(x + 8, y + 18, panel.title, "t")
        answers = answers[:len(SERIES)]
        numbers = [value for _, _, points in answers for _, value in points if value == value]
        low = panel.settings.get("min", 0)
        high = panel.settings.get("max", max(numbers, default=0) * 1.05 or 1)
        left, right, bottom, ceiling = x + 58, x + width - 10, y + height - 42, y + 32

        def at(value):
            return bottom - (value - low) / (high - low) * (bottom - ceiling)

        for part in (0, 0.5, 1):
            self.canvas.line(left, at(low + part * (high - low)), right, "g")
            self.canvas.text(left - 6, at(low + part * (high - low)) + 4, shown(low + part * (high - low), panel.settings), "d e")
        for hours in (24, 18, 12, 6, 0):
            self.canvas.text(right - hours / 24 * (right - left), bottom + 14, f"-{hours} h" if hours else "now", "d " + ("m" if hours not in (0,) else "e"))
        if panel.settings.get("custom", {}).get("thresholdsStyle"):
            steps = panel.settings["thresholds"]["steps"]
            for step, below in zip(steps[1:], steps):
                self.canvas.line(left, at(step["value"]), right, f"l k{below['color']}", ' stroke-dasharray="5 4"')
        legend = left
        for number, (labels, name, points) in enumerate(answers):
            place = [(left + (when - story.NOW + story.DAY) / story.DAY * (right - left), at(value)) for when, value in points if value == value]
            if place:
                self.canvas.path(place, f"l s{number}")
            name = re.sub(r"{{(\w+)}}", lambda found: labels[found[1]], name)
            if legend + 7 * len(name) < right:
                self.canvas.parts.append(f'<path d="M{legend:.0f} {bottom + 28}h12" class="l s{number}"/>')
                self.canvas.text(legend + 16, bottom + 32, name, "d")
            legend += 28 + 6 * len(name)

    def table(self, panel, answers, x, y, width, height):
        self.canvas.text(x + 8, y + 18, panel.title, "t")
        titles, rows = panel.table(answers)
        cells = [[self.cell(panel, title, value) for title, value in zip(titles, row)] for row in rows]
        lengths = [max([len(title)] + [min(24, len(row[number][0])) for row in cells]) + 3 for number, title in enumerate(titles)]
        ends = [x + 8 + sum(lengths[:number]) / sum(lengths) * (width - 12) for number in range(len(lengths) + 1)]
        room = int((height - 44) / 18)
        for number, title in enumerate(titles):
            self.canvas.text(ends[number], y + 37, title, "d")
        for line, row in enumerate(cells[:room]):
            base = y + 55 + 18 * line
            for left, right, (text, ink) in zip(ends, ends[1:], row):
                if ink:
                    self.canvas.box(left - 3, base - 13, right - left - 2, 17, f"c{ink}")
                self.canvas.text(left, base, cut(text, right - left), "w" if ink else "")
        if len(rows) > room:
            self.canvas.text(x + width - 8, y + 18, f"{room} of {len(rows)}", "d e")

    @staticmethod
    def cell(panel, title, value):
        """(text, its ground's colour or None)."""
        own = panel.overrides.get(title, {})
        if value == "" or isinstance(value, str) and not own:
            return value, None
        settings = {**panel.settings, **own}
        text, ink = dashboards.colour(value, settings)
        return text or shown(value, settings), ink if "custom.displayMode" in own else None

    def bars(self, panel, answers, x, y, width, height):
        self.canvas.text(x + 8, y + 18, panel.title, "t")
        rows = sorted(answers[0], key=lambda one: (one[1] if "max" in panel.settings else -one[1], sorted(one[0].items())))
        high = panel.settings.get("max", max((value for _, value in rows), default=1))
        start, end = x + 118, x + width - 74
        for line, (labels, value) in enumerate(rows[:int((height - 30) / 18)]):
            base = y + 42 + 18 * line
            ink = dashboards.colour(value, panel.settings)[1]
            self.canvas.text(start - 6, base, cut(re.sub(r"{{(\w+)}}", lambda found: labels[found[1]], panel.queries[0][2]), 112), "d e")
            self.canvas.box(start, base - 11, max(1, value / high * (end - start)), 13, f"c{'blue' if ink == 'text' else ink}")
            self.canvas.text(end + 6, base, shown(value, panel.settings))


def picture(prometheus):
    """The SVG's text."""
    painter = Painter(prometheus)
    height = 0
    for dashboard in dashboards.all_dashboards():
        height = painter.dashboard(dashboard, story.VALUES[dashboard.model["uid"]], height)
    body = "\n".join(painter.canvas.parts)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">\n'
            f"<title>What the dashboards show of a small fleet in which much goes wrong</title>\n<style>{STYLE}</style>\n"
            f'<rect width="{WIDTH}" height="{height}" class="page"/>\n{body}\n</svg>\n')


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with story.told() as known:
        pathlib.Path(sys.argv[1]).write_text(picture(known))
