// SPDX-License-Identifier: GPL-2.0
#include "files/place.hh"

#include "exit_status.hh"
#include "files/passage.hh"
#include "machine/signature.hh"
#include "sysfs.hh"

#include <fmt/format.h>
#include <system_error>

namespace dm_remap::tool {

namespace {

std::string name_of(const std::string &number)
{
	const std::string name = sysfs::attribute(number, "dm/name");

	return name.empty() ? sysfs::node(number) : name;
}

class Descent final {
public:
	void go(const std::string &number, const std::string &path, const std::vector<Part> &parts, std::vector<std::string> layers)
	{
		const std::optional<dm::Device> self = dm::find(number);
		std::vector<Range> above;
		std::string opaque;

		layers.push_back(name_of(number));
		if (self && self->suspended) {
			say({layers, number, path, parts, {}, "", {}}, Kind::unknown,
			    fmt::format("{0} is suspended, and reading it would wait: dmsetup resume {0}", self->name));
			return;
		}
		for (const sysfs::Partition &partition : sysfs::partitions(number))
			go_up(partition.number, sysfs::node(partition.number), passages({{partition.start, 0, partition.sectors}}, parts), layers, above);
		for (const std::string &holder : sysfs::holders(number)) {
			const std::optional<dm::Device> device = dm::find(holder);
			const Passages ways = device ? through(dm::table(*device), number, {0, UINT64_MAX}) : Passages{{}, "md"};

			if (!ways.opaque.empty())
				opaque = device ? fmt::format("{}, with its target '{}',", name_of(holder), ways.opaque) : name_of(holder);
			if (device)
				go_up(holder, device->path, passages(ways.parts, parts), layers, above);
		}
		const RangeSet left = of(parts).without(RangeSet(std::move(above)));
		std::vector<Part> rest;

		for (const Range &range : left.ranges())
			each_part(parts, range, [&](const Part &part) { rest.push_back(part); });
		if (!rest.empty() && opaque.empty())
			own(number, path, rest, layers);
		else if (!rest.empty())
			say({layers, number, path, rest, {}, "", {}}, Kind::unknown, opaque + " has it, and may have put it anywhere");
	}

	std::vector<Place> out;

private:
	struct Up {
		Part part;
		uint64_t below;
	};

	static RangeSet of(const std::vector<Part> &parts)
	{
		std::vector<Range> ranges;

		for (const Part &part : parts)
			ranges.push_back({part.here, part.sectors});
		return RangeSet(std::move(ranges));
	}

	// In the order of a table, and so of the device above.
	static std::vector<Up> passages(const std::vector<Passage> &ways, const std::vector<Part> &parts)
	{
		std::vector<Up> out;

		for (const Passage &way : ways)
			each_part(parts, {way.below, way.sectors}, [&](const Part &part) {
				out.push_back({{part.bottom, way.above + (part.here - way.below), part.sectors}, part.here});
			});
		return out;
	}

	void go_up(const std::string &number, const std::string &path, const std::vector<Up> &ups, const std::vector<std::string> &layers,
		   std::vector<Range> &above)
	{
		std::vector<Part> parts;

		for (const Up &up : ups) {
			parts.push_back(up.part);
			above.push_back({up.below, up.part.sectors});
		}
		if (!parts.empty())
			go(number, path, parts, layers);
	}

	// What nobody above has.
	void own(const std::string &number, const std::string &path, const std::vector<Part> &parts, const std::vector<std::string> &layers)
	{
		Place place = {layers, number, path, parts, {}, "", mounts_of(number)};

		if (!place.mounts.empty()) {
			place.type = place.mounts.front().type;
			out.push_back(std::move(place));
			return;
		}
		try {
			by_signature(place);
		} catch (const std::system_error &error) {
			place.all = {{}, Kind::unknown, fmt::format("{}, so that it is not known what is there", error.what())};
			out.push_back(std::move(place));
		}
	}

	void by_signature(Place &place)
	{
		const std::vector<DiskSignature> found = signatures_on(place.path, 0, 0, Unreadable::skip);
		std::string filesystem, other, table;

		for (const DiskSignature &one : found)
			(one.usage == "filesystem" ? filesystem : one.usage.empty() ? table : other) = one.type;
		place.type = !other.empty() ? other : !filesystem.empty() ? filesystem : table;
		if (other == "LVM2_member") {
			say(place, Kind::unknown, "it is in no logical volume that is active: free, or LVM's own; 'vgchange -ay' activates all of them");
		} else if (other == "crypto_LUKS") {
			const bool open = !sysfs::holders(place.number).empty();

			say(place, open ? Kind::metadata : Kind::unknown, open ? "header of LUKS" : fmt::format("it is encrypted: 'cryptsetup open {} NAME', and ask again", place.path));
		} else if (other == "swap") {
			say(place, Kind::swap, used_as_swap(place.number) ? "swap, in use" : "swap");
		} else if (!other.empty()) {
			say(place, Kind::unknown, fmt::format("it belongs to {}, which is not looked through", other));
		} else if (!filesystem.empty()) {
			out.push_back(std::move(place));
		} else if (!table.empty()) {
			by_partition(place);
		} else {
			say(place, Kind::unknown, "nothing that is known is there, or its superblock cannot be read");
		}
	}

	// A device of device-mapper has no partitions for the kernel: others have to be made for them.
	void by_partition(const Place &place)
	{
		RangeSet rest = of(place.parts);

		for (const DiskPartition &partition : partitions_on(place.path)) {
			const Range range = {partition.start, partition.sectors};

			if (rest.any_within(range))
				say(within(place, RangeSet({range})), Kind::unknown,
				    fmt::format("it is in partition {}, of which there is no device: 'kpartx -a {}', and ask again", partition.number, place.path));
			rest = rest.without(RangeSet({range}));
		}
		if (!rest.empty())
			say(within(place, rest), Kind::unknown, "it is in no partition: the table of them, a boot loader, or nothing");
	}

	static Place within(const Place &place, const RangeSet &ranges)
	{
		Place some = place;

		some.parts.clear();
		for (const Range &range : ranges.ranges())
			each_part(place.parts, range, [&](const Part &part) { some.parts.push_back(part); });
		return some;
	}

	void say(Place place, Kind kind, const std::string &what)
	{
		place.all = {{}, kind, what};
		out.push_back(std::move(place));
	}
};

} // namespace

std::vector<Place> places_of(const dm::Device &device, const RangeSet &wanted)
{
	Descent descent;
	std::vector<Part> parts;

	for (const Range &range : wanted.ranges())
		parts.push_back({range.start, range.start, range.count});
	descent.go(device.number(), device.path, parts, {});
	return std::move(descent.out);
}

} // namespace dm_remap::tool
