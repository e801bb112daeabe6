// SPDX-License-Identifier: GPL-2.0
// What others have left on a range of a device, as libblkid knows it.
#ifndef DMREMAP_MACHINE_SIGNATURE_HH
#define DMREMAP_MACHINE_SIGNATURE_HH

#include <cstdint>
#include <string>
#include <vector>

namespace dm_remap::tool {

struct DiskSignature {
	std::string type;	// ext4, LVM2_member, gpt
	std::string usage;	// filesystem, raid, crypto, other; empty for a partition table
	std::string label, uuid; // where there is one

	// "an ext4 filesystem, label 'home'"
	std::string text() const;
};

// What becomes of sectors that cannot be read. libblkid looks for some signatures hundreds of KiB from either end, so that one bad sector
// there hides all; who wants to know whether a device is blank must not skip it.
enum class Unreadable : bool { fail, skip };
// A length of 0: to the end. Throws std::system_error if it cannot be looked at.
std::vector<DiskSignature> signatures_on(const std::string &path, uint64_t start, uint64_t sectors, Unreadable unreadable = Unreadable::fail);
// What something is recognised by.
struct SignaturePlace {
	DiskSignature signature;
	uint64_t offset = 0, bytes = 0;	// of its magic
};
// All of them, on the whole device, and what is recognised once these are gone: copies. Places that cannot be read are left out.
std::vector<SignaturePlace> signature_places(const std::string &path);
struct DiskPartition {
	int number = 0;
	uint64_t start = 0, sectors = 0;
};
// What the partition table on the device says, logical partitions included; empty: there is none. Throws std::system_error.
std::vector<DiskPartition> partitions_on(const std::string &path);
// Takes them all off: nobody recognises what is there any more. Throws std::system_error.
void wipe_signatures(const std::string &path, uint64_t start, uint64_t sectors);

} // namespace dm_remap::tool

#endif
