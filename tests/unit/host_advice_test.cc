// SPDX-License-Identifier: GPL-2.0
// No refusal prints a destructive command before it has said how to keep the data: every text of the modules' sources. What
// is put together of several is looked at where the host's target refuses something.
#include "host/advice.hh"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

using dm_remap::host::keeps_before_it_loses;

namespace {

namespace fs = std::filesystem;

std::string content(const fs::path &path)
{
	std::stringstream text;

	text << std::ifstream(path).rdbuf();
	return text.str();
}

// String literals, those next to each other joined as the compiler does it.
std::vector<std::string> literals(const std::string &source)
{
	static const std::regex token(R"re(//[^\n]*|/\*[\s\S]*?\*/|'(?:\\.|[^'\\\n])'|"((?:\\.|[^"\\\n])*)"|[^\s"])re");
	std::vector<std::string> all;
	bool joins = false;

	for (std::sregex_iterator at(source.begin(), source.end(), token), end; at != end; ++at) {
		const std::string found = at->str();

		if (found.starts_with("//") || found.starts_with("/*"))
			continue;
		if (!found.starts_with('"')) {
			joins = false;
			continue;
		}
		if (joins)
			all.back() += (*at)[1];
		else
			all.push_back((*at)[1]);
		joins = true;
	}
	return all;
}

TEST(HostAdvice, TellsWhatComesFirst)
{
	EXPECT_TRUE(keeps_before_it_loses("spare 8:16 is zoned"));
	EXPECT_TRUE(keeps_before_it_loses("not blank: name another spare; to lose that, add 'format'"));
	EXPECT_FALSE(keeps_before_it_loses("not blank: add 'format', or name another spare"));
	EXPECT_FALSE(keeps_before_it_loses("to lose its map, run 'blkdiscard -z -o 0 -l 5 /dev/block/8:16'"));
}

TEST(HostAdvice, LiteralsAreFoundAsTheCompilerHasThem)
{
	const std::vector<std::string> found = literals("f(\"a \\\"b\" // \"no\"\n  \"c\", '\"', /* \"no\" */ \"d\");");

	EXPECT_EQ(found, (std::vector<std::string>{"a \\\"bc", "d"}));
}

// What begins with a semicolon or a space is the end of a sentence that is put together.
TEST(HostAdvice, NoTextOfTheModulesBeginsWithTheLoss)
{
	const std::string here = __FILE__;
	const fs::path sources = here.substr(0, here.rfind("tests/unit/")) + "src";
	size_t texts = 0, with_advice = 0;

	for (const fs::directory_entry &file : fs::recursive_directory_iterator(sources)) {
		const fs::path path = file.path();

		if ((path.extension() != ".cc" && path.extension() != ".c" && path.extension() != ".hh") ||
		    path.string().find("/host/") != std::string::npos)
			continue;
		for (const std::string &text : literals(content(path))) {
			texts++;
			with_advice += text.find("format'") != std::string::npos || text.find("blkdiscard") != std::string::npos;
			EXPECT_TRUE(text.starts_with(';') || text.starts_with(' ') || keeps_before_it_loses(text)) << path << ": " << text;
		}
	}
	EXPECT_GT(texts, 500u);
	EXPECT_GT(with_advice, 2u);
}

} // namespace
