// SPDX-License-Identifier: GPL-2.0
#include "running.hh"

#include "exit_status.hh"

#include <fmt/format.h>
#include <sstream>

namespace dm_remap::tool {

namespace {

constexpr std::string_view uuid_prefix = "REMAP-";

std::optional<dm::Segment> remap_segment(const dm::Device &device)
{
	const dm::Table table = dm::table(device);

	if (table.size() != 1 || table[0].target != "remap")
		return {};
	return table[0];
}

} // namespace

std::string dm_uuid_of(const std::string &set_uuid)
{
	return std::string(uuid_prefix) + set_uuid;
}

std::optional<Running> Running::find_if_any(const std::string &name)
{
	const std::optional<dm::Device> device = dm::find(name);

	if (!device)
		return {};
	std::optional<dm::Segment> segment = remap_segment(*device);

	if (!segment)
		throw Failure(ExitStatus::not_found, "not-found", fmt::format("{}: it runs, but it is not a remap device", name));
	return Running(*device, std::move(*segment));
}

Running Running::find(const std::string &name)
{
	std::optional<Running> found = find_if_any(name);

	if (!found)
		throw Failure(ExitStatus::not_found, "not-found", fmt::format("{}: no device of this name runs", name));
	return std::move(*found);
}

bool Running::serves(const dm::Device &device)
{
	return remap_segment(device).has_value();
}

std::vector<Running> Running::all()
{
	std::vector<Running> out;

	for (const dm::Device &device : dm::all()) {
		unless_gone([&] {
			if (std::optional<dm::Segment> segment = remap_segment(device))
				out.push_back({device, std::move(*segment)});
		});
	}
	return out;
}

std::string Running::set_uuid() const
{
	return device_.uuid.starts_with(uuid_prefix) ? device_.uuid.substr(uuid_prefix.size()) : std::string();
}

std::vector<RunningSpare> Running::spares() const
{
	std::istringstream words(segment_.text);
	std::string word;
	std::vector<RunningSpare> out;
	RunningSpare spare;
	const auto take = [&] {
		if (words >> spare.number >> spare.start >> spare.sectors && spare.number != "-")
			out.push_back(spare);
	};

	words >> word;	// main
	take();
	while (words >> word)
		if (word == "spare")
			take();
		else if (word == "main_id")
			words >> word; // whatever it is
	return out;
}

LiveStatus Running::status() const
{
	return LiveStatus::parse(dm::message(device_, "status"));
}

std::string Running::counters() const
{
	return dm::message(device_, "stats");
}

std::string Running::health() const
{
	return dm::message(device_, "health");
}

bool Running::each_extent(const std::function<void(const LiveExtent &)> &f) const
{
	std::optional<uint64_t> generation;
	uint64_t from = 0;
	bool same = true;

	for (bool more = true; more;) {
		const std::string answer = dm::message(device_, fmt::format("list {} 4096", from));

		more = false;
		for (AnswerLines lines(answer); lines.next();) {
			const ListLine line = ListLine::parse(lines);

			if (line.extent) {
				f(*line.extent);
				continue;
			}
			same &= generation.value_or(line.generation) == line.generation;
			generation = line.generation;
			more = line.next.has_value();
			from = line.next.value_or(0);
		}
	}
	return same;
}

} // namespace dm_remap::tool
