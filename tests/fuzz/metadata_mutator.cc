// SPDX-License-Identifier: GPL-2.0
// How inputs of fuzz_metadata are changed: as a disk, a crash or an enemy would change units. The rest of a unit mostly
// stays possible, so that what comes after the first check is reached too.
#include "metadata_image.hh"

#include <algorithm>
#include <cstring>
#include <random>

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

namespace dm_remap::fuzz {

namespace {

using format::Header;
using format::Kind;

struct Field {
	size_t at;
	size_t size;
};

#define DMR_FIELD(type, base, member) Field{(base) + offsetof(type, member), sizeof(type::member)}

constexpr Field generation = DMR_FIELD(Header, 0, generation);
constexpr Field checkpoint = DMR_FIELD(Header, 0, checkpoint);
constexpr Field header_fields[] = {
	generation, checkpoint, generation, checkpoint, DMR_FIELD(Header, 0, kind), DMR_FIELD(Header, 0, unit),
	DMR_FIELD(Header, 0, copy), DMR_FIELD(Header, 0, count), DMR_FIELD(Header, 0, length),
	Field{offsetof(Header, reserved), 4}, Field{offsetof(Header, set), 1}, Field{offsetof(Header, member), 1},
};
constexpr Field head_fields[] = {
	DMR_FIELD(format::CheckpointHead, sizeof(Header), entries), DMR_FIELD(format::CheckpointHead, sizeof(Header), body_units),
	DMR_FIELD(format::CheckpointHead, sizeof(Header), body_crc), DMR_FIELD(format::CheckpointHead, sizeof(Header), slot),
	DMR_FIELD(format::CheckpointHead, sizeof(Header), reserved),
};
#define DMR_SUPERBLOCK(member) DMR_FIELD(format::Superblock, sizeof(Header), member)
constexpr Field superblock_fields[] = {
	DMR_SUPERBLOCK(incompatible), DMR_SUPERBLOCK(max_extents), DMR_SUPERBLOCK(copy_units),
	DMR_SUPERBLOCK(checkpoint_units), DMR_SUPERBLOCK(log_half_units), DMR_SUPERBLOCK(member_count),
	DMR_SUPERBLOCK(own_index), DMR_SUPERBLOCK(read_retries), DMR_SUPERBLOCK(main_sectors),
	DMR_SUPERBLOCK(main_block_bytes), DMR_SUPERBLOCK(reserved), DMR_SUPERBLOCK(ancestor_count),
	Field{sizeof(Header) + offsetof(format::Superblock, branch), 1},
	Field{sizeof(Header) + offsetof(format::Superblock, main_identity), 1},
	Field{sizeof(Header) + offsetof(format::Superblock, name), 1},
	Field{sizeof(Header) + offsetof(format::Superblock, ancestors), 1},
};
constexpr Field member_fields[] = {
	Field{offsetof(format::Member, uuid), 1}, DMR_FIELD(format::Member, 0, sectors), DMR_FIELD(format::Member, 0, data_start),
	DMR_FIELD(format::Member, 0, state), DMR_FIELD(format::Member, 0, state), DMR_FIELD(format::Member, 0, unit_bytes),
	Field{offsetof(format::Member, identity), 1},
};
constexpr Field record_fields[] = {
	DMR_FIELD(format::Record, 0, main_block), DMR_FIELD(format::Record, 0, spare_block),
	DMR_FIELD(format::Record, 0, length), DMR_FIELD(format::Record, 0, kind), DMR_FIELD(format::Record, 0, member),
	DMR_FIELD(format::Record, 0, flags),
};
// Sizes of the corpus's sets and of the format, and where numbers end.
constexpr uint64_t special[] = {
	0, 1, 2, 3, 4, 5, 11, 12, 16, 17, 21, 24, 32, 33, 128, 164, 165, 255, 256, 512, 1024, 2048, 3000, 4096, 8192, 65536,
	uint64_t(1) << 24, uint64_t(1) << 32, uint64_t(1) << 54, uint64_t(1) << 62, ~uint64_t(0),
};

class Mutator final {
public:
	Mutator(Image &image, unsigned int seed) : image_(image), random_(seed) {}

