// SPDX-License-Identifier: GPL-2.0
// The files that the workload writes, what it says of them, and what must be in them after a power cut.
//
// A file is blocks of 4 KiB, each of which is written in versions 1, 2, …; the content of every sector follows from
// file, block, version and sector, and says them. What the workload does it announces by marks, each a write to a disk
// of its own, the "mark" disk, so that a mark has its place among the writes of the other disks:
//
//	start                                       from here on power cuts are of interest
//	begin <file> <version> <first> <count>      what follows may write this version of these blocks
//	synced <file> <version> <byte>:<bytes>...   fsync has returned: it is durable, and lies there on the device
//	gone <file>                                 it is about to be deleted
//	bad <disk> <sector> <count> [write|rw] [target|io]   an order to the disk, see journal_plugin.cc
#ifndef DMR_CRASH_FILES_HH
#define DMR_CRASH_FILES_HH

#include "journal.hh"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace dm_remap::crash {

constexpr size_t block_bytes = 4096;
constexpr size_t block_sectors = block_bytes / sector_bytes;
constexpr size_t mark_bytes = 4096;

// out: block_bytes.
void fill_block(uint32_t file, uint32_t block, uint32_t version, uint8_t *out);

// "d<t>/f<file>": where below the mount point a file is.
std::string path_of(uint32_t file);

struct Mark {
	uint64_t position;	// of its entry in the journal
	std::string text;
};
// All marks of a journal, in order.
std::vector<Mark> marks_of(const Journal &journal);

struct Extent {
	uint64_t at, bytes;	// on the device
};

// What must be there, after so many marks.
class Expectation final {
public:
	void apply(const std::string &mark);
	bool started() const { return started_; }

	struct BlockState {
		uint32_t synced = 0;	// at least this version; 0: nothing is promised
		uint32_t begun = 0;	// at most this one
	};
	struct File {
		std::vector<BlockState> blocks;
		std::vector<Extent> extents;	// as of the last sync, in the file's order
		bool synced = false;
	};
	// Those whose existence is promised, in `synced`; others too.
	const std::map<uint32_t, File> &files() const { return files_; }

	// One block as it was read: "", or what is wrong with it.
	std::string check_block(uint32_t file, uint32_t block, const uint8_t *content) const;
	// A promised file, read through a filesystem: false if it cannot be opened, the content otherwise.
	using ReadFile = std::function<bool(const std::string &path, std::vector<uint8_t> &content)>;
	std::string check_files(const ReadFile &read_file) const;
	// The same past the filesystem, where its data lay when it was synced.
	using ReadDevice = std::function<void(uint64_t at, void *out, size_t n)>;
	std::string check_extents(const ReadDevice &read_device) const;

private:
	std::map<uint32_t, File> files_;
	bool started_ = false;
};

} // namespace dm_remap::crash

#endif
