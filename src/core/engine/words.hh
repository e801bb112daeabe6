// SPDX-License-Identifier: GPL-2.0
// The words of a table line or a message, looked at one by one; what is wrong with one is said in a sentence.
#ifndef DM_REMAP_CORE_WORDS_HH
#define DM_REMAP_CORE_WORDS_HH

#include "core/engine/table_faults.hh"

#include <dm_remap/text.hh>

#include <cstdint>

namespace dm_remap {

// A number among the words: its limits, and what is wrong with one that is none or goes beyond them.
struct NumberWord final {
	uint64_t least, most;
	TableFault not_number, out_of_range;
};

// Of these messages, each with its name, the one that argv is; null: another one.
template <typename Message, size_t n>
const Message *find_message(const Message (&messages)[n], unsigned int argc, char **argv)
{
	for (const Message &message : messages) {
		if (argc > 0 && same_text(argv[0], message.name))
			return &message;
	}
	return nullptr;
}

// Every function that answers false has written the reason. In words.cc, not inline: see text.hh.
class Words final {
public:
	// reason: DMR_REASON_SIZE bytes of the caller; empty until something is wrong.
	explicit Words(char *reason);

	// Always false.
	bool fail(const char *argument, const char *value, TableFault fault) const;

	bool number(const char *argument, const char *value, const NumberWord &limits, uint64_t &out) const;
	// A place or a length, in sectors.
	bool sectors(const char *argument, const char *value, uint64_t &out) const;
	// The number of words that follow.
	bool count(const char *argument, const char *value, uint32_t follow) const;
	// The name of a device, which "" and "-" are not.
	bool device(const char *argument, const char *value, TableFault fault) const;
	// A range of a device, or of one that is missing: that may be empty. `arguments` are the names of the two words.
	bool range(const char *const (&arguments)[2], const char *start, const char *sectors, bool may_be_empty,
		   uint64_t &out_start, uint64_t &out_sectors) const;

private:
	char *reason_;
};

} // namespace dm_remap

#endif
