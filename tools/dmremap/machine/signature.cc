// SPDX-License-Identifier: GPL-2.0
#include "machine/signature.hh"

#include <blkid/blkid.h>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <optional>
#include <sys/ioctl.h>
#include <system_error>
#include <unistd.h>

namespace dm_remap::tool {

namespace {

constexpr int sector_bytes = 512;
constexpr int most_errors = 500; // more than there are kinds of signatures

// libblkid reads through the page cache, where a device that was written past it may look as it was before.
class Probe final {
public:
	Probe(const std::string &path, uint64_t start, uint64_t sectors, int mode) : path_(path), fd_(open(path.c_str(), mode | O_CLOEXEC))
	{
		if (fd_ < 0)
			fail();
		ioctl(fd_, BLKFLSBUF, 0);
		probe_ = blkid_new_probe();
		if (!probe_ || blkid_probe_set_device(probe_, fd_, static_cast<blkid_loff_t>(start * sector_bytes),
						      static_cast<blkid_loff_t>(sectors * sector_bytes))) {
			release();
			fail();
		}
		blkid_probe_enable_superblocks(probe_, 1);
		blkid_probe_set_superblocks_flags(probe_, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID | BLKID_SUBLKS_USAGE |
								  BLKID_SUBLKS_MAGIC);
		blkid_probe_enable_partitions(probe_, 1);
		blkid_probe_set_partitions_flags(probe_, BLKID_PARTS_MAGIC | BLKID_PARTS_FORCE_GPT);
	}
	~Probe() { release(); }
	Probe(const Probe &) = delete;
	Probe &operator=(const Probe &) = delete;

	// The next one. False: there is none.
	bool next()
	{
		const int result = blkid_do_probe(probe_);

		if (result < 0)
			fail();
		return result == 0;
	}
	// The same, past what cannot be read: each error is that of one kind of signature, and the next is looked for when asked again.
	bool next_readable()
	{
		for (int errors = 0; errors < most_errors; errors++)
			if (const int result = blkid_do_probe(probe_); result >= 0)
				return result == 0;
		return false;
	}
	std::vector<DiskPartition> partitions()
	{
		const blkid_partlist list = blkid_probe_get_partitions(probe_);
		std::vector<DiskPartition> out;

		for (int i = 0; list && i < blkid_partlist_numof_partitions(list); i++) {
			const blkid_partition part = blkid_partlist_get_partition(list, i);

			if (!blkid_partition_is_extended(part))
				out.push_back({blkid_partition_get_partno(part), static_cast<uint64_t>(blkid_partition_get_start(part)),
					       static_cast<uint64_t>(blkid_partition_get_size(part))});
		}
		return out;
	}
	std::string value(const char *name) const
	{
		const char *data = nullptr;

		return blkid_probe_lookup_value(probe_, name, &data, nullptr) || !data ? "" : data;
	}
	// Of what was found last. No value: libblkid tells no place.
	std::optional<SignaturePlace> place() const
	{
		const DiskSignature found = signature();
		const bool table = value("TYPE").empty();
		const std::string offset = value(table ? "PTMAGIC_OFFSET" : "SBMAGIC_OFFSET");
		const char *magic = nullptr;
		size_t bytes = 0;
		SignaturePlace out = {found, 0, 0};

		if (offset.empty() || blkid_probe_lookup_value(probe_, table ? "PTMAGIC" : "SBMAGIC", &magic, &bytes))
			return {};
		std::from_chars(offset.data(), offset.data() + offset.size(), out.offset);
		out.bytes = bytes;
		return out;
	}
	DiskSignature signature() const
	{
		if (const std::string type = value("TYPE"); !type.empty())
			return {type, value("USAGE"), value("LABEL"), value("UUID")};
		return {value("PTTYPE"), "", "", value("PTUUID")};
	}
	// What was found last is looked for once more, as if there were zeroes in this place. Nothing is written.
	bool look_past(const SignaturePlace &place)
	{
		return !blkid_probe_hide_range(probe_, place.offset, place.bytes) && !blkid_probe_step_back(probe_);
	}
	void wipe()
	{
		if (blkid_do_wipe(probe_, 0))
			fail();
	}
	void finish()
	{
		if (fsync(fd_))
			fail();
		ioctl(fd_, BLKFLSBUF, 0);
	}

private:
	[[noreturn]] void fail() const { throw std::system_error(errno ? errno : EIO, std::generic_category(), path_); }
	void release()
	{
		if (probe_)
			blkid_free_probe(probe_);
		close(fd_);
	}

	std::string path_;
	int fd_;
	blkid_probe probe_ = nullptr;
};

} // namespace

std::string DiskSignature::text() const
{
	std::string out = usage == "filesystem" ? fmt::format("a filesystem of type {}", type)
			  : usage.empty()	? fmt::format("a partition table of type {}", type)
						: type;

	if (!label.empty())
		out += fmt::format(", label '{}'", label);
	return uuid.empty() ? out : out + ", UUID " + uuid;
}

std::vector<DiskSignature> signatures_on(const std::string &path, uint64_t start, uint64_t sectors, Unreadable unreadable)
{
	Probe probe(path, start, sectors, O_RDONLY);
	std::vector<DiskSignature> out;

	while (unreadable == Unreadable::skip ? probe.next_readable() : probe.next())
		if (DiskSignature found = probe.signature(); !found.type.empty())
			out.push_back(std::move(found));
	return out;
}

std::vector<SignaturePlace> signature_places(const std::string &path)
{
	Probe probe(path, 0, 0, O_RDONLY);
	std::vector<SignaturePlace> out;

	while (probe.next_readable()) {
		std::optional<SignaturePlace> place = probe.place();

		// Of one that tells no place: what every system looks at first.
		if (!place && !probe.signature().type.empty())
			place = {probe.signature(), 0, sector_bytes};
		if (!place || std::ranges::any_of(out, [&](const SignaturePlace &other) { return other.offset == place->offset && other.bytes == place->bytes; }))
			continue;
		probe.look_past(*place);
		out.push_back(std::move(*place));
	}
	return out;
}

std::vector<DiskPartition> partitions_on(const std::string &path)
{
	return Probe(path, 0, 0, O_RDONLY).partitions();
}

void wipe_signatures(const std::string &path, uint64_t start, uint64_t sectors)
{
	Probe probe(path, start, sectors, O_RDWR | O_EXCL);

	while (probe.next())
		probe.wipe();
	probe.finish();
}

} // namespace dm_remap::tool
