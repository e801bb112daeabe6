// SPDX-License-Identifier: GPL-2.0
// export-table NAME | DEV...: a device-mapper table that serves the same data on a Linux without these modules, read-only.
#include "machine/machine.hh"
#include "set_reader.hh"
#include "start_plan.hh"
#include "verbs.hh"

#include <filesystem>

namespace dm_remap::tool {

namespace {

class ExportTable final : public Verb {
public:
	const char *name() const override { return "export-table"; }
	const char *summary() const override { return "print a table of linear segments that serves the same data"; }

	void options(Options &o) override
	{
		o.several("device", names_, Takes::device, "NAME | DEV[@START[+SECTORS]]...",
			  "a set that runs or is in sets.conf; or the spares of one, or images of them");
		o.required();
		o.one("--main", main_, Takes::device, "DEV", "main; of spares without it, /dev/MAIN stands for it");
	}

	int run(Answer &answer) override
	{
		find_places(answer);
		SetReader set(open_members(names_), answer);

		set.load();
		if (set.held())
			answer.warn("in-use", "a spare is in use: what is remapped or moved from now on is not in the table; close the set first");
		check_main(answer, set);
		if (answer.as_json())
			answer.json().begin_array("segments");
		segments(answer, set);
		if (answer.as_json())
			answer.json().end();
		tell_what_is_missing(answer, set);
		return static_cast<int>(ExitStatus::done);
	}

private:
	// A set's name is no path, or that of its device's node.
	void find_places(Answer &answer)
	{
		std::error_code ignored;
		const std::string name = names_.front();

		if (names_.size() != 1 || (std::filesystem::exists(name, ignored) && !name.starts_with("/dev/mapper/")))
			return;
		const std::optional<SetPlaces> places = Machine(answer).places(name);

		if (!places)
			return; // what opens it says that it is not there
		if (places->spares.empty())
			throw Failure(ExitStatus::not_found, "not-found", fmt::format("{}: nobody knows where its spares are: name them", shown(name)));
		names_ = places->spares;
		if (main_.empty())
			main_ = places->main;
	}

	void check_main(Answer &answer, const SetReader &set) const
	{
		if (main_.empty()) {
			answer.warn("no-main", "put main's path in the place of /dev/MAIN, or name it with --main");
			return;
		}
		const dmr_device main(main_, os::Access::read);

		if (main.sectors() < set.setup().main.sectors)
			throw Failure(ExitStatus::failed, "wrong-main",
				      fmt::format("{} has {} sectors, the main of this set {}: it is another disk", main_, main.sectors(),
						  set.setup().main.sectors));
	}

	void segments(Answer &answer, const SetReader &set)
	{
		const BlockSize block = set.block_size();
		uint64_t at = 0;
		const auto to_main = [&](uint64_t end) {
			if (at < end)
				segment(answer, at, end - at, main_.empty() ? "/dev/MAIN" : main_, at);
			at = end;
		};

		set.each_extent([&](const Extent &extent) {
			const uint64_t sectors = block.to_sectors(extent.length).value;

			to_main(block.to_sectors(extent.start).value);
			if (extent.kind == ExtentKind::mapped && set.member(extent.member)) {
				segment(answer, at, sectors, set.member(extent.member)->name.path, set.spare_sector(extent.member, extent.spare));
			} else {
				(extent.kind == ExtentKind::mapped ? elsewhere_ : extent.kind == ExtentKind::lost ? lost_ : pending_) += sectors;
				segment(answer, at, sectors, {}, 0);
			}
			at += sectors;
		});
		to_main(set.setup().main.sectors);
	}

	// path: empty for one that gives errors.
	static void segment(Answer &answer, uint64_t start, uint64_t sectors, const std::string &path, uint64_t sector)
	{
		if (!answer.as_json()) {
			if (path.empty())
				answer.line("{} {} error", start, sectors);
			else
				answer.line("{} {} linear {} {}", start, sectors, table_word(path), sector);
			return;
		}
		JsonWriter &out = answer.json();

		out.begin_object({}, JsonWriter::Style::compact);
		out.value("start", start);
		out.value("sectors", sectors);
		out.word("target", path.empty() ? "error" : "linear");
		out.value("device", path.empty() ? std::nullopt : std::optional(path));
		out.value("device_sector", path.empty() ? std::nullopt : std::optional(sector));
		out.end();
	}

	void tell_what_is_missing(Answer &answer, const SetReader &set) const
	{
		if (pending_)
			answer.warn("pending", fmt::format("{} sectors are pending: they give errors; main may still give their data", pending_));
		if (lost_)
			answer.warn("lost", fmt::format("{} sectors are lost, with a spare that was given up: they give errors", lost_));
		if (elsewhere_)
			answer.warn("elsewhere", fmt::format("{} sectors are on spares that are not named: they give errors", elsewhere_));
		for (const Member &member : set.members())
			if (!member.device->block_device())
				answer.warn("image", fmt::format("{} is a file: give it a loop device, and put that in its place", member.path()));
		answer.warn("read-only", "load it read-only (dmsetup create --readonly): the next start of dm-remap knows nothing of what is written past it");
	}

	std::vector<std::string> names_;
	std::string main_;
	uint64_t pending_ = 0, lost_ = 0, elsewhere_ = 0;
};

} // namespace

std::unique_ptr<Verb> make_export_table()
{
	return std::make_unique<ExportTable>();
}

} // namespace dm_remap::tool
