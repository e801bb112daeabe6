// SPDX-License-Identifier: GPL-2.0
#include "journal.hh"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <system_error>
#include <unistd.h>

namespace dm_remap::crash {

namespace {

constexpr char file_magic[8] = {'d', 'm', 'r', 'c', 'r', 'a', 's', '1'};
constexpr uint32_t entry_magic = 0x79727465;

struct FileHead {
	char magic[8];
	uint64_t disks;
	struct {
		char name[24];
		uint64_t sectors;
	} disk[max_disks];
};

struct EntryHead {
	uint32_t magic;
	uint8_t kind, disk, fua, zero;
	uint64_t sector;
	uint32_t sectors, zero2;
};
static_assert(sizeof(EntryHead) == 24);

[[noreturn]] void fail(const std::string &what)
{
	throw std::system_error(errno, std::generic_category(), what);
}

} // namespace

DiskSpec parse_disk(const std::string &text)
{
	const size_t colon = text.find(':');
	DiskSpec spec;
	char *end = nullptr;

	if (colon == std::string::npos || colon == 0 || colon >= sizeof(FileHead().disk[0].name))
		throw std::runtime_error("disk '" + text + "' is not name:size");
	spec.name = text.substr(0, colon);
	uint64_t bytes = std::strtoull(text.c_str() + colon + 1, &end, 10);
	if (*end == 'M')
		bytes <<= 20, end++;
	else if (*end == 'K')
		bytes <<= 10, end++;
	if (*end || !bytes || bytes % 4096)
		throw std::runtime_error("disk '" + text + "': the size must be a multiple of 4096 bytes, such as 64M");
	spec.sectors = bytes / sector_bytes;
	return spec;
}

JournalWriter::JournalWriter(const std::string &path, const std::vector<DiskSpec> &disks)
	: fd_(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644))
{
	FileHead head{};

	if (fd_ < 0)
		fail(path);
	std::memcpy(head.magic, file_magic, sizeof(head.magic));
	head.disks = disks.size();
	for (size_t i = 0; i < disks.size(); i++) {
		disks[i].name.copy(head.disk[i].name, sizeof(head.disk[i].name) - 1);
		head.disk[i].sectors = disks[i].sectors;
	}
	if (write(fd_, &head, sizeof(head)) != sizeof(head))
		fail(path);
}

JournalWriter::~JournalWriter()
{
	close(fd_);
}

void JournalWriter::append(const Entry &entry)
{
	EntryHead head{entry_magic, static_cast<uint8_t>(entry.kind), entry.disk, entry.fua, 0, entry.sector, entry.sectors, 0};
	const size_t bytes = entry.sectors * sector_bytes;
	const iovec parts[] = {{&head, sizeof(head)}, {const_cast<uint8_t *>(entry.data), bytes}};

	if (writev(fd_, parts, bytes ? 2 : 1) != static_cast<ssize_t>(sizeof(head) + bytes))
		fail("the journal cannot be written");
}

Journal::Journal(const std::string &path)
{
	const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		fail(path);
	size_ = static_cast<size_t>(st.st_size);
	FileHead head;
	if (size_ < sizeof(head))
		throw std::runtime_error(path + " is too short to be a journal");
	map_ = static_cast<const uint8_t *>(mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0));
	close(fd);
	if (map_ == MAP_FAILED)
		fail(path);
	std::memcpy(&head, map_, sizeof(head));
	if (std::memcmp(head.magic, file_magic, sizeof(head.magic)) || head.disks > max_disks)
		throw std::runtime_error(path + " is no journal of journal_plugin");
	for (size_t i = 0; i < head.disks; i++)
		disks_.push_back({head.disk[i].name, head.disk[i].sectors});

	for (size_t at = sizeof(head); at + sizeof(EntryHead) <= size_;) {
		EntryHead e;

		std::memcpy(&e, map_ + at, sizeof(e));
		at += sizeof(e);
		if (e.magic != entry_magic || e.disk >= head.disks)
			throw std::runtime_error(path + ": no entry at byte " + std::to_string(at - sizeof(e)));
		const size_t bytes = e.sectors * sector_bytes;
		if (at + bytes > size_)
			break;
		entries_.push_back({static_cast<EntryKind>(e.kind), e.disk, e.fua != 0, e.sector, e.sectors,
				    bytes ? map_ + at : nullptr});
		at += bytes;
	}
}

Journal::~Journal()
{
	munmap(const_cast<uint8_t *>(map_), size_);
}

int Journal::disk(const std::string &name) const
{
	for (size_t i = 0; i < disks_.size(); i++) {
		if (disks_[i].name == name)
			return static_cast<int>(i);
	}
	return -1;
}

} // namespace dm_remap::crash
