// SPDX-License-Identifier: GPL-2.0
// All that can be wrong with the words of a table line or of a message, and the words for it. A reason
// reads: argument 'value': what is wrong; what to do.
#ifndef DM_REMAP_CORE_TABLE_FAULTS_HH
#define DM_REMAP_CORE_TABLE_FAULTS_HH

#include <cstddef>
#include <cstdint>

namespace dm_remap {

enum class TableFault : uint8_t {
	missing,
	no_device,
	no_spare,
	not_sectors,
	sectors_too_large,
	no_sectors,
	end_too_large,
	not_count,
	wrong_count,	// followed by the right one
	unknown_feature,
	given_twice,
	spare_incomplete,
	too_many_spares,
	force_alone,
	extents_missing,
	not_extents,
	extents_out_of_range,
	retries_missing,
	not_retries,
	too_many_retries,
	id_missing,
	not_an_id,
	// of messages
	add_device_missing,
	add_sectors_missing,
	add_too_many,
	remove_device_missing,
	remove_unknown,
	remove_too_many,
	forget_number_missing,
	not_spare_number,
	forget_unknown,
	forget_too_many,
	list_not_count,
	list_too_many,
	hand_sector_missing,
	hand_no_count,
	hand_too_many,
	hand_no_words,
	scrub_word_missing,
	scrub_unknown,
	scrub_too_many,
	scrub_rate_missing,
	scrub_not_rate,
	guard_sector_missing,
	guard_count_missing,
	guard_too_many,
	count_		// how many there are
};

struct TableFaultText final {
	TableFault fault;
	const char *text;
};

inline constexpr TableFaultText table_fault_texts[] = {
	{TableFault::missing,
	 "missing; the line is <main> <spare> <spare_start> <spare_sectors> [<#feature_args> <feature_arg>...]"},
	{TableFault::no_device, "not a device; give its path or <major>:<minor>"},
	{TableFault::no_spare, "not a device; give its path or <major>:<minor>, or - for a missing spare"},
	{TableFault::not_sectors, "not a number of 512-byte sectors; give decimal digits only"},
	{TableFault::sectors_too_large, "too large; no device has more than 18014398509481983 sectors"},
	{TableFault::no_sectors, "leaves no room for a spare; give the length of the range in 512-byte sectors"},
	{TableFault::end_too_large,
	 "too large; with its start it goes beyond 18014398509481983 sectors, more than any device has"},
	{TableFault::not_count, "not a number; give how many arguments follow"},
	{TableFault::wrong_count, "wrong; the number of arguments that follow is"},
	{TableFault::unknown_feature,
	 "unknown; the features are: spare <dev> <start> <sectors>, degraded, force, format, main_id <text>, "
	 "max_extents <n>, new_main, read_retries <n>"},
	{TableFault::given_twice, "given twice; give it once"},
	{TableFault::spare_incomplete, "incomplete; give <dev> <start> <sectors> after it"},
	{TableFault::too_many_spares, "too many; a set has at most 16 spares, name no more, the first one included"},
	{TableFault::force_alone, "means nothing alone; give degraded too, or leave it out"},
	{TableFault::extents_missing, "has no value; give a number from 1 to 16777216 after it"},
	{TableFault::not_extents, "not a number; give one from 1 to 16777216"},
	{TableFault::extents_out_of_range, "out of range; give a number from 1 to 16777216"},
	{TableFault::retries_missing, "has no value; give a number from 0 to 100 after it"},
	{TableFault::not_retries, "not a number; give one from 0 to 100"},
	{TableFault::too_many_retries, "too large; give a number from 0 to 100"},
	{TableFault::id_missing, "has no value; give what udev calls main's disk after it (ID_WWN, ID_SERIAL)"},
	{TableFault::not_an_id, "not usable; give 1 to 95 printable ASCII characters, no space, no backslash"},
	{TableFault::add_device_missing, "names no spare; the message is add_spare <dev> [<start> <sectors>]"},
	{TableFault::add_sectors_missing,
	 "missing; after a start give the sectors, the message is add_spare <dev> [<start> <sectors>]"},
	{TableFault::add_too_many, "one word too many; the message is add_spare <dev> [<start> <sectors>]"},
	{TableFault::remove_device_missing, "names no spare; the message is remove_spare <dev> [cancel|force]"},
	{TableFault::remove_unknown, "unknown; the message is remove_spare <dev> [cancel|force]"},
	{TableFault::remove_too_many, "one word too many; the message is remove_spare <dev> [cancel|force]"},
	{TableFault::forget_number_missing, "names no spare; the message is forget_spare <number> [force]"},
	{TableFault::not_spare_number, "not the number of a spare; give one from 0 to 15, as 'status' tells it"},
	{TableFault::forget_unknown, "unknown; the message is forget_spare <number> [force]"},
	{TableFault::forget_too_many, "one word too many; the message is forget_spare <number> [force]"},
	{TableFault::list_not_count, "not a number of extents; give one from 1 to 65536"},
	{TableFault::list_too_many, "one word too many; the message is list [<from> [<count>]]"},
	{TableFault::hand_sector_missing, "names no sector; give the 512-byte sector of main, and how many, if not 1"},
	{TableFault::hand_no_count, "names no sector; give how many 512-byte sectors, at least 1"},
	{TableFault::hand_too_many, "one word too many; give a sector, and how many, if not 1"},
	{TableFault::hand_no_words, "one word too many; this message takes none"},
	{TableFault::scrub_word_missing, "incomplete; the message is scrub start|stop|pause|resume|status, or scrub rate <sectors per second>"},
	{TableFault::scrub_unknown, "unknown; the message is scrub start|stop|pause|resume|status, or scrub rate <sectors per second>"},
	{TableFault::scrub_too_many, "one word too many; only 'scrub rate' takes another one"},
	{TableFault::scrub_rate_missing, "has no value; give 512-byte sectors per second after it, 0 for no limit"},
	{TableFault::scrub_not_rate, "not a rate; give 512-byte sectors per second, at most 4294967295, 0 for no limit"},
	{TableFault::guard_sector_missing, "names no sector; the message is guard <sector> <count> [<sector> <count>...]"},
	{TableFault::guard_count_missing,
	 "missing; behind each sector say how many, the message is guard <sector> <count> [<sector> <count>...]"},
	{TableFault::guard_too_many, "too many; name 32 ranges at most, and the others when this job has ended"},
};

constexpr const char *text_of(TableFault fault)
{
	return table_fault_texts[static_cast<size_t>(fault)].text;
}

constexpr bool table_faults_complete()
{
	for (size_t i = 0; i < static_cast<size_t>(TableFault::count_); i++) {
		if (table_fault_texts[i].fault != static_cast<TableFault>(i))
			return false;
	}
	return sizeof(table_fault_texts) / sizeof(table_fault_texts[0]) == static_cast<size_t>(TableFault::count_);
}
static_assert(table_faults_complete(), "one text for each fault, in their order");

} // namespace dm_remap

#endif
