// SPDX-License-Identifier: GPL-2.0
// dmremap: the command line, and what becomes of a verb's end. The only file that knows CLI11.
//
// CLI11's own exit statuses (105, 106, 109) are not ours, and it says of an unknown verb that a subcommand is required: so words that
// it leaves over are looked at here.
#include "completion.hh"
#include "verbs.hh"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <system_error>
#include <unistd.h>

namespace dm_remap::tool {

namespace {

class CliOptions final : public Options {
public:
	explicit CliOptions(CLI::App &app) : app_(app) {}

	void flag(const char *names, bool &out, const char *help) override { last_ = app_.add_flag(names, out, help); }
	void one(const char *names, std::string &out, Takes takes, const char *value, const char *help) override
	{
		last_ = app_.add_option(names, out, help)->type_name(value);
		note(takes);
	}
	// CLI11 takes "-1" for 2^64 - 1.
	void number(const char *names, uint64_t &out, const char *value, const char *help, uint64_t most) override
	{
		const std::function<void(const std::string &)> take = [names, &out, most](const std::string &text) {
			uint64_t number = 0;
			const char *end = text.data() + text.size();

			if (const auto [stop, error] = std::from_chars(text.data(), end, number); error != std::errc() || stop != end || number > most)
				throw CLI::ValidationError(fmt::format("{}: '{}' is no number from 0 to {}", names, shown(text), most));
			out = number;
		};

		last_ = app_.add_option_function(names, take, help)->type_name(value);
		note(Takes::number);
	}
	void several(const char *names, std::vector<std::string> &out, Takes takes, const char *value, const char *help) override
	{
		last_ = app_.add_option(names, out, help)->type_name(value);
		note(takes);
	}
	void required() override { last_->required(); }
	void excludes(const char *name) override { last_->excludes(app_.get_option(name)); }

private:
	// CLI11 keeps a group for each option, which help does not need to show.
	void note(Takes takes) { takes_of(*last_) = takes; }

	CLI::App &app_;
	CLI::Option *last_ = nullptr;
};

bool wants_json; // the words as they are, as those that make no sense need an answer too

struct Command {
	std::unique_ptr<Verb> verb;
	CLI::App *app;
};

// With --json, wherever it stands, the answer is a document. verb: whose words they are; null: nobody's.
int usage(const std::string &text, const CLI::App &app, const Verb *verb = nullptr)
{
	const Manners manners = {.json = wants_json, .dry_run = false, .verbose = false, .yes = false};
	Answer answer(app.get_parent() ? app.get_name() : "", manners);
	const std::string all = fmt::format("{}\nTry 'dmremap{}{} --help'.", text, app.get_parent() ? " " : "", app.get_parent() ? app.get_name() : "");

	if (verb)
		return verb->failed(answer, ExitStatus::usage, "usage", all);
	answer.fail("usage", all);
	return static_cast<int>(ExitStatus::usage);
}

// Whose words are meant; null: none's.
const Verb *named(const CLI::App &app, const std::vector<Command> &commands)
{
	for (const Command &command : commands)
		if (!app.get_subcommands().empty() && command.app == app.get_subcommands().front())
			return command.verb.get();
	return nullptr;
}

// A verb or an option that there is not.
int unknown(const std::string &word, const CLI::App &app)
{
	return usage(fmt::format("unknown {} '{}'", word.starts_with("-") ? "option" : "verb", shown(word)), app);
}

ExitStatus status_of(const std::error_code &code)
{
	if (code == std::errc::no_such_file_or_directory || code == std::errc::no_such_device ||
	    code == std::errc::no_such_device_or_address)
		return ExitStatus::not_found;
	return code == std::errc::device_or_resource_busy ? ExitStatus::busy : ExitStatus::failed;
}

const char *id_of(ExitStatus status)
{
	return status == ExitStatus::not_found ? "not-found" : status == ExitStatus::busy ? "busy" : "system";
}

int run(Verb &verb, const Manners &manners)
{
	Answer answer(verb.name(), manners);

	try {
		const int status = verb.run(answer);

		answer.done();
		return status;
	} catch (const Judged &judged) {
		return static_cast<int>(judged.verdict);
	} catch (const Failure &failure) {
		return verb.failed(answer, failure.status(), failure.id(), failure.what());
	} catch (const std::system_error &error) {
		const ExitStatus status = status_of(error.code());

		return verb.failed(answer, status, id_of(status), error.what());
	} catch (const std::exception &error) {
		return verb.failed(answer, ExitStatus::failed, "internal", error.what());
	}
}

// One that is closed would be the number of the next file that is opened: the answer would be written into a spare.
void open_standard_files()
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int dispatch(int argc, char **argv)
{
	CLI::App app("Finds, explains, checks and mends what dm-remap keeps on spares.", "dmremap");
	Manners manners;
	std::vector<Command> commands;
	std::string shell;

	wants_json = std::any_of(argv, argv + argc, [](const char *word) { return !std::strcmp(word, "--json"); });
	app.set_version_flag("--version", "dmremap " DMREMAP_VERSION);
	app.require_subcommand(0, 1);
	app.allow_extras(true);
	for (const MakeVerb make : verbs) {
		std::unique_ptr<Verb> verb = make();
		CLI::App *sub = app.add_subcommand(verb->name(), verb->summary());
		CliOptions options(*sub);

		sub->allow_extras(false);
		if (verb->hidden())
			sub->group("");
		verb->options(options);
		if (verb->program())
			sub->set_version_flag("-V,--version", fmt::format("{} {}", verb->program(), DMREMAP_VERSION));
		sub->add_flag("--json", manners.json, "the answer as a JSON document: see docs/json.md");
		sub->add_flag("-n,--dry-run", manners.dry_run, "say what would be done, and do nothing");
		sub->add_flag("-v,--verbose", manners.verbose, "say more, on stderr");
		sub->add_flag("--yes", manners.yes, "do not ask before something is lost");
		commands.push_back({std::move(verb), sub});
	}
	CLI::App *completion = app.add_subcommand("completion", "print the completions for a shell");

	completion->add_option("shell", shell, "the shell")->required()->type_name("bash|zsh|fish");
	try {
		app.parse(argc, argv);
	} catch (const CLI::Success &request) {
		const Verb *verb = named(app, commands);
		const int status = app.exit(request);

		return verb && !status ? verb->told() : status;
	} catch (const CLI::ParseError &error) {
		for (const CLI::App *sub : app.get_subcommands())
			return usage(error.what(), *sub, named(app, commands));
		return usage(error.what(), app);
	}
	if (!app.remaining().empty())
		return unknown(app.remaining().front(), app);
	if (completion->parsed() && print_completion(app, shell))
		return static_cast<int>(ExitStatus::done);
	if (completion->parsed())
		return usage(fmt::format("no completions for '{}': bash, zsh and fish have them", shown(shell)), *completion);
	for (const Command &command : commands) {
		if (!command.app->parsed())
			continue;
		manners.json |= command.verb->always_json();
		return run(*command.verb, manners);
	}
	return usage("a verb is missing", app);
}

} // namespace

} // namespace dm_remap::tool

int main(int argc, char **argv)
{
	dm_remap::tool::open_standard_files();
	try {
		return dm_remap::tool::dispatch(argc, argv);
	} catch (const std::exception &error) {
		dm_remap::tool::say(error.what());
		return static_cast<int>(dm_remap::tool::ExitStatus::failed);
	}
}
