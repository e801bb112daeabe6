// SPDX-License-Identifier: GPL-2.0
// release-main NAME: main of a set that does not run is a disk like any other, until the next boot.
#include "boot/hold.hh"
#include "boot/run_dir.hh"
#include "machine/machine.hh"
#include "sysfs.hh"
#include "verbs.hh"

namespace dm_remap::tool {

namespace {

using run_dir::Note;

class ReleaseMain final : public Verb {
public:
	const char *name() const override { return "release-main"; }
	const char *summary() const override { return "let main be used by itself, without its set"; }

	void options(Options &o) override
	{
		o.one("name", name_, Takes::set, "NAME", "of the set, or its UUID");
		o.required();
		o.flag("--undo", undo_, "hide and hold it again");
	}

	int run(Answer &answer) override
	{
		const SetsConfig config = SetsConfig::read();
		const std::string set = uuid(config), main = find_main(config, set);
		const bool released = run_dir::read(Note::released, set).has_value();

		if (set_runs(set))
			throw Failure(ExitStatus::busy, "busy", fmt::format("the set runs, and has main: 'dmremap close {}' first", shown(name_)));
		if (undo_ && !main.empty() && use_of_main(main, set) == MainUse::other)
			throw Failure(ExitStatus::busy, "busy", fmt::format("{0} is in use: 'lsblk {0}' and 'fuser -vm {0}' tell by whom", sysfs::node(main)));
		if (!answer.manners().dry_run && released == undo_) {
			if (undo_)
				run_dir::remove(Note::released, set);
			else
				release(answer, set, main);
			if (!main.empty())
				trigger_main(main);
		}
		report(answer, set, main);
		return static_cast<int>(ExitStatus::done);
	}

private:
	std::string uuid(const SetsConfig &config) const
	{
		if (const ConfiguredSet *set = config.find(name_))
			return set->uuid;
		for (const std::string &set : run_dir::sets(Note::set))
			if (name_ == set || name_ == parse_set_note(set, run_dir::read(Note::set, set).value_or("")).name)
				return set;
		throw Failure(ExitStatus::not_found, "not-found",
			      fmt::format("{}: {} does not have it, and no spare was seen that tells of it: its main is neither hidden nor held", shown(name_),
					  config.path()));
	}

	// Also of one that was released before.
	static std::string find_main(const SetsConfig &config, const std::string &set)
	{
		return find_device(known_mains(config, Released::too), set);
	}

	static void release(Answer &answer, const std::string &set, const std::string &main)
	{
		answer.confirm(fmt::format("{} alone is older than the set wherever blocks are remapped: files and the filesystem itself may be damaged there, "
					   "and a check that repairs the filesystem makes that so for good. What is written to it, the set does not show where "
					   "its spares have a block.",
					   main.empty() ? "Main" : sysfs::node(main)));
		const run_dir::SetLock lock(set, run_dir::SetLock::Wait::yes);

		run_dir::write(Note::released, set, "");
		// Nobody has it open any more when this is gone.
		const HeldMain held(set);

		held.dismiss();
	}

	void report(Answer &answer, const std::string &set, const std::string &main) const
	{
		const std::optional<std::string> path = main.empty() ? std::nullopt : std::optional(sysfs::node(main));

		if (answer.as_json()) {
			answer.json().value("set", set);
			answer.json().value("main", path);
			answer.json().value("released", run_dir::read(Note::released, set).has_value());
			return;
		}
		const std::string main_text = path.value_or("main, which is not there,");

		if (undo_)
			answer.line("{} is hidden and held again", main_text);
		else
			answer.line("{} is free until the next boot; read it without writing (mount -o ro,noload), and 'dmremap release-main --undo {}' "
				    "takes it back",
				    main_text, shown(name_));
	}

	std::string name_;
	bool undo_ = false;
};

} // namespace

std::unique_ptr<Verb> make_release_main()
{
	return std::make_unique<ReleaseMain>();
}

} // namespace dm_remap::tool
