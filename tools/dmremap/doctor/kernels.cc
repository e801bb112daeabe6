// SPDX-License-Identifier: GPL-2.0
#include "doctor/kernels.hh"

#include "doctor/raw_main.hh"
#include "modules.hh"
#include "os/program.hh"

#include <algorithm>
#include <fmt/format.h>

namespace dm_remap::tool {

namespace {

constexpr const char *folder = "/lib/modules/";
// Of the package dm-remap-dkms.
constexpr const char *builder = "/usr/libexec/dm-remap/modules";

// What is left of a kernel that was removed has no modules of its own.
std::vector<std::string> installed(const Tree &tree)
{
	std::vector<std::string> out = tree.names(folder);

	std::erase_if(out, [&](const std::string &release) { return !tree.has(folder + release + "/modules.order"); });
	return out;
}

// As the end of a path, compressed or not; a '_' is a '-'.
bool is_module(std::string path, const std::string &name)
{
	std::ranges::replace(path, '_', '-');
	return path.find("/" + name + ".ko") != path.npos;
}

} // namespace

void look_at_modules(const Tree &tree, Findings &out)
{
	for (const std::string &release : installed(tree)) {
		std::vector<std::string> known, missing;

		for (const std::string &line : tree.lines(folder + release + "/modules.dep"))
			known.push_back("/" + line.substr(0, line.find(':')));
		for (const char *module : modules)
			if (std::ranges::none_of(known, [&](const std::string &path) { return is_module(path, module); }))
				missing.push_back(module);
		if (missing.empty())
			continue;
		std::string names;

		for (const std::string &name : missing)
			names += (names.empty() ? "" : ", ") + name;
		out.push_back({"modules", fmt::format("kernel {} lacks {}: when it is booted no set starts, and main alone lacks what was remapped", release, names),
			       tree.has(builder) ? fmt::format("have its headers ('apt install linux-headers-{0}'), then '{1} build {0}'", release, builder)
						 : fmt::format("in the sources of dm-remap, 'make modules KVER={0}' and 'make install KVER={0}'", release),
			       Urgency::attention, folder + release});
	}
}

void look_at_initramfs(const Tree &tree, const Subject &subject, Findings &out, std::vector<std::string> &not_looked_at)
{
	if (!boots_from(tree, subject))
		return;
	for (const std::string &release : installed(tree)) {
		const std::string file = "/boot/initrd.img-" + release, where = tree.outside(file);

		if (where.empty()) {
			not_looked_at.push_back(fmt::format("{}: it is not there, and whether kernel {} finds its root is not known", file, release));
			continue;
		}
		std::optional<std::string> listing;

		for (const char *program : {"lsinitramfs", "lsinitrd"})
			if (listing = output_of({program, where}); listing && !listing->empty())
				break;
		if (!listing || listing->empty()) {
			not_looked_at.push_back(fmt::format("{}: it cannot be listed; lsinitramfs is in the package initramfs-tools-core", file));
			continue;
		}
		if (listing->find("/dm-remap.ko") == listing->npos)
			out.push_back({"initramfs",
				       fmt::format("the system is on the set, and the initramfs of kernel {} has no dm-remap: it does not boot, or from main itself, "
						   "which lacks what was remapped",
						   release),
				       fmt::format("a line 'dm-remap' in /etc/initramfs-tools/modules, a hook that copies dmremap and {}, a script in local-top that "
						   "runs 'dmremap assemble'; then 'update-initramfs -u -k {}'",
						   "/etc/dm-remap/sets.conf", release),
				       Urgency::critical, file});
	}
}

} // namespace dm_remap::tool
