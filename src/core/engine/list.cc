// SPDX-License-Identifier: GPL-2.0
// The message that lists extents, piece by piece. Where an answer ends is a sector of main: whatever is committed between two
// answers, or while one is written, each sector is listed once at most, as it is at that moment.
#include "core/engine/engine.hh"

namespace dm_remap {

using ull = unsigned long long;

// The first extent that ends after `at`, without what it has before that. Also beyond the end of the table.
bool Engine::listed_next(MainBlock at, Extent &out) const
{
	constexpr MainBlock last(~0ull);

	while (at < last) {
		const IndexAnswer answer = map_.lookup(at, last);

		if (answer.found) {
			out = answer.extent.start < at ? answer.extent.from(at) : answer.extent;
			return true;
		}
		at = answer.extent.end();
	}
	return false;
}

// Of a spare that is missing nobody knows where its range begins.
void Engine::list_extent(TextWriter &out, const Extent &extent) const
{
	out.print("extent main=%llu sectors=%llu kind=%s", ull(block_size_.to_sectors(extent.start).value),
		  ull(block_size_.to_sectors(extent.length).value), kind_text(extent.kind));
	if (extent.kind == ExtentKind::mapped)
		out.print(" spare=%u", extent.member);
	if (extent.kind == ExtentKind::mapped && members_.present(extent.member))
		out.print(" spare_sector=%llu",
			  ull(members_.range(extent.member).start + block_size_.to_sectors(extent.spare).value));
	if (extent.guarded)
		out.print(" guarded=1");
	out.put('\n');
}

int Engine::list(unsigned int argc, char **argv, TextWriter &out, char *reason)
{
	// The longest line there can be, and the last one.
	static constexpr size_t line = 144, last_line = 64;
	dmr_list_message message;
	dmr_snapshot s;
	const int parsed = dmr_list_message_parse(argc, argv, &message, reason);

	if (parsed <= 0)
		return parsed;
	map_.snapshot(s);
	MainBlock at = block_size_.main_block(Sectors(message.from));
	Extent extent;
	bool more = listed_next(at, extent);

	// The first one is written in any case: into a buffer that is too small for it dm has the answer written again.
	for (uint64_t n = 0; more && n < message.count && (n == 0 || out.room() >= line + last_line); n++) {
		list_extent(out, extent);
		at = extent.end();
		more = listed_next(at, extent);
	}
	if (more)
		out.print("next=%llu generation=%llu\n", ull(block_size_.to_sectors(at).value), ull(s.generation));
	else
		out.print("end generation=%llu\n", ull(s.generation));
	return 1;
}

} // namespace dm_remap
