// SPDX-License-Identifier: GPL-2.0
// The text of a list.
#ifndef DMREMAP_LISTS_LIST_FILE_HH
#define DMREMAP_LISTS_LIST_FILE_HH

#include <string>

namespace dm_remap::tool {

// All of a file, or of standard input: "-". Throws std::system_error, and Failure "list": it is no file, or one that never ends.
std::string read_list_file(const std::string &path);
// As it is called in a sentence.
std::string list_name(const std::string &path);

} // namespace dm_remap::tool

#endif
