// SPDX-License-Identifier: GPL-2.0
// The identity of a SCSI disk, out of the page that it describes itself with: as the kernel's sd_get_unique_id() has it.
#include "machine/identity.hh"

#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

namespace dm_remap::tool {

namespace {

using Bytes = std::vector<uint8_t>;

constexpr uint8_t t10 = 1, eui64 = 2, naa = 3, of_port = 0x10;

Bytes designator(uint8_t type, const Bytes &id)
{
	Bytes out = {0x01, type, 0, static_cast<uint8_t>(id.size())};

	out.insert(out.end(), id.begin(), id.end());
	return out;
}

Bytes page(std::initializer_list<Bytes> designators)
{
	Bytes out = {0, 0x83, 0, 0};

	for (const Bytes &one : designators)
		out.insert(out.end(), one.begin(), one.end());
	out[3] = static_cast<uint8_t>(out.size() - 4);
	return out;
}

TEST(ScsiIdentity, TheBestThereIs)
{
	const Bytes vendor = designator(0, {'q', 'e', 'm', 'u'});
	const Bytes long_naa(16, 0x6a), eight = {0x50, 0, 0xc5, 0, 0xa1, 0xb2, 0xc3, 0xd4};

	EXPECT_EQ(wwid_of_page(page({vendor, designator(eui64, {1, 2, 3, 4, 5, 6, 7, 8}), designator(naa, eight)})), "wwid:5000c500a1b2c3d4");
	EXPECT_EQ(wwid_of_page(page({designator(naa, long_naa), designator(naa, eight)})), "wwid:6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a");
	EXPECT_EQ(wwid_of_page(page({vendor, designator(eui64, {0xab, 2, 3, 4, 5, 6, 7, 8})})), "wwid:ab02030405060708");
	EXPECT_EQ(wwid_of_page(page({designator(t10, {'A', 'B'})})), "wwid:4142");
}

TEST(ScsiIdentity, NoneOfThese)
{
	EXPECT_EQ(wwid_of_page({}), "");
	EXPECT_EQ(wwid_of_page(page({})), "");
	EXPECT_EQ(wwid_of_page(page({designator(0, {1, 2})})), "");
	// A port's is not the disk's; 17 bytes are too long for the kernel, too.
	EXPECT_EQ(wwid_of_page(page({designator(naa | of_port, {1, 2, 3, 4, 5, 6, 7, 8})})), "");
	EXPECT_EQ(wwid_of_page(page({designator(t10, Bytes(17, 1))})), "");
	Bytes cut_off = page({designator(naa, {1, 2, 3, 4, 5, 6, 7, 8})});

	while (!cut_off.empty()) {
		cut_off.pop_back();
		EXPECT_EQ(wwid_of_page(cut_off), "") << cut_off.size();
	}
}

} // namespace

} // namespace dm_remap::tool
