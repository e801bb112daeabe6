// SPDX-License-Identifier: GPL-2.0
// Whether LVM would take main for a physical volume. Its configuration is read, and its patterns are matched, by its own library.
#include "doctor/raw_main.hh"
#include "machine/identity.hh"

#include <algorithm>
#include <fmt/format.h>
#include <libdevmapper.h>
#include <memory>
#include <sstream>

namespace dm_remap::tool {

namespace {

struct Release {
	void operator()(dm_config_tree *tree) const { dm_config_destroy(tree); }
	void operator()(dm_pool *pool) const { dm_pool_destroy(pool); }
};

// lvm.conf, and what lvmlocal.conf puts in its place.
class LvmConfig final {
public:
	explicit LvmConfig(const Tree &tree)
	{
		for (const char *path : {"/etc/lvm/lvmlocal.conf", "/etc/lvm/lvm.conf"})
			if (const std::optional<std::string> text = tree.text(path))
				if (Config config{dm_config_from_string(text->c_str())})
					configs_.push_back(std::move(config));
	}

	std::vector<std::string> strings(const char *path) const
	{
		std::vector<std::string> out;

		if (const dm_config_node *node = find(path))
			for (const dm_config_value *value = node->v; value; value = value->next)
				if (value->type == DM_CFG_STRING)
					out.push_back(value->v.str);
		return out;
	}
	std::string string(const char *path, const char *other) const
	{
		const std::vector<std::string> all = strings(path);

		return all.empty() ? other : all.front();
	}
	bool is_on(const char *path) const
	{
		const dm_config_node *node = find(path);

		return node && node->v && node->v->type == DM_CFG_INT && node->v->v.i;
	}

private:
	using Config = std::unique_ptr<dm_config_tree, Release>;

	const dm_config_node *find(const char *path) const
	{
		for (const Config &config : configs_)
			if (const dm_config_node *node = dm_config_tree_find_node(config.get(), path))
				return node;
		return nullptr;
	}

	std::vector<Config> configs_;
};

// The first pattern that fits a name decides on it: 'a' takes the device, whatever its other names; 'r' refuses it if no name is taken.
bool refused_by(const std::vector<std::string> &filter, const std::vector<std::string> &names)
{
	const std::unique_ptr<dm_pool, Release> pool(dm_pool_create("filter", 1024));
	std::vector<std::string> patterns;
	std::vector<bool> takes;

	// The library tells the last one that fits.
	for (auto at = filter.rbegin(); at != filter.rend(); ++at) {
		constexpr std::string_view open = "([{", close = ")]}";

		if (at->size() < 3)
			continue;
		const size_t bracket = open.find((*at)[1]);
		const size_t end = at->rfind(bracket == open.npos ? (*at)[1] : close[bracket]);

		takes.push_back((*at)[0] == 'a');
		patterns.push_back(at->substr(2, end > 1 ? end - 2 : at->npos));
	}
	std::vector<const char *> pointers;

	for (const std::string &pattern : patterns)
		pointers.push_back(pattern.c_str());
	dm_regex *regex = pointers.empty() || !pool ? nullptr : dm_regex_create(pool.get(), pointers.data(), static_cast<unsigned>(pointers.size()));
	bool refused = false;

	for (const std::string &name : names) {
		const int which = regex ? dm_regex_match(regex, name.c_str()) : -1;

		if (which >= 0 && takes[static_cast<size_t>(which)])
			return false;
		refused |= which >= 0;
	}
	return refused;
}

std::string pattern_of(const std::string &name)
{
	constexpr std::string_view special = ".*+?()[]{}^$\\";
	std::string out;

	for (const char c : name)
		out += (special.find(c) == special.npos ? "" : "\\") + std::string(1, c);
	return fmt::format("\"r|^{}$|\"", out);
}

// "IDTYPE=sys_wwid IDNAME=naa.5000… DEVNAME=/dev/sda PVID=… PART=1": of a device that LVM may use, and of no other.
bool is_listed(const std::vector<std::string> &lines, const Subject &subject, const MainPart &part)
{
	constexpr std::string_view prefix = "wwid:";
	const std::string disk = part.number.empty() ? "" : disk_identity_of(part.number);

	return std::ranges::any_of(lines, [&](const std::string &line) {
		std::istringstream words(line);
		bool meant = false;

		for (std::string word; words >> word;) {
			const size_t equals = word.find('=');
			const std::string key = word.substr(0, equals), value = equals == word.npos ? "" : word.substr(equals + 1);

			if (key == "DEVNAME" || key == "IDNAME")
				meant |= subject.names.meant_by(value) == &part || (disk.size() > prefix.size() && value.ends_with(disk.substr(prefix.size())));
		}
		return meant && !line.starts_with("#");
	});
}

} // namespace

// Where the file of devices is not switched on by name it is off, as Debian builds LVM.
void look_at_lvm(const Tree &tree, const Subject &subject, Findings &out)
{
	if (!tree.has("/usr/sbin/lvm") && !tree.has("/sbin/lvm"))
		return;
	const LvmConfig config(tree);
	const std::string devices_file = "/etc/lvm/devices/" + config.string("devices/devicesfile", "system.devices");
	const bool by_file = config.is_on("devices/use_devicesfile") && tree.has(devices_file);

	for (const MainPart &part : subject.names.parts()) {
		if (!part.holds("LVM2_member"))
			continue;
		const std::string text = fmt::format("{} holds a physical volume, and LVM may take it in the place of {}: what was remapped is missing there",
						     part.paths.front(), part.served);

		if (by_file && is_listed(tree.lines(devices_file), subject, part))
			out.push_back({"lvm", text,
				       fmt::format("'lvmdevices --deldev {}', and with the set running 'lvmdevices --adddev {}'; then 'update-initramfs -u -k all'",
						   part.paths.front(), part.served),
				       Urgency::critical, devices_file});
		const std::vector<std::string> global = config.strings("devices/global_filter");

		if (by_file || refused_by(global, part.paths) || refused_by(config.strings("devices/filter"), part.paths))
			continue;
		std::string line;

		for (const std::string &name : part.paths)
			line += (line.empty() ? "" : ", ") + pattern_of(name);
		for (const std::string &word : global)
			line += fmt::format(", \"{}\"", word);
		out.push_back({"lvm", text,
			       fmt::format("in /etc/lvm/lvm.conf, write 'devices {{ global_filter = [ {} ] }}'; then 'update-initramfs -u -k all'", line),
			       Urgency::critical, "/etc/lvm/lvm.conf"});
	}
}

} // namespace dm_remap::tool
