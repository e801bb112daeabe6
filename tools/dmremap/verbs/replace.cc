// SPDX-License-Identifier: GPL-2.0
// replace NAME NEWDISK: copies a device that runs to another disk, in use or not, and puts that in its place when asked to.
#include "copy_state.hh"
#include "line_taken_out.hh"
#include "machine/leaving.hh"
#include "machine/machine.hh"
#include "machine/new_disk.hh"
#include "machine/progress.hh"
#include "machine/replacement.hh"
#include "machine/signature.hh"
#include "machine/udev.hh"
#include "machine/users.hh"
#include "state_folder.hh"
#include "swap_table.hh"
#include "sysfs.hh"
#include "verbs.hh"

#include <csignal>
#include <fstream>
#include <system_error>

namespace dm_remap::tool {

namespace {

constexpr std::chrono::seconds between_records(5);

volatile std::sig_atomic_t asked_to_end;

// ^C and its like end a step at the next piece, and the record of the copy is written.
void heed_signals()
{
	struct sigaction action = {};

	action.sa_handler = [](int) { asked_to_end = 1; };
	action.sa_flags = SA_RESTART;
	for (const int signal : {SIGINT, SIGTERM, SIGHUP})
		sigaction(signal, &action, nullptr);
}

const char *name_of(Copier::Step step)
{
	switch (step) {
	case Copier::Step::copying:
		return "copied";
	case Copier::Step::narrowing:
		return "read in small pieces";
	case Copier::Step::retrying:
		return "tried again";
	case Copier::Step::verifying:
		return "compared";
	}
	return "";
}

class Replace final : public Verb {
public:
	const char *name() const override { return "replace"; }
	const char *summary() const override { return "copy a device that runs to a new disk, and put that in its place"; }

	void options(Options &o) override
	{
		o.one("name", name_, Takes::set, "NAME", "of the device, which may be in use");
		o.required();
		o.one("disk", path_, Takes::device, "NEWDISK", "what it is copied to; its content is lost");
		o.required();
		o.flag("--swap", swap_, "then let the new disk serve the device, without unmounting");
		o.number("--retries", retries_, "N", "how often what cannot be read is tried again at the end (1)", 1000);
		o.number("--standstill", standstill_, "SECONDS", "how long the device may stand still at the end (10)", 1'000'000);
		o.one("--state", state_path_, Takes::file, "FILE", "where the record of the copy is kept");
		o.flag("--restart", restart_, "begin anew, whatever was copied before");
		o.one("--map", map_path_, Takes::file, "FILE", "write what was copied there, as ddrescue does");
	}

	int run(Answer &answer) override
	{
		const Machine machine(answer);
		const Running device = machine.find(name_);

		if (device.device().suspended)
			throw Failure(ExitStatus::busy, "busy",
				      fmt::format("{0} is suspended, so it cannot be read: 'dmsetup resume {0}'", device.device().kernel_name));
		set_ = machine.set_of(device);
		in_use_ = device.device().open_count > 0;
		disk_ = look_at_new_disk(path_, device, answer);
		if (state_path_.empty())
			state_path_ = fmt::format("{}/replace-{}.json", state_folder(), set_.empty() ? device.device().kernel_name : set_);
		if (answer.manners().dry_run) {
			say_what_would_be(answer, device);
			return static_cast<int>(ExitStatus::done);
		}
		CopyStateFile file(state_path_);

		find_out_how_far(answer, device, file);
		// A copy that is under way shows no content: its first and last piece come at the end.
		if (!resumed_ || disk_.identity.empty() || !disk_.content.empty())
			answer.confirm(fmt::format("Everything on {} ({}) is overwritten: {}.", path_, human_bytes(disk_.sectors * DMR_SECTOR_SIZE),
						   disk_.content.empty() ? "nothing is known to be there" : disk_.content));
		heed_signals();
		copy(device, file, answer);
		if (!map_path_.empty() && !(std::ofstream(map_path_) << ddrescue_map(state_->map) << std::flush))
			answer.warn("map", fmt::format("{}: cannot be written", map_path_));
		report(answer, device);
		return static_cast<int>(ExitStatus::done);
	}

private:
	void say_what_would_be(Answer &answer, const Running &device)
	{
		state_ = std::make_unique<CopyStateDocument>(CopyStateDocument{subject(device), path_, CopyMap(device.sectors())});
		if (answer.as_json())
			return report_json(answer, device, "nothing");
		answer.line("{}, {}, would be copied to {} ({}), {}", device.name(), human_bytes(device.sectors() * DMR_SECTOR_SIZE), path_,
			    disk_.content.empty() ? "where nothing is known to be" : disk_.content + ", which is lost",
			    in_use_ ? "while it is in use" : "as nobody uses it");
		answer.line("the record of the copy would be in {}", state_path_);
	}

