// SPDX-License-Identifier: GPL-2.0
// import NAME FORMAT FILE: what a list of bad blocks names is moved to spares before it fails.
#include "job_text.hh"
#include "lists/list_file.hh"
#include "machine/drive_of.hh"
#include "machine/hand_ranges.hh"
#include "machine/machine.hh"
#include "sysfs.hh"
#include "verbs.hh"

namespace dm_remap::tool {

namespace {

constexpr uint64_t usual_badblocks_unit = 1024, not_given = ~uint64_t{0};

// What is wrong with a list, with its name before it.
template <typename F>
auto about_list(const std::string &path, F f)
{
	try {
		return f();
	} catch (const Failure &failure) {
		if (failure.id() != "list")
			throw;
		throw Failure(failure.status(), failure.id(), fmt::format("{}: {}", list_name(path), failure.what()));
	}
}

class Import final : public Verb {
public:
	const char *name() const override { return "import"; }
	const char *summary() const override { return "move to spares what a list of bad blocks names"; }

	void options(Options &o) override
	{
		o.one("name", name_, Takes::set, "NAME", "of the device, a path to it, or the UUID of its set");
		o.required();
		o.one("format", format_, Takes::choice, "badblocks|ddrescue|smart",
		      "of the list: what 'badblocks -o' wrote, a mapfile of ddrescue, or what smartctl printed, as text or with --json");
		o.required();
		o.one("file", file_, Takes::file, "FILE", "the list; - for standard input");
		o.required();
		o.number("--block-size", block_bytes_, "BYTES",
			 "of a block of the list: badblocks, its -b (1024); smart, if the list does not say it (a logical block of main)", uint64_t{1} << 30);
		o.flag("--disk", disk_, "the list counts from the start of the disk that main is a partition of; smart always does");
		o.flag("--bad-sectors", bad_sectors_, "ddrescue: only what it has narrowed down to sectors (-), not what is not trimmed or scraped yet (* /)");
	}

	int run(Answer &answer) override
	{
		refuse_what_makes_no_sense();
		// Before anybody is asked for the device.
		const std::string text = read_list_file(file_);
		const BlockList list = about_list(file_, [&] { return read(text); });
		const Running device = Machine(answer).find(name_);
		const LiveStatus status = device.status();

		choose_unit(list, status);
		const ImportPlan plan = about_list(file_, [&] { return plan_import(list, unit_, status.block_bytes, listed_device(device), advice()); });

		warn(answer, device, plan, status);
		if (answer.manners().dry_run || !plan.sectors)
			return would(answer, device, list, plan, status);
		return move(answer, device, list, plan);
	}

private:
	bool is(const char *format) const { return format_ == format; }
	bool has_unit() const { return block_bytes_ != not_given; }

	void refuse_what_makes_no_sense() const
	{
		const auto refuse = [](const std::string &why) { throw Failure(ExitStatus::usage, "usage", why); };
		const bool format_first = name_ == "badblocks" || name_ == "ddrescue" || name_ == "smart";

		if (!is("badblocks") && !is("ddrescue") && !is("smart"))
			refuse(fmt::format("'{}' is no kind of list: badblocks, ddrescue, smart{}", shown(format_),
					   format_first ? fmt::format("; the device comes first: 'dmremap import NAME {} FILE'", name_) : ""));
		if (bad_sectors_ && !is("ddrescue"))
			refuse("--bad-sectors is about a mapfile of ddrescue");
		if (has_unit() && is("ddrescue"))
			refuse("a mapfile of ddrescue counts in bytes: leave out --block-size");
		if (has_unit() && !is_unit(block_bytes_))
			refuse(fmt::format("--block-size {}: a block has 512 bytes, or a multiple of that", block_bytes_));
	}

	BlockList read(const std::string &text) const
	{
		if (is("badblocks"))
			return read_badblocks(text);
		return is("smart") ? read_smart(text) : read_ddrescue(text, bad_sectors_ ? Mapped::bad_sectors : Mapped::failed);
	}

