// SPDX-License-Identifier: GPL-2.0
#include "lists/plan.hh"

#include "lists/text.hh"

#include <algorithm>
#include <dm_remap/kernel_api.h>
#include <fmt/format.h>

namespace dm_remap::tool {

namespace {

// Blocks of the list that the device has, all of each.
class Fit final {
public:
	Fit(const BlockList &list, uint64_t unit, const ListedDevice &device)
		: list_(list), unit_(unit), blocks_(device.sectors * DMR_SECTOR_SIZE / unit), device_(device) {}

	void refuse_beyond(const std::string &advice) const
	{
		const ListedRun *first = nullptr;
		uint64_t more = 0;

		for (const ListedRun &run : list_.runs) {
			if (!beyond(run))
				continue;
			if (first)
				more++;
			else
				first = &run;
		}
		if (!first)
			return;
		const uint64_t block = std::max(first->first, blocks_);

		lists::refuse(list_.place(*first, block), fmt::format("{} is beyond {}, which has {} sectors of 512 bytes{}. Nothing was moved. {}", text(block),
								      device_.path, device_.sectors, more ? fmt::format("; so are {} more entries", more) : "", advice));
	}
	// May the number have been cut off? All ones stand for one that has no place.
	bool cut_off(const ListedRun &run) const
	{
		return run.bits < 64 && (blocks_ >> run.bits || run.first == (uint64_t{1} << run.bits) - 1);
	}
	bool other_space(const ListedRun &run) const { return run.name_space && device_.name_space && run.name_space != device_.name_space; }

private:
	bool beyond(const ListedRun &run) const
	{
		return !other_space(run) && !cut_off(run) && (run.first >= blocks_ || run.count > blocks_ - run.first);
	}
	std::string text(uint64_t block) const
	{
		return unit_ == 1 ? fmt::format("byte {}", block) : fmt::format("block {} of {} bytes", block, unit_);
	}

	const BlockList &list_;
	uint64_t unit_, blocks_;
	const ListedDevice &device_;
};

} // namespace

ImportPlan plan_import(const BlockList &list, uint64_t unit, uint32_t block_bytes, const ListedDevice &device, const std::string &advice)
{
	const Fit fit(list, unit, device);
	const Range main = {device.main.start * DMR_SECTOR_SIZE, device.main.sectors * DMR_SECTOR_SIZE};
	std::vector<Range> ranges;
	ImportPlan plan;

	fit.refuse_beyond(advice);
	ranges.reserve(list.runs.size());
	for (const ListedRun &run : list.runs) {
		const Range bytes = common({run.first * unit, run.count * unit}, main);

		if (fit.other_space(run))
			plan.other_space++;
		else if (fit.cut_off(run))
			plan.cut_off++;
		else if (!bytes.count)
			plan.elsewhere++;
		else
			ranges.push_back({bytes.start - main.start, bytes.count});
	}
	// Main's last block is whole, and so is what is rounded out.
	const RangeSet in_bytes = RangeSet(std::move(ranges)).rounded_out(block_bytes);

	ranges.clear();
	for (const Range &range : in_bytes.ranges())
		ranges.push_back(common({range.start / DMR_SECTOR_SIZE, range.count / DMR_SECTOR_SIZE}, {0, device.main.sectors}));
	plan.ranges = RangeSet(std::move(ranges));
	plan.sectors = plan.ranges.count();
	return plan;
}

} // namespace dm_remap::tool
