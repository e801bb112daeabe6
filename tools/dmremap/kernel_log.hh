// SPDX-License-Identifier: GPL-2.0
// What the kernel says while something is done: why it refuses stands in its log alone.
#ifndef DMREMAP_KERNEL_LOG_HH
#define DMREMAP_KERNEL_LOG_HH

#include <string>
#include <string_view>
#include <vector>

namespace dm_remap::tool {

// Of records of /dev/kmsg: see KernelLog::said().
class KernelWords final {
public:
	explicit KernelWords(const std::string &name) : of_device_("dm-remap: " + name + ": ") {}

	void add(std::string_view record);
	const std::vector<std::string> &words() const;
	// All that dm-remap said of it.
	const std::vector<std::string> &ours() const { return ours_; }

private:
	std::string of_device_;
	std::vector<std::string> refusals_, ours_, device_mapper_;
};

class KernelLog final {
public:
	// From here on. Where the log may not be read it says nothing.
	KernelLog();
	~KernelLog();
	KernelLog(const KernelLog &) = delete;
	KernelLog &operator=(const KernelLog &) = delete;

	// What was said since of the device that the kernel knows by this name, without the words that each line begins with: why
	// something was refused, if it was; else all that dm-remap said of it; else what device-mapper said.
	std::vector<std::string> said(const std::string &name) const;
	// The last line that dm-remap said of it since, and that begins so; empty: there is none.
	std::string last_line(const std::string &name, std::string_view beginning) const;

private:
	KernelWords read_all(const std::string &name) const;

	int fd_;
};

} // namespace dm_remap::tool

#endif
