// SPDX-License-Identifier: GPL-2.0
// What mounts, unlocks and boots: fstab, crypttab, systemd's units, the initramfs' resume, GRUB.
#include "doctor/raw_main.hh"
#include "machine/fstab.hh"
#include "machine/udev.hh"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <sstream>

namespace dm_remap::tool {

namespace {

constexpr const char *stale = "it lacks what was remapped, and what is written to it is missing on the device";

std::vector<std::string> words_of(const std::string &line)
{
	std::istringstream in(line);
	std::vector<std::string> out;

	for (std::string word; in >> word;)
		out.push_back(word);
	return out;
}

bool is_comment(const std::vector<std::string> &words)
{
	return words.empty() || words.front().starts_with("#");
}

std::string with_option(const std::string &options, const std::string &option)
{
	return options.empty() || options == "defaults" || options == "none" ? option : options + "," + option;
}

// Main itself, or what serves it.
bool is_on(const Subject &subject, const std::string &source)
{
	return source == subject.device || subject.names.meant_by(source) ||
	       std::ranges::any_of(subject.names.parts(), [&](const MainPart &part) { return part.served == source; });
}

// A partition of a whole disk is there when kpartx has made it.
std::string before_use(const Subject &subject, const MainPart &part)
{
	return part.served == subject.device ? "" : fmt::format(" (partitions on it: 'kpartx -a {}')", subject.device);
}

// By these the mapped device is meant, and nothing else, where our rules hide main. Of what is needed in the initramfs its own hooks decide.
bool leads_to_the_set(const Tree &tree, const std::string &source)
{
	constexpr const char *tags[] = {"UUID=", "LABEL=", "PARTUUID=", "/dev/disk/by-uuid/", "/dev/disk/by-label/", "/dev/disk/by-partuuid/"};

	return std::ranges::any_of(tags, [&](const char *tag) { return source.starts_with(tag); }) && udev::hides_mains(tree);
}

// In the initramfs it is there before anything is looked for by its UUID.
bool initramfs_starts_it(const Tree &tree, const Subject &subject)
{
	return subject.configured && subject.configured->root &&
	       (tree.has("/usr/share/initramfs-tools/hooks/dm-remap") || tree.has("/usr/lib/dracut/modules.d/90dm-remap/module-setup.sh"));
}

// Of a kernel's command line: root=…, resume=….
void look_at_kernel_words(const Tree &tree, const std::string &file, const std::string &line, const Subject &subject, std::set<std::string> &said, Findings &out)
{
	for (std::string word : words_of(line)) {
		for (const char quote : {'"', '\''})
			std::erase(word, quote);
		// In /etc/default/grub the first word is still behind its variable.
		for (const auto &[key, id] : {std::pair("root=", "grub-root"), std::pair("resume=", "grub-resume")}) {
			const size_t at = word.starts_with(key) ? 0 : word.find(std::string("=") + key);

			if (at == word.npos)
				continue;
			const std::string source = word.substr(word.find(key, at) + std::string_view(key).size());
			const MainPart *part = subject.names.meant_by(source);

			if (!part || (leads_to_the_set(tree, source) && initramfs_starts_it(tree, subject)) || !said.insert(file + id + source).second)
				continue;
			const bool root = id == std::string_view("grub-root");

			out.push_back({id,
				       root ? fmt::format("the kernel is told that {} is its root: that is main itself; {}", source, stale)
					    : fmt::format("the kernel is told to resume from {}, which is main itself: what was remapped is missing there",
							  source),
				       root ? fmt::format("in /etc/default/grub, write GRUB_DISABLE_LINUX_UUID=true, and {}{} wherever root= stands there; "
							  "then 'update-grub'",
							  key, part->served)
					    : "in /etc/default/grub, write noresume in the place of that; then 'update-grub'",
				       Urgency::critical, file});
		}
	}
}

} // namespace

void look_at_fstab(const Tree &tree, const Subject &subject, Findings &out)
{
	for (const FstabLine &line : fstab_of(tree)) {
		const MainPart *part = subject.names.meant_by(line.source);

		if (!part || leads_to_the_set(tree, line.source))
			continue;
		FstabLine better = line;
		const bool by_hand = line.has_option("noauto");

		better.source = part->served;
		if (!by_hand && !line.early())
			better.options = with_option(line.options, "noauto");
		out.push_back({"fstab",
			       fmt::format("{} has main itself {}: {}", line.source,
					   line.type == "swap" ? "used as swap" : "mounted on " + line.target, stale),
			       fmt::format("in /etc/fstab, write '{}' in the place of that line{}; without noauto if the set is there before filesystems are "
					   "mounted",
					   better.text(), before_use(subject, *part)),
			       by_hand ? Urgency::attention : Urgency::critical, "/etc/fstab"});
	}
}

void look_at_crypttab(const Tree &tree, const Subject &subject, Findings &out)
{
	for (const std::string &line : tree.lines("/etc/crypttab")) {
		std::vector<std::string> words = words_of(line);
		const MainPart *part = words.size() < 2 || is_comment(words) ? nullptr : subject.names.meant_by(words[1]);

		if (!part)
			continue;
		const std::string source = words[1];

		if (leads_to_the_set(tree, source))
			continue;
		words.resize(4);
		words[1] = part->served;
		if (words[2].empty())
			words[2] = "none";
		const bool by_hand = words[3].find("noauto") != words[3].npos;

		if (!by_hand)
			words[3] = with_option(words[3], "noauto");
		out.push_back({"crypttab", fmt::format("{} has main itself unlocked as {}: {}", source, words[0], stale),
			       fmt::format("in /etc/crypttab, write '{} {} {} {}' in the place of that line{}; without noauto if the set is there before that",
					   words[0], words[1], words[2], words[3], before_use(subject, *part)),
			       by_hand ? Urgency::attention : Urgency::critical, "/etc/crypttab"});
	}
}

void look_at_units(const Tree &tree, const Subject &subject, Findings &out)
{
	const std::string folder = "/etc/systemd/system";

	for (const std::string &name : tree.names(folder)) {
		if (!name.ends_with(".mount") && !name.ends_with(".swap") && !name.ends_with(".automount"))
			continue;
		const std::string file = folder + "/" + name;

		for (const std::string &line : tree.lines(file)) {
			const size_t equals = line.find('=');

			if (!line.starts_with("What") || equals == line.npos)
				continue;
			const std::string source = words_of(line.substr(equals + 1)).empty() ? "" : words_of(line.substr(equals + 1)).front();

			if (const MainPart *part = subject.names.meant_by(source); part && !leads_to_the_set(tree, source))
				out.push_back({"unit", fmt::format("{} has main itself used, by {}: {}", source, name, stale),
					       fmt::format("in {}, write What={}{}; then 'systemctl daemon-reload'", file, part->served,
							   before_use(subject, *part)),
					       Urgency::critical, file});
		}
	}
}

void look_at_resume(const Tree &tree, const Subject &subject, Findings &out)
{
	const std::string folder = "/etc/initramfs-tools/conf.d";

	for (const std::string &name : tree.names(folder))
		for (const std::string &line : tree.lines(folder + "/" + name))
			if (line.starts_with("RESUME=") && subject.names.meant_by(line.substr(line.find('=') + 1)))
				out.push_back({"resume", fmt::format("the initramfs resumes from {}, which is main itself: what was remapped is missing there",
								     line.substr(line.find('=') + 1)),
					       fmt::format("in {}/{}, write RESUME=none; then 'update-initramfs -u -k all'", folder, name), Urgency::attention,
					       folder + "/" + name});
}

void look_at_grub(const Tree &tree, const Subject &subject, Findings &out)
{
	std::set<std::string> said;

	for (const std::string &line : tree.lines("/etc/default/grub"))
		if (!is_comment(words_of(line)))
			look_at_kernel_words(tree, "/etc/default/grub", line, subject, said, out);
	const std::string made = "/boot/grub/grub.cfg";

	for (const std::string &line : tree.lines(made)) {
		const std::vector<std::string> words = words_of(line);

		if (is_comment(words))
			continue;
		if (words.front().starts_with("linux"))
			look_at_kernel_words(tree, made, line, subject, said, out);
		if (words.front() != "search" || std::ranges::find(words, "--fs-uuid") == words.end() || !subject.names.with_uuid(words.back()) ||
		    !said.insert(made + words.back()).second)
			continue;
		out.push_back({"grub-boot",
			       fmt::format("GRUB looks for kernels and initramfs on the filesystem {}, which it reads from main itself: what was remapped "
					   "there is old, or cannot be read, and the machine may not boot",
					   words.back()),
			       "have /boot on another disk, as a filesystem of its own, with its line in /etc/fstab; then 'grub-install' and 'update-grub'",
			       Urgency::attention, made});
	}
}

std::string started_from_main(const Tree &tree, const Subject &subject)
{
	Findings grub;

	if (subject.guarded())
		return {};
	look_at_grub(tree, subject, grub);
	if (std::ranges::any_of(grub, [](const Finding &finding) { return finding.id == "grub-boot"; }))
		return "GRUB reads kernels from " + subject.main;
	for (const FstabLine &line : fstab_of(tree))
		for (const char *folder : {"/boot", "/boot/efi", "/efi"})
			if (line.target == folder && is_on(subject, line.source))
				return fmt::format("{} is on {}", folder, subject.main);
	return {};
}

bool boots_from(const Tree &tree, const Subject &subject)
{
	return std::ranges::any_of(fstab_of(tree), [&](const FstabLine &line) { return line.early() && is_on(subject, line.source); });
}

void look_at_root(const Tree &tree, const Subject &subject, Findings &out)
{
	if (!subject.configured || subject.configured->root || !udev::hides_mains(tree) || !boots_from(tree, subject))
		return;
	out.push_back({"not-root", "the system is on it, and its line in sets.conf does not say so: no initramfs starts it, and the machine does not boot",
		       fmt::format("in /etc/dm-remap/sets.conf, write root=yes at the end of line {}; then 'update-initramfs -u -k all'", subject.configured->line),
		       Urgency::critical, "/etc/dm-remap/sets.conf"});
}

Findings what_uses_main(const Tree &tree, const Subject &subject)
{
	Findings out;
	Subject itself = subject;

	look_at_root(tree, subject, out);
	if (subject.guarded())
		itself.names.forget_content();
	for (const auto look : {look_at_fstab, look_at_crypttab, look_at_units, look_at_resume, look_at_grub, look_at_lvm, look_at_md, look_at_multipath})
		look(tree, itself, out);
	return out;
}

} // namespace dm_remap::tool
