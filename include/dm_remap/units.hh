// SPDX-License-Identifier: GPL-2.0
// Distinct types for distinct things: mixing them does not compile.
#ifndef DM_REMAP_UNITS_HH
#define DM_REMAP_UNITS_HH

#include <compare>
#include <cstdint>

namespace dm_remap {

// A number of units with its own type. Tag names the unit; there is no conversion between tags.
template <typename Tag>
struct Quantity final {
	uint64_t value = 0;

	constexpr Quantity() = default;
	constexpr explicit Quantity(uint64_t v) : value(v) {}

	constexpr auto operator<=>(const Quantity &) const = default;
	// Printf's %llu wants exactly this type.
	constexpr unsigned long long print() const { return value; }
};

// A number of 512-byte sectors, or a position counted in them.
using Sectors = Quantity<struct SectorsTag>;
// A number of blocks (main's logical block size).
using Blocks = Quantity<struct BlocksTag>;
// A block of main, counted from its start.
using MainBlock = Quantity<struct MainBlockTag>;
// A block of a pool member, counted from the start of its range.
using SpareBlock = Quantity<struct SpareBlockTag>;
// Rises with every metadata commit of a set.
using Generation = Quantity<struct GenerationTag>;

constexpr Sectors operator+(Sectors a, Sectors b) { return Sectors(a.value + b.value); }
constexpr Sectors operator-(Sectors a, Sectors b) { return Sectors(a.value - b.value); }
constexpr Blocks operator+(Blocks a, Blocks b) { return Blocks(a.value + b.value); }
constexpr Blocks operator-(Blocks a, Blocks b) { return Blocks(a.value - b.value); }
constexpr MainBlock operator+(MainBlock a, Blocks n) { return MainBlock(a.value + n.value); }
constexpr Blocks operator-(MainBlock a, MainBlock b) { return Blocks(a.value - b.value); }
constexpr SpareBlock operator+(SpareBlock a, Blocks n) { return SpareBlock(a.value + n.value); }
constexpr Blocks operator-(SpareBlock a, SpareBlock b) { return Blocks(a.value - b.value); }
constexpr Generation next(Generation g) { return Generation(g.value + 1); }

// The block size of a set: 512 or 4096 bytes, kept as the shift from sectors to blocks.
class BlockSize final {
public:
	constexpr BlockSize() = default; // 512
	constexpr explicit BlockSize(uint32_t bytes) : shift_(bytes == 4096 ? 3 : 0) {}

	static constexpr bool supported(uint32_t bytes) { return bytes == 512 || bytes == 4096; }

	constexpr uint32_t bytes() const { return 512u << shift_; }
	constexpr uint32_t sectors() const { return 1u << shift_; }
	constexpr Sectors to_sectors(Blocks n) const { return Sectors(n.value << shift_); }
	constexpr Sectors to_sectors(MainBlock b) const { return Sectors(b.value << shift_); }
	constexpr Sectors to_sectors(SpareBlock b) const { return Sectors(b.value << shift_); }
	// Rounds down: a part of a block is none.
	constexpr Blocks to_blocks(Sectors s) const { return Blocks(s.value >> shift_); }
	constexpr MainBlock main_block(Sectors s) const { return MainBlock(s.value >> shift_); }
	constexpr bool aligned(Sectors s) const { return (s.value & (sectors() - 1)) == 0; }

private:
	uint32_t shift_ = 0;
};

} // namespace dm_remap

#endif
