# SPDX-License-Identifier: GPL-2.0-only
"""`dmremap metrics` and `dmremap nagios` of a machine with a sysfs of its own, as an ordinary user: what sysfs and sets.conf tell. What runs is
of tests/vm."""
import os
import stat

from support import *

SET = "11111111-1111-1111-1111-111111111111"


class Metrics(CliTest):
    """Of a machine with a sysfs of its own, on which nothing runs."""

    def setUp(self):
        super().setUp()
        self.file = self.dir / "out/dm_remap.prom"
        self.sys = self.dir / "sys"
        self.file.parent.mkdir()
        self.sys.mkdir()
        self.conf = self.dir / "sets.conf"
        os.environ["DM_REMAP_SYS"] = str(self.sys)
        self.addCleanup(os.environ.pop, "DM_REMAP_SYS")
        self.give()

    def tool(self, *words, status=0):
        return self.run_tool(*words, status=status).out

    def load(self, **files):
        """The module, as far as sysfs tells."""
        folder = self.sys / "module/dm_remap"
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(f"{text}\n")
        self.give()

    def configure(self):
        self.conf.write_text(f"set {SET} name=x main=/dev/gone spare={SET}@/dev/spare:0\nset not-a-uuid\n")

    def test_it_comes_and_goes(self):
        self.configure()
        self.assertEqual(self.tool("metrics", "--textfile", self.file.parent), "")
        text = self.file.read_text()
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o644)
        self.assertEqual(os.listdir(self.file.parent), [self.file.name])
        for line in (f'dm_remap_set_assembled{{set="{SET}",name="x"}} 0', "dm_remap_config_faults 1", "dm_remap_module_loaded 0"):
            self.assertIn(line + "\n", text)
        self.conf.write_text("")
        self.assertIn("would be removed", self.tool("metrics", "--textfile", self.file.parent, "-n"))
        self.assertTrue(self.file.exists())
        self.tool("metrics", "--textfile", self.file.parent)
        self.assertEqual(os.listdir(self.file.parent), [])
        self.tool("metrics", "--textfile", self.file.parent)

    def test_no_folder(self):
        self.assertIn("--collector.textfile.directory", self.run_json("metrics", "--textfile", self.dir / "nowhere", status=3)["error"]["text"])

    def test_as_json(self):
        self.conf.write_text(f"set {SET} name=x main=/dev/gone spare={SET}@/dev/spare:0\n")
        document = self.run_json("metrics")
        self.assertEqual((document["result"], document["path"]), ("printed", None))
        self.assertIn("dm_remap_set_assembled", document["text"])
        document = self.run_json("metrics", "--textfile", self.file.parent)
        self.assertEqual((document["result"], document["path"], document["text"]), ("written", str(self.file), self.file.read_text()))
        self.assertEqual(self.run_json("metrics", "-n", "--textfile", self.file.parent)["result"], "nothing")
        self.assertEqual(self.run_json("nagios", status=3)["error"]["id"], "usage")

    def test_half_is_not_told(self):
        """Modules are loaded, and who runs what cannot be asked."""
        self.configure()
        self.file.write_text("old\n")
        self.load()
        self.tool("metrics", "--textfile", self.file.parent, status=1)
        self.assertEqual(self.file.read_text(), "old\n")

    def test_health_needs_what_runs(self):
        """And keeps nothing: nor do metrics of a machine on which nothing runs."""
        os.environ["DM_REMAP_STATE"] = str(self.dir / "state")
        self.addCleanup(os.environ.pop, "DM_REMAP_STATE")
        self.assertEqual(self.run_json("health", status=1)["error"]["id"], "device-mapper")
        self.configure()
        self.tool("metrics")
        self.assertFalse((self.dir / "state").exists())

    def statistics(self, **values):
        folder = self.sys / "kernel/dm_remap/devices/x"
        folder.mkdir(parents=True, exist_ok=True)
        self.load()
        given = {"health_score": 100, "mode": 0, "pending_bytes": 0, "lost_bytes": 0, "spare_bytes": 8192, "spare_used_bytes": 0, "spare_bad_bytes": 0,
                 "remapped_bytes": 0, "remaps_total": 5, **values}
        (folder / "all_stats").write_text("".join(f'dm_remap_{name}{{device="x"}} {value}\n' for name, value in given.items() if value is not None))
        self.give()

    def check(self, *words, status):
        return self.tool("nagios", *words, status=status)

    def test_states_of_the_plugin(self):
        """From sysfs alone, as anybody."""
        self.assertEqual(self.check(status=0), "DM_REMAP OK - no set runs, and sets.conf has none\n")
        self.statistics()
        self.assertTrue(self.check(status=0).startswith("DM_REMAP OK - x: health 100 (spares were not looked at: that needs root) | 'x_health'=100;70:;30:;0;100 'x_pending'=0B;0;;0 "))
        self.statistics(health_score=70)
        self.check(status=0)
        self.statistics(health_score=69)
        self.assertTrue(self.check(status=1).startswith("DM_REMAP WARNING - x: health 69"))
        self.check("-w", "60:", status=0)
        self.check("--warning", "60:", "--critical", "69.5:", status=2)
        self.check("-w", "@0:10", "-c", "~:70", status=0)
        self.statistics(health_score=29)
        self.check(status=2)
        self.statistics(pending_bytes=512)
        self.assertIn("1 sectors cannot be read and are on no spare", self.check(status=1).splitlines()[0])
        self.assertIn("dmremap files x", self.check(status=1))
        self.statistics(mode=5, health_score=0)
        self.assertIn("does not answer", self.check("x", status=2))
        self.statistics(health_score=None)
        self.assertIn("x: dm-remap-stats does not tell enough", self.check(status=3))
        self.check("y", status=3)
        self.conf.write_text(f"set {SET} name=x main=/dev/gone spare={SET}@/dev/spare:0\n")
        self.statistics()
        self.assertTrue(self.check(SET, status=0).startswith("DM_REMAP OK - x: health 100"))

    def test_a_set_that_does_not_run(self):
        self.conf.write_text(f"set {SET} name=x main=/dev/gone spare={SET}@/dev/spare:0\n")
        self.assertTrue(self.check(status=2).startswith("DM_REMAP CRITICAL - x: it is in sets.conf, and does not run"))
        self.assertNotIn("suspended", self.check(SET, status=2))
        self.load()
        (self.sys / "kernel/dm_remap/devices").mkdir(parents=True)
        self.give()
        self.assertIn("(or it is suspended, which only root sees)", self.check(status=2))
        self.configure()
        self.assertIn("sets.conf: 1 of its lines are not understood", self.check(status=2))
        self.conf.write_text(f"set {SET} name=x main=/dev/gone spare={SET}@/dev/spare:0 auto=no\n")
        self.check(status=0)

    def test_wrong_use_of_the_plugin(self):
        for words in (["-w", "x"], ["-c", "5:3"], ["-w"], ["-t", "soon"], ["--what"]):
            self.assertTrue(self.check(*words, status=3).startswith("DM_REMAP UNKNOWN - "), words)
        self.assertIn("--critical", self.check("--help", status=3))
        self.assertTrue(self.check("-V", status=3).startswith("check_dm_remap "))
        self.load()
        self.assertIn("dm-remap-stats is not loaded", self.check(status=3))
        self.assertTrue(self.check("--checkmk", status=0).startswith('3 "dm-remap" - '))

    def test_it_does_not_wait_for_ever(self):
        """For a file that says nothing: who waits for it is another process."""
        self.statistics()
        text = self.sys / "kernel/dm_remap/devices/x/all_stats"
        text.unlink()
        os.mkfifo(text)
        self.assertEqual(self.check("-t", "1", status=3), "DM_REMAP UNKNOWN - no answer within 1 s: device-mapper or a disk hangs\n")

    def test_the_installed_module(self):
        """modinfo is found first in PATH. Nothing runs: what runs must be asked of device-mapper."""
        folder = self.sys / "module/dm_remap_stats"
        folder.mkdir(parents=True)
        (folder / "srcversion").write_text("NEW\n")
        (folder / "version").write_text("1.0.0\n")
        program = self.dir / "modinfo"
        path = os.environ["PATH"]
        self.addCleanup(os.environ.__setitem__, "PATH", path)
        os.environ["PATH"] = f"{self.dir}:{path}"
        for installed, state in (("NEW", 1), ("OLD", 0)):
            program.write_text("#!/bin/sh\nprintf 'filename: /x\\nversion: 1\\nsrcversion:     %s\\nname:   dm_remap_stats\\n' " + installed + "\n")
            program.chmod(0o755)
            self.give()
            text = self.tool("metrics")
            self.assertIn(f'dm_remap_module_current{{module="dm_remap_stats"}} {state}\n', text)
            self.assertIn('dm_remap_module_info{module="dm_remap_stats",version="1.0.0"} 1\n', text)
        program.write_text("#!/bin/sh\nexit 1\n")
        self.assertNotIn("dm_remap_module_current", self.tool("metrics"))


if __name__ == "__main__":
    main()