	void run()
	{
		for (uint32_t n = 1 + below(3); n; n--)
			change();
		if (!one_in(4))
			repair_bodies();
	}
	// Units of another image, as after a disk was swapped or put back from a copy.
	void take_over(const Image &other)
	{
		const uint32_t spare = below(max_spares);
		const bool all = one_in(2);

		for (const Entry &theirs : other.entries) {
			if (all ? theirs.spare != spare : !one_in(4))
				continue;
			Entry *ours = at(theirs.spare, theirs.unit);

			if (ours)
				*ours = theirs;
			else
				image_.entries.push_back(theirs);
		}
	}

private:
	uint32_t below(size_t n) { return static_cast<uint32_t>(random_() % n); }
	bool one_in(uint32_t n) { return below(n) == 0; }
	template <typename T, size_t n>
	const T &one_of(const T (&all)[n]) { return all[below(n)]; }
	Entry &any() { return image_.entries[below(image_.entries.size())]; }
	// A sealed one of this kind, or nullptr.
	Entry *any_of(Kind kind)
	{
		const uint32_t first = below(image_.entries.size());

		for (size_t i = 0; i < image_.entries.size(); i++) {
			Entry &entry = image_.entries[(first + i) % image_.entries.size()];

			if (entry.sealed && kind_of(entry) == kind)
				return &entry;
		}
		return nullptr;
	}
	Entry *at(uint32_t spare, uint32_t unit)
	{
		for (Entry &entry : image_.entries)
			if (entry.spare == spare && entry.unit == unit)
				return &entry;
		return nullptr;
	}
	static Kind kind_of(const Entry &entry)
	{
		return static_cast<Kind>(entry.get(offsetof(Header, kind), sizeof(format::Le16)));
	}

	void tweak(Entry &entry, const Field &field)
	{
		uint64_t value = entry.get(field.at, field.size);

		switch (below(5)) {
		case 0:
			value++;
			break;
		case 1:
			value--;
			break;
		case 2:
			value = any().get(field.at, field.size);
			break;
		case 3:
			value ^= uint64_t(1) << below(8 * field.size);
			break;
		default:
			value = one_of(special) + below(3) - 1;
		}
		entry.put(field.at, field.size, value);
	}

	void tweak_superblock(Entry &entry)
	{
		if (one_in(2)) {
			tweak(entry, one_of(superblock_fields));
			return;
		}
		Field field = one_of(member_fields);

		field.at += sizeof(Header) + offsetof(format::Superblock, members) + below(max_spares + 1) * sizeof(format::Member);
		tweak(entry, field);
	}

	void tweak_records(Entry &entry)
	{
		const Field count = DMR_FIELD(Header, 0, count);
		uint64_t n = std::min<uint64_t>(entry.get(count.at, count.size), format::records_per_unit);

		if (!n || one_in(4)) {
			if (n == format::records_per_unit)
				return;
			// One more, like another one, and counted.
			for (const Field &field : record_fields) {
				Field from = field, to = field;

				from.at += sizeof(Header) + below(n + 1) * sizeof(format::Record);
				to.at += sizeof(Header) + n * sizeof(format::Record);
				entry.put(to.at, to.size, any().get(from.at, from.size));
			}
			entry.put(count.at, count.size, ++n);
			entry.put(offsetof(Header, length), sizeof(format::Le32), n * sizeof(format::Record));
		}
		Field field = one_of(record_fields);

		field.at += sizeof(Header) + below(n) * sizeof(format::Record);
		tweak(entry, field);
	}

	void tweak_payload(Entry &entry)
	{
		switch (kind_of(entry)) {
		case Kind::superblock:
			return tweak_superblock(entry);
		case Kind::checkpoint_head:
			return tweak(entry, one_of(head_fields));
		case Kind::log:
		case Kind::checkpoint_body:
			return tweak_records(entry);
		default:
			return tweak(entry, {sizeof(Header) + 4 * below(2), 4});
		}
	}

	// What the place demands, by what lay there.
	static void adopt_place(Entry &entry, const Entry &place)
	{
		for (const Field &field : {DMR_FIELD(Header, 0, unit), DMR_FIELD(Header, 0, copy), DMR_FIELD(Header, 0, kind)})
			entry.put(field.at, field.size, place.get(field.at, field.size));
		for (size_t i = 0; i < DMR_UUID_SIZE; i++) {
			entry.put(offsetof(Header, set) + i, 1, place.get(offsetof(Header, set) + i, 1));
			entry.put(offsetof(Header, member) + i, 1, place.get(offsetof(Header, member) + i, 1));
		}
		if (kind_of(entry) == Kind::superblock) {
			const Field own = DMR_SUPERBLOCK(own_index);

			entry.put(own.at, own.size, place.get(own.at, own.size));
		}
	}

	void lay_over(Entry &to, const Entry &from, bool placed)
	{
		const Entry before = to;

		to.sealed = from.sealed;
		to.content = from.content;
		if (placed)
			adopt_place(to, before);
	}

	// Mostly between places that correspond: the copies, the members, the halves.
	Entry &counterpart(const Entry &entry)
	{
		const uint32_t area = 16;

		for (uint32_t tries = 0; tries < 8; tries++) {
			const uint32_t spare = one_in(2) ? entry.spare : below(max_spares);
			const uint32_t unit = one_in(2) ? entry.unit : one_in(2) ? entry.unit ^ area : entry.unit + below(7) - 3;
			Entry *other = at(spare, unit % unit_places);

			if (other && other != &entry)
				return *other;
		}
		return any();
	}

	// A commit that follows this one.
	void append(const Entry &last)
	{
		Entry *next = at(last.spare, last.unit + 1u);

		if (!next)
			return;
		lay_over(*next, last, true);
		next->put(generation.at, generation.size, last.get(generation.at, generation.size) + 1);
	}

