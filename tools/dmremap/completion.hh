// SPDX-License-Identifier: GPL-2.0
// Completions for shells, out of CLI11's own tree: a verb or an option that is added is completed.
#ifndef DMREMAP_COMPLETION_HH
#define DMREMAP_COMPLETION_HH

#include "verb.hh"

#include <string>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace dm_remap::tool {

// What the value of an option is; Takes::text unless it was said.
Takes &takes_of(const CLI::Option &option);

// To stdout; false if there are none for this shell.
bool print_completion(const CLI::App &app, const std::string &shell);

} // namespace dm_remap::tool

#endif
