// SPDX-License-Identifier: GPL-2.0
// repair DEV... --to DEV...: the set anew, on other spares, with all that can still be known of its map and read of its data. What it
// reads from is never written.
//
// The new spares are new members of the same set, in a new branch, so that nobody takes the old ones for them. Blocks that an old spare
// does not give stay on it: it is recorded as dropped, as one that is missing, and reads of them fail until they are written anew, or
// it is found and gives them.
#include "record_kind.hh"
#include "salvage.hh"
#include "set_writer.hh"
#include "verbs.hh"

#include <dm_remap/lineage.hh>

#include <algorithm>
#include <unistd.h>

namespace dm_remap::tool {

namespace {

constexpr uint32_t most_at_once = 1024; // sectors

class Repair final : public Verb {
public:
	const char *name() const override { return "repair"; }
	const char *summary() const override { return "bring a damaged set to other spares, with all that can be known"; }

	void options(Options &o) override
	{
		o.several("device", names_, Takes::device, "DEV[@START[+SECTORS]]...", "the spares of the set, or images of them: only read");
		o.required();
		o.several("--to", to_, Takes::device, "DEV[@START[+SECTORS]]...", "blank spares that take their place");
		o.required();
	}

	int run(Answer &answer) override
	{
		SetReader set(open_members(names_), answer);

		find_out(set);
		open_targets(set, answer);
		check_room(set);
		tell_losses(answer, set);
		ask_about_missing(answer, set);
		if (loses_)
			answer.confirm("What is not known is given up: main serves those blocks, with what it holds.");
		if (!answer.manners().dry_run)
			carry_out(set, answer);
		report(answer, set);
		return static_cast<int>(ExitStatus::done);
	}

private:
	// The product's own load, if it believes what it finds; else whatever there is.
	void find_out(SetReader &set)
	{
		try {
			set.load();
			index_ = &set.map().index();
			set.each_bad([&](const dmr_spare_extent &bad) { bad_.push_back(bad); });
			generation_ = set.generation();
		} catch (const Failure &failure) {
			if (failure.id() == "memory")
				throw;
			refusal_ = failure.what();
			salvage_ = std::make_unique<Salvage>(set);
			index_ = &salvage_->index();
			bad_ = salvage_->bad();
			generation_ = salvage_->generation();
			holes_ = salvage_->holes();
			loses_ = !holes_.empty() || !salvage_->lost_commits().empty();
		}
	}

	// They join the set as spares do, with its layout, in slots that are free.
	void open_targets(const SetReader &set, Answer &answer)
	{
		setup_ = set.setup();
		targets_.reserve(to_.size());
		for (const std::string &name : to_) {
			uint32_t slot = 0;
			char text[DMR_REASON_SIZE] = "";
			metadata::Reason reason(text);

			while (slot < DMR_MAX_MEMBERS && setup_.members[slot].state != DMR_MEMBER_ABSENT)
				slot++;
			if (slot == DMR_MAX_MEMBERS)
				throw Failure(ExitStatus::failed, "refused", fmt::format("{}: a set has at most {} spares", name, int{DMR_MAX_MEMBERS}));
			targets_.push_back(open_target(MemberName::parse(name), nullptr, setup_));
			Member &target = targets_.back();
			dmr_member_entry &entry = setup_.members[slot];
			const uint64_t block = set.block_size().sectors();

			for (const Member &source : set.members())
				if (same_device(source, target))
					throw Failure(ExitStatus::would_lose, "same-device", fmt::format("{} is what is read: name another", name));
			target.range.sectors = target.range.sectors / block * block;
			refuse_overlap(target, {targets_.data(), targets_.size() - 1});
			refuse_unless_blank(target, answer);
			if (metadata::lay_out_further(target.range, setup_, entry, reason))
				throw Failure(ExitStatus::failed, "too-small", os::name_paths(text));
			random_uuid(entry.uuid);
			entry.state = DMR_MEMBER_ACTIVE;
			setup_.member_count = std::max(setup_.member_count, slot + 1);
			by_slot_[slot] = &target;
			slots_.push_back(slot);
		}
	}

	Blocks room(uint32_t slot) const
	{
		const dmr_member_entry &entry = setup_.members[slot];
		const uint64_t block = BlockSize(setup_.main.block_bytes).sectors();

		return Blocks(entry.sectors / block - first_block(entry).value);
	}
	SpareBlock first_block(const dmr_member_entry &entry) const
	{
		const uint64_t block = BlockSize(setup_.main.block_bytes).sectors();

		return SpareBlock((entry.data_start + block - 1) / block);
	}

	void check_room(const SetReader &set)
	{
		uint64_t needed = 0, there = 0;

		each_extent([&](const Extent &extent) {
			if (extent.kind == ExtentKind::mapped && set.member(extent.member))
				needed += extent.length.value;
		});
		for (const uint32_t slot : slots_)
			there += room(slot).value;
		if (needed > there)
			throw Failure(ExitStatus::failed, "too-small",
				      fmt::format("{} spare blocks are in use, and there is room for {}: name a further spare with --to", needed, there));
	}

