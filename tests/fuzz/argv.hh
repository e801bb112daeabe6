// SPDX-License-Identifier: GPL-2.0
// The input of a fuzzer as words, and what is true of every refusal.
#ifndef DM_REMAP_TESTS_FUZZ_ARGV_HH
#define DM_REMAP_TESTS_FUZZ_ARGV_HH

#include <dm_remap/metadata.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace dm_remap::fuzz {

#define DMR_CHECK(condition)                                                                                           \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);             \
			std::abort();                                                                                  \
		}                                                                                                      \
	} while (0)

// Words as device-mapper hands them over. Each is a piece of memory of its own, so that ASan sees a step beyond it.
class Argv final {
public:
	// Split at single spaces: two in a row enclose an empty word. A newline at the end belongs to the file.
	explicit Argv(std::string text)
	{
		if (!text.empty() && text.back() == '\n')
			text.pop_back();
		for (size_t at = 0; !text.empty() && at <= text.size();) {
			const size_t end = std::min(text.find(' ', at), text.size());

			given_.push_back(std::string(text.substr(at, end - at).c_str()));
			at = end + 1;
		}
		for (const std::string &word : given_) {
			words_.push_back(std::make_unique<char[]>(word.size() + 1));
			std::memcpy(words_.back().get(), word.c_str(), word.size() + 1);
			pointers_.push_back(words_.back().get());
		}
	}

	unsigned int count() const { return static_cast<unsigned int>(given_.size()); }
	char **words() { return pointers_.data(); }
	// NULL, or where a word begins: not a copy, not the middle of one.
	bool owns(const char *word) const
	{
		for (const auto &known : words_)
			if (known.get() == word)
				return true;
		return !word;
	}
	bool unchanged() const
	{
		for (size_t i = 0; i < given_.size(); i++)
			if (given_[i] != pointers_[i])
				return false;
		return true;
	}

private:
	std::vector<std::string> given_;
	std::vector<std::unique_ptr<char[]>> words_;
	std::vector<char *> pointers_;
};

class Reason final {
public:
	Reason() : text_(std::make_unique<char[]>(DMR_REASON_SIZE)) { std::memset(text_.get(), '#', DMR_REASON_SIZE); }

	char *buffer() { return text_.get(); }
	// A sentence if something was refused, and nothing otherwise.
	void check(bool refused) const
	{
		const size_t length = strnlen(text_.get(), DMR_REASON_SIZE);

		DMR_CHECK(length < DMR_REASON_SIZE - 1); // one that fills the buffer was cut off
		DMR_CHECK((length > 0) == refused);
		for (size_t i = 0; i < length; i++)
			DMR_CHECK(text_[i] >= 0x20 && text_[i] < 0x7f);
	}

private:
	std::unique_ptr<char[]> text_;
};

} // namespace dm_remap::fuzz

#endif
