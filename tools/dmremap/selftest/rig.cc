// SPDX-License-Identifier: GPL-2.0
#include "selftest/rig.hh"

#include "exit_status.hh"
#include "start_plan.hh"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fmt/format.h>
#include <unistd.h>

namespace dm_remap::tool {

namespace {

constexpr const char *prefix = "dmremap-selftest-";
// Behind the number of the process. A device goes before what it is built upon: in this order.
constexpr const char *second = "-second", *remap = "", *failing = "-main";
constexpr const char *parts[] = {second, remap, failing};

// Why not; empty: it is gone, or was never there.
std::string removed(const std::string &name)
{
	try {
		if (const std::optional<dm::Device> device = dm::find(name))
			dm::remove(*device);
	} catch (const Failure &failure) {
		return failure.what();
	}
	return {};
}

std::vector<std::string> remove_all(const std::string &name, std::vector<std::string> &gone)
{
	std::vector<std::string> left;

	for (const char *part : parts) {
		const std::string device = name + part;

		if (!dm::find(device))
			continue;
		if (const std::string why = removed(device); !why.empty())
			left.push_back(fmt::format("{}: later, 'dmsetup remove {}'", why, device));
		else
			gone.push_back(device);
	}
	return left;
}

bool alive(pid_t process)
{
	return !kill(process, 0) || errno != ESRCH;
}

} // namespace

Rig::Rig(const std::string &folder)
	: name_(prefix + std::to_string(getpid())), main_(folder, main_sectors * 512), spare_(folder, spare_sectors * 512)
{
	dm::create(name_ + failing, {}, table_with({}));
}

Rig::~Rig()
{
	clean_up();
}

std::string Rig::path() const
{
	return "/dev/mapper/" + name_ + remap;
}

std::string Rig::failing_main() const
{
	return "/dev/mapper/" + name_ + failing;
}

dm::Table Rig::table_with(const std::vector<SectorRange> &bad) const
{
	dm::Table table;
	uint64_t at = 0;
	const auto serve_until = [&](uint64_t end) {
		if (at < end)
			table.push_back({at, end - at, "linear", fmt::format("{} {}", main_.path(), at)});
	};

	for (const SectorRange &range : bad) {
		serve_until(range.start);
		table.push_back({range.start, range.sectors, "error", ""});
		at = range.end();
	}
	serve_until(main_sectors);
	return table;
}

dm::Table Rig::remap_table() const
{
	return {{0, main_sectors, "remap", table_arguments(failing_main(), {{spare_.path(), 0, spare_sectors}}, {})}};
}

void Rig::break_main(const std::vector<SectorRange> &bad) const
{
	const std::optional<dm::Device> device = dm::find(name_ + failing);

	if (!device)
		throw Failure(ExitStatus::not_found, "not-found", fmt::format("{}: somebody has removed it", failing_main()));
	dm::load(*device, table_with(bad));
	dm::suspend(*device);
	dm::resume(*device);
}

void Rig::start() const
{
	dm::create(name_ + remap, {}, remap_table());
}

void Rig::stop() const
{
	dm::remove(device().device());
}

void Rig::start_second() const
{
	dm::create(name_ + second, {}, remap_table());
}

std::vector<std::string> Rig::clean_up() const
{
	std::vector<std::string> gone;

	return remove_all(name_, gone);
}

std::vector<std::string> Rig::clean_up_after_others(std::vector<std::string> &gone)
{
	std::vector<std::string> left;

	for (const dm::Device &device : dm::all()) {
		int process = 0, end = 0;

		if (std::sscanf(device.name.c_str(), "dmremap-selftest-%d%n", &process, &end) != 1 || process <= 0 || alive(process))
			continue;
		for (std::string &why : remove_all(device.name.substr(0, static_cast<size_t>(end)), gone))
			left.push_back(std::move(why));
	}
	return left;
}

} // namespace dm_remap::tool
