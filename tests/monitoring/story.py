# SPDX-License-Identifier: GPL-2.0-only
"""A day of a small fleet in which much goes wrong, always the same, in a Prometheus."""
import pathlib
import random

import yaml

from machines import BLOCK, HOUR, MAIN_READ_ONLY, Disk, Document
from prometheus import Prometheus

NOW = 1764547200  # when the day is over
STEP = 300
HOURS = 25
SEED = 13
DAY = 24 * HOUR
RULES = pathlib.Path(__file__).resolve().parents[2] / "tools/monitoring/prometheus/dm-remap.rules.yml"
# What is chosen in each dashboard.
VALUES = {"dm-remap-fleet": {"instance": ".*", "rows": "20"}, "dm-remap-machine": {"instance": "db1", "device": "safe"}}


class Machine:
    """A machine of the fleet: the disks that it has, and what happens to them in a step. `since`: seconds until the day is over, negative."""

    def __init__(self, name, disks, happens=None, document=None):
        self.name, self.disks = name, disks
        self.happens = happens or (lambda now, since: None)
        self.document = Document.well(*[disk.name for disk in disks])
        if document:
            document(self.document)


def fleet(draw):
    """Worst last."""
    def well(name, scrubbed):
        disk = Disk(name)
        disk.scrub = ("none", 1, NOW - scrubbed * DAY - 4 * HOUR, NOW - scrubbed * DAY)
        return disk

    def used(disk, parts):
        disk.write_fails(NOW - 90 * DAY, int(parts * sum(spare["total"] for spare in disk.spares)) // BLOCK)
        return disk

    patrol = well("data", 29)

    def patrols(now, since):
        patrol.scrub = ("running", 0.85 + since / (30 * HOUR), NOW - 26 * HOUR, NOW - 29 * DAY)

    first = well("safe", 11)

    def first_block(now, since):
        if since == -1800:
            first.write_fails(now, 2)

    filled = used(well("media", 50), 0.78)

    def fills(now, since):
        if draw.random() < 0.02:
            filled.write_fails(now, draw.randrange(8, 64))

    lacking = used(well("archive", 5), 0.1)

    def goes_away(now, since):
        if since == -3 * HOUR:
            lacking.spares[1]["state"] = "missing"

    bursts = used(well("safe", 3), 0.02)

    def more_and_more(now, since):
        if draw.random() < 0.08 + 0.5 * max(0, 1 + since / (8 * HOUR)):
            bursts.write_fails(now, int(draw.paretovariate(0.9) * 40) % 4000 + 1)
        if since in (-5 * HOUR, -2 * HOUR, -600):
            bursts.read_fails(now, 2)
        if since >= -10 * HOUR:
            bursts.scrub = ("running", 1 / 3 + since / (30 * HOUR), NOW - 10 * HOUR, NOW - 3 * DAY)

    refuses = used(well("vault", 20), 0.3)

    def becomes_read_only(now, since):
        if since == -7 * HOUR:
            refuses.mode = MAIN_READ_ONLY
        if since >= -7 * HOUR and draw.random() < 0.5:
            refuses.write_errors += 1
            refuses.unrecovered += 1
            refuses.last_error = now
            refuses.happened.append((now, 1, 0))

    return [Machine("web1", [well("safe", 2), patrol], patrols),
            Machine("web2", [well("safe", 6)], document=lambda document: document.tell("module_current", 0, module="dm_remap_stats")),
            Machine("mail", [first], first_block),
            Machine("build", [well("scratch", 1)], document=lambda document: document.not_running("scratch")),
            Machine("nas1", [filled, well("photos", 9)], fills),
            Machine("nas2", [lacking], goes_away),
            Machine("backup", [refuses], becomes_read_only),
            Machine("db1", [bursts, well("logs", 4)], more_and_more)]


def samples():
    """Lines of OpenMetrics, of the whole day."""
    draw = random.Random(SEED)
    machines = fleet(draw)
    for now in range(NOW - HOURS * HOUR, NOW + 1, STEP):
        for machine in machines:
            machine.happens(now, now - NOW)
            machine.document.tell("collector_timestamp_seconds", now - 20)
            for disk in machine.disks:
                disk.serves(draw.randrange(9000, 60000), draw.randrange(6000, 30000), draw.uniform(0.003, 0.009))
                if machine.name != "build":
                    disk.tell(machine.document, now)
            yield from machine.document.lines(end=f" {now}", instance=machine.name, job="node")


def alerts(prometheus, rules):
    """What the rules have to tell at the day's end. For as long as a rule asks for, its expression must have been true each minute."""
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        held = rule.get("for", "0m")
        minutes = int(held[:-1]) * {"m": 1, "h": 60, "d": 1440}[held[-1]]
        query = f"count_over_time(({rule['expr']})[{minutes}m:1m])" if minutes else rule["expr"]
        for labels, value in prometheus.instant(query, NOW):
            if not minutes or value >= minutes:
                labels = {name: text for name, text in labels.items() if name != "__name__"} | rule["labels"]
                yield "ALERTS{%s} 1 %d" % (",".join(f'{name}="{text}"' for name, text in
                                                    {**labels, "alertname": rule["alert"], "alertstate": "firing"}.items()), NOW)


def told():
    """A Prometheus, for a `with`, that knows the day and what the rules make of it. The samples are further apart than its default allows for."""
    out = Prometheus("global: {}\n", "--query.lookback-delta=10m")
    try:
        with open(RULES) as file:
            rules = yaml.safe_load(file)
        out.add_blocks(samples())
        out.start()
        firing = list(alerts(out, rules))
        out.stop()
        out.add_blocks(firing)
        return out
    except BaseException:
        out.__exit__()
        raise