	void choose_unit(const BlockList &list, const LiveStatus &status)
	{
		if (has_unit() && list.unit && *list.unit != block_bytes_)
			throw Failure(ExitStatus::usage, "usage",
				      fmt::format("--block-size {}: {} says that its blocks have {} bytes", block_bytes_, list_name(file_), *list.unit));
		unit_ = list.unit ? *list.unit : has_unit() ? block_bytes_ : is("badblocks") ? usual_badblocks_unit : status.block_bytes;
	}

	bool on_disk() const { return disk_ || is("smart"); }

	ListedDevice listed_device(const Running &device) const
	{
		const std::string main = device.main_number();

		if (!on_disk())
			return {sysfs::node(main), device.sectors(), {0, device.sectors()}};
		return drive_of(device, is("smart") ? "a drive's log counts from the drive's own start; find out where its LBA lies on main, "
						      "and give that to 'dmremap remap'"
						    : "a list counts from the start of main then: leave out --disk");
	}

	// If something is beyond what there is.
	std::string advice() const
	{
		if (is("smart"))
			return "If this is the drive's own log, take that entry out of it: the drive speaks of a block that it does not have";
		if (is("ddrescue"))
			return disk_ ? "Is this the mapfile of another disk?" : "Is this the mapfile of the whole disk (--disk), or of another one?";
		return disk_ ? "Was the list made of another disk, or with another block size (--block-size)?"
			     : "Was the list made with another block size (--block-size), or of the whole disk (--disk)?";
	}

	void warn(Answer &answer, const Running &device, const ImportPlan &plan, const LiveStatus &status) const
	{
		if (plan.elsewhere)
			answer.warn("elsewhere", fmt::format("{} entries of {} lie outside of main, on other parts of its disk, and are left out", plan.elsewhere,
							     list_name(file_)));
		if (plan.cut_off)
			answer.warn("cut-off", fmt::format("{} entries of {} are left out, as that log keeps too few bits of an address for this disk: take the extended "
							   "logs, by 'smartctl -l xerror -l xselftest'",
							   plan.cut_off, list_name(file_)));
		if (plan.other_space)
			answer.warn("other-namespace", fmt::format("{} entries of {} are about another namespace of the drive, and are left out", plan.other_space,
								   list_name(file_)));
		if (plan.sectors > status.pool_free)
			answer.warn("no-room", fmt::format("the spares have {} sectors left, and {} are to be moved, but for those that live there already: "
							   "'dmremap add-spare {} DEV' makes room",
							   status.pool_free, plan.sectors, device.name()));
	}

	// "bad.txt names 3 blocks of 1024 bytes"
	std::string what_is_listed(const BlockList &list) const
	{
		if (list.runs.empty())
			return fmt::format("{} names no bad block", list_name(file_));
		const uint64_t blocks = listed(list);

		if (is("ddrescue"))
			return fmt::format("{} names {} areas of {} bytes together", list_name(file_), list.runs.size(), blocks);
		return fmt::format("{} names {} blocks of {} bytes{}", list_name(file_), blocks, unit_,
				   list.unit ? ", as it says" : has_unit() ? "" : is("smart") ? ", which is what main's have" : ", unless --block-size says otherwise");
	}
	static uint64_t listed(const BlockList &list)
	{
		uint64_t blocks = 0;

		for (const ListedRun &run : list.runs)
			blocks += run.count;
		return blocks;
	}

	// The document, up to what was done.
	void begin_json(JsonWriter &out, const Running &device, const BlockList &list, const ImportPlan &plan) const
	{
		out.value("name", device.name());
		out.value("format", format_);
		out.value("block_bytes", unit_);
		out.value("from_disk", on_disk());
		out.value("listed_blocks", listed(list));
		out.value("ranges", plan.ranges.ranges().size());
		out.value("sectors", plan.sectors);
	}

