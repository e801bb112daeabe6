// SPDX-License-Identifier: GPL-2.0
#include "smart/drive.hh"

#include <fmt/format.h>

namespace dm_remap::tool {

namespace {

void write_drive(JsonWriter &out, const Drive &drive)
{
	const DriveHealth *const h = drive.health ? &*drive.health : nullptr;
	const auto number = [&](const char *key, std::optional<uint64_t> DriveHealth::*field) {
		out.value(key, h ? h->*field : std::nullopt);
	};
	const auto text = [&](const char *key, std::string DriveHealth::*field) {
		out.value(key, h && !(h->*field).empty() ? std::optional(h->*field) : std::nullopt);
	};

	out.begin_object();
	out.value("spare", drive.role.spare);
	out.value("path", drive.role.path);
	out.value("disk", drive.role.disk);
	text("protocol", &DriveHealth::protocol);
	text("model", &DriveHealth::model);
	text("serial", &DriveHealth::serial);
	out.value("passed", h ? h->passed : std::nullopt);
	out.begin_array("failing", JsonWriter::Style::compact);
	for (size_t i = 0; h && i < h->failing.size(); i++)
		out.value({}, h->failing[i]);
	out.end();
	number("reallocated_sectors", &DriveHealth::reallocated);
	number("pending_sectors", &DriveHealth::pending);
	number("uncorrectable_errors", &DriveHealth::uncorrectable);
	out.value("failed_self_tests", h ? std::optional(h->failed_self_tests) : std::nullopt);
	out.value("logged_sectors", drive.role.spare ? std::nullopt : std::optional(drive.role.logged));
	number("temperature_celsius", &DriveHealth::temperature);
	number("power_on_hours", &DriveHealth::hours);
	number("wear_percent", &DriveHealth::wear_percent);
	number("own_spare_percent", &DriveHealth::spare_percent);
	number("own_spare_threshold_percent", &DriveHealth::spare_threshold);
	number("recovery_deciseconds", &DriveHealth::recovery_deciseconds);
	out.end();
}

} // namespace

std::string figures_text(const DriveHealth &h)
{
	std::string figures = h.passed ? *h.passed ? "says that it is well" : "says that it is FAILING" : "says nothing of its health";
	const auto figure = [&](const std::optional<uint64_t> &value, const char *format) {
		if (value)
			figures += fmt::format(fmt::runtime(format), *value);
	};

	figure(h.reallocated, ", {} sectors reallocated");
	figure(h.pending, ", {} pending");
	figure(h.uncorrectable, ", {} uncorrectable errors");
	if (h.failed_self_tests)
		figures += fmt::format(", {} failed self-tests", h.failed_self_tests);
	figure(h.wear_percent, ", {} % worn");
	// One without a threshold has no such figure, whatever it says.
	if (h.spare_threshold.value_or(0))
		figure(h.spare_percent, ", {} % of its own spare blocks left");
	figure(h.temperature, ", {} °C");
	figure(h.hours, ", on for {} h");
	if (h.recovery_deciseconds)
		figures += fmt::format(", gives a sector up after {}.{} s", *h.recovery_deciseconds / 10, *h.recovery_deciseconds % 10);
	return figures;
}

void write_drives(JsonWriter &out, const std::vector<Drive> &drives)
{
	out.begin_array("drives");
	for (const Drive &drive : drives)
		write_drive(out, drive);
	out.end();
}

} // namespace dm_remap::tool
