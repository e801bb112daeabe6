# SPDX-License-Identifier: GPL-2.0-only
"""The dashboards of Grafana: each query gives data of a real Prometheus, and what is coloured is what the alerts are about. What they show is docs/dashboards.svg."""
import copy
import os
import pathlib
import re
import subprocess
import sys
import unittest

import yaml

sys.dont_write_bytecode = True
import dashboards
import picture
import story
from machines import SAMPLE

SOURCE = pathlib.Path(os.environ["DMR_SOURCE"])
COLOURS = {"info": "blue", "warning": "orange", "critical": "red"}
METRIC = re.compile(r"\bdm_remap_(\w+)")
COMPARISON = re.compile(r"([<>]=?) ([\d.]+(?: \* [\d.]+)*)")
# What the colours of a metric stand for.
ALERTS = {
    "health_score": ["DmRemapHealthLow", "DmRemapHealthCritical"],
    "pending_bytes": ["DmRemapPending"],
    "lost_bytes": ["DmRemapLost"],
    "spare_bytes": ["DmRemapSpareLow"],
    "map_extents": ["DmRemapMapLow"],
    "unrecovered_total": ["DmRemapUnrecovered"],
    "scrub_last_complete_timestamp_seconds": ["DmRemapScrubOverdue"],
    "collector_timestamp_seconds": ["DmRemapCollectorStale"],
}


def rules():
    with open(story.RULES) as file:
        return {rule["alert"]: rule for group in yaml.safe_load(file)["groups"] for rule in group["rules"]}


def limit(rule):
    """(where the colour changes, a value for which the rule fires): by the first comparison of its expression. What is more than nothing is 1 at least."""
    how, text = COMPARISON.search(rule["expr"]).groups()
    number = 1.0
    for factor in text.split(" * "):
        number *= float(factor)
    number = 1.0 if (how, number) == (">", 0) else number
    return number, number * 0.999 if how == "<" else number * 1.001


def coloured(panel):
    """(query, settings) wherever colours change at a value."""
    for letter, query, _ in panel.queries:
        title = None
        if panel.type == "table":
            arrange = next(one["options"] for one in panel.model["transformations"] if one["id"] == "organize")
            title = arrange["renameByName"].get(f"Value #{letter}" if len(panel.queries) > 1 else "Value")
        settings = panel.overrides.get(title, {}) if title else panel.settings
        if len(settings.get("thresholds", {}).get("steps", [])) > 1:
            yield query, settings


def faults(panel, known):
    """Where what is coloured is not what alerts are about."""
    for query, settings in coloured(panel):
        places = [step["value"] for step in settings["thresholds"]["steps"][1:]]
        subject = METRIC.search(query)
        alerts = ALERTS.get(subject[1]) if subject else None
        if query.startswith("count("):
            if places != [1]:
                yield f"{panel.title}: some are as many as {places}"
            if alerts and any(f"{how} {text}" not in known[alert]["expr"] for how, text in COMPARISON.findall(query) for alert in alerts):
                yield f"{panel.title}: it counts by other numbers than {alerts}"
            continue
        if not alerts:
            yield f"{panel.title}: no alert has these colours"
            continue
        if sorted(limit(known[alert])[0] for alert in alerts) != places:
            yield f"{panel.title}: colours change at {places}"
        for alert in alerts:
            if dashboards.colour(limit(known[alert])[1], {"thresholds": settings["thresholds"]})[1] != COLOURS[known[alert]["labels"]["severity"]]:
                yield f"{panel.title}: not the colour of {alert}"
            if alert not in panel.model["description"]:
                yield f"{panel.title}: does not name {alert}"