	CopySubject subject(const Running &device) const { return {set_, device.sectors(), disk_.identity, disk_.sectors}; }

	// What an earlier run has left, if it was about these two.
	void find_out_how_far(Answer &answer, const Running &device, const CopyStateFile &file)
	{
		std::optional<CopyStateDocument> found;

		try {
			found = restart_ ? std::nullopt : file.read();
		} catch (const Failure &failure) {
			answer.warn("state", fmt::format("{}: {}: all is copied anew", file.path(), failure.what()));
		}
		if (found && found->subject != subject(device))
			throw Failure(ExitStatus::would_lose, "other-copy",
				      fmt::format("{} is the record of a copy to {}, {}: name that disk, or, to give up that copy, add --restart", file.path(),
						  found->path, found->subject.sectors == device.sectors() ? "which is another disk" : "when the device had another size"));
		resumed_ = found.has_value();
		state_ = std::make_unique<CopyStateDocument>(
			found ? std::move(*found) : CopyStateDocument{subject(device), path_, CopyMap(device.sectors())});
		state_->path = path_;
		// Nobody has watched meanwhile: all is compared, and what could not be read is tried again.
		state_->map.change(CopyState::verified, CopyState::copied);
		state_->map.change(CopyState::bad, CopyState::skipped);
		if (resumed_)
			answer.note(fmt::format("{} sectors were copied before", state_->map.sectors(CopyState::copied)));
	}

	void copy(const Running &device, CopyStateFile &file, Answer &answer)
	{
		if (!resumed_)
			wipe_signatures(path_, 0, disk_.sectors);
		// So that nobody else takes it; device-mapper, in the end, has to be let in.
		auto claim = std::make_unique<RawDisk>(path_, RawDisk::Use::read_alone);
		const RawDisk to(path_, RawDisk::Use::write);
		const std::unique_ptr<WriteTracker> tracker = track(device);
		const RawDisk source(device.device().path, tracker ? RawDisk::Use::read : RawDisk::Use::read_alone);
		Replacement work(device, source, to, state_->map, tracker.get(), !resumed_, [&](Copier::Step step) { tick(step, to, file); });

		try {
			work.hide();
			record(to, file);
			bring_over(work, claim);
		} catch (...) {
			keep(to, file);
			throw;
		}
		stood_still_ = work.stood_still();
		rounds_ = work.rounds();
		for (const SectorRange &range : work.unverified())
			unverified_ += range.sectors;
		progress_.reset();
		if (!swap_)
			return record(to, file);
		// The new disk serves: nothing that fails from here on changes that.
		try {
			if (!config_fault_.empty())
				answer.warn("not-configured", fmt::format("{}: take the line of set {} out of it by hand", config_fault_, set_));
			file.remove();
			// Besides by this process.
			if (const std::optional<dm::Device> now = dm::find(device.name()); now && now->open_count > 1)
				in_use_ = true;
		} catch (const std::exception &error) {
			answer.warn("afterwards", error.what());
		}
	}

