// SPDX-License-Identifier: GPL-2.0
// /run/dm-remap: what is known of sets until the next boot. It outlives the initramfs. docs/boot.md says what each file is.
#ifndef DMREMAP_BOOT_RUN_DIR_HH
#define DMREMAP_BOOT_RUN_DIR_HH

#include "os/fd.hh"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dm_remap::tool::run_dir {

enum class Note : uint8_t { set, waiting, released, lock, hold, event };

// Where it is, of the set with this UUID.
std::string path(Note note, const std::string &set);
// Makes the folder. Throws std::system_error.
void prepare();

// No value: there is none.
std::optional<std::string> read(Note note, const std::string &set);
// As a whole, in the place of what was there. Throws std::system_error.
void write(Note note, const std::string &set, const std::string &text);
void remove(Note note, const std::string &set);
// The UUIDs of the sets that have such a note, in order.
std::vector<std::string> sets(Note note);

// Held by one who starts a set, or takes hold of its main. Throws std::system_error.
class SetLock final {
public:
	enum class Wait : bool { no, yes };

	SetLock(const std::string &set, Wait wait);

	// Always, after it was waited for.
	bool is_held() const { return static_cast<bool>(file_); }

private:
	Fd file_;
};

} // namespace dm_remap::tool::run_dir

#endif
