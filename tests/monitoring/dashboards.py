# SPDX-License-Identifier: GPL-2.0-only
"""The dashboards of tools/monitoring/grafana, as far as their queries and what is shown of an answer go."""
import json
import pathlib
import re

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tools/monitoring/grafana"
VARIABLE = re.compile(r"\$\{?(\w+)\}?")
# The range of Grafana's $__rate_interval for samples that are five minutes apart.
BUILT_IN = {"__rate_interval": "20m"}


def filled(text, values):
    """With the values of its variables. KeyError: it has another one."""
    return VARIABLE.sub(lambda found: {**BUILT_IN, **values}[found[1]], text)


def colour(value, settings):
    """(text or None, colour) of a value, by mappings and thresholds."""
    for mapping in settings.get("mappings", []):
        text = value if isinstance(value, str) else f"{value:g}"
        if text in mapping["options"]:
            return mapping["options"][text]["text"], mapping["options"][text]["color"]
    if isinstance(value, str):
        return None, None
    steps = settings.get("thresholds", {}).get("steps", [{"color": "text"}])
    return None, [step["color"] for step in steps if step.get("value") is None or value >= step["value"]][-1]


class Panel:
    def __init__(self, model):
        self.model = model
        self.id, self.type, self.title, self.place = model["id"], model["type"], model["title"], model["gridPos"]
        self.queries = [(target["refId"], target["expr"], target["legendFormat"]) for target in model["targets"]]
        # Seconds between the points of a day that Grafana asks for, in a panel as wide as a screen.
        self.step = max(60 * int(model.get("interval", "0m").rstrip("m")), 120)
        self.settings = model["fieldConfig"]["defaults"]
        self.overrides = {one["matcher"]["options"]: {each["id"]: each["value"] for each in one["properties"]} for one in model["fieldConfig"]["overrides"]}

    def all_settings(self):
        """What it shows values by: of the panel itself, and of columns of their own."""
        return [self.settings, *self.overrides.values()]

    def table(self, answers):
        """(columns, rows) of the answers, a list of (labels, value) for each query: joined by the labels that all have, as the transformation `merge` does."""
        arrange = next(one["options"] for one in self.model["transformations"] if one["id"] == "organize")
        common = set.intersection(*(set(labels) for answer in answers for labels, _ in answer)) if any(answers) else set()
        rows = {}
        for (letter, _, _), answer in zip(self.queries, answers):
            for labels, value in answer:
                row = rows.setdefault(tuple(labels[name] for name in sorted(common)), {})
                row.update(labels)
                row["Value" if len(answers) == 1 else f"Value #{letter}"] = value
        columns = sorted((name for name in arrange["renameByName"] if not arrange["excludeByName"].get(name)), key=lambda name: arrange["indexByName"][name])
        titles = [arrange["renameByName"][name] for name in columns]
        out = [[row.get(name, "") for name in columns] for row in rows.values()]
        for sort in self.model["options"]["sortBy"]:
            out.sort(key=lambda row: (row[titles.index(sort["displayName"])], [str(cell) for cell in row]), reverse=sort["desc"])
        return titles, out


class Dashboard:
    def __init__(self, path):
        self.path = path
        self.model = json.loads(path.read_text())
        self.title = self.model["title"]
        self.panels = [Panel(panel) for panel in self.model["panels"]]
        self.variables = {one["name"]: one for one in self.model["templating"]["list"]}


def all_dashboards():
    return [Dashboard(path) for path in sorted(FOLDER.glob("*.json"))]
