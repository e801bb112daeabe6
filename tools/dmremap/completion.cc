// SPDX-License-Identifier: GPL-2.0
#include "completion.hh"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <map>

namespace dm_remap::tool {

namespace {

std::vector<const CLI::App *> verbs_of(const CLI::App &app)
{
	return app.get_subcommands([](const CLI::App *verb) { return !verb->get_group().empty(); });
}

std::vector<const CLI::Option *> options_of(const CLI::App &verb)
{
	return verb.get_options([](const CLI::Option *option) { return option->nonpositional(); });
}

// "-n --dry-run"
std::string names_of(const CLI::Option &option)
{
	std::string names;

	for (const std::string &name : option.get_snames())
		names += " -" + name;
	for (const std::string &name : option.get_lnames())
		names += " --" + name;
	return names.substr(1);
}

// Single quotes end and begin again around one.
std::string quoted(const std::string &text)
{
	std::string out = "'";

	for (const char c : text)
		out += c == '\'' ? std::string("'\\''") : std::string(1, c);
	return out + "'";
}

bool is_flag(const CLI::Option &option)
{
	return option.get_items_expected_max() == 0;
}

// Does what stands alone in this verb name this?
bool takes(const CLI::App &verb, Takes what)
{
	for (const CLI::Option *option : verb.get_options([](const CLI::Option *o) { return o->get_positional(); }))
		if (takes_of(*option) == what)
			return true;
	return false;
}

// Where a word is one of a few, these; empty: there is no such place.
std::string choices_of(const CLI::App &verb)
{
	for (const CLI::Option *option : verb.get_options([](const CLI::Option *o) { return o->get_positional(); }))
		if (takes_of(*option) == Takes::choice)
			return CLI::detail::find_and_replace(option->get_type_name(), "|", " ");
	return {};
}

// Does the name of the set come behind that word?
bool choice_first(const CLI::App &verb)
{
	const std::vector<const CLI::Option *> words = verb.get_options([](const CLI::Option *o) { return o->get_positional(); });

	return !words.empty() && takes_of(*words.front()) == Takes::choice;
}

// Names that need no quotes are enough.
constexpr const char *set_names = "sed -n 's/^set [^ ]* name=\\([^\" ]*\\) .*/\\1/p' \"${DM_REMAP_CONFIG:-/etc/dm-remap/sets.conf}\" 2>/dev/null";

constexpr const char *fish_set_names =
	"(sed -n 's/^set [^ ]* name=\\([^\" ]*\\) .*/\\1/p' /etc/dm-remap/sets.conf 2>/dev/null)";

std::string bash(const CLI::App &app)
{
	std::string out = "# bash completion for dmremap\n_dmremap() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]}\n"
			  "\tif ((COMP_CWORD == 1)); then\n\t\tmapfile -t COMPREPLY < <(compgen -W '";

	for (const CLI::App *verb : verbs_of(app))
		out += verb->get_name() + " ";
	out += "--help --version' -- \"$cur\")\n\t\treturn\n\tfi\n\tlocal words=\n\tcase $verb in\n";
	for (const CLI::App *verb : verbs_of(app)) {
		out += "\t" + verb->get_name() + ") words='";
		for (const CLI::Option *option : options_of(*verb))
			out += names_of(*option) + " ";
		out += verb->get_name() == "completion" ? "bash zsh fish' ;;\n" : "' ;;\n";
	}
	std::string of_sets;

	for (const CLI::App *verb : verbs_of(app))
		if (takes(*verb, Takes::set))
			of_sets += (of_sets.empty() ? "" : "|") + verb->get_name();
	out += "\tesac\n\tif [[ $cur == -* || $verb == completion ]]; then\n\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n";
	// First, or behind the name of the set, wherever options stand.
	for (const CLI::App *verb : verbs_of(app))
		if (const std::string choices = choices_of(*verb); !choices.empty())
			out += fmt::format("\telif [[ $verb == {} ]] && ((COMP_CWORD {} 2)); then\n\t\tmapfile -t COMPREPLY < <(compgen -W '{}' {}-- \"$cur\")\n",
					   verb->get_name(), choice_first(*verb) ? "==" : ">", choices, choice_first(*verb) ? "" : "-f ");
	return out + "\telif [[ $cur != /* && $verb =~ ^(" +
	       of_sets + ")$ ]]; then\n\t\tmapfile -t COMPREPLY < <(compgen -W \"$(" + set_names +
	       ")\" -- \"$cur\")\n"
		     "\telse\n\t\tmapfile -t COMPREPLY < <(compgen -f -- \"${cur:-/dev/}\")\n\tfi\n}\n"
		     "complete -o filenames -F _dmremap dmremap\n";
}

std::string zsh(const CLI::App &app)
{
	std::string out = std::string("#compdef dmremap\n_dmremap_sets() { ") + set_names + "; }\n_dmremap() {\n\tlocal -a verbs=(\n";

	for (const CLI::App *verb : verbs_of(app))
		out += fmt::format("\t\t{}\n", quoted(verb->get_name() + ":" + verb->get_description()));
	out += "\t)\n\tif ((CURRENT == 2)); then\n\t\t_describe verb verbs\n\t\treturn\n\tfi\n\tlocal verb=$words[2]\n"
	       "\tshift words\n\t((CURRENT--))\n\tcase $verb in\n";
	for (const CLI::App *verb : verbs_of(app)) {
		out += "\t" + verb->get_name() + ") _arguments";
		for (const CLI::Option *option : options_of(*verb))
			for (const std::string &name : CLI::detail::split(names_of(*option), ' ')) {
				std::string help = option->get_description();

				for (const char c : {'[', ']', ':'})
					help = CLI::detail::find_and_replace(help, std::string(1, c), std::string("\\") + c);
				out += " \\\n\t\t" + quoted("*" + name + "[" + help + "]" + (is_flag(*option) ? "" : ":value:_files"));
			}
		const std::string choices = choices_of(*verb);

		out += verb->get_name() == "completion" ? " \\\n\t\t'1:shell:(bash zsh fish)' ;;\n"
		       : choice_first(*verb) ? fmt::format(" \\\n\t\t'1:kind:({})' '2:set:($(_dmremap_sets))' ;;\n", choices)
		       : !choices.empty() ? fmt::format(" \\\n\t\t'1:set:($(_dmremap_sets))' '2:kind:({})' '*:file:_files' ;;\n", choices)
		       : takes(*verb, Takes::set)
			       ? " \\\n\t\t'1:set:($(_dmremap_sets))' '*:device:_files' ;;\n"
			       : fmt::format(" \\\n\t\t'*:{}:_files' ;;\n", takes(*verb, Takes::device) ? "device" : "file");
	}
	return out + "\tesac\n}\n_dmremap \"$@\"\n";
}

std::string fish(const CLI::App &app)
{
	std::string out = "# fish completion for dmremap\n";

	for (const CLI::App *verb : verbs_of(app)) {
		const std::string seen = "'__fish_seen_subcommand_from " + verb->get_name() + "'";

		out += fmt::format("complete -c dmremap -n __fish_use_subcommand -f -a {} -d {}\n", verb->get_name(),
				   quoted(verb->get_description()));
		if (verb->get_name() == "completion")
			out += fmt::format("complete -c dmremap -n {} -f -a 'bash zsh fish'\n", seen);
		if (takes(*verb, Takes::set))
			out += fmt::format("complete -c dmremap -n {} -a {}\n", seen, quoted(fish_set_names));
		if (const std::string choices = choices_of(*verb); !choices.empty())
			out += fmt::format("complete -c dmremap -n {} -a {}\n", seen, quoted(choices));
		for (const CLI::Option *option : options_of(*verb)) {
			out += "complete -c dmremap -n " + seen;
			for (const std::string &name : option->get_snames())
				out += " -s " + name;
			for (const std::string &name : option->get_lnames())
				out += " -l " + name;
			out += fmt::format("{} -d {}\n", is_flag(*option) ? "" : " -r", quoted(option->get_description()));
		}
	}
	return out;
}

} // namespace

Takes &takes_of(const CLI::Option &option)
{
	static std::map<const CLI::Option *, Takes> takes;

	return takes.try_emplace(&option, Takes::text).first->second;
}

bool print_completion(const CLI::App &app, const std::string &shell)
{
	if (shell == "bash")
		fmt::print("{}", bash(app));
	else if (shell == "zsh")
		fmt::print("{}", zsh(app));
	else if (shell == "fish")
		fmt::print("{}", fish(app));
	else
		return false;
	return true;
}

} // namespace dm_remap::tool
