// SPDX-License-Identifier: GPL-2.0
// What the monitor tells, in which words, and the programs that it runs.
#include "monitor/channels.hh"
#include "temporary_folder.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <poll.h>
#include <set>
#include <sys/stat.h>

namespace dm_remap::tool {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Told = std::vector<std::string>;

constexpr Clock::time_point start = Clock::time_point(1000h);

DeviceState device(const std::string &name, std::vector<Finding> findings)
{
	DeviceState out = {.name = name, .kernel_name = name, .set = "11111111-2222-3333-4444-555555555555", .main = "/dev/sda"};

	out.judgement.add(std::move(findings));
	return out;
}

const Finding pending = {"pending", "8 sectors cannot be read and are on no spare", "restore the files that own them", Urgency::attention};
const Finding remapped = {"remapped", "16 sectors of main are served by spares", "plan to replace /dev/sda", Urgency::note};
const Finding gone = {"main-gone", "main, /dev/sda, does not answer", "check its cable and power", Urgency::critical};

MachineState two()
{
	MachineState out;

	out.devices = {device("safe", {remapped, pending}), device("well", {})};
	return out;
}

Burst burst_of(const std::string &name, const std::string &event, int times = 1)
{
	Bursts bursts(60s);

	for (int i = 0; i < times; i++)
		bursts.note(name, event, start);
	return bursts.due(start).at(0);
}

TEST(MonitorMessage, OfAnEvent)
{
	const Message message = event_message(burst_of("safe", "pending", 3), two());

	EXPECT_EQ(message.subject, "safe: blocks could not be read; DEGRADED: 8 sectors cannot be read and are on no spare");
	EXPECT_EQ(message.text, "safe, what has happened:\n    blocks could not be read (pending, 3 times)\n\nHow it is now, and what to do:\n"
				"safe: DEGRADED, main is /dev/sda\n    attention: 8 sectors cannot be read and are on no spare\n        restore the files that own them\n"
				"    note: 16 sectors of main are served by spares\n        plan to replace /dev/sda\n");
	EXPECT_TRUE(message.mail && message.programs);
	EXPECT_EQ(message.priority, 4);
	EXPECT_EQ(journal_fields(message), (Told{"MESSAGE=" + message.subject, "MESSAGE_ID=414f97df48ac4d46a6c3e853cb71622a", "PRIORITY=4", "DM_REMAP_KIND=event",
						 "DM_REMAP_VERDICT=attention", "DM_REMAP_DEVICE=safe", "DM_REMAP_SET=11111111-2222-3333-4444-555555555555",
						 "DM_REMAP_MAIN=/dev/sda", "DM_REMAP_STATE=DEGRADED", "DM_REMAP_FINDINGS=pending remapped", "DM_REMAP_EVENTS=pending=3",
						 "DM_REMAP_TEXT=" + message.text}));
	EXPECT_FALSE(event_message(burst_of("well", "scrub_begun"), two()).mail);
	EXPECT_EQ(event_message(burst_of("well", "first_remap"), two()).priority, 5);
	EXPECT_EQ(event_message(burst_of("gone", "main_gone"), two()).subject, "gone: main did not answer; DEGRADED: it does not run any more");
	EXPECT_NE(event_message(burst_of("well", "flush_failed"), two()).text.find("turn the volatile cache of that disk off"), std::string::npos);
}

TEST(MonitorMessage, TheSameFactsForPrograms)
{
	const Message message = event_message(burst_of("safe", "pending"), two());
	std::vector<std::string> expected = journal_fields(message);

	expected.erase(expected.begin(), expected.begin() + 3);
	expected.insert(expected.begin(), {"DM_REMAP_MESSAGE=" + message.subject, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"});
	EXPECT_EQ(environment(message), expected);
}

TEST(MonitorMessage, OfAll)
{
	const Message message = started_message(two(), DailyMail::never);

	EXPECT_EQ(message.subject, "watching: safe: DEGRADED: 8 sectors cannot be read and are on no spare; 1 more well");
	EXPECT_TRUE(message.mail);
	EXPECT_EQ(started_message(MachineState(), DailyMail::never).subject, "watching: no set runs, and sets.conf has none");
	EXPECT_FALSE(started_message(MachineState(), DailyMail::never).mail);
	EXPECT_TRUE(started_message(MachineState(), DailyMail::always).mail);
	for (const auto &[daily, bad, well] : {std::tuple(DailyMail::never, false, false), std::tuple(DailyMail::bad, true, false),
					       std::tuple(DailyMail::always, true, true)}) {
		EXPECT_EQ(alive_message(two(), daily).mail, bad);
		EXPECT_EQ(alive_message(MachineState(), daily).mail, well);
	}
	MachineState many;

	for (int i = 0; i < 5000; i++)
		many.devices.push_back(device("x" + std::to_string(i), {pending}));
	EXPECT_LT(alive_message(many, DailyMail::never).text.size(), 65536u);
	EXPECT_LT(alive_message(many, DailyMail::never).subject.size(), 2000u);
}

TEST(MonitorMessage, OfWhatChangedWithoutAnEvent)
{
	const DeviceState well = device("safe", {remapped}), bad = device("safe", {gone, remapped});
	const Message worse = state_message(&well, &bad), better = state_message(&bad, &well), none = state_message(&bad, nullptr), fresh = state_message(nullptr, &well);

	EXPECT_EQ(worse.subject, "safe: CRITICAL: main, /dev/sda, does not answer");
	EXPECT_EQ(worse.priority, 2);
	EXPECT_EQ(better.subject, "safe: ONLINE, well again");
	EXPECT_EQ(none.subject, "safe: GONE");
	EXPECT_EQ(fresh.subject, "safe: ONLINE, new");
	EXPECT_TRUE(worse.mail && better.mail && none.mail);
	EXPECT_FALSE(fresh.mail);
}

TEST(MonitorMessage, EachKindHasItsOwnId)
{
	std::set<std::string> ids, kinds;

	for (int kind = 0; kind <= static_cast<int>(MessageKind::stopped); kind++) {
		ids.insert(message_id(static_cast<MessageKind>(kind)));
		kinds.insert(kind_name(static_cast<MessageKind>(kind)));
	}
	EXPECT_EQ(ids.size(), 7u);
	EXPECT_EQ(kinds.size(), 7u);
	std::ifstream file(std::string(DMR_SOURCE) + "/docs/monitoring.md");
	const std::string text((std::istreambuf_iterator<char>(file)), {});

	for (const std::string &id : ids)
		EXPECT_NE(text.find(id), std::string::npos) << id;
}

// Names come from others: none gets a line of its own, or a header of the mail.
TEST(MonitorMessage, NamesAreNoLines)
{
	MachineState state;
	MonitorConfig config;

	config.mail = {"root", "a@b"};
	config.from = "disks@b";
	state.devices = {device("x\nBcc: all", {pending}), device("\xc3\xa4", {pending})};
	const std::string text = mail_text(started_message(state, DailyMail::never), config, "host", 86400 * 365);
	const std::string head = text.substr(0, text.find("\n\n"));

	EXPECT_TRUE(head.starts_with("To: root, a@b\nFrom: disks@b\nSubject: dm-remap on host: watching: x?Bcc: all: ")) << head;
	EXPECT_EQ(head.find("\nBcc"), std::string::npos);
	EXPECT_TRUE(std::all_of(head.begin(), head.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
	EXPECT_NE(text.find("\xc3\xa4: DEGRADED"), std::string::npos);
	EXPECT_NE(head.find("1971"), std::string::npos);
	// Of one field or line each.
	EXPECT_EQ(plain_text(started_message(state, DailyMail::never)).find("\nBcc"), std::string::npos);
}

TEST(MonitorState, BetweenProcesses)
{
	MachineState state = two();

	state.known = false;
	state.devices[0].name = "\xff";
	state.devices[0].kernel_name = "k";
	const MachineState back = from_text(to_text(state));

	EXPECT_FALSE(back.known);
	ASSERT_EQ(back.devices.size(), 2u);
	EXPECT_EQ(back.find("k")->troubles(), std::set<std::string>{"pending"});
	EXPECT_EQ(back.find("well")->main, "/dev/sda");
	EXPECT_EQ(back.find("nobody"), nullptr);
	EXPECT_EQ(back.verdict(), Verdict::attention);
	EXPECT_EQ(to_text(back), to_text(from_text(to_text(back))));
}

void program(const std::filesystem::path &path, const std::string &text, mode_t mode = 0755)
{
	std::ofstream(path) << "#!/bin/sh\n" << text;
	chmod(path.c_str(), mode);
}

TEST(MonitorPrograms, WhichAreRun)
{
	const TemporaryFolder folder;
	const auto at = [&](const char *name) { return (folder.path() / name).string(); };

	EXPECT_EQ(programs_in(at("none")).paths, Told{});
	for (const char *name : {"20-second", "10_first", "x.dpkg-old", "README.txt", "backup~", ".hidden"})
		program(at(name), "");
	program(at("all-write"), "", 0757);
	program(at("group-writes"), "", 0775);
	program(at("not-executable"), "", 0644);
	std::filesystem::create_directory(at("folder"));
	std::filesystem::create_symlink(at("10_first"), at("link"));
	std::filesystem::create_symlink(at("nowhere"), at("broken"));
	const Programs found = programs_in(folder.path());
	std::map<std::string, std::string> skipped;

	for (const Programs::Skipped &one : found.skipped)
		skipped[one.path.substr(one.path.rfind('/') + 1)] = one.why;
	EXPECT_EQ(found.paths, (Told{at("10_first"), at("20-second"), at("link")}));
	EXPECT_EQ(skipped.size(), 5u);
	EXPECT_NE(skipped["all-write"].find("others than its owner can write it"), std::string::npos);
	EXPECT_NE(skipped["group-writes"].find("others than its owner can write it"), std::string::npos);
	EXPECT_NE(skipped["not-executable"].find("not executable"), std::string::npos);
	EXPECT_EQ(skipped["folder"], "it is no file");
	EXPECT_NE(skipped["broken"].find("No such file"), std::string::npos);
	chmod(folder.path().c_str(), 0777);
	EXPECT_EQ(programs_in(folder.path()).paths, Told{});
	EXPECT_EQ(programs_in(folder.path()).skipped.size(), 1u);
	if (geteuid())
		return;
	chmod(folder.path().c_str(), 0755);
	ASSERT_EQ(chown(at("20-second").c_str(), 1, 0), 0);
	EXPECT_EQ(programs_in(folder.path()).paths, (Told{at("10_first"), at("link")}));
}

std::vector<std::string> all_of(Jobs &jobs)
{
	std::vector<std::string> out;

	for (;;) {
		for (const JobEnd &end : jobs.step(Clock::now()))
			out.push_back(end.what + ": " + end.wrong);
		if (jobs.idle())
			return out;
		pollfd news = {jobs.fd(), POLLIN, 0};

		poll(&news, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(*jobs.deadline() - Clock::now()).count()));
	}
}

TEST(MonitorJobs, OneAfterTheOtherAndEachSaysHow)
{
	const TemporaryFolder folder;
	const std::string log = folder.path() / "log";
	Jobs jobs(60s);

	program(folder.path() / "a", "echo a $FACT >> " + log + "; cat >> " + log);
	program(folder.path() / "b", "echo b >> " + log + "; exit 7");
	program(folder.path() / "c", "kill -9 $$");
	for (const char *name : {"a", "b", "none", "c", "a"})
		EXPECT_TRUE(jobs.add({.what = name, .words = {folder.path() / name}, .environment = {"FACT=one", "PATH=/usr/bin:/bin"}, .input = "read\n"}));
	EXPECT_EQ(all_of(jobs), (Told{"a: ", "b: it ended with status 7", "none: it cannot be started: No such file or directory",
				      "c: it was ended by signal 9 (Killed)", "a: "}));
	std::ifstream in(log);

	EXPECT_EQ(std::string((std::istreambuf_iterator<char>(in)), {}), "a one\nread\nb\na one\nread\n");
}

// By a clock of the test's own: what it started ends with it, and the next one's turn comes.
TEST(MonitorJobs, NoneTakesLongerThanItMay)
{
	Jobs jobs(30s);
	const Clock::time_point now = Clock::now();

	jobs.add({.what = "hangs", .words = {"/bin/sh", "-c", "sleep 1000 & wait"}, .environment = {"PATH=/usr/bin:/bin"}, .input = {}});
	jobs.add({.what = "next", .words = {"/bin/true"}, .environment = {}, .input = {}});
	EXPECT_TRUE(jobs.step(now).empty());
	EXPECT_EQ(jobs.deadline(), now + 30s);
	EXPECT_TRUE(jobs.step(now + 29s).empty());
	const std::vector<JobEnd> ends = jobs.step(now + 30s);

	ASSERT_EQ(ends.size(), 1u);
	EXPECT_EQ(ends[0].what + ": " + ends[0].wrong, "hangs: it took longer than 30 s, and was killed");
	EXPECT_EQ(all_of(jobs), Told{"next: "});
}

TEST(MonitorJobs, NoMoreMemoryForMore)
{
	Jobs jobs(30s);
	size_t taken = 0;

	for (int i = 0; i < 1000; i++)
		taken += jobs.add({.what = "x", .words = {"/bin/true"}, .environment = {}, .input = {}});
	EXPECT_EQ(taken, Jobs::most);
}

} // namespace

} // namespace dm_remap::tool
