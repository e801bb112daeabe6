// SPDX-License-Identifier: GPL-2.0
#include "state.hh"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace dm_remap::crash {

const uint8_t *Image::chunk(uint64_t number) const
{
	const auto own = own_.find(number);

	return own == own_.end() ? durable_.data() + number * chunk_bytes : own->second->data();
}

void Image::read(uint64_t at, void *out, size_t n) const
{
	auto *to = static_cast<uint8_t *>(out);

	while (n) {
		const size_t offset = at % chunk_bytes, part = std::min(n, chunk_bytes - offset);

		std::memcpy(to, chunk(at / chunk_bytes) + offset, part);
		at += part, to += part, n -= part;
	}
}

void Image::write(uint64_t at, const void *data, size_t n)
{
	auto *from = static_cast<const uint8_t *>(data);

	while (n) {
		const size_t offset = at % chunk_bytes, part = std::min(n, chunk_bytes - offset);
		auto &own = own_[at / chunk_bytes];

		if (!own) {
			own = std::make_unique<std::array<uint8_t, chunk_bytes>>();
			std::memcpy(own->data(), durable_.data() + at - offset, chunk_bytes);
		}
		std::memcpy(own->data() + offset, from, part);
		at += part, from += part, n -= part;
	}
}

// s_magic is at byte 0x38, and in a primary superblock of blocks of 4 KiB s_first_data_block, at 0x14, is 0: what the test
// makes (record.sh).
bool begins_ext4_superblock(const uint8_t *sector)
{
	static constexpr uint8_t magic[] = {0x53, 0xef}, first_data_block[4] = {};

	return !std::memcmp(sector + 0x38, magic, sizeof(magic)) &&
	       !std::memcmp(sector + 0x14, first_data_block, sizeof(first_data_block));
}

DiskHistory::DiskHistory(uint64_t bytes) : durable_(bytes), is_touched_(bytes / chunk_bytes) {}

void DiskHistory::apply(const Entry &entry)
{
	if (entry.kind == EntryKind::flush) {
		settle();
		return;
	}
	const uint64_t at = entry.sector * sector_bytes, n = entry.sectors * sector_bytes;

	if (at + n > durable_.size())
		throw std::runtime_error("the journal has a write past the end of its disk");
	for (uint64_t c = at / chunk_bytes; c * chunk_bytes < at + n; c++) {
		if (!is_touched_[c])
			touched_.push_back(c);
		is_touched_[c] = true;
	}
	if (entry.fua && pending_.empty())
		std::memcpy(&durable_[at], entry.data, n);
	else
		pending_.push_back({&entry, entry.fua});
}

void DiskHistory::settle()
{
	for (const Pending &p : pending_)
		std::memcpy(&durable_[p.entry->sector * sector_bytes], p.entry->data, p.entry->sectors * sector_bytes);
	pending_.clear();
}

Image DiskHistory::survivors(host::Random &random, Fate fate) const
{
	static constexpr Fate fates[] = {Fate::lost,	 Fate::kept,	  Fate::latest, Fate::latest,
					 Fate::by_write, Fate::by_write, Fate::by_sector, Fate::mixed};
	// Of a thousand writes, or sectors, so many survive.
	static constexpr uint64_t shares[] = {30, 200, 500, 800, 970};
	Image image(durable_);

	if (fate == Fate::drawn)
		fate = fates[random.below(std::size(fates))];
	const uint64_t share = shares[random.below(std::size(shares))];
	uint64_t left = pending_.size();
	const uint64_t latest = random.between(1, 4);

	for (const Pending &p : pending_) {
		const Entry &e = *p.entry;
		Fate own = fate;

		left--;
		if (p.durable)
			own = Fate::kept;
		else if (own == Fate::latest)
			own = left < latest ? Fate::kept : Fate::lost;
		else if (own == Fate::mixed)
			own = random.chance(1, 2) ? Fate::by_write : Fate::by_sector;
		if (own == Fate::by_write)
			own = random.chance(share, 1000) ? Fate::kept : Fate::lost;
		if (own == Fate::kept)
			image.write(e.sector * sector_bytes, e.data, e.sectors * sector_bytes);
		if (own != Fate::by_sector)
			continue;
		bool survives = false;

		for (uint32_t i = 0; i < e.sectors; i++) {
			if (i == 0 || !begins_ext4_superblock(e.data + (i - 1) * sector_bytes))
				survives = random.chance(share, 1000);
			if (survives)
				image.write((e.sector + i) * sector_bytes, e.data + i * sector_bytes, sector_bytes);
		}
	}
	return image;
}

Composer::Composer(const Journal &journal) : journal_(journal)
{
	for (const DiskSpec &disk : journal.disks())
		disks_.emplace_back(disk.bytes());
}

void Composer::advance(uint64_t entries)
{
	if (entries < position_ || entries > journal_.entries().size())
		throw std::runtime_error("cut " + std::to_string(entries) + " is not ahead, or not in the journal");
	for (; position_ < entries; position_++) {
		const Entry &entry = journal_.entries()[position_];

		disks_[entry.disk].apply(entry);
	}
}

std::vector<Image> Composer::draw(uint64_t seed) const
{
	host::Random random(seed * 0x9e3779b97f4a7c15ull + position_);
	std::vector<Image> images;

	for (const DiskHistory &disk : disks_) {
		host::Random own = random.fork();

		images.push_back(disk.survivors(own, Fate::drawn));
	}
	return images;
}

} // namespace dm_remap::crash
