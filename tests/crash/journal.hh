// SPDX-License-Identifier: GPL-2.0
// What the disks of a virtual machine were asked to change, in the order in which it was done: one file for all of
// them.
//
// A header, then entries: a head of 24 bytes, and the data of a write. In the byte order of this host, on which it is
// also read. The place of an entry is its number, from 0.
#ifndef DMR_CRASH_JOURNAL_HH
#define DMR_CRASH_JOURNAL_HH

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace dm_remap::crash {

constexpr size_t sector_bytes = 512;
constexpr size_t max_disks = 16;

struct DiskSpec {
	std::string name;
	uint64_t sectors = 0;

	uint64_t bytes() const { return sectors * sector_bytes; }
};
// "name:64M"; throws std::runtime_error with what is wrong.
DiskSpec parse_disk(const std::string &text);

enum class EntryKind : uint8_t { write = 1, flush = 2 };

struct Entry {
	EntryKind kind;
	uint8_t disk;
	bool fua;		// of a write: durable when it completed
	uint64_t sector;
	uint32_t sectors;	// 0 for a flush
	const uint8_t *data;	// nullptr for a flush
};

// Appends; every entry is with the host's kernel when the call returns. Throws std::system_error.
class JournalWriter final {
public:
	JournalWriter(const std::string &path, const std::vector<DiskSpec> &disks);
	~JournalWriter();
	JournalWriter(const JournalWriter &) = delete;
	JournalWriter &operator=(const JournalWriter &) = delete;

	void append(const Entry &entry);

private:
	int fd_;
};

// A whole journal, mapped. What a killed writer left unfinished at its end is not there.
class Journal final {
public:
	explicit Journal(const std::string &path);
	~Journal();
	Journal(const Journal &) = delete;
	Journal &operator=(const Journal &) = delete;

	const std::vector<DiskSpec> &disks() const { return disks_; }
	std::span<const Entry> entries() const { return entries_; }
	// The number of the disk with this name, or -1.
	int disk(const std::string &name) const;

private:
	const uint8_t *map_ = nullptr;
	size_t size_ = 0;
	std::vector<DiskSpec> disks_;
	std::vector<Entry> entries_;
};

} // namespace dm_remap::crash

#endif
