# SPDX-License-Identifier: GPL-2.0-only
"""A real Prometheus: one that runs already, or on loopback, with a folder of its own, for a test."""
import collections
import json
import pathlib
import re
import subprocess
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request


class Api:
    """Of a Prometheus that runs at this address."""

    def __init__(self, address=None):
        self.address = address

    def get(self, path, **words):
        """`data` of what its API answers to this."""
        address = f"{self.address}/api/v1/{path}" + ("?" + urllib.parse.urlencode(words, doseq=True) if words else "")
        try:
            with urllib.request.urlopen(address, timeout=60) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise ValueError(f"{words.get('query', path)}: {error.read().decode()}") from None

    def instant(self, query, time):
        """[({label: value}, number)]."""
        data = self.get("query", query=query, time=time)
        return [(one["metric"], float(one["value"][1])) for one in data["result"]]

    def range(self, query, start, end, step):
        """[({label: value}, [(time, number)])]."""
        data = self.get("query_range", query=query, start=start, end=end, step=step)
        return [(one["metric"], [(when, float(value)) for when, value in one["values"]]) for one in data["result"]]


class Prometheus(Api):
    """Runs in a `with`. configuration: the text of prometheus.yml. What was made of the time before it starts is in `data`."""

    def __init__(self, configuration="global: {}\n", *options):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="dm-remap-prometheus-")
        self.path = pathlib.Path(self.folder.name)
        self.data, self.options, self.process = self.path / "data", options, None
        (self.path / "prometheus.yml").write_text(configuration)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        self.folder.cleanup()

    def start(self):
        """Waits until it answers."""
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={self.path}/prometheus.yml", f"--storage.tsdb.path={self.data}", "--web.listen-address=127.0.0.1:0",
             "--storage.tsdb.retention.time=100y", *self.options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        address, ready, said = None, False, []
        for line in self.process.stderr:
            said.append(line)
            if found := re.search(r'msg="Listening on" .*address=(\S+)', line):
                address = found[1]
            ready |= "Server is ready" in line
            if address and ready:
                break
        else:
            raise RuntimeError("prometheus has ended: " + "".join(said[-5:]))
        # A full pipe would stop it.
        self.reader = threading.Thread(target=collections.deque, args=(self.process.stderr, 0))
        self.reader.start()
        self.address = f"http://{address}"
        return self

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.reader.join()
            self.process.stderr.close()
            self.process = None

    def add_blocks(self, lines):
        """Samples with their times, of OpenMetrics. Not while it runs."""
        with tempfile.NamedTemporaryFile("w", dir=self.path) as file:
            file.writelines(line + "\n" for line in lines)
            file.write("# EOF\n")
            file.flush()
            subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", "-q", file.name, self.data], check=True, capture_output=True)
