// SPDX-License-Identifier: GPL-2.0
// What smartctl's text and its JSON have in common.
#ifndef DMREMAP_LISTS_SMART_LOG_HH
#define DMREMAP_LISTS_SMART_LOG_HH

#include "lists/block_list.hh"

namespace dm_remap::tool::lists {

// How long an address is in each of a drive's logs, in bits. The old ones of ATA are older than today's disks.
inline constexpr uint8_t bits_of_error_log = 28, bits_of_self_test_log = 32, bits_of_extended_log = 48, bits_of_others = 64;

// Is it the medium that "Error: UNC 8 sectors at LBA = 0x0074cbb1 = 7654321" speaks of? A bad cable (ICRC) or a command that the drive
// does not take (ABRT) are logged with an address, too.
bool of_medium(std::string_view description);
// The same, of an NVMe status: its code type and code.
bool of_nvme_medium(uint64_t type, uint64_t code);
// As an NVMe log names a namespace; 0 if it means all of them.
uint32_t name_space(uint64_t number);

// A drive has blocks of one size.
void note_unit(BlockList &list, uint64_t bytes, const std::string &place);

BlockList read_smart_text(std::string_view text);
BlockList read_smart_json(std::string_view text);

inline constexpr const char *no_log = "there is no log of a drive's errors in it: take the output of smartctl with '-l selftest', '-l error' or '-x', as text or with '--json'";

} // namespace dm_remap::tool::lists

#endif
