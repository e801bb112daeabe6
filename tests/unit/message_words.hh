// SPDX-License-Identifier: GPL-2.0
// What the words of a message come to, and what is said of those that are refused.
#ifndef DMR_TESTS_MESSAGE_WORDS_HH
#define DMR_TESTS_MESSAGE_WORDS_HH

#include <dm_remap/engine.h>

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

namespace dm_remap {

template <typename Message>
struct Parsed {
	int result;
	std::string reason;
	Message message;
	std::vector<std::string> words;	// message may point into them
};

template <typename Message>
Parsed<Message> parse_words(int (*parser)(unsigned int argc, char **argv, Message *out, char *reason), std::vector<std::string> words)
{
	Parsed<Message> p = {};
	std::vector<char *> argv;
	char reason[DMR_REASON_SIZE + 1];

	p.words = std::move(words);
	for (std::string &word : p.words)
		argv.push_back(word.data());
	std::memset(reason, '#', sizeof(reason));
	std::memset(&p.message, 0xee, sizeof(p.message));
	p.result = parser(static_cast<unsigned int>(argv.size()), argv.data(), &p.message, reason);
	EXPECT_EQ(reason[DMR_REASON_SIZE], '#');
	p.reason = reason;
	return p;
}

struct RefusedWords {
	std::vector<std::string> words;
	std::string reason;
};

// Each of them is refused with its own reason.
template <typename Parse, size_t n>
void expect_refused(Parse parse, const RefusedWords (&refused)[n])
{
	for (const RefusedWords &r : refused) {
		const auto p = parse(r.words);

		EXPECT_EQ(p.result, -EINVAL) << r.reason;
		EXPECT_EQ(p.reason, r.reason);
	}
}

} // namespace dm_remap

#endif