	// With -n, and if there is nothing to be moved.
	int would(Answer &answer, const Running &device, const BlockList &list, const ImportPlan &plan, const LiveStatus &status) const
	{
		if (answer.as_json()) {
			JsonWriter &out = answer.json();

			begin_json(out, device, list, plan);
			out.begin_array("list");
			for (const Range &range : plan.ranges.ranges()) {
				out.begin_object({}, JsonWriter::Style::compact);
				out.value("sector", range.start);
				out.value("sectors", range.count);
				out.end();
			}
			out.end();
			out.word("result", "nothing");
			write_totals(out, {}, {});
			return static_cast<int>(ExitStatus::done);
		}
		answer.line("{}", what_is_listed(list));
		if (!plan.sectors) {
			answer.line("nothing is to be moved");
			return static_cast<int>(ExitStatus::done);
		}
		answer.line("{} sectors of main, {}, in {} ranges would be moved to spares{}:", plan.sectors, sysfs::node(device.main_number()),
			    plan.ranges.ranges().size(),
			    status.physical_block_bytes ? fmt::format(", with the rest of their physical blocks of {} bytes", *status.physical_block_bytes) : "");
		for (const Range &range : plan.ranges.ranges())
			answer.line("{}", range_text({range.start, range.count}));
		return static_cast<int>(ExitStatus::done);
	}

	static void write_totals(JsonWriter &out, const std::optional<HandTotals> &totals, const std::optional<uint64_t> &pending)
	{
		const auto of = [&](auto f) { return totals ? std::optional(f(*totals)) : std::nullopt; };

		out.value("ranges_done", of([](const HandTotals &t) { return t.ranges; }));
		out.value("moved_sectors", of([](const HandTotals &t) { return t.moved; }));
		out.value("unreadable_sectors", of([](const HandTotals &t) { return t.unreadable; }));
		out.value("untouched_sectors", of([](const HandTotals &t) { return t.untouched(); }));
		out.value("pending_sectors", pending);
	}

	int move(Answer &answer, const Running &device, const BlockList &list, const ImportPlan &plan) const
	{
		HandRanges work(device, plan.ranges);

		if (answer.as_json()) {
			begin_json(answer.json(), device, list, plan);
			answer.json().null("list");
		} else {
			answer.line("{}", what_is_listed(list));
			answer.flush();
		}
		try {
			work.remap();
		} catch (const Failure &failure) {
			if (answer.as_json())
				write_totals(answer.json(), work.totals(), {});
			throw Failure(failure.status(), failure.id(), unfinished(failure.what(), work.totals(), plan));
		}
		return report(answer, device, work.totals(), plan);
	}

	std::string unfinished(const std::string &why, const HandTotals &totals, const ImportPlan &plan) const
	{
		return fmt::format("{}. {} of {} ranges of the list are done: {}. What was moved stays moved, and the same command goes on from there", why,
				   totals.ranges, plan.ranges.ranges().size(), totals.text());
	}

	int report(Answer &answer, const Running &device, const HandTotals &totals, const ImportPlan &plan) const
	{
		const uint64_t pending = device.status().pending;

		if (answer.as_json()) {
			answer.json().word("result", totals.unreadable ? "incomplete" : "done");
			write_totals(answer.json(), totals, pending);
		} else {
			answer.line("{} ranges of {} are done: {}", plan.ranges.ranges().size(), device.name(), totals.text());
			if (pending)
				answer.line("{} sectors of {} cannot be read, and are pending: 'dmremap files {}' tells which files they belong to", pending,
					    device.name(), device.name());
		}
		return static_cast<int>(totals.unreadable ? ExitStatus::failed : ExitStatus::done);
	}

	std::string name_, format_, file_;
	uint64_t block_bytes_ = not_given, unit_ = 0;
	bool disk_ = false, bad_sectors_ = false;
};

} // namespace

std::unique_ptr<Verb> make_import()
{
	return std::make_unique<Import>();
}

} // namespace dm_remap::tool
