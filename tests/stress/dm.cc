// SPDX-License-Identifier: GPL-2.0
#include "dm.hh"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

namespace dm_remap::stress {

namespace {

constexpr size_t most_bytes = 256 * 1024;

// A request and its answer.
class Call final {
public:
	Call(const std::string &uuid, uint32_t flags) : bytes_(sizeof(dm_ioctl))
	{
		head().version[0] = DM_VERSION_MAJOR;
		head().data_start = sizeof(dm_ioctl);
		head().flags = flags;
		std::strncpy(head().uuid, uuid.c_str(), DM_UUID_LEN - 1);
	}

	dm_ioctl &head() { return *reinterpret_cast<dm_ioctl *>(bytes_.data()); }
	const char *data() { return reinterpret_cast<const char *>(bytes_.data()) + head().data_start; }

	void add(const void *data, size_t count)
	{
		const auto *from = static_cast<const uint8_t *>(data);

		bytes_.insert(bytes_.end(), from, from + count);
	}
	// With its end, and up to a multiple of 8.
	void add_text(const std::string &text)
	{
		add(text.c_str(), text.size() + 1);
		bytes_.resize((bytes_.size() + 7) & ~size_t(7));
	}

	int perform(unsigned long command)
	{
		static const int control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);

		// Most answers are short: the kernel copies the whole buffer twice.
		for (size_t size = bytes_.size() + 4096;; size *= 4) {
			std::vector<uint8_t> asked = bytes_;

			bytes_.resize(size);
			head().data_size = static_cast<uint32_t>(size);
			if (ioctl(control, command, bytes_.data()))
				return errno;
			if (!(head().flags & DM_BUFFER_FULL_FLAG) || size >= most_bytes)
				return 0;
			bytes_ = asked;
		}
	}

private:
	std::vector<uint8_t> bytes_;
};

} // namespace

int Mapped::suspend(uint32_t how)
{
	return Call(uuid_, DM_SUSPEND_FLAG | (how & no_flush ? DM_NOFLUSH_FLAG : 0) |
				   (how & no_lockfs ? DM_SKIP_LOCKFS_FLAG : 0))
		.perform(DM_DEV_SUSPEND);
}

int Mapped::resume()
{
	return Call(uuid_, 0).perform(DM_DEV_SUSPEND);
}

int Mapped::load(const std::vector<Target> &table)
{
	Call call(uuid_, 0);

	call.head().target_count = static_cast<uint32_t>(table.size());
	for (const Target &target : table) {
		dm_target_spec spec = {};

		spec.sector_start = target.start;
		spec.length = target.sectors;
		spec.next = static_cast<uint32_t>((sizeof(spec) + target.parameters.size() + 1 + 7) & ~size_t(7));
		std::strncpy(spec.target_type, target.type.c_str(), DM_MAX_TYPE_NAME - 1);
		call.add(&spec, sizeof(spec));
		call.add_text(target.parameters);
	}
	return call.perform(DM_TABLE_LOAD);
}

int Mapped::clear()
{
	return Call(uuid_, 0).perform(DM_TABLE_CLEAR);
}

// device-mapper finds the device by its name alone here.
int Mapped::rename(const std::string &from, const std::string &to)
{
	Call call("", 0);

	std::strncpy(call.head().name, from.c_str(), DM_NAME_LEN - 1);
	call.add_text(to);
	return call.perform(DM_DEV_RENAME);
}

int Mapped::message(const std::string &text, std::string &answer)
{
	Call call(uuid_, 0);
	const uint64_t sector = 0;

	call.add(&sector, sizeof(sector));
	call.add_text(text);
	const int error = call.perform(DM_TARGET_MSG);

	answer = !error && call.head().flags & DM_DATA_OUT_FLAG ? call.data() : "";
	return error;
}

int Mapped::target_status(bool table, Target &target)
{
	Call call(uuid_, table ? DM_STATUS_TABLE_FLAG : 0);
	const int error = call.perform(DM_TABLE_STATUS);

	if (error || !call.head().target_count)
		return error ? error : ENODATA;
	const auto *spec = reinterpret_cast<const dm_target_spec *>(call.data());
	target = {spec->sector_start, spec->length, spec->target_type, reinterpret_cast<const char *>(spec + 1)};
	return 0;
}

int Mapped::dependencies(uint32_t &count)
{
	Call call(uuid_, 0);
	const int error = call.perform(DM_TABLE_DEPS);

	count = error ? 0 : reinterpret_cast<const dm_target_deps *>(call.data())->count;
	return error;
}

int Mapped::info(Info &info)
{
	Call call(uuid_, 0);
	const int error = call.perform(DM_DEV_STATUS);

	// In device-mapper's own encoding, which is that of stat().
	info = {minor(call.head().dev), call.head().event_nr, (call.head().flags & DM_SUSPEND_FLAG) != 0};
	return error;
}

int Mapped::wait(uint32_t &event)
{
	Call call(uuid_, 0);

	call.head().event_nr = event;
	const int error = call.perform(DM_DEV_WAIT);

	if (!error)
		event = call.head().event_nr;
	return error;
}

} // namespace dm_remap::stress
