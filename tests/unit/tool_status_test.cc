// SPDX-License-Identifier: GPL-2.0
// What the modules and the kernel's log say, as the tool understands it, and what it makes of it.
#include "guard_text.hh"
#include "job_text.hh"
#include "scrub_text.hh"
#include "judgement.hh"
#include "kernel_log.hh"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace dm_remap::tool {

namespace {

const std::string well = "mode=ok health=100\n"
			 "main sectors=32768 block_bytes=512 physical_block_bytes=4096\n"
			 "map generation=5 extents=0 max_extents=1000 mappings=0 remapped_sectors=0 pending_sectors=0 lost_sectors=0\n"
			 "pool members=1 total_sectors=1000 used_sectors=0 bad_sectors=0 free_sectors=1000 main_permille=30\n"
			 "spare number=0 device=8:16 state=active start=8 total_sectors=1000 used_sectors=0 bad_sectors=0\n";

std::string with(std::string text, const std::string &from, const std::string &to)
{
	const size_t at = text.find(from);

	EXPECT_NE(at, text.npos) << from;
	return at == text.npos ? text : text.replace(at, from.size(), to);
}

// ---- answers ----

TEST(LiveStatus, EveryNumberHasItsPlace)
{
	const LiveStatus s = LiveStatus::parse(
		"mode=spare_exhausted health=30\nmain sectors=1 block_bytes=4096 physical_block_bytes=8192\n"
		"map generation=2 extents=3 max_extents=4 mappings=5 remapped_sectors=6 pending_sectors=7 lost_sectors=8\n"
		"pool members=2 total_sectors=9 used_sectors=10 bad_sectors=11 free_sectors=12 main_permille=13\n"
		"spare number=0 device=8:16 state=removing start=14 total_sectors=15 used_sectors=16 bad_sectors=17\n"
		"spare number=3 device=- state=missing start=0 total_sectors=18 used_sectors=19 bad_sectors=20\n"
		"removing number=0 device=8:16 moved_sectors=30 left_sectors=90 seconds=20 later=1\n"
		"something new=1\n");

	EXPECT_EQ(s.mode, "spare_exhausted");
	EXPECT_EQ(s.physical_block_bytes, 8192u);
	EXPECT_FALSE(s.job);
	EXPECT_EQ((std::vector<uint64_t>{s.health, s.main_sectors, s.block_bytes, s.generation, s.extents, s.max_extents, s.mappings, s.remapped,
					 s.pending, s.lost, s.pool_total, s.pool_used, s.pool_bad, s.pool_free}),
		  (std::vector<uint64_t>{30, 1, 4096, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
	ASSERT_EQ(s.spares.size(), 2u);
	EXPECT_EQ(s.spares[0].device, "8:16");
	EXPECT_EQ(s.spares[0].state, "removing");
	EXPECT_EQ((std::vector<uint64_t>{s.spares[0].start, s.spares[0].total, s.spares[0].used, s.spares[0].bad}),
		  (std::vector<uint64_t>{14, 15, 16, 17}));
	EXPECT_FALSE(s.spares[0].missing());
	EXPECT_TRUE(s.spares[1].missing());
	EXPECT_EQ(s.spare(3), &s.spares[1]);
	EXPECT_EQ(s.spare(1), nullptr);
	ASSERT_TRUE(s.removal);
	EXPECT_EQ(s.removal->percent(), 25u);
	EXPECT_EQ(s.removal->seconds_left(), 60u);
}

TEST(LiveStatus, OlderModulesSayLess)
{
	const LiveStatus s = LiveStatus::parse(with(with(well, " lost_sectors=0", ""), " physical_block_bytes=4096", "") +
					       "removing number=0 device=8:16 moved_sectors=30 left_sectors=90\n");

	EXPECT_EQ(s.lost, 0u);
	EXPECT_FALSE(s.removal->seconds_left());
	EXPECT_FALSE(s.physical_block_bytes);
}

const std::string job = "job kind=unremap state=running from=1000 end=1200 at=1050 moved_sectors=40 unreadable_sectors=3 refused_sectors=7\n";

TEST(LiveStatus, AJobThatMovesByHand)
{
	const LiveStatus s = LiveStatus::parse(well + with(job, "\n", " later=1\n"));

	ASSERT_TRUE(s.job);
	EXPECT_EQ(s.job->kind, "unremap");
	EXPECT_TRUE(s.job->running());
	EXPECT_EQ((std::vector<uint64_t>{s.job->from, s.job->end, s.job->at, s.job->moved, s.job->unreadable, s.job->refused, s.job->percent()}),
		  (std::vector<uint64_t>{1000, 1200, 1050, 40, 3, 7, 25}));
	EXPECT_FALSE(LiveStatus::parse(well + with(job, "running", "done")).job->running());
	// Read while another one began.
	EXPECT_EQ(LiveStatus::parse(well + with(job, "at=1050", "at=7")).job->percent(), 0u);
	EXPECT_EQ(LiveStatus::parse(well + with(job, "at=1050", "at=7000")).job->percent(), 100u);
	EXPECT_EQ(LiveStatus::parse(well + with(job, "end=1200", "end=0")).job->percent(), 100u);
	for (const std::string &text : {with(job, "kind=unremap ", ""), with(job, "state=running ", ""), with(job, "from=1000", "from=x"),
					with(job, "end=1200 ", ""), with(job, "at=1050 ", ""), with(job, "moved_sectors=40", "moved_sectors="),
					with(job, " unreadable_sectors=3", ""), with(job, "refused_sectors=7", "refused_sectors=-7")})
		EXPECT_THROW(LiveStatus::parse(well + text), Failure) << text;
}

TEST(LiveStatus, AJobIsTold)
{
	const auto text = [](const std::string &line) { return job_text(*LiveStatus::parse(well + line).job); };
	const std::string none = with(with(job, "unreadable_sectors=3", "unreadable_sectors=0"), "refused_sectors=7", "refused_sectors=0");

	EXPECT_EQ(text(job), "unremap of sectors 1000 to 1199 is under way: 25 %, at sector 1050, 40 sectors moved, 3 unreadable, 7 refused by main");
	EXPECT_EQ(text(with(with(with(none, "end=1200", "end=1001"), "at=1050", "at=1001"), "running", "done")),
		  "the last one, unremap of sector 1000, is done: 40 sectors moved");
	EXPECT_EQ(text(with(none, "running", "stopped")), "the last one, unremap of sectors 1000 to 1199, was stopped at sector 1050: 40 sectors moved");
	EXPECT_EQ(text(with(with(none, "running", "failed"), "=unremap", "=retry_pending")),
		  "the last one, retry of pending sectors, has failed at sector 1050, and the kernel's log tells why: 40 sectors moved");
}

const std::string scrub = "scrub state=running at=500 end=2000 rate=0 begun=1700000000 last_complete=0 read_sectors=480 rescued_sectors=3 pending_sectors=8 "
			  "spare_moved_sectors=2 spare_unreadable_sectors=1\n";

TEST(LiveStatus, AScrub)
{
	const LiveStatus s = LiveStatus::parse(well + with(scrub, "\n", " later=1\n"));
	const auto text = [](const std::string &line) { return scrub_text(*LiveStatus::parse(well + line).scrub); };
	const std::string clean = with(with(with(with(scrub, "rescued_sectors=3", "rescued_sectors=0"), "pending_sectors=8", "pending_sectors=0"),
					    "moved_sectors=2", "moved_sectors=0"), "spare_unreadable_sectors=1", "spare_unreadable_sectors=0");

	ASSERT_TRUE(s.scrub);
	EXPECT_FALSE(LiveStatus::parse(well).scrub) << "older modules have none";
	EXPECT_TRUE(s.scrub->under_way());
	EXPECT_FALSE(s.scrub->complete());
	EXPECT_EQ((std::vector<uint64_t>{s.scrub->at, s.scrub->end, s.scrub->begun, s.scrub->read, s.scrub->rescued, s.scrub->pending, s.scrub->spare_moved,
					 s.scrub->spare_unreadable, s.scrub->percent()}),
		  (std::vector<uint64_t>{500, 2000, 1700000000, 480, 3, 8, 2, 1, 25}));
	EXPECT_EQ(text(scrub), "under way: 25 %, at sector 500; 3 sectors rescued, 8 sectors cannot be read, 2 sectors moved from weak spare blocks, 1 sectors "
			       "cannot be read on spares; none was ever complete");
	EXPECT_EQ(text(with(with(clean, "running", "paused"), "rate=0", "rate=2048")),
		  "paused: 25 %, at sector 500, at most 2048 sectors a second; nothing was amiss; none was ever complete");
	EXPECT_EQ(text(with(clean, "running", "waiting")), "waits for the scrub of another partition of this disk, at sector 500; none was ever complete");
	EXPECT_EQ(text(with(clean, "running", "none")), "none was ever complete");
	EXPECT_TRUE(LiveStatus::parse(well + with(with(scrub, "running", "none"), "last_complete=0", "last_complete=1700000000")).scrub->complete());
	EXPECT_FALSE(LiveStatus::parse(well + with(with(scrub, "running", "none"), "last_complete=0", "last_complete=1699999999")).scrub->complete())
		<< "the one before was";
	for (const std::string &line : {with(scrub, "state=running ", ""), with(scrub, "at=500", "at=x"), with(scrub, " rate=0", ""), with(scrub, "begun=1700000000 ", "")})
		EXPECT_THROW(LiveStatus::parse(well + line), Failure) << line;
}

const std::string guard = "guard state=complete sectors=66 missing_sectors=0 main_uuid=a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf\n";

TEST(LiveStatus, AGuard)
{
	const LiveStatus s = LiveStatus::parse(well + guard);
	const auto text = [](const std::string &line) { return guard_text(*LiveStatus::parse(well + line).guard); };

	ASSERT_TRUE(s.guard);
	EXPECT_FALSE(LiveStatus::parse(well).guard);
	EXPECT_TRUE(s.guard->complete());
	EXPECT_EQ(s.guard->main_uuid, "a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf");
	EXPECT_EQ(text(guard), "complete, 66 sectors");
	EXPECT_EQ(text(with(with(guard, "complete", "incomplete"), "missing_sectors=0", "missing_sectors=8")),
		  "incomplete, 66 sectors, 8 of them without their guard on main");
	EXPECT_EQ(text(with(guard, "complete", "unknown")), "66 sectors, and it is not known whether main has its guard on all of them");
	for (const std::string &line : {with(guard, "state=complete ", ""), with(guard, "sectors=66", "sectors=x")})
		EXPECT_THROW(LiveStatus::parse(well + line), Failure) << line;
}

TEST(LiveStatus, WhatIsNotUnderstoodIsSaid)
{
	EXPECT_NO_THROW(LiveStatus::parse(well));
	for (const std::string &text : {std::string(), std::string("\n"), std::string("mode=ok health=100\n"), with(well, "generation=5", ""),
					with(well, "sectors=32768", "sectors="), with(well, "extents=0", "extents=x"),
					with(well, "health=100", "health=1e2"), with(well, "extents=0", "extents=99999999999999999999")})
		EXPECT_THROW(LiveStatus::parse(text), Failure) << text;
}

TEST(LiveStatus, LinesOfAListing)
{
	AnswerLines lines("extent main=8 sectors=2 kind=mapped spare=1 spare_sector=99 guarded=1\nextent main=20 sectors=1 kind=mapped spare=2\n"
			  "extent main=30 sectors=3 kind=pending\nnext=33 generation=7\nend generation=8\n");
	std::vector<ListLine> found;

	while (lines.next())
		found.push_back(ListLine::parse(lines));
	ASSERT_EQ(found.size(), 5u);
	EXPECT_EQ(found[0].extent->sector, 8u);
	EXPECT_EQ(found[0].extent->sectors, 2u);
	EXPECT_EQ(found[0].extent->kind, "mapped");
	EXPECT_EQ(found[0].extent->spare, 1u);
	EXPECT_EQ(found[0].extent->spare_sector, 99u);
	EXPECT_TRUE(found[0].extent->guarded);
	EXPECT_FALSE(found[1].extent->guarded);
	EXPECT_EQ(found[1].extent->spare, 2u);
	EXPECT_FALSE(found[1].extent->spare_sector);
	EXPECT_EQ(found[2].extent->kind, "pending");
	EXPECT_FALSE(found[2].extent->spare);
	EXPECT_FALSE(found[3].extent);
	EXPECT_EQ(found[3].next, 33u);
	EXPECT_EQ(found[3].generation, 7u);
	EXPECT_FALSE(found[4].next);
	EXPECT_EQ(found[4].generation, 8u);
}

// ---- the kernel's log ----

std::vector<std::string> words(const std::vector<std::string> &lines, const std::string &name = "safe")
{
	KernelWords words(name);

	for (const std::string &line : lines)
		words.add("3,1234,5678,-;" + line + "\n SUBSYSTEM=block\n");
	return words.words();
}

TEST(KernelWords, ARefusalIsAllThatIsTold)
{
	EXPECT_EQ(words({"dm-remap: other: table refused: not this", "dm-remap: safe: spare 8:16 fails", "dm-remap: safe: table refused: it is: so",
			 "device-mapper: table: 253:0: remap: it is: so", "sd 0:0:0:0: x"}),
		  std::vector<std::string>{"it is: so"});
	EXPECT_EQ(words({"dm-remap: safe: message refused: a"}), std::vector<std::string>{"a"});
	EXPECT_EQ(words({"dm-remap: safe: cannot be resumed: b (-5)"}), std::vector<std::string>{"cannot be resumed: b (-5)"});
}

TEST(KernelWords, ElseWhatWasSaidOfTheDevice)
{
	EXPECT_EQ(words({"dm-remap: safe: a", "device-mapper: b", "dm-remap: safe2: c"}), std::vector<std::string>{"a"});
	EXPECT_EQ(words({"device-mapper: table: 253:0: remap: unknown target type"}),
		  std::vector<std::string>{"table: 253:0: remap: unknown target type"});
	EXPECT_EQ(words({"", ";"}), std::vector<std::string>());
}

// How a job has ended is there also if something else was refused meanwhile.
TEST(KernelWords, AllThatWasSaidOfTheDevice)
{
	KernelWords words("safe");

	for (const char *line : {"3,1,2,-;dm-remap: safe: remap ends at sector 8: x (0 blocks moved)\n", "3,2,2,-;dm-remap: safe: message refused: a\n",
				 "3,3,2,-;dm-remap: other: b\n"})
		words.add(line);
	EXPECT_EQ(words.words(), std::vector<std::string>{"a"});
	EXPECT_EQ(words.ours(), (std::vector<std::string>{"remap ends at sector 8: x (0 blocks moved)", "message refused: a"}));
}

// ---- what it means ----

Judgement judge(const std::string &answer, bool suspended = false, bool configured = true)
{
	return tool::judge(LiveStatus::parse(answer), {.name = "safe",
						      .main = "/dev/main",
						      .path = [](const LiveSpare &spare) { return "/dev/" + spare.device; },
						      .suspended = suspended,
						      .configured = configured});
}

std::string ids(const Judgement &judgement)
{
	std::string out;

	for (const Finding &finding : judgement.findings) {
		EXPECT_NE(finding.text, "");
		EXPECT_NE(finding.action, "");
		out += (out.empty() ? "" : " ") + finding.id;
	}
	return out;
}

void expect(const std::string &answer, const std::string &state, Verdict verdict, const std::string &what)
{
	const Judgement judgement = judge(answer);

	EXPECT_EQ(judgement.state, state) << answer;
	EXPECT_EQ(judgement.verdict, verdict) << answer;
	EXPECT_EQ(ids(judgement), what) << answer;
}

TEST(Judgement, AllIsWell)
{
	expect(well, "ONLINE", Verdict::well, "");
	expect(with(well, "remapped_sectors=0", "remapped_sectors=1"), "ONLINE", Verdict::well, "remapped");
	expect(with(well, "mode=ok", "mode=read_only"), "ONLINE", Verdict::well, "read-only");
}

TEST(Judgement, EveryMode)
{
	for (const auto &[mode, id] : std::map<std::string, std::string>{{"spare_exhausted", "spare-exhausted"},
									 {"map_full", "map-full"},
									 {"main_read_only", "main-read-only"},
									 {"main_gone", "main-gone"},
									 {"metadata_failed", "metadata-failed"}})
		expect(with(well, "mode=ok", "mode=" + mode), "CRITICAL", Verdict::critical, id);
	expect(with(well, "mode=ok", "mode=later"), "DEGRADED", Verdict::attention, "mode");
}

TEST(Judgement, EveryStateOfASpare)
{
	for (const auto &[state, id] :
	     std::map<std::string, std::string>{{"dropped", "spare-dropped"}, {"avoided", "spare-avoided"}, {"behind", "spare-behind"}, {"later", "spare-state"}})
		expect(with(well, "state=active", "state=" + state), "DEGRADED", Verdict::attention, id);
	expect(with(well, "device=8:16 state=active", "device=- state=missing"), "DEGRADED", Verdict::attention, "spare-missing");
	// The job says the one, the mode the other.
	for (const char *state : {"removing", "failed"})
		expect(with(well, "state=active", std::string("state=") + state), "ONLINE", Verdict::well, "");
}

TEST(Judgement, WhatLivesOnASpareIsSaid)
{
	const std::string used = with(well, "total_sectors=1000 used_sectors=0 bad_sectors=0\n", "total_sectors=1000 used_sectors=7 bad_sectors=0\n");
	const auto text = [](const std::string &answer) { return judge(answer).findings.at(0).text; };

	EXPECT_EQ(text(with(used, "device=8:16 state=active", "device=- state=missing")),
		  "spare 0, /dev/-, is missing: 7 sectors that live on it cannot be read until they are written");
	EXPECT_EQ(text(with(well, "device=8:16 state=active", "device=- state=missing")), "spare 0, /dev/-, is missing: nothing lives on it");
	EXPECT_EQ(text(with(used, "state=active", "state=dropped")),
		  "spare 0, /dev/8:16, takes no metadata and was dropped: 7 sectors that live on it are served from it");
}

TEST(Judgement, Blocks)
{
	expect(with(well, "pending_sectors=0", "pending_sectors=8"), "DEGRADED", Verdict::attention, "pending");
	expect(with(well, "lost_sectors=0", "lost_sectors=8"), "DEGRADED", Verdict::attention, "lost");
	// The gravest first.
	expect(with(with(with(well, "remapped_sectors=0", "remapped_sectors=1"), "pending_sectors=0", "pending_sectors=8"), "mode=ok",
		    "mode=main_gone"),
	       "CRITICAL", Verdict::critical, "main-gone pending remapped");
}

TEST(Judgement, Guard)
{
	const std::string guarded = with(well, "remapped_sectors=0", "remapped_sectors=66") + guard;
	const std::string incomplete = with(with(guarded, "complete", "incomplete"), "missing_sectors=0", "missing_sectors=8");

	expect(guarded, "ONLINE", Verdict::well, "");
	expect(with(guarded, "remapped_sectors=66", "remapped_sectors=67"), "ONLINE", Verdict::well, "remapped");
	expect(incomplete, "DEGRADED", Verdict::attention, "guard-incomplete");
	expect(with(guarded, "complete", "unknown"), "DEGRADED", Verdict::attention, "guard-incomplete");
	// Not yet, or not any more.
	expect(incomplete + "job kind=guard state=running from=0 end=8 at=0 moved_sectors=0 unreadable_sectors=0 refused_sectors=0\n", "ONLINE", Verdict::well, "");
}

TEST(Judgement, Room)
{
	expect(with(well, "free_sectors=1000", "free_sectors=250"), "ONLINE", Verdict::well, "");
	expect(with(well, "free_sectors=1000", "free_sectors=249"), "DEGRADED", Verdict::attention, "spares-low");
	expect(with(well, "extents=0", "extents=799"), "ONLINE", Verdict::well, "");
	expect(with(well, "extents=0", "extents=800"), "DEGRADED", Verdict::attention, "map-low");
	// Said already.
	expect(with(with(well, "free_sectors=1000", "free_sectors=0"), "mode=ok", "mode=spare_exhausted"), "CRITICAL", Verdict::critical,
	       "spare-exhausted");
	expect(with(with(well, "extents=0", "extents=1000"), "mode=ok", "mode=map_full"), "CRITICAL", Verdict::critical, "map-full");
}

TEST(Judgement, Health)
{
	expect(with(well, "health=100", "health=70"), "ONLINE", Verdict::well, "");
	expect(with(well, "health=100", "health=69"), "DEGRADED", Verdict::attention, "health");
	expect(with(with(well, "health=100", "health=69"), "pending_sectors=0", "pending_sectors=1"), "DEGRADED", Verdict::attention, "pending");
}

TEST(Judgement, Surroundings)
{
	EXPECT_EQ(ids(judge(well, true)), "suspended");
	EXPECT_EQ(judge(well, true).state, "DEGRADED");
	EXPECT_EQ(ids(judge(well, false, false)), "not-configured");
	EXPECT_EQ(judge(well, false, false).state, "ONLINE");
	const Judgement offline = judge_offline("safe");

	EXPECT_EQ(offline.state, "OFFLINE");
	EXPECT_EQ(offline.verdict, Verdict::critical);
	EXPECT_EQ(ids(offline), "not-running");
	EXPECT_EQ(ids(judge_offline("safe", "spare 1 is not there", true)), "not-running not-started released");
}

} // namespace

} // namespace dm_remap::tool
