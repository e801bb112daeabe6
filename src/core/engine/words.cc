// SPDX-License-Identifier: GPL-2.0
#include "core/engine/words.hh"

#include <dm_remap/metadata.h>
#include <dm_remap/text.hh>

namespace dm_remap {

namespace {

// A device's bytes are counted in 63 bits.
constexpr uint64_t max_sectors = (1ull << 54) - 1;
constexpr NumberWord sectors_word = {0, max_sectors, TableFault::not_sectors, TableFault::sectors_too_large};

static_assert(max_sectors == 18014398509481983, "the texts of the faults say so");

} // namespace

Words::Words(char *reason) : reason_(reason)
{
	reason_[0] = '\0';
}

bool Words::fail(const char *argument, const char *value, TableFault fault) const
{
	TextWriter writer(reason_, DMR_REASON_SIZE);

	writer.print("%s ", argument);
	writer.quoted(value);
	writer.print(": %s", text_of(fault));
	return false;
}

bool Words::number(const char *argument, const char *value, const NumberWord &limits, uint64_t &out) const
{
	const Result<uint64_t> number = parse_u64(value, limits.most);

	if (!number.ok() && number.error().code() != ERANGE)
		return fail(argument, value, limits.not_number);
	if (!number.ok() || *number < limits.least)
		return fail(argument, value, limits.out_of_range);
	out = *number;
	return true;
}

bool Words::sectors(const char *argument, const char *value, uint64_t &out) const
{
	return number(argument, value, sectors_word, out);
}

bool Words::count(const char *argument, const char *value, uint32_t follow) const
{
	const Result<uint64_t> number = parse_u64(value);

	if (number.ok() && *number == follow)
		return true;
	if (!number.ok() && number.error().code() != ERANGE)
		return fail(argument, value, TableFault::not_count);
	fail(argument, value, TableFault::wrong_count);
	const size_t used = __builtin_strlen(reason_);
	TextWriter(reason_ + used, DMR_REASON_SIZE - used).print(" %u", follow);
	return false;
}

bool Words::device(const char *argument, const char *value, TableFault fault) const
{
	return (!same_text(value, "") && !same_text(value, "-")) || fail(argument, value, fault);
}

bool Words::range(const char *const (&arguments)[2], const char *start, const char *sectors, bool may_be_empty,
		  uint64_t &out_start, uint64_t &out_sectors) const
{
	if (!this->sectors(arguments[0], start, out_start) || !this->sectors(arguments[1], sectors, out_sectors))
		return false;
	if (!out_sectors && !may_be_empty)
		return fail(arguments[1], sectors, TableFault::no_sectors);
	if (out_sectors > max_sectors - out_start)
		return fail(arguments[1], sectors, TableFault::end_too_large);
	return true;
}

} // namespace dm_remap
