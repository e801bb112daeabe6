// SPDX-License-Identifier: GPL-2.0
// doctor [NAME...]: what on this machine, or on the system in a folder, may still touch the main of each set. Writes nothing.
#include "doctor/kernels.hh"
#include "doctor/live.hh"
#include "doctor/raw_main.hh"
#include "machine/machine.hh"
#include "os/device.hh"
#include "seen_guard.hh"
#include "verbs.hh"

#include <algorithm>

namespace dm_remap::tool {

namespace {

// Of one set, or of the machine as a whole.
struct Diagnosis {
	const Subject *subject = nullptr;
	Finding finding;
};

class Doctor final : public Verb {
public:
	const char *name() const override { return "doctor"; }
	const char *summary() const override { return "find what may touch a main past its set, and say what to write instead"; }

	void options(Options &o) override
	{
		o.several("name", names_, Takes::set, "NAME...", "which sets; without any, all that run or are in sets.conf");
		o.one("--root", root_, Takes::file, "DIR", "the files of the system in this folder, and nothing of the one that runs");
		o.flag("--test", test_, "judge by the exit status: 0 well, 1 attention, 2 critical, 4 cannot tell");
	}

	int run(Answer &answer) override
	{
		try {
			examine(answer);
		} catch (const Failure &failure) {
			if (!test_)
				throw;
			answer.fail_judged(failure, Verdict::cannot_tell);
		}
		if (answer.as_json())
			write(answer.json());
		else
			print(answer);
		return test_ ? static_cast<int>(verdict())
			     : static_cast<int>(worst() == Urgency::note ? ExitStatus::done : ExitStatus::failed);
	}

private:
	void examine(Answer &answer)
	{
		const Tree tree(root_.empty() ? "/" : root_);

		if (root_.empty())
			find_here(answer);
		else
			find_in(tree, answer);
		choose();
		for (const Subject &subject : subjects_)
			look_at(tree, subject);
		if (!subjects_.empty())
			add(nullptr, [&](Findings &out) { look_at_modules(tree, out); });
		not_looked_at_.insert(not_looked_at_.end(), tree.unread().begin(), tree.unread().end());
		std::sort(not_looked_at_.begin(), not_looked_at_.end());
		not_looked_at_.erase(std::unique(not_looked_at_.begin(), not_looked_at_.end()), not_looked_at_.end());
		std::stable_sort(found_.begin(), found_.end(),
				 [](const Diagnosis &a, const Diagnosis &b) { return a.finding.urgency > b.finding.urgency; });
	}

	void find_here(Answer &answer)
	{
		machine_.emplace(answer);
		if (machine_->unavailable())
			throw Failure(ExitStatus::failed, "device-mapper",
				      fmt::format("what runs is not known: {}; --root / looks at files alone", *machine_->unavailable()));
		for (const Running &device : machine_->running())
			subjects_.push_back(subject_of(*machine_, device));
		for (const ConfiguredSet &set : machine_->config().sets())
			if (std::ranges::none_of(subjects_, [&](const Subject &other) { return other.set == set.uuid; }))
				add_configured(set);
	}

	void find_in(const Tree &tree, Answer &answer)
	{
		const std::string path = "/etc/dm-remap/sets.conf";

		config_ = SetsConfig::parse(path, tree.text(path).value_or(""));
		for (const std::string &fault : config_->faults())
			answer.warn("config", fault);
		for (const ConfiguredSet &set : config_->sets())
			add_configured(set);
	}

	void add_configured(const ConfiguredSet &set)
	{
		const std::string device = "/dev/mapper/" + set.name;

		subjects_.push_back({set.name, set.uuid, set.main, device, {set.main, device, set.main}, set.main_id, &set, nullptr});
	}

	void choose()
	{
		std::sort(subjects_.begin(), subjects_.end(), [](const Subject &a, const Subject &b) { return a.name < b.name; });
		for (const std::string &name : names_)
			if (std::ranges::none_of(subjects_, [&](const Subject &subject) { return is(subject, name); }))
				refuse_unknown(name);
		std::erase_if(subjects_, [&](const Subject &subject) {
			return !names_.empty() && std::ranges::none_of(names_, [&](const std::string &name) { return is(subject, name); });
		});
	}

