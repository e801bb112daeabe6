// SPDX-License-Identifier: GPL-2.0
// The configuration of sets: what is read, what is kept, and how the file is written anew.
#include "line_taken_out.hh"
#include "sets_config.hh"
#include "temporary_folder.hh"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace dm_remap::tool {

namespace {

namespace fs = std::filesystem;

constexpr const char *one = "11111111-2222-3333-4444-555555555555";
constexpr const char *two = "22222222-2222-3333-4444-555555555555";
constexpr const char *spare = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

SetsConfig parse(const std::string &text)
{
	return SetsConfig::parse("sets.conf", text);
}

std::string line(const std::string &uuid, const std::string &rest)
{
	return "set " + uuid + " " + rest + "\n";
}

TEST(SetsConfig, ReadsALine)
{
	const SetsConfig config = parse("# sets\n\n" + line(one, std::string("name=safe main=/dev/sda spare=") + spare +
									   "@/dev/disk/by-path/pci-0000:00:1f.2:2048 degraded=never "
									   "main_id=QEMU_1 read_retries=5"));

	ASSERT_EQ(config.faults(), std::vector<std::string>());
	ASSERT_EQ(config.sets().size(), 1u);
	const ConfiguredSet &set = config.sets()[0];

	EXPECT_EQ(set.uuid, one);
	EXPECT_EQ(set.name, "safe");
	EXPECT_EQ(set.main, "/dev/sda");
	EXPECT_EQ(set.spares, (std::vector<ConfiguredSpare>{{spare, "/dev/disk/by-path/pci-0000:00:1f.2", 2048}}));
	EXPECT_EQ(set.degraded, Degraded::never);
	EXPECT_EQ(set.main_id, "QEMU_1");
	EXPECT_EQ(set.read_retries, 5u);
	EXPECT_EQ(set.line, 3u);
}

TEST(SetsConfig, WhatIsLeftOut)
{
	const ConfiguredSet set = parse(line(one, std::string("name=safe main=/dev/sda spare=") + spare)).sets().at(0);

	EXPECT_EQ(set.spares, (std::vector<ConfiguredSpare>{{spare, "", 0}}));
	EXPECT_EQ(set.degraded, Degraded::dropped);
	EXPECT_FALSE(set.main_id);
	EXPECT_FALSE(set.read_retries);
	EXPECT_EQ(set.identity + set.disk, "");
	EXPECT_FALSE(set.first);
	EXPECT_FALSE(set.wait);
	EXPECT_FALSE(set.root);
	EXPECT_TRUE(set.automatic);
}

TEST(SetsConfig, WhatBootNeeds)
{
	const SetsConfig config =
		parse(line(one, "name=a main=x identity=partuuid:q disk=wwid:5 first=2048 wait=0 root=yes auto=no") + line(two, "name=b main=x wait=300 root=no") +
		      line(two, "name=c main=x wait=301") + line(two, "name=c main=x root=1") + line(two, "name=c main=x first=here"));

	ASSERT_EQ(config.sets().size(), 2u);
	const ConfiguredSet &set = config.sets()[0];

	EXPECT_EQ(set.identity, "partuuid:q");
	EXPECT_EQ(set.disk, "wwid:5");
	EXPECT_EQ(set.first, 2048u);
	EXPECT_EQ(set.wait, 0u);
	EXPECT_TRUE(set.root);
	EXPECT_FALSE(set.automatic);
	EXPECT_EQ(config.sets()[1].wait, 300u);
	EXPECT_EQ(config.faults(), (std::vector<std::string>{"sets.conf:3: wait: 301 seconds are more than 300",
							     "sets.conf:4: root: '1' is neither 'yes' nor 'no'",
							     "sets.conf:5: first: 'here' is not a number"}));
}

TEST(SetsConfig, Quotes)
{
	const ConfiguredSet set = parse(line(one, R"("name=my disk" main="/dev/a \"b\" \\c#d" # not = this)")).sets().at(0);

	EXPECT_EQ(set.name, "my disk");
	EXPECT_EQ(set.main, R"(/dev/a "b" \c#d)");
	EXPECT_EQ(set.comment, "# not = this");
}

TEST(SetsConfig, FindsByNameAndUuid)
{
	const SetsConfig config = parse(line(one, "name=a main=x") + line("AAAAAAAA-2222-3333-4444-555555555555", "name=b main=x"));

	EXPECT_EQ(config.find("b"), &config.sets()[1]);
	EXPECT_EQ(config.find(one), &config.sets()[0]);
	EXPECT_EQ(config.find("aaaaaaaa-2222-3333-4444-555555555555"), &config.sets()[1]);
	EXPECT_EQ(config.find("Aaaaaaaa-2222-3333-4444-555555555555"), &config.sets()[1]);
	EXPECT_EQ(config.find("c"), nullptr);
}

TEST(SetsConfig, FaultsNameTheirLineAndHideNoOther)
{
	const SetsConfig config = parse("sett x\n" + line(one, "name=a main=x") + line(one, "name=b main=x") + line(two, "name=a main=x") +
					line("12", "name=c main=x") + line(two, "name=d") + line(two, "main=x") +
					line(two, "name=e main=x degraded=maybe") + line(two, "name=e main=x spare=1") +
					line(two, std::string("name=e main=x spare=") + spare + "@/dev/x") +
					line(two, std::string("name=e main=x spare=") + spare + "@/dev/x:y") +
					line(two, "name=e main=x read_retries=-1") + line(two, "name=\"e main=x") + line(two, "name=e main") +
					"set\n" + line(two, "name=e main=x"));

	EXPECT_EQ(config.faults(),
		  (std::vector<std::string>{
			  "sets.conf:1: 'sett' is unknown; a line begins with 'set'",
			  "sets.conf:3: line 2 has this set already",
			  "sets.conf:4: line 2 has this name already",
			  "sets.conf:5: set: '12' is not a UUID",
			  "sets.conf:6: 'main=' is missing",
			  "sets.conf:7: 'name=' is missing",
			  "sets.conf:8: degraded: 'maybe' is neither 'dropped' nor 'never'",
			  "sets.conf:9: spare: '1' is not a UUID",
			  std::string("sets.conf:10: spare: '") + spare + "@/dev/x' is not UUID@PATH:START",
			  "sets.conf:11: spare: 'y' is not a number",
			  "sets.conf:12: read_retries: '-1' is not a number",
			  "sets.conf:13: a quote is not closed",
			  "sets.conf:14: 'main' is not KEY=VALUE",
			  "sets.conf:15: the UUID of the set is missing",
		  }));
	ASSERT_EQ(config.sets().size(), 2u);
	EXPECT_EQ(config.sets()[1].name, "e");
}

TEST(SetsConfig, LinesThatAreNotChangedStayAsTheyAre)
{
	const std::string text = "# mine\n\n  set " + std::string(one) + "   main=x\tname=a   # why\nnonsense here\n" + line(two, "name=b main=y");
	SetsConfig config = parse(text);

	EXPECT_EQ(config.text(), text);
	ConfiguredSet set = *config.find("b");

	set.main = "/dev/z";
	config.put(set);
	EXPECT_EQ(config.text(), "# mine\n\n  set " + std::string(one) + "   main=x\tname=a   # why\nnonsense here\n" +
					 line(two, "name=b main=/dev/z degraded=dropped"));
	config.remove(one);
	EXPECT_EQ(config.text(), "# mine\n\nnonsense here\n" + line(two, "name=b main=/dev/z degraded=dropped"));
	config.put(set);
	EXPECT_EQ(config.text(), "# mine\n\nnonsense here\n" + line(two, "name=b main=/dev/z degraded=dropped"));
}

TEST(SetsConfig, KeysOfOtherVersionsAndCommentsAreKept)
{
	SetsConfig config = parse(line(one, "name=a main=x root=yes \"later=a b\" # why"));
	ConfiguredSet set = config.sets().at(0);

	set.name = "b c";
	config.put(set);
	EXPECT_EQ(config.text(), line(one, "name=\"b c\" main=x degraded=dropped root=yes later=\"a b\" # why"));
}

TEST(SetsConfig, WhatIsWrittenIsRead)
{
	SetsConfig config;
	ConfiguredSet set;

	set.uuid = one;
	set.name = "a \"b\" \\ #";
	set.main = "/dev/disk/by-id/x#y";
	set.spares = {{spare, "/tmp/a b:3", 7}, {two, "", 0}};
	set.degraded = Degraded::never;
	set.main_id = "id";
	set.read_retries = 0;
	set.identity = "partuuid:a b";
	set.disk = "wwid:5";
	set.first = 0;
	set.wait = 0;
	set.root = true;
	set.automatic = false;
	config.put(set);
	const SetsConfig again = parse(config.text());

	ASSERT_EQ(again.faults(), std::vector<std::string>());
	set.line = 1;
	EXPECT_EQ(again.sets().at(0), set);
}

TEST(SetsConfig, KnowsWhichSetAFaultyLineIsAbout)
{
	const SetsConfig config = SetsConfig::parse("f", line(one, "name=a main=x degraded=perhaps") + "set nonsense\n# set " + two + "\nset \"" + two);

	EXPECT_EQ(config.faults().size(), 3U);
	ASSERT_NE(config.fault_of(one), nullptr);
	EXPECT_EQ(*config.fault_of(one), "f:1: degraded: 'perhaps' is neither 'dropped' nor 'never'");
	EXPECT_EQ(config.fault_of(two), nullptr);
}

TEST(SetsConfig, TakesLinesOfAnotherSystem)
{
	const SetsConfig config = SetsConfig::parse("f", "# mine\r\n\r\nset " + std::string(one) + " name=a main=/dev/x degraded=never\r\n");

	EXPECT_EQ(config.faults(), std::vector<std::string>());
	EXPECT_EQ(config.sets().at(0).degraded, Degraded::never);
}

TEST(SetsConfig, ALineBreakCannotBeWritten)
{
	SetsConfig config;
	ConfiguredSet set;

	set.uuid = one;
	set.name = "a\nset";
	set.main = "x";
	EXPECT_THROW(config.put(set), std::system_error);
	EXPECT_EQ(config.text(), "");
}

// ---- the file ----

class ConfigFile : public testing::Test {
protected:
	std::string content() const
	{
		std::ifstream in(path);

		return {std::istreambuf_iterator<char>(in), {}};
	}
	static ConfiguredSet set(const std::string &uuid, const std::string &name)
	{
		ConfiguredSet set;

		set.uuid = uuid;
		set.name = name;
		set.main = "x";
		return set;
	}

	const TemporaryFolder temporary;
	const fs::path folder = temporary.path(), path = folder / "etc/sets.conf";
};

TEST_F(ConfigFile, ALineGoesForAsLongAsItIsTakenOut)
{
	setenv("DM_REMAP_CONFIG", path.c_str(), 1);
	{
		ConfigEdit edit(path);

		edit.config.put(set(one, "a"));
		edit.config.put(set(two, "b"));
		edit.commit();
	}
	{
		const LineTakenOut out(one);

		EXPECT_EQ(out.fault(), "");
		EXPECT_EQ(content(), line(two, "name=b main=x degraded=dropped"));
	}
	EXPECT_NE(SetsConfig::read(path).find("a"), nullptr);
	{
		LineTakenOut out(one);

		out.stay_out();
	}
	EXPECT_EQ(content(), line(two, "name=b main=x degraded=dropped"));
	const LineTakenOut none(one);

	EXPECT_EQ(none.fault(), "");
	fs::remove(path);
	fs::create_directory(path);
	EXPECT_NE(LineTakenOut(two).fault(), "");
	unsetenv("DM_REMAP_CONFIG");
}

TEST_F(ConfigFile, IsMadeWithItsFolder)
{
	EXPECT_TRUE(SetsConfig::read(path).sets().empty());
	ConfigEdit edit(path);

	edit.config.put(set(one, "a"));
	edit.commit();
	EXPECT_EQ(content(), line(one, "name=a main=x degraded=dropped"));
	EXPECT_FALSE(fs::exists(path.string() + ".new"));
}

TEST_F(ConfigFile, IsWhatItWasUntilTheEditIsCommitted)
{
	fs::create_directories(path.parent_path());
	std::ofstream(path) << "# mine\n";
	{
		ConfigEdit edit(path);

		edit.config.put(set(one, "a"));
	}
	EXPECT_EQ(content(), "# mine\n");
	EXPECT_FALSE(fs::exists(path.string() + ".new"));
}

TEST_F(ConfigFile, KeepsItsModeAndTheLinkThatLeadsToIt)
{
	fs::create_directories(path.parent_path());
	std::ofstream(folder / "real.conf") << "# mine\n";
	fs::permissions(folder / "real.conf", fs::perms(0600));
	fs::create_symlink(folder / "real.conf", path);
	ConfigEdit edit(path);

	edit.config.put(set(one, "a"));
	edit.commit();
	EXPECT_TRUE(fs::is_symlink(path));
	EXPECT_EQ(content(), "# mine\n" + line(one, "name=a main=x degraded=dropped"));
	EXPECT_EQ(fs::status(folder / "real.conf").permissions(), fs::perms(0600));
}

TEST_F(ConfigFile, WhatIsNoFileIsSaid)
{
	fs::create_directories(path);
	EXPECT_THROW(SetsConfig::read(path), std::system_error);
	EXPECT_THROW(ConfigEdit edit(path), std::system_error);
}

// Processes that each add a set: none of them undoes what another has done.
TEST_F(ConfigFile, OneEditAtATime)
{
	constexpr int writers = 8, sets = 10;

	for (int writer = 0; writer < writers; writer++) {
		if (fork() != 0)
			continue;
		for (int i = 0; i < sets; i++) {
			char uuid[37];

			std::snprintf(uuid, sizeof(uuid), "%08x-0000-0000-0000-%012x", writer, i);
			ConfigEdit edit(path);

			edit.config.put(set(uuid, uuid));
			edit.commit();
		}
		_exit(0);
	}
	for (int status; wait(&status) > 0;)
		EXPECT_EQ(status, 0);
	const SetsConfig config = SetsConfig::read(path);

	EXPECT_EQ(config.sets().size(), size_t{writers * sets});
	EXPECT_EQ(config.faults(), std::vector<std::string>());
}

} // namespace

} // namespace dm_remap::tool