	// As one that lost its power, or whose disk does not know what it wrote: the first sectors are of another unit.
	void tear(Entry &entry, const Entry &other)
	{
		const format::Unit old = other.laid_out();
		format::Unit unit = entry.laid_out();

		for (uint32_t n = 1 + below(format::sectors_per_unit - 1), i = 0; i < n; i++)
			unit.sectors[i] = old.sectors[i];
		entry = Entry::of(entry.spare, entry.unit, unit);
	}

	void rot(Entry &entry)
	{
		format::Unit unit = entry.laid_out();

		reinterpret_cast<uint8_t *>(&unit)[below(sizeof(unit))] ^= static_cast<uint8_t>(1 << below(8));
		entry = Entry::of(entry.spare, entry.unit, unit);
	}

	void mutate_bytes(Entry &entry)
	{
		Bytes bytes = entry.content;
		const size_t size = bytes.size();

		bytes.resize(sizeof(format::Unit));
		bytes.resize(LLVMFuzzerMutate(bytes.data(), size, bytes.size()));
		entry.content = bytes;
	}

	void change_table()
	{
		uint8_t *bytes = reinterpret_cast<uint8_t *>(&image_.table);

		bytes[below(Table::bytes)] = static_cast<uint8_t>(one_in(2) ? below(256) : 1u << below(5));
	}

	void change()
	{
		if (image_.entries.empty()) {
			image_.entries.push_back({static_cast<uint8_t>(below(max_spares)),
						  static_cast<uint8_t>(below(unit_places)), true, {}});
			mutate_bytes(image_.entries.back());
			return;
		}
		Entry &entry = any();
		Entry *const log = any_of(Kind::log), *const superblock = any_of(Kind::superblock);

		switch (below(16)) {
		case 0:
			return change_table();
		case 1:
			image_.entries.erase(image_.entries.begin() + (&entry - image_.entries.data()));
			return;
		case 2:
		case 3:
			return tweak(entry, one_of(header_fields));
		case 4:
		case 5:
			return tweak_payload(entry);
		case 6:
			return superblock ? tweak_payload(*superblock) : change_table();
		case 7:
			return superblock ? tweak(*superblock, generation) : change_table();
		case 8:
		case 9:
			return log ? tweak_payload(*log) : change_table();
		case 10:
			return log ? append(*log) : change_table();
		case 11:
			return lay_over(counterpart(entry), Entry(entry), !one_in(4));
		case 12: {
			Entry &other = counterpart(entry);
			const Entry mine = entry, theirs = other;
			const bool placed = !one_in(4);

			lay_over(other, mine, placed);
			lay_over(entry, theirs, placed);
			return;
		}
		case 13:
			return tear(entry, counterpart(entry));
		case 14:
			return one_in(2) ? rot(entry) : mutate_bytes(entry);
		default: {
			// Everywhere else it is as here: one change that all copies agree about.
			const Entry mine = entry;

			for (Entry &other : image_.entries)
				if (other.unit % 16 == mine.unit % 16 && kind_of(other) == kind_of(mine))
					lay_over(other, mine, true);
		}
		}
	}

	// The heads' checksums over what now lies in the bodies.
	void repair_bodies()
	{
		const Field units = head_fields[1], body_crc = head_fields[2];

		for (Entry &head : image_.entries) {
			if (!head.sealed || kind_of(head) != Kind::checkpoint_head)
				continue;
			uint32_t crc = 0;

			for (uint64_t i = 0, n = std::min<uint64_t>(head.get(units.at, units.size), unit_places); i < n; i++) {
				Entry *body = at(head.spare, head.unit + 1u + static_cast<uint32_t>(i));

				if (!body || !body->sealed)
					break;
				const uint64_t count = std::min<uint64_t>(body->get(offsetof(Header, count), sizeof(format::Le32)),
									  format::records_per_unit);
				const size_t end = sizeof(Header) + count * sizeof(format::Record);

				if (body->content.size() < end)
					body->content.resize(end);
				crc = metadata::crc32c(body->content.data() + sizeof(Header), end - sizeof(Header), crc);
			}
			head.put(body_crc.at, body_crc.size, crc);
		}
	}

	Image &image_;
	std::mt19937 random_;
};

size_t give(const Image &image, uint8_t *out, size_t max_size)
{
	const Bytes bytes = image.serialize();
	const size_t size = std::min(bytes.size(), max_size);

	std::copy_n(bytes.begin(), size, out);
	return size;
}

} // namespace

} // namespace dm_remap::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	using namespace dm_remap::fuzz;

	if (seed % 32 == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	Image image = Image::parse({data, size});

	Mutator(image, seed).run();
	return give(image, data, max_size);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2, size_t size2,
					    uint8_t *out, size_t max_size, unsigned int seed)
{
	using namespace dm_remap::fuzz;
	Image image = Image::parse({data1, size1});

	Mutator(image, seed).take_over(Image::parse({data2, size2}));
	return give(image, out, max_size);
}