	void bring_over(Replacement &work, std::unique_ptr<RawDisk> &claim)
	{
		constexpr int attempts = 4;
		const std::chrono::seconds limit(standstill_);

		for (int i = 0; i < attempts; i++) {
			work.bring_close(i ? 0 : retries_, limit);
			if (!swap_) {
				if (work.finish("", limit))
					return;
				continue;
			}
			claim.reset();
			LineTakenOut line(set_);

			config_fault_ = line.fault();
			if (work.finish(disk_.number, limit))
				return line.stay_out();
		}
		throw Failure(ExitStatus::busy, "written-too-fast",
			      fmt::format("{} is written too fast, or the kernel's trace of that had no room: try again when less is written, or with a larger "
					  "--standstill; what was copied is kept",
					  name_));
	}

	// Null: nobody else can write to it, as it is held alone.
	std::unique_ptr<WriteTracker> track(const Running &device) const
	{
		for (const std::string &holder : sysfs::holders(device.device().number()))
			if (const std::string node = sysfs::node(holder); node.starts_with("/dev/bcache"))
				throw Failure(ExitStatus::failed, "cannot-track",
					      fmt::format("{} is part of {}, which writes in a way that cannot be followed: stop that first", device.name(), node));
		try {
			return std::make_unique<WriteTracker>(device.device().number(), device.sectors(), set_.empty() ? device.device().kernel_name : set_);
		} catch (const std::system_error &error) {
			if (!in_use_)
				return nullptr;
			throw Failure(ExitStatus::failed, "cannot-track",
				      fmt::format("{} is in use, and what is written to it cannot be followed, as the kernel's trace cannot be had ({}): unmount it, "
						  "and try again",
						  device.name(), error.what()));
		}
	}

	void tick(Copier::Step step, const RawDisk &to, CopyStateFile &file)
	{
		const CopyMap &map = state_->map;
		const uint64_t failed = map.sectors(CopyState::bad) + map.sectors(CopyState::skipped);
		const uint64_t done = step == Copier::Step::verifying ? map.sectors(CopyState::verified) : map.sectors() - map.sectors(CopyState::todo);

		if (asked_to_end)
			throw Failure(ExitStatus::failed, "interrupted",
				      fmt::format("broken off: {} of {} sectors were copied; the same command goes on from there", done, map.sectors()));
		if (progress_)
			progress_->show(name_of(step), done, map.sectors(), failed ? fmt::format(", {} sectors cannot be read", failed) : "");
		if (std::chrono::steady_clock::now() - recorded_ >= between_records)
			record(to, file);
	}

	// What it says was copied is on the disk for good.
	void record(const RawDisk &to, CopyStateFile &file)
	{
		if (!to.flush())
			throw Failure(ExitStatus::failed, "new-disk", fmt::format("{}: a flush failed: use another disk", path_));
		file.write(*state_);
		recorded_ = std::chrono::steady_clock::now();
	}

	// On the way out, whatever the reason is.
	void keep(const RawDisk &to, CopyStateFile &file) noexcept
	{
		try {
			progress_.reset();
			record(to, file);
		} catch (const std::exception &) {
		}
	}

	// --- what is said in the end

	std::vector<Step> next_steps(const Running &device) const
	{
		const std::string disk = udev::lasting_path(path_), mapped = device.device().path;
		const std::string main = sysfs::node(device.main_number());
		std::vector<Step> out;

		if (const uint64_t bad = state_->map.sectors(CopyState::bad)) {
			std::string text = fmt::format("{} sectors could not be read: on {} there is a text in their place that says so. Find the files (grep -a "
						       "'dm-remap: sector' does), and restore them; until then keep {} and the spares, which may give them yet",
						       bad, path_, main);

			if (swap_)
				text += fmt::format(". Until then they cannot be read or written; afterwards: dmsetup load {0} --table '0 {1} linear {2} 0' && dmsetup "
						    "suspend {0} && dmsetup resume {0}",
						    device.device().kernel_name, device.sectors(), disk_.number);
			out.push_back({"missing", std::move(text)});
		}
		// What goes on being used is newer than the copy: nothing is said of what is old.
		if (!swap_ && in_use_) {
			out.push_back({"moment", fmt::format("{} was in use: {} has what it held at one moment. Stop what uses it, and give the same command "
							     "again, which brings over what was written since; or add --swap, without stopping anything",
							     mapped, path_)});
			return out;
		}
		if (swap_)
			out.push_back({"serves", fmt::format("{} serves {} until it is removed, or the machine starts anew; from then on use {} itself", path_,
							     mapped, disk)});
		else
			out.push_back({"close", fmt::format("'dmremap close {}', and use {} in its place from now on", device.name(), disk)});
		for (Step &advice : lines_to_change(mapped, disk))
			out.push_back(std::move(advice));
		out.push_back({"old-disk", fmt::format("{} has the same filesystem, with the same UUID, in an older state: before the next start take it out, or, "
						       "once all that you need is on {}, 'wipefs -a {}'",
						       main, path_, main)});
		out.push_back({"set", fmt::format("the spares still hold the set, and 'dmremap assemble --scan' would start it: when nothing is needed of it any "
						  "more, zero them ('using the spare again' in docs/administration.md){}",
						  swap_ ? "" : fmt::format(", and take its line out of {}", SetsConfig::default_path()))});
		return out;
	}

