# SPDX-License-Identifier: GPL-2.0-only
"""The document of metrics, units and figures, as the programs of others take them."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["DMR_SOURCE"])
SAMPLE, DMREMAP = os.environ["METRICS_SAMPLE"], os.environ["DMREMAP"]


def run(*words, **options):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, **options)


def lint(text):
    done = run("promtool", "check", "metrics", input=text)
    return done.returncode, done.stdout + done.stderr


class Document(unittest.TestCase):
    text = run(SAMPLE).stdout
    names = run(SAMPLE, "--names").stdout.split()

    def test_promtool_has_nothing_to_say(self):
        self.assertEqual(lint(self.text), (0, ""))
        self.assertNotEqual(lint(self.text[:1000])[0], 0)

    def test_each_family_once_with_all_samples(self):
        for kind in ("HELP", "TYPE"):
            self.assertEqual(re.findall(rf"^# {kind} (\S+)", self.text, re.M), self.names)
        samples = [line.rpartition(" ")[0] for line in self.text.splitlines() if not line.startswith("#")]
        self.assertEqual(len(samples), len(set(samples)))
        self.assertEqual(sum(name.startswith("dm_remap_health_score{") for name in samples), 4)
        self.assertIn('dm_remap_main_info{device="x",path="/dev/disk/by-id/main",disk="sda",serial="S\\"1\\\\",wwn="0x5000c500a1b2c3d4"} 1', self.text)

    def test_docs_name_them_all(self):
        """In both directions, types as well."""
        told = dict(re.findall(r"^\| `(dm_remap_\w+)` \| (gauge|counter) \|", (SOURCE / "docs/statistics.md").read_text(), re.M))
        # Of the text that a file of sysfs has no room for.
        self.assertEqual(told.pop("dm_remap_omitted_metrics"), "gauge")
        self.assertEqual(told, dict(re.findall(r"^# TYPE (\S+) (\S+)", self.text, re.M)))
        self.assertEqual(list(told), self.names)


class Plugin(unittest.TestCase):
    def test_figures_as_plugins_have_them(self):
        """By the library that reads them; each comes back as it was."""
        first = run(SAMPLE, "--plugin").stdout.splitlines()[0]
        figures = first.partition(" | ")[2]
        self.assertNotIn("|", figures)
        script = 'use Monitoring::Plugin::Performance; print join(" ", map { join(",", $_->label, $_->value, $_->uom // "", $_->threshold->warning // "", ' \
                 '$_->threshold->critical // "", $_->min // "", $_->max // "") } Monitoring::Plugin::Performance->parse_perfstring($ARGV[0])), "\\n"'
        done = run("perl", "-e", script, figures)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        read = done.stdout
        self.assertIn("x_health,81,,90:,30:,0,100", read)
        self.assertIn("x_pending,4096,B,0,,0,", read)
        self.assertIn("x_spare_used,8192,B,,,0,512000", read)
        self.assertIn("x_remaps,5,c,,,0,", read)
        self.assertEqual(read.count(","), figures.count("'=") * 6)

    def test_lines_of_checkmk(self):
        lines = run(SAMPLE, "--checkmk").stdout.splitlines()
        self.assertEqual(len(lines), 6)
        for line in lines:
            self.assertRegex(line, r'^[0-3] "dm-remap [^"]+" (-|[a-z_]+=[0-9.;]+(\|[a-z_]+=[0-9.;]+)*) \S')


class Units(unittest.TestCase):
    def test_systemd_understands_them(self):
        """With a program in the tool's place."""
        with tempfile.TemporaryDirectory() as folder:
            for unit in (SOURCE / "tools/boot/systemd").glob("dm-remap-*"):
                (pathlib.Path(folder) / unit.name).write_text(unit.read_text().replace("/usr/sbin/dmremap", "/bin/true"))
            units = [f"{folder}/dm-remap-{name}" for name in ("metrics.service", "metrics.timer", "scrub.service", "scrub.timer",
                                                              "monitor.service")]
            done = run("systemd-analyze", "verify", "--man=no", *units)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
            with open(units[0], "a") as unit:
                unit.write("ProtectNothing=yes\n")
            self.assertIn("ProtectNothing", run("systemd-analyze", "verify", "--man=no", units[0]).stderr)
            done = run("systemd-analyze", "calendar", re.search(r"OnCalendar=(.*)", pathlib.Path(units[1]).read_text())[1])
            self.assertEqual(done.returncode, 0, done)

    def test_the_wrapper_is_the_plugin(self):
        wrapper = SOURCE / "tools/monitoring/nagios/check_dm_remap"
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder) / "check_dm_remap"
            copy.write_text(wrapper.read_text().replace("/usr/sbin/dmremap", DMREMAP))
            done = run("sh", copy, "-V")
            self.assertEqual((done.returncode, done.stdout.split()[0]), (3, "check_dm_remap"))


if __name__ == "__main__":
    sys.exit(0 if unittest.main(exit=False).result.wasSuccessful() else 1)
