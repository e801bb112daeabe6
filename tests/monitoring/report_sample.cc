// SPDX-License-Identifier: GPL-2.0
// Pages of `dmremap report` about sets that there are not, for tests that read them as a browser does.
// usage: report_sample bad | well | offline | large | small
#include "report/page.hh"

#include <cstdio>
#include <cstring>
#include <fmt/format.h>

using namespace dm_remap;
using namespace dm_remap::tool;

namespace {

constexpr uint64_t now_is = 1700000000;

constexpr uint64_t terabyte = 1953525168; // as such disks have it

LiveStatus live(const char *scrub, bool bad, uint64_t sectors)
{
	return LiveStatus::parse(fmt::format("mode=ok health={}\n"
					     "main sectors={} block_bytes=512 physical_block_bytes=4096\n"
					     "guard state=complete sectors=66 missing_sectors=0 main_uuid=u\n"
					     "map generation=5 extents=3 max_extents=1000 mappings=2 remapped_sectors={} pending_sectors={} lost_sectors=0\n"
					     "pool members=2 total_sectors=1048576 used_sectors={} bad_sectors=8 free_sectors=900000 main_permille=1\n"
					     "spare number=0 device=8:16 state=active start=2048 total_sectors=524288 used_sectors={} bad_sectors=8\n"
					     "spare number=1 device={} start=0 total_sectors=524288 used_sectors={} bad_sectors=0\n"
					     "scrub {}\n",
					     bad ? 61 : 100, sectors, bad ? 4162 : 66, bad ? 24 : 0, bad ? 4162 : 66, bad ? 4066 : 66,
					     bad ? "- state=missing" : "8:32 state=active", bad ? 96 : 0, scrub));
}

Judgement judged(const LiveStatus &status, const std::string &name)
{
	return judge(status, {.name = name, .main = "/dev/disk/by-id/ata-main", .path = [](const LiveSpare &spare) {
				      return spare.missing() ? "not there" : fmt::format("/dev/disk/by-id/spare-{}", spare.number);
			      }});
}

// Its last hour and its last day are not over, and the ones before have seen something.
History history(bool bad)
{
	Sample sample = {.moment = {"boot", 100, now_is - 20 * History::day}, .main = "m", .counts = {}, .taken = 0, .health = 100};
	History out("11111111-1111-1111-1111-111111111111", sample);

	for (uint64_t hour = 0; hour < 20 * 24; hour++) {
		sample.moment.uptime += History::hour;
		sample.moment.time += History::hour;
		if (bad && hour % 31 == 0) {
			sample.counts.errors += hour / 7;
			sample.counts.remaps += hour / 10;
			sample.taken += hour;
		}
		out.add(sample);
	}
	// A reboot, and the clock is set back: the hour of the last errors is there twice.
	sample = {.moment = {"another", 600, sample.moment.time - 14 * History::hour}, .main = "m", .counts = {.errors = 3, .remaps = 1}, .taken = sample.taken, .health = 100};
	if (bad)
		out.add(sample);
	return out;
}

HealthReport health(const LiveStatus &status, const std::string &name, bool bad)
{
	HealthReport out = {.name = name,
			    .set = "11111111-1111-1111-1111-111111111111",
			    .live = LiveHealth::parse(fmt::format("health={} mode=ok errors_last_hour={} pending_sectors={} spare_used_sectors=4170 "
								  "spare_total_sectors=1048576 lost_sectors=0 error_rate_per_hour=9 errors_last_day=31 "
								  "error_rate_per_hour_of_day=1.29 trend=rising consecutive_errors=2",
								  status.health, bad ? 9 : 0, status.pending)),
			    .free = status.pool_free,
			    .now = now_is,
			    .history = history(bad),
			    .exhaustion = {}};

	out.exhaustion = time_to_exhaustion(out.history->watched(), out.free, 8);
	return out;
}

// Names from disks are whatever somebody has written there.
std::vector<Block> blocks(size_t files)
{
	const auto place = std::make_shared<Place>(Place{.layers = {"x"}, .number = "253:0", .path = "/dev/mapper/x", .parts = {}, .all = {}, .type = "ext4",
							 .mounts = {{"ext4", "/data", "/"}}});
	std::vector<Block> out = {
		{{1000, 8}, "pending", place, {{1000, 8}, Kind::file, "", 12, {}, 0, {"/letters/<script>alert('1')</script> & \"co\".txt"}}},
		{{2000, 8}, "pending", place, {{2000, 8}, Kind::metadata, "inode table of group 3", {}, {}, {}, {}}},
		{{3000, 8}, "pending", place, {{3000, 8}, Kind::file, "", 13, {}, 4096, {"/\xff\x01\xc3\xa9\xef\xbf\xbf\xed\xa0\x80"}}},
		{{700'000'000, 96}, "spare_missing", place, {{700'000'000, 96}, Kind::file, "", 14, {}, 0, {"/" + std::string(250, 'w')}}},
	};

	for (size_t i = 0; i < files; i++)
		out.push_back({{4000 + 8 * i, 8}, "lost", place, {{4000 + 8 * i, 8}, Kind::file, "", 100 + i, {}, 0, {fmt::format("/many/{}", i)}}});
	return out;
}

MainCells cells(const LiveStatus &status, bool bad, size_t more)
{
	MainCells out(status.main_sectors, status.block_bytes, 64 * 36);

	out.add(0, 66, &Cell::guarded);
	if (bad) {
		out.add(500'000'000, 4000, &Cell::mapped);
		out.add(700'000'000, 96, &Cell::unreadable); // on the spare that is missing
		out.add(1'200'000'000, 24, &Cell::unreadable);
	}
	for (size_t i = 0; i < more; i++)
		out.add(i * 2'000'000, 8, &Cell::mapped);
	return out;
}

std::vector<Drive> drives(const std::string &name, bool bad)
{
	DriveHealth main;

	main.protocol = "ATA";
	main.model = "Old <Disk>";
	main.serial = "S&1";
	main.passed = true;
	if (bad)
		main.pending = 16;
	main.temperature = 41;
	main.hours = 61234;
	return {{{.name = name, .path = "/dev/disk/by-id/ata-main", .disk = "/dev/sda", .own_figure = bad ? 4120u : 0u}, main, {}},
		{{.name = name, .path = "/dev/disk/by-id/spare-0", .disk = "/dev/sdb", .spare = 0}, bad ? std::nullopt : std::optional(main), {}}};
}

ReportFacts running(const std::string &name, bool bad, size_t files, uint64_t sectors = terabyte)
{
	const LiveStatus status = live(bad ? "state=running at=800000000 end=1953525168 rate=0 begun=1699990000 last_complete=1690000000 read_sectors=800000000 "
					     "rescued_sectors=8 pending_sectors=24 spare_moved_sectors=0 spare_unreadable_sectors=0" :
					     "state=none at=0 end=1953525168 rate=0 begun=1699000000 last_complete=1699900000 read_sectors=1953525168 "
					     "rescued_sectors=0 pending_sectors=0 spare_moved_sectors=0 spare_unreadable_sectors=0",
				       bad, sectors);
	ReportFacts out = {.time = now_is, .host = "nas", .set = {.name = name, .set = "11111111-1111-1111-1111-111111111111", .live = status,
								 .main = "/dev/disk/by-id/ata-main", .judgement = judged(status, name)}};

	out.spare_paths = {"/dev/disk/by-id/spare-0", bad ? "not there" : "/dev/disk/by-id/spare-1"};
	out.cells = cells(status, bad, files);
	out.health = health(status, name, bad);
	out.history = out.health->history;
	out.drives.value = drives(name, bad);
	for (const Drive &drive : *out.drives.value)
		out.set.judgement.add(judge_drive(drive.health, drive.role));
	out.blocks.value = bad ? blocks(files) : std::vector<Block>();
	if (bad)
		out.warnings = {"what lies on it may be older than what is there: 'sync' first"};
	return out;
}

ReportFacts offline()
{
	ReportFacts out = {.time = now_is, .host = "", .set = {.name = "away", .set = "11111111-1111-1111-1111-111111111111", .live = {}, .main = "/dev/disk/by-id/ata-main",
							      .judgement = judge_offline("away", "spare 0 is not there")}};

	out.history = history(true);
	out.drives.why_not = out.blocks.why_not = "it does not run";
	return out;
}

} // namespace

int main(int argc, char **argv)
{
	const std::string what = argc > 1 ? argv[1] : "";
	const std::string out = report_page(what == "bad"   ? running("a<b>&\"c\"", true, 0) :
					    what == "large" ? running("large", true, 3000) :
					    what == "well"  ? running("well", false, 0) :
					    what == "small" ? running("small", false, 0, 16) :
							      offline());

	return std::fwrite(out.data(), 1, out.size(), stdout) == out.size() ? 0 : 1;
}