	void report(Answer &answer, const Running &device) const
	{
		if (answer.as_json())
			return report_json(answer, device, swap_ ? "swapped" : "copied");
		answer.line("{} {}: {} sectors, all read back and compared{}", path_, swap_ ? fmt::format("serves {} now", device.device().path) :
			    fmt::format("has all of {} that can be read", device.name()), device.sectors() - state_->map.sectors(CopyState::bad),
			    unverified_ ? fmt::format(" but {} that could be read only once", unverified_) : "");
		state_->map.each([&](const CopyMap::Run &run) {
			if (run.state == CopyState::bad)
				answer.line("cannot be read: sector {}, {} sectors", run.start, run.sectors());
		});
		for (const Step &step : next_steps(device))
			answer.line("* {}", step.text);
		if (!swap_)
			answer.line("the record of the copy is in {}", state_path_);
	}

	void report_json(Answer &answer, const Running &device, const char *result) const
	{
		JsonWriter &out = answer.json();
		const bool done = std::string_view(result) != "nothing";

		out.value("name", device.name());
		out.value("set", set_.empty() ? std::nullopt : std::optional(set_));
		out.value("disk", path_);
		out.word("result", result);
		out.value("sectors", device.sectors());
		out.value("in_use", in_use_);
		out.value("resumed", resumed_);
		out.value("state", state_path_);
		out.value("rounds", rounds_);
		out.value("standstill_milliseconds", done ? std::optional(static_cast<uint64_t>(stood_still_.count())) : std::nullopt);
		out.value("unverified_sectors", unverified_);
		out.value("unreadable_sectors", state_->map.sectors(CopyState::bad));
		out.begin_array("unreadable");
		state_->map.each([&](const CopyMap::Run &run) {
			if (run.state != CopyState::bad)
				return;
			out.begin_object({}, JsonWriter::Style::compact);
			out.value("sector", run.start);
			out.value("sectors", run.sectors());
			out.end();
		});
		out.end();
		out.begin_array("steps");
		for (const Step &step : done ? next_steps(device) : std::vector<Step>()) {
			out.begin_object({}, JsonWriter::Style::compact);
			out.value("id", step.id);
			out.value("text", step.text);
			out.end();
		}
		out.end();
	}

	std::string name_, path_, state_path_, map_path_;
	bool swap_ = false, restart_ = false;
	uint64_t retries_ = 1, standstill_ = 10;

	std::string set_, config_fault_;
	bool in_use_ = false, resumed_ = false;
	NewDisk disk_;
	std::unique_ptr<CopyStateDocument> state_;
	std::unique_ptr<Progress> progress_ = std::make_unique<Progress>();
	std::chrono::steady_clock::time_point recorded_;
	std::chrono::milliseconds stood_still_{0};
	uint64_t rounds_ = 0, unverified_ = 0;
};

} // namespace

std::unique_ptr<Verb> make_replace()
{
	return std::make_unique<Replace>();
}

} // namespace dm_remap::tool