	template <typename F>
	void each_extent(F f) const
	{
		Extent extent;

		for (MainBlock at; index_->first_from(at, extent); at = extent.end())
			f(extent);
	}

	void tell_losses(Answer &answer, const SetReader &set)
	{
		const BlockSize block = set.block_size();

		if (!refusal_.empty())
			answer.warn("damaged", refusal_);
		for (const Hole &hole : holes_)
			answer.warn("unknown", fmt::format("sectors {} to {} of main: nobody knows which of them are remapped",
							   block.to_sectors(hole.start).value,
							   block.to_sectors(hole.start + hole.length).value - 1));
		if (!salvage_)
			return;
		for (const uint64_t generation : salvage_->lost_commits())
			answer.warn("lost-commit", fmt::format("commit {} is lost: nobody knows which blocks it was about, up to {} runs of them", generation,
							       format::records_per_unit));
		if (salvage_->bad_lost())
			answer.warn("bad-unknown", "which spare blocks were bad is known in part");
	}

	// What was remapped while the others were away it alone may know: only a spare that is recorded as dropped is known to be behind.
	static void ask_about_missing(Answer &answer, const SetReader &set)
	{
		for (uint32_t slot = 0; slot < set.setup().member_count; slot++) {
			const dmr_member_entry &entry = set.setup().members[slot];

			if (entry.state == DMR_MEMBER_ACTIVE && !set.member(slot))
				answer.confirm(fmt::format("Spare {} ({}) is not named here, and may alone know what was remapped last: that is given up, and "
							   "old data is read in its place. The spare can never be joined again.",
							   slot, uuid_text(entry.uuid)));
		}
	}

	// Data first, then the map, the marks of which say to the end that nothing is there yet.
	void carry_out(const SetReader &set, Answer &answer)
	{
		const std::unique_ptr<void, void (*)(void *)> buffer(dmr_io_buffer_alloc(size_t{most_at_once} * DMR_SECTOR_SIZE), dmr_free);

		if (!buffer)
			throw std::bad_alloc();
		target_ = 0;
		next_ = first_block(setup_.members[slots_[0]]);
		each_extent([&](const Extent &extent) { copy_extent(set, extent, static_cast<uint8_t *>(buffer.get()), answer); });
		for (const uint32_t slot : slots_)
			if (by_slot_[slot]->device->flush() != DMR_STS_OK)
				throw Failure(ExitStatus::failed, "io", by_slot_[slot]->path() + ": a flush failed");
		settle_members(set);

		MapState map(setup_);

		for (const dmr_record &record : records_)
			if (const char *why = map.add(record))
				throw Failure(ExitStatus::failed, "refused", fmt::format("block {} of main {}", record.main_block, why));
		for (const dmr_spare_extent &bad : bad_)
			if (setup_.members[bad.member].state != DMR_MEMBER_ABSENT)
				map.add({0, bad.block, bad.length, DMR_RECORD_BAD_SPARE, static_cast<uint8_t>(bad.member), 0});
		write_set(setup_, by_slot_, map, generation_ + 2);
		extents_ = map.index().extents();
	}

	// In pieces that fit the buffer and a target. What cannot be read in one piece is read block by block.
	void copy_extent(const SetReader &set, const Extent &extent, uint8_t *buffer, Answer &answer)
	{
		const uint32_t block = set.block_size().sectors();

		if (extent.kind != ExtentKind::mapped) {
			records_.push_back({extent.start.value, 0, static_cast<uint32_t>(extent.length.value), record_kind(extent.kind), 0, 0});
			return;
		}
		for (uint64_t done = 0, n = 0; done < extent.length.value; done += n) {
			n = std::min<uint64_t>(extent.length.value - done, most_at_once / block);
			if (set.member(extent.member) && copy(set, extent, done, n, buffer))
				continue;
			for (uint64_t i = 0; i < n; i++)
				if (!set.member(extent.member) || !copy(set, extent, done + i, 1, buffer))
					leave(extent, done + i, set, answer);
		}
	}

