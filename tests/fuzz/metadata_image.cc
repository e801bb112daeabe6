// SPDX-License-Identifier: GPL-2.0
#include "metadata_image.hh"

#include <algorithm>
#include <cstring>

namespace dm_remap::fuzz {

namespace {

constexpr size_t entry_header_bytes = 4;
constexpr uint8_t sealed_bit = 0x80;

void trim(Bytes &bytes)
{
	while (!bytes.empty() && !bytes.back())
		bytes.pop_back();
}

host::DiskOptions disk(const char *name, uint64_t sectors, uint32_t block_sectors = 1)
{
	return {.name = name, .sectors = sectors, .logical_block_bytes = block_sectors * format::sector_bytes};
}

} // namespace

format::Unit Entry::laid_out() const
{
	format::Unit unit = {};

	if (!sealed) {
		std::copy_n(content.begin(), std::min(content.size(), sizeof(unit)), reinterpret_cast<uint8_t *>(&unit));
		return unit;
	}
	size_t at = 0;

	for (format::Sector &sector : unit.sectors) {
		const size_t part = std::min(sizeof(sector.content), content.size() - at);

		std::copy_n(content.begin() + static_cast<ptrdiff_t>(at), part, sector.content);
		at += part;
	}
	const format::Header said = metadata::header_of(unit);

	metadata::seal(unit,
		       {said.set, said.member, static_cast<format::Kind>(static_cast<uint16_t>(said.kind)),
			static_cast<format::Copy>(static_cast<uint32_t>(said.copy)), metadata::UnitNumber(said.unit)},
		       {Generation(said.generation), Generation(said.checkpoint)});
	return unit;
}

Entry Entry::of(uint8_t spare, uint8_t unit, const format::Unit &found)
{
	const uint8_t *bytes = reinterpret_cast<const uint8_t *>(&found);
	Entry entry = {spare, unit, true, {}};

	for (const format::Sector &sector : found.sectors)
		entry.content.insert(entry.content.end(), sector.content, sector.content + sizeof(sector.content));
	entry.put(offsetof(format::Header, crc), sizeof(format::Le32), 0);
	const format::Unit again = entry.laid_out();

	if (std::memcmp(&again, &found, sizeof(found))) {
		entry.sealed = false;
		entry.content.assign(bytes, bytes + sizeof(found));
	}
	trim(entry.content);
	return entry;
}

uint64_t Entry::get(size_t at, size_t size) const
{
	uint64_t value = 0;

	for (size_t i = 0; i < size && at + i < content.size(); i++)
		value |= uint64_t(content[at + i]) << (8 * i);
	return value;
}

void Entry::put(size_t at, size_t size, uint64_t value)
{
	if (content.size() < at + size)
		content.resize(at + size);
	for (size_t i = 0; i < size; i++)
		content[at + i] = static_cast<uint8_t>(value >> (8 * i));
}

Machine::Machine(const Table &table, uint64_t seed)
	: world(seed), main(world, disk("8:0", main_sectors, table.block_sectors())),
	  spares{{world, disk("8:16", spare_sectors)}, {world, disk("8:32", spare_sectors)}, {world, disk("8:48", spare_sectors)}}
{
}

host::TableOptions Machine::line(const Table &table)
{
	host::TableOptions line;

	line.main = &main;
	line.sectors = table.sectors();
	for (uint32_t i = 0; i < table.spare_count(); i++) {
		const uint32_t spare = (table.rotate + i) % table.spare_count();
		host::SimDisk *disk = table.missing >> spare & 1 ? nullptr : &spares[spare];

		line.members.push_back({disk, 0, spare_sectors});
	}
	line.max_extents = table.max_extents;
	line.degraded = table.has(Table::degraded);
	// The words of the table line allow it to no other.
	line.force = line.degraded && table.has(Table::force);
	line.format = table.has(Table::format);
	line.new_main = table.has(Table::new_main);
	line.read_only = table.has(Table::read_only);
	return line;
}

Image Image::parse(std::span<const uint8_t> input)
{
	Image image;

	std::copy_n(input.begin(), std::min(input.size(), Table::bytes), reinterpret_cast<uint8_t *>(&image.table));
	size_t at = Table::bytes;

	while (at + entry_header_bytes <= input.size()) {
		Entry entry;
		const size_t wanted = input[at + 2] | input[at + 3] << 8;

		entry.spare = (input[at] & ~sealed_bit) % max_spares;
		entry.sealed = input[at] & sealed_bit;
		entry.unit = input[at + 1] % unit_places;
		at += entry_header_bytes;
		const size_t size = std::min({wanted, input.size() - at, sizeof(format::Unit)});

		entry.content.assign(input.begin() + static_cast<ptrdiff_t>(at), input.begin() + static_cast<ptrdiff_t>(at + size));
		at += size;
		image.entries.push_back(std::move(entry));
	}
	return image;
}

Bytes Image::serialize() const
{
	Bytes out(Table::bytes);

	std::memcpy(out.data(), &table, Table::bytes);
	for (const Entry &entry : entries) {
		Bytes content = entry.content;

		content.resize(std::min(content.size(), sizeof(format::Unit)));
		trim(content);
		out.push_back(static_cast<uint8_t>(entry.spare | (entry.sealed ? sealed_bit : 0)));
		out.push_back(entry.unit);
		out.push_back(static_cast<uint8_t>(content.size()));
		out.push_back(static_cast<uint8_t>(content.size() >> 8));
		out.insert(out.end(), content.begin(), content.end());
	}
	return out;
}

void Image::lay_onto(Machine &machine) const
{
	for (const Entry &entry : entries) {
		const format::Unit unit = entry.laid_out();

		machine.spares[entry.spare].poke(entry.unit * format::sectors_per_unit, &unit, format::sectors_per_unit);
	}
}

void Image::take_from(Machine &machine)
{
	entries.clear();
	for (uint8_t spare = 0; spare < max_spares; spare++)
		for (uint32_t place = 0; place < unit_places; place++) {
			format::Unit unit;

			machine.spares[spare].peek(place * format::sectors_per_unit, &unit, format::sectors_per_unit);
			if (!metadata::all_zero(&unit, sizeof(unit)))
				entries.push_back(Entry::of(spare, static_cast<uint8_t>(place), unit));
		}
}

} // namespace dm_remap::fuzz
