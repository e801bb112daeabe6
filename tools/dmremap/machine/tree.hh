// SPDX-License-Identifier: GPL-2.0
// The files of a system: of the one that runs, or of one whose root is seen in a folder. Symbolic links are those of that system, absolute
// ones too.
#ifndef DMREMAP_MACHINE_TREE_HH
#define DMREMAP_MACHINE_TREE_HH

#include "os/fd.hh"

#include <optional>
#include <string>
#include <vector>

namespace dm_remap::tool {

class Tree final {
public:
	// Throws std::system_error: there is no such folder.
	explicit Tree(const std::string &root = "/");

	// Paths are absolute in the system. No value: there is none, or it cannot be read; that is in `unread()`.
	std::optional<std::string> text(const std::string &path) const;
	std::vector<std::string> lines(const std::string &path) const;
	bool has(const std::string &path) const;
	// Names in a folder, in order; empty: there is none.
	std::vector<std::string> names(const std::string &folder) const;
	// Where a file is found from outside, with all links followed; empty: nowhere.
	std::string outside(const std::string &path) const;
	// Files that are there and could not be read: "PATH: why".
	const std::vector<std::string> &unread() const { return unread_; }

private:
	Fd open(const std::string &path, int flags) const;

	Fd root_;
	mutable std::vector<std::string> unread_;
};

} // namespace dm_remap::tool

#endif