	// A disk may say itself whose it is.
	[[noreturn]] static void refuse_unknown(const std::string &name)
	{
		std::string what = "it does not run, and sets.conf does not have it; 'dmremap list' shows what is on the disks";

		try {
			dmr_device device(name, os::Access::read);

			if (const std::optional<SeenGuard> guard = SeenGuard::look(device))
				what = guard->text();
		} catch (const std::system_error &) {
			// A name, or no disk.
		}
		throw Failure(ExitStatus::not_found, "not-found", fmt::format("{}: {}", shown(name), what));
	}

	static bool is(const Subject &subject, const std::string &name)
	{
		return name == subject.name || name == subject.set || name == subject.device || name == subject.main;
	}

	void look_at(const Tree &tree, const Subject &subject)
	{
		if (!subject.names.unread().empty())
			not_looked_at_.push_back(fmt::format("{}: what lies on it, and which UUIDs mean it", subject.names.unread()));
		add(&subject, [&](Findings &out) {
			if (root_.empty()) {
				look_at_users(subject, out);
				look_at_presence(subject, out);
				look_at_guard(subject, out);
			}
			for (Finding &finding : what_uses_main(tree, subject))
				out.push_back(std::move(finding));
			look_at_initramfs(tree, subject, out, not_looked_at_);
			if (root_.empty())
				look_at_disks(subject, out, not_looked_at_);
		});
	}

	template <typename F>
	void add(const Subject *subject, F look)
	{
		Findings findings;

		look(findings);
		for (Finding &finding : findings)
			found_.push_back({subject, std::move(finding)});
	}

	Urgency worst() const { return found_.empty() ? Urgency::note : found_.front().finding.urgency; }
	Verdict verdict() const
	{
		if (worst() != Urgency::note)
			return worst() == Urgency::critical ? Verdict::critical : Verdict::attention;
		return not_looked_at_.empty() ? Verdict::well : Verdict::cannot_tell;
	}

	void print(Answer &answer) const
	{
		for (const Diagnosis &one : found_) {
			answer.line("{}: {}{}: {}", urgency_text(one.finding.urgency), one.subject ? shown(one.subject->name) + ": " : "", one.finding.id,
				    shown(one.finding.text));
			answer.line("    {}", shown(one.finding.action));
		}
		for (const std::string &what : not_looked_at_)
			answer.line("not looked at: {}", shown(what));
		if (subjects_.empty())
			answer.line("{}, so nothing was looked for", root_.empty() ? "no set runs, and sets.conf has none" : "sets.conf has no set");
		else if (found_.empty())
			answer.line("nothing was found that may touch the main of {} past the set",
				    subjects_.size() == 1 ? shown(subjects_.front().name) : fmt::format("any of {} sets", subjects_.size()));
	}

	void write(JsonWriter &out) const
	{
		out.value("root", root_.empty() ? std::nullopt : std::optional(root_));
		out.begin_array("sets");
		for (const Subject &subject : subjects_) {
			out.begin_object({}, JsonWriter::Style::compact);
			out.value("name", subject.name);
			out.value("set", subject.set.empty() ? std::nullopt : std::optional(subject.set));
			out.value("main", subject.main);
			out.value("path", subject.device);
			out.end();
		}
		out.end();
		out.begin_array("findings");
		for (const Diagnosis &one : found_) {
			out.begin_object();
			out.value("id", one.finding.id);
			out.word("urgency", urgency_text(one.finding.urgency));
			out.value("name", one.subject ? std::optional(one.subject->name) : std::nullopt);
			out.value("where", one.finding.where.empty() ? std::nullopt : std::optional(one.finding.where));
			out.value("text", one.finding.text);
			out.value("action", one.finding.action);
			out.end();
		}
		out.end();
		out.begin_array("not_looked_at");
		for (const std::string &what : not_looked_at_)
			out.value({}, what);
		out.end();
	}

	std::vector<std::string> names_;
	std::string root_;
	bool test_ = false;
	std::optional<Machine> machine_;
	std::optional<SetsConfig> config_;
	std::vector<Subject> subjects_;
	std::vector<Diagnosis> found_;
	std::vector<std::string> not_looked_at_;
};

} // namespace

std::unique_ptr<Verb> make_doctor()
{
	return std::make_unique<Doctor>();
}

} // namespace dm_remap::tool
