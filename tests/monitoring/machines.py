# SPDX-License-Identifier: GPL-2.0-only
"""Machines that nobody has: documents of metrics as `dmremap metrics` writes them, with the numbers of disks that go bad.

The documents are the product's own, from `metrics_sample --well`; only values are told anew, and only of samples that are there."""
import os
import pathlib
import re
import subprocess

SAMPLE = os.environ.get("METRICS_SAMPLE", pathlib.Path(__file__).resolve().parents[2] / "build/host/tests/monitoring/metrics_sample")
BLOCK = 4096
HOUR = 3600
LABEL = re.compile(r'(\w+)="((?:\\.|[^"\\])*)"')
# By the number that dm_remap_mode has for it: docs/statistics.md.
OK, READ_ONLY, SPARE_EXHAUSTED, MAP_FULL, MAIN_READ_ONLY, MAIN_GONE, METADATA_FAILED = range(7)
# The most that a device in this mode scores: docs/health.md.
CAPS = {SPARE_EXHAUSTED: 30, MAP_FULL: 30, MAIN_READ_ONLY: 10, MAIN_GONE: 0, METADATA_FAILED: 10}


class Document:
    """One document. Values are given by family without its prefix and all labels; KeyError: it has no such sample."""

    def __init__(self, text):
        self.comments, self.samples = {}, {}
        for line in text.splitlines():
            if line.startswith("#"):
                self.comments.setdefault(line.split(" ")[2], []).append(line)
                continue
            name, _, rest = line.rpartition(" ")[0].partition("{")
            labels = tuple(sorted(LABEL.findall(rest)))
            self.samples[name, labels] = line.rpartition(" ")[2]

    @classmethod
    def well(cls, *names):
        """Of a machine that runs these sets, with nothing wrong."""
        return cls(subprocess.run([SAMPLE, "--well", *names], capture_output=True, text=True, check=True).stdout)

    def tell(self, family, value, **labels):
        """None: it is not known now."""
        key = f"dm_remap_{family}", tuple(sorted(labels.items()))
        if key not in self.samples:
            raise KeyError(key)
        self.samples[key] = value if value is None else str(value)

    def not_running(self, device):
        """Of a set that does not run there is only that."""
        self.samples = {key: value for key, value in self.samples.items() if ("device", device) not in key[1]}
        for name, labels in self.samples:
            if name == "dm_remap_set_assembled" and ("name", device) in labels:
                self.samples[name, labels] = "0"

    def lines(self, end="", **more):
        """A line for each sample, with further labels, and an end."""
        added = [f'{name}="{value}"' for name, value in more.items()]
        for (name, labels), value in self.samples.items():
            if value is None:
                continue
            text = ",".join([f'{label}="{content}"' for label, content in labels] + added)
            yield f"{name}{{{text}}} {value}{end}" if text else f"{name} {value}{end}"

    def text(self):
        """The document, a family's samples after its comments."""
        out, last = [], None
        for line in self.lines():
            name = re.match(r"\w+", line)[0]
            if name != last:
                out += self.comments.get(name, [])
            out.append(line)
            last = name
        return "\n".join(out) + "\n"


