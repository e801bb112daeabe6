#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Does each query of the dashboards have data in a Prometheus that has watched a real machine? At one of these times at least: a disk that goes bad has a past.

    tests/monitoring/ask_dashboards.py http://127.0.0.1:9090 INSTANCE DEVICE TIME...

Exit status 1, with the queries that gave nothing, or no number.
"""
import math
import sys

import dashboards
from prometheus import Api


def main():
    address, instance, device, *times = sys.argv[1:]
    server, silent, asked = Api(address), [], 0
    for board in dashboards.all_dashboards():
        # Of the fleet it has to be found, too.
        values = {"instance": ".*" if "rows" in board.variables else instance, "device": device, "rows": "20"}
        for panel in board.panels:
            for letter, query, _ in panel.queries:
                asked += 1
                answers = [value for time in times for _, value in server.instant(dashboards.filled(query, values), time)]
                if not answers or not any(math.isfinite(value) for value in answers):
                    silent.append(f"{board.title}, {panel.title} {letter}: {query}")
    print(f"{asked} queries, {len(silent)} without data", *silent, sep="\n  ")
    return int(bool(silent))


if __name__ == "__main__":
    sys.exit(main())
