// SPDX-License-Identifier: GPL-2.0
#include "kernel_log.hh"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace dm_remap::tool {

KernelLog::KernelLog() : fd_(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC))
{
	if (fd_ >= 0)
		lseek(fd_, 0, SEEK_END);
}

KernelLog::~KernelLog()
{
	if (fd_ >= 0)
		close(fd_);
}

// A record is "level,number,time,flags;text", and then lines that begin with a space.
void KernelWords::add(std::string_view record)
{
	std::string_view text = record.substr(std::min(record.find(';'), record.size() - 1) + 1);

	text = text.substr(0, text.find('\n'));
	if (text.starts_with("device-mapper: ")) {
		text.remove_prefix(sizeof("device-mapper: ") - 1);
		device_mapper_.emplace_back(text);
	}
	if (!text.starts_with(of_device_))
		return;
	text.remove_prefix(of_device_.size());
	for (const std::string_view refusal : {"table refused: ", "message refused: "})
		if (text.starts_with(refusal))
			refusals_.emplace_back(text.substr(refusal.size()));
	if (text.starts_with("cannot be resumed: "))
		refusals_.emplace_back(text);
	ours_.emplace_back(text);
}

const std::vector<std::string> &KernelWords::words() const
{
	return !refusals_.empty() ? refusals_ : !ours_.empty() ? ours_ : device_mapper_;
}

KernelWords KernelLog::read_all(const std::string &name) const
{
	KernelWords words(name);
	char record[8192];

	while (fd_ >= 0) {
		const ssize_t n = read(fd_, record, sizeof(record));

		// EPIPE: the log has overtaken us; what is left is read next.
		if (n < 0 && (errno == EPIPE || errno == EINTR))
			continue;
		if (n <= 0)
			break;
		words.add({record, static_cast<size_t>(n)});
	}
	return words;
}

std::vector<std::string> KernelLog::said(const std::string &name) const
{
	return read_all(name).words();
}

std::string KernelLog::last_line(const std::string &name, std::string_view beginning) const
{
	const KernelWords words = read_all(name);
	const auto found = std::find_if(words.ours().rbegin(), words.ours().rend(), [&](const std::string &line) { return line.starts_with(beginning); });

	return found == words.ours().rend() ? "" : *found;
}

} // namespace dm_remap::tool