	bool copy(const SetReader &set, const Extent &extent, uint64_t done, uint64_t n, uint8_t *buffer)
	{
		const BlockSize block = set.block_size();
		dmr_device &from = *set.member(extent.member)->device;
		const uint32_t sectors = static_cast<uint32_t>(block.to_sectors(Blocks(n)).value);

		if (from.read(set.spare_sector(extent.member, extent.spare + Blocks(done)), buffer, sectors) != DMR_STS_OK)
			return false;
		for (uint64_t i = 0, part = 0; i < n; i += part) {
			while (next_.value >= first_block(setup_.members[slots_[target_]]).value + room(slots_[target_]).value)
				next_ = first_block(setup_.members[slots_[++target_]]);
			const uint32_t slot = slots_[target_];
			const Member &to = *by_slot_[slot];

			part = std::min(n - i, first_block(setup_.members[slot]).value + room(slot).value - next_.value);
			const uint64_t at = to.range.start + block.to_sectors(next_).value;

			if (to.device->write(at, buffer + block.to_sectors(Blocks(i)).value * DMR_SECTOR_SIZE,
					     static_cast<uint32_t>(block.to_sectors(Blocks(part)).value), 0) != DMR_STS_OK)
				throw Failure(ExitStatus::failed, "io",
					      fmt::format("{}: sector {}, or one behind it, cannot be written: name another spare", to.path(), at));
			records_.push_back({extent.start.value + done + i, next_.value, static_cast<uint32_t>(part), DMR_RECORD_MAP,
					    static_cast<uint8_t>(slot), record_flags(extent)});
			next_ = next_ + Blocks(part);
			copied_ += part;
		}
		return true;
	}

	void leave(const Extent &extent, uint64_t done, const SetReader &set, Answer &answer)
	{
		const Member *member = set.member(extent.member);

		left_[extent.member]++;
		records_.push_back({extent.start.value + done, extent.spare.value + done, 1, DMR_RECORD_MAP, extent.member, record_flags(extent)});
		if (member && unreadable_++ < 20)
			answer.warn("unreadable", fmt::format("{}: sector {} cannot be read: block {} of main stays on it", member->path(),
							      set.spare_sector(extent.member, extent.spare + Blocks(done)),
							      extent.start.value + done));
	}

	// Those that were in the set before are behind from now on; of which nothing is needed any more are in it no longer.
	void settle_members(const SetReader &set)
	{
		uint8_t branch[DMR_UUID_SIZE];

		for (uint32_t slot = 0; slot < set.setup().member_count; slot++) {
			dmr_member_entry &entry = setup_.members[slot];

			if (!set.has_slot(slot))
				continue;
			if (left_[slot] || !set.member(slot))
				entry.state = DMR_MEMBER_DROPPED;
			else
				entry = {};
		}
		random_uuid(branch);
		start_branch(setup_, branch);
		setup_.generation++;
	}

	void report(Answer &answer, const SetReader &set) const
	{
		const BlockSize block = set.block_size();
		uint64_t left = 0;

		for (const uint64_t blocks : left_)
			left += blocks;
		if (!answer.as_json()) {
			if (answer.manners().dry_run)
				return answer.line("generation {} and {} extents are known; nothing was written", generation_, index_->extents());
			answer.line("{} extents; {} sectors of data were copied, {} stay where they are", extents_,
				    block.to_sectors(Blocks(copied_)).value, block.to_sectors(Blocks(left)).value);
			return answer.line("use the new spares alone from now on, and keep the old ones until the data was looked at");
		}
		JsonWriter &out = answer.json();

		out.value("set", uuid_text(setup_.set_uuid));
		out.value("written", !answer.manners().dry_run);
		out.value("loads", refusal_.empty());
		out.value("generation", answer.manners().dry_run ? generation_ : generation_ + 2);
		out.value("extents", answer.manners().dry_run ? index_->extents() : extents_);
		out.value("copied_sectors", block.to_sectors(Blocks(copied_)).value);
		out.value("left_sectors", block.to_sectors(Blocks(left)).value);
		out.begin_array("unknown");
		for (const Hole &hole : holes_) {
			out.begin_object({}, JsonWriter::Style::compact);
			out.value("sector", block.to_sectors(hole.start).value);
			out.value("sectors", block.to_sectors(hole.length).value);
			out.end();
		}
		out.end();
		out.begin_array("lost_commits", JsonWriter::Style::compact);
		for (const uint64_t generation : salvage_ ? salvage_->lost_commits() : std::vector<uint64_t>())
			out.value({}, generation);
		out.end();
	}

	std::vector<std::string> names_, to_;
	std::string refusal_;
	std::unique_ptr<Salvage> salvage_;
	const ExtentIndex *index_ = nullptr;
	std::vector<dmr_spare_extent> bad_;
	std::vector<Hole> holes_;
	bool loses_ = false;
	uint64_t generation_ = 0, extents_ = 0, copied_ = 0, unreadable_ = 0;
	dmr_setup setup_ = {};
	std::vector<Member> targets_;
	std::vector<uint32_t> slots_;	// of the targets
	std::array<const Member *, DMR_MAX_MEMBERS> by_slot_ = {};
	size_t target_ = 0;
	SpareBlock next_;
	std::vector<dmr_record> records_;
	std::array<uint64_t, DMR_MAX_MEMBERS> left_ = {};
};

} // namespace

std::unique_ptr<Verb> make_repair()
{
	return std::make_unique<Repair>();
}

} // namespace dm_remap::tool
