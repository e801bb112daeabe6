// SPDX-License-Identifier: GPL-2.0
#include "disk.hh"

#include "vm/guest/host_order.hh"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <thread>
#include <unistd.h>

namespace dm_remap::stress {

namespace {

// Ranges: so many rules of QEMU's are still quick; of a gate each costs every flush one of its own.
constexpr size_t most_bad[2] = {200, 40};

bool say(const std::string &what, int error)
{
	std::fprintf(stderr, "stress: %s: %s\n", what.c_str(), std::strerror(error));
	return false;
}

} // namespace

Disk::Disk(std::string drive, std::string node, const std::string &gate)
	: drive_(std::move(drive)), node_(std::move(node)), path_(node_)
{
	struct stat st = {};

	if (!gate.empty()) {
		Info info;

		gate_.emplace(gate);
		gate_->info(info);
		path_ = "/dev/dm-" + std::to_string(info.number);
	}
	const int fd = open(path_.c_str(), O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) || ioctl(fd, BLKGETSIZE64, &sectors_))
		say(path_, errno);
	close(fd);
	sectors_ /= 512;
	number_ = std::to_string(major(st.st_rdev)) + ":" + std::to_string(minor(st.st_rdev));
	if (gate_)
		refused_.resize(sectors_);
}

bool Disk::order(const std::string &text)
{
	std::string answer;

	if (vm::order_host(text, &answer))
		return true;
	std::fprintf(stderr, "stress: the host to '%s': %s\n", text.c_str(), answer.c_str());
	return false;
}

// The gate's table anew.
bool Disk::apply()
{
	std::vector<Target> table;

	if (condition_ == Condition::dead) {
		table.push_back({0, sectors_, "error", ""});
	} else if (condition_ == Condition::read_only) {
		table.push_back({0, sectors_, "flakey", node_ + " 0 0 3600 1 error_writes"});
	} else {
		for (uint64_t at = 0, end; at < sectors_; at = end) {
			end = uint64_t(std::find(refused_.begin() + ptrdiff_t(at), refused_.end(), !refused_[at]) - refused_.begin());
			if (refused_[at])
				table.push_back({at, end - at, "error", ""});
			else
				table.push_back({at, end - at, "linear", node_ + " " + std::to_string(at)});
		}
	}
	if (int error = gate_->load(table))
		return say("a table of the gate over " + drive_, error);
	if (int error = gate_->suspend(Mapped::no_flush | Mapped::no_lockfs))
		return say("suspend of the gate over " + drive_, error);
	if (int error = gate_->resume())
		return say("resume of the gate over " + drive_, error);
	return true;
}

bool Disk::make(const Range &range, bool bad)
{
	const std::string where = drive_ + " " + std::to_string(range.start) + ":" + std::to_string(range.count);

	if (!gated(range))
		return order(bad ? "bad " + where + (range.reads ? " rw" : " write") + " medium" : "heal " + where);
	std::fill_n(refused_.begin() + ptrdiff_t(range.start), range.count, bad);
	return apply();
}

bool Disk::bad(const Range &range, Healed &healed)
{
	const std::lock_guard guard(mutex_);
	std::deque<Range> &all = bad_[gated(range)];

	healed = {};
	all.push_back(range);
	if (!make(range, true))
		return false;
	if (all.size() <= most_bad[gated(range)])
		return true;
	healed = {all.front(), now()};
	all.pop_front();
	return make(healed.range, false);
}

bool Disk::heal(const Range &range, Healed &healed)
{
	const std::lock_guard guard(mutex_);

	healed = {range, now()};
	return make(range, false);
}

// Each order of a disk arms all its rules anew: nobody else gives one meanwhile, or a sector could fail more often.
bool Disk::weak(uint64_t start, uint64_t count, uint64_t stride, uint32_t hold_ms)
{
	const std::lock_guard guard(mutex_);
	std::string ranges;

	for (uint64_t i = 0; i < count; i++)
		ranges += " " + std::to_string(start + i * stride);
	if (!order("bad " + drive_ + ranges + " read medium times=1"))
		return false;
	std::this_thread::sleep_for(std::chrono::milliseconds(hold_ms));
	return make({start, count * stride, false}, false);
}

bool Disk::turn(Condition condition)
{
	const std::lock_guard guard(mutex_);
	const Condition before = condition_;

	condition_ = condition;
	if (before == Condition::dead_medium || before == Condition::read_only_medium) {
		if (!order("heal " + drive_ + " *"))
			return false;
	} else if (before == Condition::no_flush) {
		if (!order("heal " + drive_ + " flush"))
			return false;
	} else if (before != Condition::good && !apply()) {
		return false;
	}
	switch (condition) {
	case Condition::good:
		return true;
	case Condition::dead:
	case Condition::read_only:
		return apply();
	case Condition::dead_medium:
		return order("bad " + drive_ + " * rw medium");
	case Condition::read_only_medium:
		return order("bad " + drive_ + " * write medium");
	case Condition::no_flush:
		return order("bad " + drive_ + " flush medium");
	}
	__builtin_unreachable();
}

bool Disk::clear()
{
	for (auto &ranges : bad_)
		ranges.clear();
	std::fill(refused_.begin(), refused_.end(), false);
	return (!gate_ || apply()) && order("heal " + drive_);
}

bool Disk::heal_all()
{
	if (!turn(Condition::good))
		return false;
	const std::lock_guard guard(mutex_);

	return clear();
}

bool Disk::replace()
{
	{
		const std::lock_guard guard(mutex_);

		if (!clear())
			return false;
	}
	const int fd = open(path_.c_str(), O_RDWR | O_EXCL | O_CLOEXEC);
	const uint64_t range[2] = {0, sectors_ * 512};
	const bool done = fd >= 0 && ioctl(fd, BLKZEROOUT, range) == 0;

	close(fd);
	return done;
}

} // namespace dm_remap::stress
