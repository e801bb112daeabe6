#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What a Prometheus has to do that watches 500 machines: real documents of metrics, served on loopback, the rules, and the queries of the dashboards.

    tests/bench/fleet_bench.py [--machines 500] [--seed N]

make host first; tools/setup stack. Prints one table, and exits with 1 if a figure to reach is missed. Before it begins, Prometheus has a day of what its
rules and dashboards look back at, a sample every four minutes. Four minutes and more, most of it waiting for scrapes.
"""
import argparse
import copy
import http.server
import json
import pathlib
import random
import re
import secrets
import sys
import threading
import time
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "monitoring"))
import dashboards
from machines import BLOCK, HOUR, MAIN_READ_ONLY, SPARE_EXHAUSTED, Disk, Document
from prometheus import Prometheus
from story import RULES

DAY = 24 * HOUR
INTERVAL = 15  # of scrapes and evaluations, seconds
SCRAPES = 4  # of each machine, before anything is measured
TIMES = 5  # each query is asked so often, and the fastest counts: what else the machine does is not meant
PAST = ("health_score", "relocated_bytes", "spare_bytes", "spare_used_bytes", "spare_bad_bytes")
PAST_STEP = 240
GROUP = "dm-remap-disk"
ALERT = "DmRemapPending"
SECOND = 1.0


class Machine:
    """One that runs a set or two; most are well."""
    documents = {}

    def __init__(self, number, draw, now):
        self.name = f"host{number:04}"
        names = ("safe",) if draw.random() < 0.6 else ("safe", "archive")
        if names not in self.documents:
            self.documents[names] = Document.well(*names)
        self.document = copy.deepcopy(self.documents[names])
        self.disks = [self.disk(name, draw, now) for name in names]
        self.tell(now)

    @staticmethod
    def disk(name, draw, now):
        disk = Disk(name)
        disk.scrub = ("none", 1, now - 10 * DAY, now - draw.randrange(1, 30) * DAY)
        disk.serves(draw.randrange(1 << 24), draw.randrange(1 << 24), draw.uniform(0.002, 0.01))
        fate = draw.random()
        if fate < 0.15:
            for _ in range(draw.randrange(1, 12)):
                disk.write_fails(now - draw.randrange(30 * DAY), int(draw.paretovariate(0.8)) % 20000 + 1)
        if fate < 0.02:
            disk.read_fails(now - draw.randrange(DAY), draw.randrange(1, 9))
        if fate < 0.01:
            disk.mode = draw.choice((SPARE_EXHAUSTED, MAIN_READ_ONLY))
        return disk

    @property
    def well(self):
        return all(disk.health(0) == 100 for disk in self.disks)

    def tell(self, now):
        for disk in self.disks:
            disk.tell(self.document, now)
        self.document.tell("collector_timestamp_seconds", "@")
        self.text = self.document.text()

    def past(self, now):
        """Lines of OpenMetrics: what a disk has now came in the last day, evenly, for want of anything better."""
        for disk in self.disks:
            values = disk.values(now)
            for family in PAST:
                for when in range(now - DAY, now - PAST_STEP, PAST_STEP):
                    part = 1 - (now - when) / (2 * DAY) if family in ("relocated_bytes", "spare_used_bytes") else 1
                    yield f'dm_remap_{family}{{device="{disk.name}",instance="{self.name}",job="node"}} {int(values[family] * part) // 512 * 512 if part < 1 else values[family]} {when}'


class Server(http.server.ThreadingHTTPServer):
    """All machines at one address; the path is the name. `told`: which of them was asked since it was cleared."""
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, machines):
        self.machines = {f"/{machine.name}": machine for machine in machines}
        self.watched, self.told = None, threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        machine = self.server.machines[self.path]
        body = machine.text.replace(" @\n", f" {int(time.time())}\n").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if machine is self.server.watched:
            self.server.told.set()

    def log_message(self, *_):
        pass


class Table:
    missed = False

    def __init__(self):
        self.row("figure", "measured", "to reach", "")

    def row(self, name, measured, reach="", verdict=None):
        print(f"{name:<68} {measured:>12} {reach:>10} {verdict or ''}".rstrip(), flush=True)

    def at_most(self, name, measured, reach, unit):
        self.missed |= measured > reach
        self.row(name, f"{measured:.3f} {unit}" if isinstance(measured, float) else f"{measured} {unit}", f"{reach:g}", "MISSED" if measured > reach else "ok")


def of_itself(prometheus, name):
    """The sum of what Prometheus says of itself by this name."""
    with urllib.request.urlopen(f"{prometheus.address}/metrics") as answer:
        return sum(float(line.rpartition(" ")[2]) for line in answer.read().decode().splitlines() if line.startswith(name))


def wait_for(what, seconds, ask, pause=0.25):
    end = time.monotonic() + seconds
    while not ask():
        if time.monotonic() > end:
            sys.exit(f"fleet_bench: waited {seconds} seconds in vain for {what}")
        time.sleep(pause)


def memory(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return [int(re.search(rf"{name}:\s+(\d+)", status)[1]) >> 10 for name in ("VmRSS", "VmHWM")]


def configuration(machines, port):
    targets = [{"targets": [f"127.0.0.1:{port}"], "labels": {"__metrics_path__": f"/{machine.name}", "instance": machine.name}} for machine in machines]
    # YAML is a superset of JSON.
    return json.dumps({"global": {"scrape_interval": f"{INTERVAL}s", "evaluation_interval": f"{INTERVAL}s"}, "rule_files": [str(RULES)],
                       "scrape_configs": [{"job_name": "node", "static_configs": targets}]})


def asked(prometheus, panel, query):
    """Seconds that it takes."""
    now, before = time.time(), time.monotonic()
    prometheus.range(query, now - DAY, now, panel.step) if panel.type == "timeseries" else prometheus.instant(query, now)
    return time.monotonic() - before


def queries(prometheus, table, machine):
    """The three slowest of each dashboard."""
    for board, values in zip(dashboards.all_dashboards(), ({"instance": ".*", "rows": "50"}, {"instance": machine.name, "device": "safe"})):
        took = []
        for panel in board.panels:
            for _, query, _ in panel.queries:
                text = dashboards.filled(query, values)
                took.append((min(asked(prometheus, panel, text) for _ in range(TIMES)), panel.title))
        for seconds, title in sorted(took, reverse=True)[:3]:
            table.at_most(f"{board.title}: a query of '{title}'", seconds, SECOND, "s")
        table.row(f"{board.title}: all of its queries, one after the other", f"{sum(seconds for seconds, _ in took):.3f} s")


def rules(prometheus, table):
    """What they take, the dearest by name: each group has to be through before its turn comes again."""
    def groups_of():
        return prometheus.get("rules")["groups"]

    wait_for("each group of rules to have its turn", 660, lambda: not any(group["lastEvaluation"].startswith("0001") for group in groups_of()), 1)
    groups = groups_of()
    for group in groups:
        table.at_most(f"evaluation of {group['name']}, each {group['interval']:g} s", group["evaluationTime"], group["interval"], "s")
    table.row("  of a processor, all together", f"{100 * sum(group['evaluationTime'] / group['interval'] for group in groups):.1f} %")
    dearest = max((rule for group in groups for rule in group["rules"]), key=lambda rule: rule["evaluationTime"])
    table.row(f"  the dearest: {dearest['name']}", f"{dearest['evaluationTime']:.3f} s")


def goes_bad(prometheus, server, table, machine):
    """How many evaluations it takes from the scrape that has it to the alert, and back."""
    def firing():
        return bool(prometheus.instant(f'ALERTS{{alertname="{ALERT}",instance="{machine.name}",alertstate="firing"}}', time.time()))

    def iterations():
        return int(of_itself(prometheus, f'prometheus_rule_group_iterations_total{{rule_group="{RULES};{GROUP}"}}'))

    disk = machine.disks[0]
    for what, pending, expected in (("it goes bad until its alert fires", 8 * BLOCK, True), ("it is mended until its alert is gone", 0, False)):
        disk.pending = pending
        machine.tell(int(time.time()))
        server.watched = machine
        server.told.clear()
        if not server.told.wait(10 * INTERVAL):
            sys.exit("fleet_bench: nobody scrapes")
        begun, before = iterations(), time.monotonic()
        wait_for(f"{ALERT} to be {expected}", 10 * INTERVAL, lambda: firing() == expected)
        table.at_most(f"evaluations from the scrape after {what}", iterations() - begun, 2, "")
        table.row("  seconds", f"{time.monotonic() - before:.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--machines", type=int, default=500)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 31), help="of what is drawn at random (drawn, and told)")
    arguments = parser.parse_args()
    print(f"{arguments.machines} machines, seed {arguments.seed}: making a day of them", flush=True)
    draw, now = random.Random(arguments.seed), int(time.time())
    machines = [Machine(number, draw, now) for number in range(arguments.machines)]
    server = Server(machines)
    with Prometheus(configuration(machines, server.server_port)) as prometheus:
        prometheus.stop()
        prometheus.add_blocks(line for machine in machines for line in machine.past(now))
        prometheus.start()
        print(f"waiting for {SCRAPES} scrapes of each", flush=True)
        wait_for("all machines to be scraped", 60 * INTERVAL, lambda: prometheus.instant(f"count(count_over_time(up[1h]) >= {SCRAPES}) or vector(0)", time.time())[0][1] == len(machines), 1)
        table = Table()
        table.row("machines, devices", f"{len(machines)}, {sum(len(machine.disks) for machine in machines)}")
        table.row("series that are scraped", f"{prometheus.get('status/tsdb')['headStats']['numSeries']}")
        table.row("a document: KiB, the largest", f"{max(len(machine.text) for machine in machines) / 1024:.1f}")
        queries(prometheus, table, machines[0])
        rules(prometheus, table)
        goes_bad(prometheus, server, table, draw.choice([machine for machine in machines if machine.well]))
        table.row("Prometheus' memory: MiB now, at most", "{}, {}".format(*memory(prometheus.process)))
        table.row("  CPU, of one processor", f"{100 * of_itself(prometheus, 'process_cpu_seconds_total') / (time.time() - of_itself(prometheus, 'process_start_time_seconds')):.0f} %")
    return int(table.missed)


if __name__ == "__main__":
    sys.exit(main())
