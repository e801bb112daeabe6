// SPDX-License-Identifier: GPL-2.0
// The table line. Looks at nothing but its words: whether devices exist and ranges fit is seen when they are opened.
#include "table_faults.hh"

#include <dm_remap/engine.h>
#include <dm_remap/text.hh>

namespace dm_remap {

namespace {

// A device's bytes are counted in 63 bits.
constexpr uint64_t max_sectors = (1ull << 54) - 1;

static_assert(max_sectors == 18014398509481983 && DMR_READ_RETRIES_MAX == 100, "the texts of the faults say so");

class TableParser final {
public:
	TableParser(unsigned int argc, char **argv, dmr_table &out, char *reason)
		: argc_(argc), argv_(argv), out_(out), reason_(reason)
	{
	}

	bool parse()
	{
		__builtin_memset(&out_, 0, sizeof(out_));
		out_.read_retries = DMR_READ_RETRIES_DEFAULT;
		reason_[0] = '\0';
		return devices() && feature_count() && features();
	}

private:
	static constexpr unsigned int positional = 4;

	bool fail(const char *argument, const char *value, TableFault fault)
	{
		TextWriter writer(reason_, DMR_REASON_SIZE);

		writer.print("%s ", argument);
		writer.quoted(value);
		writer.print(": %s", text_of(fault));
		return false;
	}

	bool devices()
	{
		static constexpr const char *names[positional] = {"main", "spare", "spare_start", "spare_sectors"};
		dmr_table_member &member = out_.members[0];

		if (argc_ < positional)
			return fail(names[argc_], "", TableFault::missing);
		for (unsigned int i = 0; i < 2; i++) {
			if (same_text(argv_[i], "") || same_text(argv_[i], "-"))
				return fail(names[i], argv_[i], TableFault::no_device);
		}
		out_.main_path = argv_[0];
		member.path = argv_[1];
		out_.member_count = 1;
		if (!sectors(names[2], argv_[2], member.start) || !sectors(names[3], argv_[3], member.sectors))
			return false;
		if (member.sectors == 0)
			return fail(names[3], argv_[3], TableFault::no_sectors);
		if (member.sectors > max_sectors - member.start)
			return fail(names[3], argv_[3], TableFault::end_too_large);
		return true;
	}

	// A number, but one beyond its limit.
	template <typename T>
	static bool too_large(const Result<T> &number)
	{
		return number.error().code() == ERANGE;
	}

	bool sectors(const char *argument, const char *value, uint64_t &out)
	{
		const Result<uint64_t> number = parse_u64(value, max_sectors);

		if (!number.ok())
			return fail(argument, value,
				    too_large(number) ? TableFault::sectors_too_large : TableFault::not_sectors);
		out = *number;
		return true;
	}

	bool feature_count()
	{
		if (argc_ == positional)
			return true;

		const char *value = argv_[positional];
		const unsigned int follow = argc_ - positional - 1;
		const Result<uint32_t> number = parse_u32(value);

		if (!number.ok() && !too_large(number))
			return fail("#feature_args", value, TableFault::not_count);
		if (!number.ok() || *number != follow) {
			fail("#feature_args", value, TableFault::wrong_count);
			append_count(follow);
			return false;
		}
		return true;
	}

	void append_count(unsigned int n)
	{
		const size_t used = __builtin_strlen(reason_);

		TextWriter(reason_ + used, DMR_REASON_SIZE - used).print(" %u", n);
	}

	bool features()
	{
		for (unsigned int i = positional + 1; i < argc_; i++) {
			const char *name = argv_[i];

			if (same_text(name, "format")) {
				if (out_.format)
					return fail("feature", name, TableFault::given_twice);
				out_.format = true;
			} else if (same_text(name, "read_retries")) {
				if (out_.read_retries_given)
					return fail("feature", name, TableFault::given_twice);
				if (++i == argc_)
					return fail("feature", name, TableFault::retries_missing);
				if (!retries(argv_[i]))
					return false;
			} else {
				return fail("feature", name, TableFault::unknown_feature);
			}
		}
		return true;
	}

	bool retries(const char *value)
	{
		const Result<uint32_t> number = parse_u32(value, DMR_READ_RETRIES_MAX);

		if (!number.ok())
			return fail("read_retries", value,
				    too_large(number) ? TableFault::too_many_retries : TableFault::not_retries);
		out_.read_retries = *number;
		out_.read_retries_given = true;
		return true;
	}

	unsigned int argc_;
	char **argv_;
	dmr_table &out_;
	char *reason_;
};

} // namespace

} // namespace dm_remap

int dmr_table_parse(unsigned int argc, char **argv, struct dmr_table *out, char *reason)
{
	return dm_remap::TableParser(argc, argv, *out, reason).parse() ? 0 : -EINVAL;
}
