// SPDX-License-Identifier: GPL-2.0
// Who uses a block device.
#ifndef DMREMAP_MACHINE_USERS_HH
#define DMREMAP_MACHINE_USERS_HH

#include <string>
#include <vector>

namespace dm_remap::tool {

struct User {
	std::string text;	// "/dev/sda1 is mounted on /srv"
	std::string action;	// what to do first: "umount /srv"
	bool remap = false;	// a remap device: another may have a range of the same spare
	std::string number = {};	// of what is built upon it; empty: nothing is
};

// Of a disk, those of its partitions too. Empty: nobody that can be named.
std::vector<User> users_of(const std::string &number);
// In one sentence.
std::string sentence(const std::vector<User> &users);

// Does somebody hold it exclusively? Throws std::system_error if it cannot be opened for another reason.
bool in_use(const std::string &path);

} // namespace dm_remap::tool

#endif
