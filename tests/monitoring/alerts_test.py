# SPDX-License-Identifier: GPL-2.0-only
"""Each alert fires, does not fire, and resolves, by Prometheus' own tool; and asks for nothing that the product does not export."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import yaml

SOURCE = pathlib.Path(os.environ["DMR_SOURCE"])
RULES = SOURCE / "tools/monitoring/prometheus/dm-remap.rules.yml"
SAMPLE = os.environ["METRICS_SAMPLE"]


def held(*parts):
    """Values, each for so many steps."""
    return " ".join(f"{value}+0x{steps - 1}" for value, steps in parts)


MINUTES, HOURS = "1m", "1h"
# Alert: (interval, {series: values}, when it fires, when it does not: before, after, or for another device). Every series is of device x.
CASES = {
    # A first remap is told for an hour.
    "DmRemapFirstRemap": (MINUTES, {"relocated_bytes": held((0, 120), (4096, 200))}, ["2h1m", "2h59m"], ["1h59m", "3h5m"]),
    "DmRemapRemapsRising": (MINUTES, {"relocated_bytes": "0+0x359 0+1000x359 360000+0x720"}, ["12h"], ["5h", "19h"]),
    "DmRemapHealthLow": (MINUTES, {"health_score": held((70, 30), (69, 30), (100, 30))}, ["40m"], ["29m", "34m", "61m"]),
    "DmRemapHealthCritical": (MINUTES, {"health_score": held((30, 30), (29, 30), (70, 30))}, ["40m"], ["29m", "61m"]),
    "DmRemapPending": (MINUTES, {"pending_bytes": held((0, 5), (512, 5), (0, 5))}, ["5m", "9m"], ["4m", "10m"]),
    "DmRemapLost": (MINUTES, {"lost_bytes": held((0, 5), (512, 5), (0, 5))}, ["5m"], ["4m", "10m"]),
    "DmRemapUnrecovered": (MINUTES, {"unrecovered_total": held((3, 60), (4, 120))}, ["61m"], ["59m", "2h5m"]),
    "DmRemapMainGone": (MINUTES, {"mode": held((0, 5), (5, 5), (0, 5))}, ["5m"], ["4m", "10m"]),
    "DmRemapMainReadOnly": (MINUTES, {"mode": held((0, 5), (4, 5), (5, 5))}, ["5m"], ["4m", "10m"]),
    "DmRemapSpareLow": (MINUTES, {"spare_bytes": held((1000, 90)), "spare_used_bytes": held((700, 30), (751, 30), (700, 30)),
                                  "spare_bad_bytes": held((0, 90)), "mode": held((0, 90))}, ["40m"], ["29m", "34m", "61m"]),
    # One hundredth of it an hour: full in four days.
    "DmRemapSpareFullSoon": (MINUTES, {"spare_bytes": held((1000000, 6000)), "spare_used_bytes": "0+0x1439 0+166x1440 239040+0x2000",
                                       "spare_bad_bytes": held((0, 6000)), "mode": held((0, 6000))}, ["40h"], ["23h", "73h"]),
    "DmRemapExhausted": (MINUTES, {"mode": held((0, 5), (2, 5), (3, 5), (0, 5))}, ["5m", "10m"], ["4m", "15m"]),
    "DmRemapMapLow": (MINUTES, {"map_extents": held((79, 30), (80, 30), (10, 30)), "map_max_extents": held((100, 90)), "mode": held((0, 90))}, ["40m"], ["29m", "61m"]),
    "DmRemapSpareMissing": (MINUTES, {'spare_state{spare="0",state="missing"}': held((0, 5), (1, 5), (0, 5)), 'spare_state{spare="0",state="active"}': held((1, 15))},
                            ["5m"], ["4m", "10m"]),
    "DmRemapSpareFailing": (MINUTES, {'spare_state{spare="1",state="dropped"}': held((0, 10), (1, 10), (0, 10)), 'spare_state{spare="1",state="removing"}': held((1, 30))},
                            ["16m"], ["9m", "14m", "20m"]),
    "DmRemapDegraded": (MINUTES, {"degraded": held((1, 1500), (0, 10))}, ["24h1m"], ["23h", "25h"]),
    "DmRemapMetadataFailed": (MINUTES, {"mode": held((0, 5), (6, 5), (0, 5))}, ["5m"], ["4m", "10m"]),
    "DmRemapScrubOverdue": (HOURS, {"scrub_last_complete_timestamp_seconds": held((3600, 1000), (3600000, 50))}, ["970h"], ["500h", "961h", "1001h"]),
    "DmRemapNeverScrubbed": (HOURS, {"scrub_last_complete_timestamp_seconds": held((0, 900), (3240000, 10))}, ["845h"], ["800h", "901h"]),
    "DmRemapGuardIncomplete": (MINUTES, {"guarded": held((1, 10), (0, 90), (1, 10))}, ["75m"], ["9m", "60m", "101m"]),
    "DmRemapSuspended": (MINUTES, {"suspended": held((0, 10), (1, 30), (0, 10))}, ["26m"], ["20m", "41m"]),
    "DmRemapSetNotAssembled": (MINUTES, {'set_assembled{set="u",name="x"}': held((1, 10), (0, 20), (1, 10)), 'set_automatic{set="u",name="x"}': held((1, 40)),
                                         'set_assembled{set="v",name="y"}': held((0, 40)), 'set_automatic{set="v",name="y"}': held((0, 40))}, ["16m"], ["12m", "31m"]),
    "DmRemapConfigNotUnderstood": (MINUTES, {"config_faults": held((0, 10), (2, 20), (0, 10))}, ["21m"], ["15m", "31m"]),
    "DmRemapModuleAbsent": (MINUTES, {"module_loaded": held((1, 10), (0, 20), (1, 10)), 'set_automatic{set="u",name="x"}': held((1, 40))}, ["16m"], ["12m", "31m"]),
    "DmRemapModuleOutdated": (MINUTES, {'module_current{module="dm_remap"}': held((1, 10), (0, 90), (1, 10))}, ["75m"], ["60m", "101m"]),
    "DmRemapCollectorStale": (MINUTES, {"collector_timestamp_seconds": held((0, 20), (1200, 10))}, ["12m"], ["9m", "21m"]),
}
# What is told in full, once.
TOLD = ("DmRemapPending", "5m", "x on host: 512B cannot be read")


def series(name, values):
    labels = ['device="x"', 'instance="host"', 'job="node"'] if "{" not in name or "spare" in name else ['instance="host"', 'job="node"']
    family, _, own = name.partition("{")
    if own:
        labels.append(own.rstrip("}"))
    return {"series": f"dm_remap_{family}{{{','.join(labels)}}}", "values": values}


class Alerts(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        with open(RULES) as file:
            cls.rules = {rule["alert"]: rule for group in yaml.safe_load(file)["groups"] for rule in group["rules"]}

    def promtool(self, tests, interval):
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": interval, "tests": tests}, file)
            file.flush()
            done = subprocess.run(["promtool", "test", "rules", file.name], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def test_every_alert_has_its_case(self):
        self.assertEqual(set(CASES), set(self.rules))

    def expectation(self, alert, when, fires):
        severity = self.rules[alert]["labels"]["severity"]
        return {"expr": f'count by (severity) (ALERTS{{alertname="{alert}",alertstate="firing"}})', "eval_time": when,
                "exp_samples": [{"labels": f'{{severity="{severity}"}}', "value": 1}] if fires else []}

    def test_each_fires_and_resolves(self):
        for interval in (MINUTES, HOURS):
            tests = []
            for alert, (step, given, fires, quiet) in CASES.items():
                if step == interval:
                    tests.append({"name": alert, "interval": step, "input_series": [series(*one) for one in given.items()],
                                  "promql_expr_test": [self.expectation(alert, when, True) for when in fires] +
                                                      [self.expectation(alert, when, False) for when in quiet]})
            status, said = self.promtool(tests, interval)
            self.assertEqual(status, 0, said)

    # A set is made when a disk begins to fail: much happens before it was watched for an hour, or was watched at all.
    def test_what_is_not_watched_for_an_hour(self):
        remapped = lambda relocated, last: {"relocated_bytes": relocated, "last_remap_timestamp_seconds": last}
        tests = [{"name": f"{alert}, {name}", "interval": MINUTES, "input_series": [series(*one) for one in given.items()],
                  "promql_expr_test": [self.expectation(alert, when, True) for when in fires] + [self.expectation(alert, when, False) for when in quiet]}
                 for alert, name, given, fires, quiet in (
                     ("DmRemapFirstRemap", "ten minutes after the first look", remapped("_x99 0+0x9 4096+0x200", "_x99 0+0x9 6600+0x200"), ["112m", "150m"], ["105m", "180m"]),
                     ("DmRemapFirstRemap", "before the first look", remapped("_x99 4096+0x200", "_x99 5940+0x200"), ["102m", "150m"], ["95m", "165m"]),
                     ("DmRemapFirstRemap", "before a reboot", remapped("_x99 4096+0x200", "_x99 0+0x200"), [], ["102m", "150m", "165m"]),
                     ("DmRemapUnrecovered", "before the first look", {"unrecovered_total": "_x99 5+0x200", "last_error_timestamp_seconds": "_x99 5940+0x200"},
                      ["102m", "150m"], ["95m", "165m"]),
                     ("DmRemapUnrecovered", "long before the first look", {"unrecovered_total": "_x99 5+0x200", "last_error_timestamp_seconds": "_x99 60+0x200"},
                      [], ["102m", "150m", "165m"]))]
        status, said = self.promtool(tests, MINUTES)
        self.assertEqual(status, 0, said)

    # What is guarded is on spares on purpose: no block has gone bad.
    def test_a_guard_is_no_bad_block(self):
        self.assert_quiet({"remapped_bytes": held((0, 780), (1048576, 300)), "relocated_bytes": held((0, 1080)), "guarded": "_x779 1+0x300",
                           "health_score": held((100, 780), (99, 300))}, "795m")

    # A set that is not to be started by itself needs no module.
    def test_a_set_that_is_not_automatic_needs_no_module(self):
        self.assert_quiet({'set_automatic{set="u",name="y"}': held((0, 40)), 'set_assembled{set="u",name="y"}': held((0, 40)), "module_loaded": held((0, 40))}, "30m")

    def assert_quiet(self, given, at):
        status, said = self.promtool([{"interval": MINUTES, "input_series": [series(*one) for one in given.items()],
                                       "promql_expr_test": [{"expr": 'count by (alertname) (ALERTS{alertstate="firing"})', "eval_time": at,
                                                             "exp_samples": []}]}], MINUTES)
        self.assertEqual(status, 0, said)

    def test_the_test_can_fail(self):
        step, given, fires, _ = CASES["DmRemapPending"]
        status, _ = self.promtool([{"interval": step, "input_series": [series(*one) for one in given.items()],
                                    "promql_expr_test": [self.expectation("DmRemapPending", fires[0], False)]}], step)
        self.assertNotEqual(status, 0)

    def test_what_is_told(self):
        alert, when, summary = TOLD
        step, given, _, _ = CASES[alert]
        status, said = self.promtool([{"interval": step, "input_series": [series(*one) for one in given.items()], "alert_rule_test": [
            {"alertname": alert, "eval_time": when, "exp_alerts": [
                {"exp_labels": {"device": "x", "instance": "host", "job": "node", "severity": "critical"},
                 "exp_annotations": {"summary": summary, "description": self.rules[alert]["annotations"]["description"].replace("{{ $labels.device }}", "x")}}]}]}], step)
        self.assertEqual(status, 0, said)

    def test_each_says_what_to_do(self):
        for alert, rule in self.rules.items():
            self.assertIn(rule["labels"]["severity"], ("info", "warning", "critical"), alert)
            self.assertLess(len(rule["annotations"]["summary"]), 140, alert)
            self.assertGreater(len(rule["annotations"]["description"]), 40, alert)

    def test_commands_are_verbs_of_the_tool(self):
        known = subprocess.run([os.environ["DMREMAP"], "--help"], capture_output=True, text=True, check=True).stdout
        text = RULES.read_text()
        verbs = set(re.findall(r"dmremap ([a-z-]+)", text))
        self.assertGreater(len(verbs), 8)
        for verb in verbs:
            self.assertRegex(known, rf"(?m)^  {verb} ", verb)

    def test_only_what_the_product_exports(self):
        exported = set(subprocess.run([SAMPLE, "--names"], capture_output=True, text=True, check=True).stdout.split())
        used = {name for rule in self.rules.values() for name in re.findall(r"\bdm_remap_\w+", rule["expr"])}
        self.assertLessEqual(used, exported)
        self.assertLessEqual({f"dm_remap_{name.partition('{')[0]}" for _, given, _, _ in CASES.values() for name in given}, exported)


if __name__ == "__main__":
    sys.exit(0 if unittest.main(exit=False).result.wasSuccessful() else 1)
