// SPDX-License-Identifier: GPL-2.0
// The table line. Looks at nothing but its words: whether devices exist and ranges fit is seen when they are opened.
#include "core/engine/words.hh"

#include <dm_remap/engine.h>
#include <dm_remap/text.hh>

namespace dm_remap {

namespace {

constexpr uint64_t max_extents_most = 16777216;
constexpr NumberWord extents_word = {1, max_extents_most, TableFault::not_extents, TableFault::extents_out_of_range};
constexpr NumberWord retries_word = {0, DMR_READ_RETRIES_MAX, TableFault::not_retries, TableFault::too_many_retries};

static_assert(DMR_READ_RETRIES_MAX == 100 && DMR_MAX_MEMBERS == 16 && DMR_IDENTITY_SIZE == 96, "the texts of the faults say so");

class TableParser final {
public:
	TableParser(unsigned int argc, char **argv, dmr_table &out, char *reason)
		: argc_(argc), argv_(argv), out_(out), words_(reason)
	{
	}

	bool parse()
	{
		__builtin_memset(&out_, 0, sizeof(out_));
		out_.read_retries = DMR_READ_RETRIES_DEFAULT;
		return devices() && feature_count() && features();
	}

private:
	static constexpr unsigned int positional = 4;

	bool devices()
	{
		static constexpr const char *names[positional] = {"main", "spare", "spare_start", "spare_sectors"};

		if (argc_ < positional)
			return words_.fail(names[argc_], "", TableFault::missing);
		if (!words_.device("main", argv_[0], TableFault::no_device))
			return false;
		out_.main_path = argv_[0];
		return spare(&argv_[1]);
	}

	// <dev> <start> <sectors>
	bool spare(char **words)
	{
		static constexpr const char *names[2] = {"spare_start", "spare_sectors"};
		dmr_table_member &member = out_.members[out_.member_count];
		const bool missing = same_text(words[0], "-");

		if (!missing && !words_.device("spare", words[0], TableFault::no_spare))
			return false;
		if (!words_.range(names, words[1], words[2], missing, member.start, member.sectors))
			return false;
		member.path = missing ? nullptr : words[0];
		out_.member_count++;
		return true;
	}

	bool feature_count()
	{
		return argc_ == positional ||
		       words_.count("#feature_args", argv_[positional], argc_ - positional - 1);
	}

	bool features()
	{
		for (unsigned int i = positional + 1; i < argc_;) {
			const unsigned int taken = feature(i);

			if (!taken)
				return false;
			i += taken;
		}
		return !out_.force || out_.degraded || words_.fail("feature", "force", TableFault::force_alone);
	}

	// How many words the feature at `i` takes; 0 if it is refused.
	unsigned int feature(unsigned int i)
	{
		const char *name = argv_[i];
		uint64_t retries = 0;

		if (same_text(name, "spare"))
			return further_spare(i);
		if (same_text(name, "degraded"))
			return flag(name, out_.degraded);
		if (same_text(name, "force"))
			return flag(name, out_.force);
		if (same_text(name, "format"))
			return flag(name, out_.format);
		if (same_text(name, "new_main"))
			return flag(name, out_.new_main);
		if (same_text(name, "main_id"))
			return main_id(i);
		if (same_text(name, "max_extents"))
			return value(i, extents_given_, TableFault::extents_missing, extents_word, out_.max_extents);
		if (same_text(name, "read_retries")) {
			if (!value(i, out_.read_retries_given, TableFault::retries_missing, retries_word, retries))
				return 0;
			out_.read_retries = static_cast<uint32_t>(retries);
			return 2;
		}
		words_.fail("feature", name, TableFault::unknown_feature);
		return 0;
	}

	unsigned int further_spare(unsigned int i)
	{
		constexpr unsigned int taken = 4;

		if (argc_ - i < taken) {
			words_.fail("feature", argv_[i], TableFault::spare_incomplete);
			return 0;
		}
		if (out_.member_count == DMR_MAX_MEMBERS) {
			words_.fail("spare", argv_[i + 1], TableFault::too_many_spares);
			return 0;
		}
		return spare(&argv_[i + 1]) ? taken : 0;
	}

	unsigned int main_id(unsigned int i)
	{
		bool given = out_.main_id;

		if (!flag(argv_[i], given))
			return 0;
		if (i + 1 == argc_) {
			words_.fail("feature", argv_[i], TableFault::id_missing);
			return 0;
		}
		if (!printable_word(argv_[i + 1], DMR_IDENTITY_SIZE - 1)) {
			words_.fail(argv_[i], argv_[i + 1], TableFault::not_an_id);
			return 0;
		}
		out_.main_id = argv_[i + 1];
		return 2;
	}

	// Fit to be printed as a word of a table line, and to be read again.
	static bool printable_word(const char *text, size_t most)
	{
		size_t n = 0;

		for (; text[n] != '\0' && n <= most; n++)
			if (text[n] <= ' ' || text[n] >= 0x7f || text[n] == '\\')
				return false;
		return n > 0 && n <= most;
	}

	// A feature that may be given once.
	unsigned int flag(const char *name, bool &given)
	{
		if (given) {
			words_.fail("feature", name, TableFault::given_twice);
			return 0;
		}
		given = true;
		return 1;
	}

	// The same with a number after it.
	unsigned int value(unsigned int i, bool &given, TableFault missing, const NumberWord &limits, uint64_t &out)
	{
		if (!flag(argv_[i], given))
			return 0;
		if (i + 1 == argc_) {
			words_.fail("feature", argv_[i], missing);
			return 0;
		}
		return words_.number(argv_[i], argv_[i + 1], limits, out) ? 2 : 0;
	}

	unsigned int argc_;
	char **argv_;
	dmr_table &out_;
	Words words_;
	bool extents_given_ = false;
};

} // namespace

} // namespace dm_remap

int dmr_table_parse(unsigned int argc, char **argv, struct dmr_table *out, char *reason)
{
	return dm_remap::TableParser(argc, argv, *out, reason).parse() ? 0 : -EINVAL;
}
