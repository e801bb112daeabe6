// SPDX-License-Identifier: GPL-2.0
// A setup as every document shows it, and back. Adding a field to the superblock means a line in setup_text.cc, and in the schema.
#ifndef DMREMAP_SETUP_TEXT_HH
#define DMREMAP_SETUP_TEXT_HH

#include "json_writer.hh"

#include <dm_remap/metadata.h>

#include <optional>
#include <string>

namespace dm_remap::tool {

// The members of the object that is open: uuid, branch, … members[].
void write_setup(JsonWriter &out, const dmr_setup &setup);

// Of a set in which blocks may be lost.
inline constexpr const char *lost_feature = "lost";
inline constexpr const char *guard_feature = "guard";

// Into a field of a setup: as much as fits.
template <size_t size>
void copy_text(char (&to)[size], const std::string &from)
{
	to[from.copy(to, size - 1)] = '\0';
}

// Empty is not known.
std::optional<std::string> known(const char *text);
// Which disk main is, in words; empty: nobody knows.
std::string main_text(const dmr_main_identity &main);

} // namespace dm_remap::tool

#endif