class Disk:
    """A device: what happens to it, and what its metrics are then. Times are seconds since 1970."""

    def __init__(self, name, spares=(256 << 20, 256 << 20), main=1000204886016):
        self.name, self.main, self.mode, self.extents, self.max_extents = name, main, OK, 0, 65536
        self.spares = [{"total": size, "used": 0, "bad": 0, "state": "active"} for size in spares]
        self.pending = self.lost = self.read_errors = self.write_errors = self.unrecovered = self.remaps = 0
        self.reads = self.writes = self.read_seconds = self.write_seconds = 0
        self.happened = []  # (time, errors, remaps)
        self.last_error = self.last_remap = 0
        self.scrub = ("none", 0, 0, 0)  # state, how far, begun, last complete

    def write_fails(self, now, blocks):
        """So many blocks of main go bad, and to spares."""
        self.write_errors += blocks
        self.remaps += blocks
        self.extents += max(1, blocks // 4)
        self.last_error = self.last_remap = now
        self.happened.append((now, blocks, blocks))
        for spare in self.spares:
            took = min(blocks * BLOCK, spare["total"] - spare["used"] - spare["bad"])
            spare["used"] += took
            blocks -= took // BLOCK

    def read_fails(self, now, blocks):
        self.read_errors += blocks
        self.unrecovered += blocks
        self.pending += blocks * BLOCK
        self.extents += 1
        self.last_error = now
        self.happened.append((now, blocks, 0))

    def serves(self, reads, writes, latency):
        self.reads += reads
        self.writes += writes
        self.read_seconds += reads * latency
        self.write_seconds += writes * latency * 1.5

    def health(self, now):
        total = sum(spare["total"] for spare in self.spares)
        lost = sum(spare["used"] + spare["bad"] for spare in self.spares)
        errors = sum(count for when, count, _ in self.happened if when > now - HOUR)
        unreadable = (self.pending + self.lost) // 512
        score = 100 - min(40, -(-40 * lost // total)) - min(30, 5 * errors.bit_length())
        score -= min(20, 10 + (unreadable // 8).bit_length()) if unreadable else 0
        return max(0, min(CAPS.get(self.mode, 100), score))

    def values(self, now):
        used = sum(spare["used"] for spare in self.spares)
        recent = [(errors, remaps) for when, errors, remaps in self.happened if when > now - HOUR]
        served = self.reads + self.writes
        return {
            "health_score": self.health(now), "mode": self.mode, "pending_bytes": self.pending, "lost_bytes": self.lost,
            "spare_bytes": sum(spare["total"] for spare in self.spares), "spare_used_bytes": used,
            "spare_bad_bytes": sum(spare["bad"] for spare in self.spares), "remapped_bytes": used, "relocated_bytes": used,
            "active_mappings": self.extents, "remaps_total": self.remaps, "remaps_last_hour": sum(remaps for _, remaps in recent),
            "read_errors_total": self.read_errors, "write_errors_total": self.write_errors,
            "errors_last_hour": sum(errors for errors, _ in recent), "unrecovered_total": self.unrecovered,
            "last_remap_timestamp_seconds": self.last_remap, "last_error_timestamp_seconds": self.last_error,
            "reads_total": self.reads, "writes_total": self.writes, "read_seconds_total": f"{self.read_seconds:.9f}",
            "write_seconds_total": f"{self.write_seconds:.9f}",
            "avg_latency_seconds": f"{(self.read_seconds + self.write_seconds) / served if served else 0:.9f}",
            "map_extents": self.extents, "map_max_extents": self.max_extents, "commits_total": 1 + self.remaps, "checkpoints_total": 1 + self.remaps // 80,
            "slow_path_total": self.remaps + self.read_errors, "main_bytes": self.main,
            "degraded": int(any(spare["state"] in ("missing", "dropped") for spare in self.spares)),
        }

    def tell(self, document, now):
        for family, value in self.values(now).items():
            document.tell(family, value, device=self.name)
        for number, spare in enumerate(self.spares):
            where = {"device": self.name, "spare": str(number)}
            for family, value in (("bytes", spare["total"]), ("used_bytes", spare["used"]), ("bad_bytes", spare["bad"])):
                document.tell(f"member_{family}", value, **where)
            for state in ("active", "removing", "avoided", "dropped", "behind", "missing", "failed"):
                document.tell("spare_state", int(state == spare["state"]), **where, state=state)
        state, ratio, begun, complete = self.scrub
        for one in ("none", "running", "paused", "waiting"):
            document.tell("scrub_state", int(one == state), device=self.name, state=one)
        document.tell("scrub_progress_ratio", f"{ratio:.4f}" if state in ("running", "paused") else None, device=self.name)
        document.tell("scrub_begun_timestamp_seconds", begun, device=self.name)
        document.tell("scrub_last_complete_timestamp_seconds", complete, device=self.name)
