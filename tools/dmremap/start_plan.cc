// SPDX-License-Identifier: GPL-2.0
#include "start_plan.hh"

#include "setup_text.hh"

#include "reassembly/main_check.hh"

#include <dm_remap/engine.h>
#include <dm_remap/lineage.hh>

#include <algorithm>

namespace dm_remap::tool {

namespace {

void refuse_what_is_not_one(const SeenSet &set)
{
	for (size_t i = 0; i < set.members.size(); i++)
		for (size_t k = 0; k < i; k++) {
			const Member &a = set.members[k], &b = set.members[i];

			if (same_uuid(a.own().uuid, b.own().uuid))
				throw Failure(ExitStatus::failed, "not-one-set",
					      fmt::format("{} and {} carry the same spare's UUID, {}: one is a copy; name the one that was in use "
							  "last, and the set's others, with --spare",
							  a.path(), b.path(), uuid_text(a.own().uuid)));
			if (diverged(a.setup(), b.setup()))
				throw Failure(ExitStatus::failed, "not-one-set",
					      fmt::format("{} and {} went separate ways, each was started without the other: save what each alone has, "
							  "started by --spare with --degraded and --force; then blank one to add it again",
							  a.path(), b.path()));
		}
}

std::string called(const dmr_setup &setup, uint32_t slot)
{
	const dmr_member_entry &entry = setup.members[slot];

	return fmt::format("spare {} (UUID {}{}{}, {} sectors)", slot, uuid_text(entry.uuid), entry.identity[0] ? ", " : "",
			   shown(entry.identity), entry.sectors);
}

// The spares that are left out, if they may be.
std::vector<uint32_t> left_out(const SeenSet &set, const StartWishes &wishes)
{
	const dmr_setup &setup = set.newest();
	std::vector<uint32_t> out;

	for (uint32_t slot = 0; slot < setup.member_count; slot++) {
		const dmr_member_entry &entry = setup.members[slot];

		if (!belongs(entry) || set.member(slot))
			continue;
		out.push_back(slot);
		if (entry.state == DMR_MEMBER_DROPPED && !wishes.degraded)
			throw Failure(ExitStatus::would_lose, "missing",
				      fmt::format("{} is not there; the others have recorded that it was dropped. Connect it; to start without it, "
						  "and with what lives on it unreadable until it is written, add --degraded",
						  called(setup, slot)));
		if (entry.state == DMR_MEMBER_ACTIVE && !(wishes.degraded && wishes.force))
			throw Failure(ExitStatus::would_lose, "missing",
				      fmt::format("{} is not there. Connect it; to start without it, though it may know more than the others do, "
						  "which would be lost, add --degraded and --force",
						  called(setup, slot)));
	}
	return out;
}

void refuse_other_main(const dmr_main_identity &known, const MainNow &now, const StartWishes &wishes)
{
	using reassembly::MainMatch;
	const MainMatch match = reassembly::match_mains(known, now.identity, now.place.c_str());
	const auto refuse = [&](const std::string &why) { throw Failure(ExitStatus::failed, "wrong-main", now.path + ": " + why); };

	if (known.block_bytes != now.identity.block_bytes)
		refuse(fmt::format("its blocks are of {} bytes, those of the set's main of {}: it is another disk", now.identity.block_bytes,
				   known.block_bytes));
	if (wishes.new_main)
		return;
	if (match == MainMatch::copied || match == MainMatch::another)
		refuse(fmt::format("the set's main is {}, this is {}: name that one; if this is a raw copy of it, to be main from now on, add --new-main",
				   main_text(known), main_text(now.identity)));
	if (now.identity.sectors < known.sectors)
		refuse(fmt::format("it has {} sectors, the set's main had {}: it is another disk, or a part of it is hidden (hdparm -N): make it as "
				   "large again; if it was made smaller on purpose, add --new-main",
				   now.identity.sectors, known.sectors));
}

using Words = std::vector<std::string>;

void add_features(Words &words, const MainNow &main, const StartWishes &wishes, const dmr_setup &setup, bool any_left_out)
{
	const uint64_t read_retries = wishes.read_retries.value_or(setup.read_retries);

	if (main.identity.id[0])
		words.insert(words.end(), {"main_id", main.identity.id});
	if (read_retries != DMR_READ_RETRIES_DEFAULT)
		words.insert(words.end(), {"read_retries", std::to_string(read_retries)});
	if (wishes.new_main)
		words.push_back("new_main");
	if (any_left_out)
		words.push_back("degraded");
	if (any_left_out && wishes.force)
		words.push_back("force");
}

} // namespace

std::string table_word(const std::string &path)
{
	std::string out;

	for (const char c : path) {
		if (c == '\n')
			throw Failure(ExitStatus::failed, "refused", fmt::format("'{}' has a line break in it, and a table line has none", shown(path)));
		if (c == ' ' || c == '\\' || c == '\t')
			out += '\\';
		out += c;
	}
	return out;
}

std::string table_arguments(const std::string &main, const std::vector<RangeWords> &spares, std::vector<std::string> features)
{
	const auto range = [](const RangeWords &spare) {
		return std::vector<std::string>{table_word(spare.path), std::to_string(spare.start), std::to_string(spare.sectors)};
	};
	std::string out = table_word(main);
	Words further;

	for (size_t i = 1; i < spares.size(); i++) {
		further.push_back("spare");
		for (std::string &word : range(spares[i]))
			further.push_back(std::move(word));
	}
	features.insert(features.begin(), further.begin(), further.end());
	out += fmt::format(" {}", fmt::join(range(spares.front()), " "));
	return features.empty() ? out : out + fmt::format(" {} {}", features.size(), fmt::join(features, " "));
}

StartPlan plan_start(const SeenSet &set, const MainNow &main, const StartWishes &wishes)
{
	const dmr_setup &setup = set.newest();
	StartPlan plan;
	std::vector<RangeWords> spares;
	Words words;

	refuse_what_is_not_one(set);
	plan.left_out = left_out(set, wishes);
	refuse_other_main(setup.main, main, wishes);
	for (uint32_t slot = 0; slot < setup.member_count; slot++)
		if (const Member *member = belongs(setup.members[slot]) ? set.member(slot) : nullptr)
			spares.push_back({member->name.path, member->range.start, setup.members[slot].sectors});
	add_features(words, main, wishes, setup, !plan.left_out.empty());
	plan.segment = {0, wishes.grow ? main.identity.sectors : std::min(setup.main.sectors, main.identity.sectors), "remap",
			table_arguments(main.path, spares, std::move(words))};
	return plan;
}

} // namespace dm_remap::tool