class Model(unittest.TestCase):
    boards = dashboards.all_dashboards()
    panels = [panel for board in boards for panel in board.panels]
    rules = rules()

    def test_there_are_two(self):
        self.assertEqual([board.model["uid"] for board in self.boards], ["dm-remap-fleet", "dm-remap-machine"])

    def test_each_is_whole(self):
        for board in self.boards:
            self.assertEqual(board.model["schemaVersion"], 37)
            self.assertEqual(len({panel.id for panel in board.panels}), len(board.panels))
            self.assertEqual(len({panel.title for panel in board.panels}), len(board.panels))
            taken = set()
            for panel in board.panels:
                own = {(panel.place["x"] + x, panel.place["y"] + y) for x in range(panel.place["w"]) for y in range(panel.place["h"])}
                self.assertFalse(taken & own, panel.title)
                self.assertLessEqual(max(x for x, _ in own), 23)
                taken |= own
                self.assertEqual(panel.model["datasource"], {"type": "prometheus", "uid": "${datasource}"})
                self.assertEqual(len({letter for letter, _, _ in panel.queries}), len(panel.queries))
                for target in panel.model["targets"]:
                    self.assertEqual(target["datasource"], panel.model["datasource"])
                    self.assertEqual((target["range"], target["instant"]), (panel.type == "timeseries", panel.type != "timeseries"))
            variables = board.model["templating"]["list"]
            self.assertEqual((variables[0]["name"], variables[0]["type"], variables[0]["query"]), ("datasource", "datasource", "prometheus"))
            # A link names a dashboard that is there, by what it is called.
            for uid in re.findall(r"/d/([\w-]+)", board.path.read_text()):
                self.assertIn(uid, [other.model["uid"] for other in self.boards])

    def test_only_what_the_product_exports(self):
        exported = set(subprocess.run([SAMPLE, "--names"], capture_output=True, text=True, check=True).stdout.split())
        documented = (SOURCE / "docs/statistics.md").read_text()
        used = {f"dm_remap_{name}" for board in self.boards for name in METRIC.findall(board.path.read_text())}
        self.assertGreater(len(used), 30)
        self.assertLessEqual(used, exported)
        for name in used:
            self.assertIn(f"`{name}`", documented)

    def test_colours_are_those_of_the_alerts(self):
        self.assertEqual([fault for panel in self.panels for fault in faults(panel, self.rules)], [])
        seen = {METRIC.search(query)[1] for panel in self.panels for query, _ in coloured(panel) if METRIC.search(query)}
        self.assertLessEqual(set(ALERTS), seen)
        for panel in self.panels:
            for alert in re.findall(r"DmRemap\w+", panel.model["description"]):
                self.assertIn(alert, self.rules)

    def test_another_limit_is_noticed(self):
        known = copy.deepcopy(self.rules)
        known["DmRemapSpareLow"]["expr"] = known["DmRemapSpareLow"]["expr"].replace("0.25", "0.2")
        known["DmRemapCollectorStale"]["expr"] = known["DmRemapCollectorStale"]["expr"].replace("600", "900")
        found = {fault.partition(":")[0] for panel in self.panels for fault in faults(panel, known)}
        self.assertEqual(found, {"Worst first", "Least room on spares", "Spares free", "Machines not heard of", "Written"})

    def test_words_for_numbers(self):
        """Modes are called as the documentation does, and as bad as their alerts; spares' states likewise."""
        modes = re.search(r"`dm_remap_mode` \| gauge \| (.*) \|", (SOURCE / "docs/statistics.md").read_text())[1]
        severity = {number: COLOURS[rule["labels"]["severity"]] for rule in self.rules.values() for number in re.findall(r"dm_remap_mode == (\d)", rule["expr"])}
        expected = {number: (name, severity.get(number, "green" if number == "0" else "blue")) for number, name in re.findall(r"(\d) (\w+)", modes)}
        self.assertEqual(len(expected), 7)
        found = [settings["mappings"] for panel in self.panels for settings in panel.all_settings() if "spare_exhausted" in str(settings.get("mappings"))]
        self.assertEqual(len(found), 2)
        for mappings in found:
            self.assertEqual({number: (one["text"], one["color"]) for number, one in mappings[0]["options"].items()}, expected)
        states = next(panel for panel in self.panels if panel.title == "Spares").overrides["state"]["mappings"][0]["options"]
        for alert in ("DmRemapSpareMissing", "DmRemapSpareFailing"):
            for state in re.search(r'state=~?"([\w|]+)"', self.rules[alert]["expr"])[1].split("|"):
                self.assertEqual(states[state]["color"], COLOURS[self.rules[alert]["labels"]["severity"]])


class Queries(unittest.TestCase):
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        cls.known = cls.enterClassContext(story.told())
        cls.boards = dashboards.all_dashboards()

    def test_each_gives_data(self):
        for board in self.boards:
            values = story.VALUES[board.model["uid"]]
            for panel in board.panels:
                answers = [self.known.instant(dashboards.filled(query, values), story.NOW) for _, query, _ in panel.queries]
                for (letter, query, legend), answer in zip(panel.queries, answers):
                    self.assertTrue(answer, f"{panel.title} {letter}: {query}")
                    for labels, value in answer:
                        self.assertEqual(value, value, f"{panel.title} {letter} is not a number")
                        self.assertLessEqual(set(re.findall(r"{{(\w+)}}", legend)), set(labels), panel.title)
                if panel.type == "table":
                    self.columns(panel, answers)

    def columns(self, panel, answers):
        """Each column is of something that was answered, and what is coloured is a column."""
        arrange = next(one["options"] for one in panel.model["transformations"] if one["id"] == "organize")
        there = {name for answer in answers for labels, _ in answer for name in labels}
        there |= {"Value"} if len(answers) == 1 else {f"Value #{letter}" for letter, _, _ in panel.queries}
        arranged = (set(arrange["renameByName"]) | set(arrange["excludeByName"])) - {"Time"}
        self.assertLessEqual(there, arranged, panel.title)
        # Alerts about sets that do not run are not of every machine.
        self.assertLessEqual(arranged - there, {"name"}, panel.title)
        titles, rows = panel.table(answers)
        self.assertLessEqual(set(panel.overrides), set(titles))
        self.assertTrue(rows)
        self.assertIn(panel.model["options"]["sortBy"][0]["displayName"], titles)

    def test_variables_have_values(self):
        for board in self.boards:
            for variable in board.variables.values():
                if variable["type"] != "query":
                    continue
                series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()
                found = self.known.get(f"label/{label}/values", **{"match[]": dashboards.filled(series, story.VALUES["dm-remap-machine"])})
                self.assertIn(story.VALUES["dm-remap-machine"][label], found)

    def test_worst_first(self):
        panel = next(panel for panel in self.boards[0].panels if panel.title == "Worst first")

        def first(rows):
            answers = [self.known.instant(dashboards.filled(query, {"instance": ".*", "rows": rows}), story.NOW) for _, query, _ in panel.queries]
            return panel.table(answers)[1]

        self.assertEqual([row[:3] for row in first("3")], [["backup", "vault", 10], ["db1", "safe", 50], ["nas1", "media", 68]])
        self.assertEqual(len(first("20")), 10)

    def test_picture(self):
        """The one in the documentation is of now: tests/monitoring/picture.py draws it anew."""
        drawn = picture.picture(self.known)
        self.assertLess(len(drawn.encode()), 60 << 10)
        self.assertEqual(drawn, (SOURCE / "docs/dashboards.svg").read_text())


if __name__ == "__main__":
    sys.exit(0 if unittest.main(exit=False).result.wasSuccessful() else 1)
