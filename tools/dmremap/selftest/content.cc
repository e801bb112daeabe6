// SPDX-License-Identifier: GPL-2.0
#include "selftest/content.hh"

#include "answer.hh"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>

namespace dm_remap::tool {

SectorBuffer::SectorBuffer(uint64_t sectors) : data_(sectors)
{
	std::memset(data(), 0xa5, sectors * 512);
}

void Content::next_write(SectorRange range)
{
	last_++;
	std::fill_n(writes_.begin() + static_cast<ptrdiff_t>(range.start), range.sectors, last_);
}

std::string Content::text(uint64_t sector, uint32_t write)
{
	return fmt::format("dmremap selftest: sector {} of write {}", sector, write);
}

void Content::fill(SectorRange range, SectorBuffer &out) const
{
	for (uint64_t i = 0; i < range.sectors; i++) {
		const std::string holds = of(range.start + i);
		const std::span<uint8_t> to = out.sector(i);

		std::fill(std::copy(holds.begin(), holds.end(), to.begin()), to.end(), uint8_t{'\n'});
	}
}

std::optional<std::string> Content::difference(SectorRange range, SectorBuffer &read) const
{
	SectorBuffer expected(range.sectors);

	fill(range, expected);
	for (uint64_t i = 0; i < range.sectors; i++) {
		const std::span<uint8_t> is = read.sector(i);

		if (std::ranges::equal(is, expected.sector(i)))
			continue;
		const bool zero = std::ranges::all_of(is, [](uint8_t byte) { return byte == 0; });
		const std::string found(is.begin(), std::find(is.begin(), is.end(), uint8_t{'\n'}));

		return fmt::format("sector {} holds {} in the place of '{}'", range.start + i,
				   zero					 ? "zeroes"
				   : found.starts_with("dmremap selftest") ? "'" + shown(found) + "'"
									 : "something else",
				   of(range.start + i));
	}
	return {};
}

} // namespace dm_remap::tool
