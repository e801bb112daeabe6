# SPDX-License-Identifier: GPL-2.0-only
"""`dmremap monitor`, as an ordinary user on a machine with a sysfs of its own on which nothing runs: what it tells at the start, at a look and at
its end, and by which channels. Events of devices are of tests/vm."""
import os
import re
import signal
import socket
import subprocess

from support import *

SET = "11111111-1111-1111-1111-111111111111"


class Monitor(CliTest):
    def setUp(self):
        super().setUp()
        self.conf, self.etc, self.out = self.dir / "sets.conf", self.dir / "monitor.conf", self.dir / "out"
        self.events = self.dir / "events.d"
        for folder in (self.events, self.out, self.dir / "sys"):
            folder.mkdir()
        os.environ["DM_REMAP_SYS"] = str(self.dir / "sys")
        self.addCleanup(os.environ.pop, "DM_REMAP_SYS")
        self.mailer = self.script(self.dir / "sendmail", f'echo "$*" >>{self.out}/mail-words; cat >>{self.out}/mails')
        self.configure()

    def configure(self, *lines, mail=True):
        words = ["journal=no", "look_every=3600", *lines]
        if mail:
            words += ["mail=root", "mail=admin@example.org", "from=disks@example.org", f"sendmail={self.mailer}"]
        self.etc.write_text("\n".join(words) + "\n")
        self.give()

    def script(self, path, text, mode=0o755):
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(mode)
        self.give()
        return path

    def in_sets(self, *names):
        self.conf.write_text("".join(f"set {SET[:-1]}{i} name={name} main=/dev/gone spare={SET}@/dev/spare:0\n" for i, name in enumerate(names)))
        self.give()

    def channels(self, *words, status=0):
        return self.run_tool("monitor", "--test", "--config", self.etc, *words, status=status)

    def start(self, **environment):
        """One that runs, and its stderr line by line."""
        monitor = subprocess.Popen(as_user() + [DMREMAP, "monitor", "--config", self.etc], stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})
        self.addCleanup(monitor.stderr.close)
        self.addCleanup(monitor.wait)
        self.addCleanup(monitor.kill)
        return monitor

    def until(self, monitor, pattern):
        """What it says, up to a line of this kind."""
        said = []
        for line in monitor.stderr:
            said.append(line)
            if re.search(pattern, line):
                return "".join(said)
        self.fail(f"no line like '{pattern}':\n{''.join(said)}")

    def end(self, monitor):
        monitor.send_signal(signal.SIGTERM)
        said = monitor.stderr.read()
        self.assertEqual(monitor.wait(), 0, said)
        return said

    def read(self, name):
        path = self.out / name
        return path.read_text() if path.exists() else ""

    # --- --test

    def test_each_channel_says_how_it_went(self):
        self.script(self.events / "50-page", f'env | grep ^DM_REMAP_ | sort >{self.out}/env; echo heard')
        run = self.channels()
        self.assertEqual(run.out, f"journal: there is none, or journal=no: stderr has it\nmail to root, admin@example.org: done\n{self.events}/50-page: done\n")
        self.assertIn("dm-remap: a test: nothing has happened\n", run.err)
        self.assertIn("\tDM_REMAP_KIND=test\n", run.err)
        self.assertIn("heard\n", run.err)
        self.assertEqual(self.read("mail-words"), "-i -t -f disks@example.org\n")
        self.assertTrue(self.read("mails").startswith("To: root, admin@example.org\nFrom: disks@example.org\nSubject: dm-remap on "))
        self.assertIn("\n\na test: nothing has happened\n", self.read("mails"))
        self.assertEqual(re.findall(r"^(DM_REMAP_\w+)=", self.read("env"), re.M), ["DM_REMAP_KIND", "DM_REMAP_MESSAGE", "DM_REMAP_TEXT", "DM_REMAP_VERDICT"])

    def test_what_does_not_go_is_said(self):
        self.configure("limit=1")
        self.script(self.dir / "sendmail", "exit 75")
        self.script(self.events / "a", "sleep 1000")
        self.script(self.events / "b", "true")
        self.script(self.events / "c", "true", mode=0o777)
        self.script(self.events / "d", "true", mode=0o644)
        run = self.channels(status=1)
        self.assertEqual(run.out.splitlines()[1:], [
            "mail to root, admin@example.org: it ended with status 75", f"{self.events}/a: it took longer than 1 s, and was killed", f"{self.events}/b: done",
            f"{self.events}/c: skipped: others than its owner can write it: 'chmod go-w' it",
            f"{self.events}/d: skipped: it is not executable: 'chmod +x' it, or take it away"])
        self.assertIn("not everything went as it should", run.err)
        self.assertIn("\tDM_REMAP_KIND=undelivered\n", run.err)
        self.mailer.unlink()
        self.assertIn("mail to root, admin@example.org: it cannot be started: No such file or directory", self.channels(status=1).out)

    def test_nobody_is_told(self):
        self.configure(mail=False)
        run = self.channels()
        self.assertEqual(run.out.splitlines()[1:], [f"mail: to nobody, as {self.etc} names nobody (mail=ADDRESS)", f"programs: there is none in {self.events}"])

    def test_a_file_that_is_not_understood(self):
        self.configure("mali=root", "limit=0")
        run = self.channels(status=1)
        for text in (f"{self.etc}:3: 'mali' is unknown; there are mail, from,", f"{self.etc}:4: limit: 0 is not from 1 to 3600 seconds"):
            self.assertIn(text, run.err)
        # The rest of it holds.
        self.assertIn("mail to root, admin@example.org: done", run.out)

    def test_nothing_is_done_that_is_only_asked_about(self):
        self.script(self.events / "50-page", f"touch {self.out}/ran")
        for words in ([], ["--test"]):
            run = self.run_tool("monitor", "-n", "--config", self.etc, *words)
            self.assertEqual(run.out.splitlines()[1:], [f"mail to root, admin@example.org: by {self.mailer}", f"{self.events}/50-page: would be run"])
        self.assertEqual(os.listdir(self.out), [])
        self.assertEqual(self.run_json_failed("monitor")["id"], "usage")

    def run_json_failed(self, *words):
        document = json.loads(self.run_tool(*words, "--json", status=2).out)
        jsonschema.validate(document, {**self.schema, "$ref": "#/$defs/failed"})
        return document["error"]

    # --- the service

    def test_at_the_start_the_state_of_all(self):
        self.in_sets("safe", "other")
        self.script(self.events / "50-page", f'echo "$DM_REMAP_KIND $DM_REMAP_VERDICT" >>{self.out}/kinds')
        monitor = self.start()
        said = self.until(monitor, "safe: OFFLINE, main is /dev/gone")
        self.assertTrue(said.startswith("dm-remap: watching: this machine: CRITICAL: the module dm-remap is not loaded, so no set can run; other: OFFLINE: "
                                        "it is in sets.conf, and does not run; main alone lacks what is on spares; safe: OFFLINE: "), said)
        self.assertIn("\tPRIORITY=2\n\tDM_REMAP_KIND=started\n\tDM_REMAP_VERDICT=critical\n", said)
        said = self.end(monitor)
        self.assertIn("'dmremap open safe'\n", said)
        self.assertIn("dm-remap: no longer watching\n", said)
        # What was still to come has gone out.
        self.assertEqual(self.read("kinds"), "started critical\n")
        self.assertEqual(self.read("mails").count("Subject: "), 1)
        self.assertIn("    critical: it is in sets.conf, and does not run", self.read("mails"))

    def test_no_mail_while_all_is_well(self):
        monitor = self.start()
        self.until(monitor, "DM_REMAP_VERDICT=well")
        self.end(monitor)
        self.assertEqual(self.read("mails"), "")

    def test_a_look_tells_what_no_event_has_told(self):
        """And that it lives."""
        self.configure("look_every=1")
        self.script(self.events / "50-page", f'echo "$DM_REMAP_KIND $DM_REMAP_DEVICE $DM_REMAP_STATE" >>{self.out}/kinds')
        monitor = self.start()
        self.until(monitor, "still watching: no set runs, and sets.conf has none")
        self.in_sets("safe")
        said = self.until(monitor, "still watching: .*safe: OFFLINE")
        self.assertIn("dm-remap: safe: OFFLINE: it is in sets.conf, and does not run; main alone lacks what is on spares, new\n", said)
        self.assertIn("dm-remap: this machine: CRITICAL: the module dm-remap is not loaded", said)
        # Once; as long as it stays so.
        self.assertNotIn("KIND=state", self.until(monitor, "still watching: .*safe: OFFLINE"))
        self.in_sets()
        said = self.until(monitor, "still watching: no set runs")
        self.assertIn("dm-remap: safe: GONE\n", said)
        self.assertIn("dm-remap: this machine: ONLINE, well again\n", said)
        self.end(monitor)
        mails = re.findall("^Subject: dm-remap on [^:]*: (.*)", self.read("mails"), re.M)
        self.assertEqual(mails, ["this machine: CRITICAL: the module dm-remap is not loaded, so no set can run",
                                 "safe: OFFLINE: it is in sets.conf, and does not run; main alone lacks what is on spares, new",
                                 "this machine: ONLINE, well again", "safe: GONE"])
        self.assertIn("state safe OFFLINE\n", self.read("kinds"))

    def test_the_daily_line_as_a_mail(self):
        self.configure("look_every=1", "daily_mail=always")
        monitor = self.start()
        self.until(monitor, "still watching")
        self.end(monitor)
        self.assertRegex(self.read("mails"), "Subject: [^\n]*: still watching: no set runs")

    def test_a_set_that_is_not_to_run(self):
        self.conf.write_text(f"set {SET} name=safe main=/dev/gone spare={SET}@/dev/spare:0 auto=no\n")
        self.give()
        monitor = self.start()
        self.assertIn("1 sets and devices, all is well", self.until(monitor, "VERDICT=well"))
        self.end(monitor)

    def test_its_own_file_is_a_finding(self):
        self.configure("mali=root")
        monitor = self.start()
        said = self.until(monitor, "systemctl restart dm-remap-monitor")
        self.assertIn(f"{self.etc}:3: 'mali' is unknown", said)
        self.end(monitor)
        self.assertIn("'mali' is unknown", self.read("mails"))

    def test_what_hangs_or_fails_does_not_stop_it(self):
        self.configure("look_every=1", "limit=1", "daily_mail=always")
        self.script(self.dir / "sendmail", "exit 1")
        self.script(self.events / "a", "sleep 1000")
        self.script(self.events / "b", f"echo >>{self.out}/b")
        monitor = self.start()
        said = self.until(monitor, "a: it took longer than 1 s, and was killed")
        self.assertIn("mail to root, admin@example.org: it ended with status 1", said)
        self.until(monitor, "still watching")
        self.assertIn("no longer watching", self.end(monitor))
        self.assertNotEqual(self.read("b"), "")

    def test_a_look_that_hangs_is_told_of(self):
        """At a file that says nothing: who waits for it is another process."""
        os.mkfifo(self.conf)
        self.give()
        monitor = self.start()
        said = self.until(monitor, "look at the disks")
        self.assertIn("this machine: CRITICAL: how the devices are is not known: no answer within 10 s: device-mapper or a disk hangs", said)
        self.assertIn("no longer watching", self.end(monitor))
        self.assertIn("device-mapper or a disk hangs", self.read("mails"))

    def test_a_program_that_is_skipped_is_told_of_once(self):
        self.configure("look_every=1")
        self.script(self.events / "open", "true", mode=0o777)
        monitor = self.start()
        said = self.until(monitor, "still watching") + self.until(monitor, "still watching") + self.end(monitor)
        self.assertEqual(said.count("dm-remap: " + str(self.events / "open") + ": not run: others than its owner can write it"), 1)

    def test_ready_is_said(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(str(self.dir / "notify"))
            self.give()
            monitor = self.start(NOTIFY_SOCKET=str(self.dir / "notify"))
            notify.settimeout(60)
            self.assertEqual(notify.recv(100), b"READY=1")
            self.end(monitor)
            self.assertEqual(notify.recv(100), b"STOPPING=1")


if __name__ == "__main__":
    main()
