// SPDX-License-Identifier: GPL-2.0
// No refusal prints a destructive command before it has said how to keep the data: every text of the modules' sources. What
// is put together of several is looked at where the host's target refuses something.
#include "host/advice.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
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

// Where a comment or a quoted text that begins here ends; `at` for anything else.
size_t end_of_token(const std::string &source, size_t at)
{
	const char first = source[at];
	size_t end = at;

	if (!source.compare(at, 2, "//"))
		return std::min(source.find('\n', at), source.size());
	if (!source.compare(at, 2, "/*"))
		return std::min(source.find("*/", at), source.size() - 2) + 2;
	// A quote between digits groups them.
	if (first != '"' && (first != '\'' || (at && std::isalnum(static_cast<unsigned char>(source[at - 1])))))
		return at;
	while (++end < source.size() && source[end] != first)
		end += source[end] == '\\';
	return end + 1;
}

// String literals, those next to each other joined as the compiler does it.
std::vector<std::string> literals(const std::string &source)
{
	std::vector<std::string> all;
	bool joins = false;

	for (size_t at = 0; at < source.size();) {
		const size_t end = end_of_token(source, at);

		if (source[at] == '"') {
			if (!joins)
				all.emplace_back();
			all.back() += source.substr(at + 1, end - at - 2);
			joins = true;
		} else if (source[at] != '/' && !std::isspace(static_cast<unsigned char>(source[at]))) {
			joins = false;
		}
		at = std::max(end, at + 1);
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
	const std::vector<std::string> found =
		literals("f(\"a \\\"b\" // \"no\"\n  \"c\", '\"', /* \"no\" */ \"d\", 1'000'000, \"e\");");

	EXPECT_EQ(found, (std::vector<std::string>{"a \\\"bc", "d", "e"}));
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
