// SPDX-License-Identifier: GPL-2.0
// What is told of some devices and sets, for tests that judge it by other programs.
// usage: metrics_sample [--names | --plugin | --checkmk | --well NAME...]
// --well: of a machine that runs these sets, over two spares each, with nothing wrong.
#include "monitoring/exposition.hh"
#include "monitoring/plugin.hh"

#include "stats/families.hh"

#include <cstdio>
#include <cstring>
#include <fmt/format.h>

using namespace dm_remap;
using namespace dm_remap::tool;

namespace {

// One that has everything, of every kind.
DeviceFacts device(const std::string &name)
{
	LiveStatus live = LiveStatus::parse("mode=ok health=81\n"
					    "main sectors=32768 block_bytes=512 physical_block_bytes=4096\n"
					    "guard state=complete sectors=66 missing_sectors=0 main_uuid=u\n"
					    "map generation=5 extents=3 max_extents=1000 mappings=2 remapped_sectors=16 pending_sectors=8 lost_sectors=0\n"
					    "pool members=2 total_sectors=1000 used_sectors=16 bad_sectors=8 free_sectors=976 main_permille=30\n"
					    "spare number=0 device=8:16 state=active start=8 total_sectors=500 used_sectors=16 bad_sectors=8\n"
					    "spare number=1 device=- state=missing start=0 total_sectors=500 used_sectors=0 bad_sectors=0\n"
					    "scrub state=running at=8 end=32768 rate=0 begun=1700000000 last_complete=0 read_sectors=8 rescued_sectors=0 "
					    "pending_sectors=0 spare_moved_sectors=0 spare_unreadable_sectors=0\n");
	DeviceFacts out = {.label = label_text(name),
			   .name = name,
			   .set = "",
			   .values = values_of(live, "errors read=1 write=2 last_hour=3 last_time=1700000001 unrecovered=4\n"
						     "remaps blocks=5 last_hour=6 last_time=1700000002 untested=7 rescued=8 moved=9\n"
						     "slow_path requests=10 commits=11 checkpoints=12\n"),
			   .live = live,
			   .suspended = false,
			   .event = LastEvent{1700000002, "pending"},
			   .main = "/dev/disk/by-id/main",
			   .disks = {{"sda", "S\"1\\", "0x5000c500a1b2c3d4"}, {"sdb", "", ""}},
			   .spare_paths = {{0, "/dev/sdc"}, {1, "not there"}}};

	for (const stats::Family &family : stats::families)
		out.values.try_emplace(family.name, family.unit == stats::Unit::seconds ? "1.500000000" : "13");
	return out;
}

MachineFacts machine()
{
	return {.devices = {device("back\\slash"), device("new\nline|'=\""), device("x"), device("\xff")},
		.sets = {{"11111111-1111-1111-1111-111111111111", "x", true, true}, {"22222222-2222-2222-2222-222222222222", "away", true, false}},
		.config_faults = 1,
		.modules = {{"dm_remap", "1.0.0", true}, {"dm_remap_stats", "1.0.0", {}}},
		.time = 1700000003};
}

// One that nothing has happened to yet, and with I/O.
DeviceFacts well_device(const std::string &name, const std::string &set)
{
	LiveStatus live = LiveStatus::parse("mode=ok health=100\n"
					    "main sectors=1953525168 block_bytes=512 physical_block_bytes=4096\n"
					    "guard state=complete sectors=66 missing_sectors=0 main_uuid=u\n"
					    "map generation=5 extents=0 max_extents=65536 mappings=0 remapped_sectors=0 pending_sectors=0 lost_sectors=0\n"
					    "pool members=2 total_sectors=1048576 used_sectors=0 bad_sectors=0 free_sectors=1048576 main_permille=0\n"
					    "spare number=0 device=8:16 state=active start=8 total_sectors=524288 used_sectors=0 bad_sectors=0\n"
					    "spare number=1 device=8:32 state=active start=8 total_sectors=524288 used_sectors=0 bad_sectors=0\n"
					    "scrub state=running at=8 end=1953525168 rate=0 begun=1700000000 last_complete=1700000000 read_sectors=8 rescued_sectors=0 "
					    "pending_sectors=0 spare_moved_sectors=0 spare_unreadable_sectors=0\n");
	DeviceFacts out = {.label = label_text(name),
			   .name = name,
			   .set = set,
			   .values = values_of(live, "errors read=0 write=0 last_hour=0 last_time=0 unrecovered=0\n"
						     "remaps blocks=0 last_hour=0 last_time=0 untested=0 rescued=0 moved=0\n"
						     "slow_path requests=0 commits=1 checkpoints=1\n"),
			   .live = live,
			   .suspended = false,
			   .main = "/dev/disk/by-id/ata-" + name,
			   .disks = {{"sda", "S-" + name, "0x5000c500a1b2c3d4"}},
			   .spare_paths = {{0, "/dev/sdb1"}, {1, "/dev/sdc1"}}};

	for (const stats::Family &family : stats::families)
		out.values.try_emplace(family.name, family.unit == stats::Unit::seconds ? "0.000000000" : "0");
	return out;
}

MachineFacts well_machine(const std::vector<std::string> &names)
{
	MachineFacts out;

	out.modules = {{"dm_remap", "1.0.0", true}, {"dm_remap_stats", "1.0.0", true}};
	out.time = 1700000003;
	for (const std::string &name : names) {
		const std::string set = fmt::format("00000000-0000-0000-0000-{:012}", out.sets.size() + 1);

		out.devices.push_back(well_device(name, set));
		out.sets.push_back({set, name, true, true});
	}
	return out;
}

} // namespace

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	std::string out;

	if (!std::strcmp(what, "--names")) {
		for (const std::string &name : family_names())
			out += name + "\n";
	} else if (!*what) {
		out = exposition(machine());
	} else if (!std::strcmp(what, "--well")) {
		out = exposition(well_machine({argv + 2, argv + argc}));
	} else {
		const std::vector<PluginService> services = plugin_services(machine(), {*PluginRange::parse("90:"), *PluginRange::parse("30:")}, {});

		out = !std::strcmp(what, "--checkmk") ? checkmk_text(services) : plugin_text(services);
	}
	return std::fwrite(out.data(), 1, out.size(), stdout) == out.size() ? 0 : 1;
}
