// SPDX-License-Identifier: GPL-2.0
// What lies on blocks of an XFS. The kernel is asked, whether or not it is mounted: xfs_db sees neither what a mounted one has not written
// back, nor more than one of the files that share a block.
#include "exit_status.hh"
#include "files/filesystem_root.hh"
#include "files/walk.hh"
#include "files/xfs_ioctl.hh"
#include "os/program.hh"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <map>
#include <set>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <system_error>

namespace dm_remap::tool {

namespace {

// Without the log what it says is not on the disk: names and blocks of the last moments.
std::string why_behind(const FilesystemPlace &place)
{
	const std::optional<std::string> said = output_of({"xfs_logprint", "-t", place.path});

	if (said && said->find("<CLEAN>") != said->npos)
		return {};
	return said && said->find("<DIRTY>") != said->npos ? "the log has not been replayed"
							      : "whether the log has been replayed is not known (xfs_logprint, of xfsprogs, tells it)";
}

class XfsSearch final {
public:
	XfsSearch(const FilesystemPlace &place, const RangeSet &wanted) : place_(place), wanted_(wanted)
	{
		if (place.mounts.empty())
			out_.behind = why_behind(place);
		// Neither of these writes anything; nouuid: a copy of it may be mounted.
		root_ = filesystem_root(place, {{{{"norecovery", ""}, {"nouuid", ""}}, ""}}, out_.gaps);
		geometry_ = xfs::geometry(root_.get());
	}

	FilesystemReport run()
	{
		ask_for_owners();
		unclaimed_ = RangeSet(std::move(nobody_knows_));
		if (!unclaimed_.empty() || !owners_.empty())
			look_at_files();
		rest();
		return std::move(out_);
	}

private:
	void add(const Range &at, const Found &as)
	{
		wanted_.each_within(at, [&](const Range &part) {
			Found found = as;

			found.sectors = part;
			if (as.offset)
				found.offset = *as.offset + (part.start - at.start) * 512;
			out_.found.push_back(std::move(found));
		});
	}

	// A group at a time.
	void ask_for_owners()
	{
		const Range data = {0, geometry_.data_sectors};

		for (const Range &range : wanted_.without(RangeSet({data})).ranges())
			add(range, {{}, Kind::free, "behind the end of the filesystem"});
		for (uint64_t start = 0; start < data.end(); start += geometry_.group_sectors)
			if (const Range group = common({start, geometry_.group_sectors}, data); wanted_.any_within(group))
				ask_for_owners(group);
	}

	void ask_for_owners(const Range &group)
	{
		std::vector<Range> wanted, told;

		wanted_.each_within(group, [&](const Range &part) { wanted.push_back(part); });
		try {
			xfs::each_owner(root_.get(), {group.start, wanted.back().end() - group.start}, place_.number, [&](const xfs::Owner &owner) {
				told.push_back(owner.sectors);
				take(owner, group);
			});
		} catch (const std::system_error &error) {
			out_.gaps.push_back(fmt::format("of allocation group {}: {}", group.start / geometry_.group_sectors, error.what()));
		}
		for (const Range &range : RangeSet(std::move(wanted)).without(RangeSet(std::move(told))).ranges())
			nobody(range);
	}

	void take(const xfs::Owner &owner, const Range &group)
	{
		using Is = xfs::Owner::Is;

		switch (owner.is) {
		case Is::free:
			return add(owner.sectors, {{}, Kind::free});
		case Is::log:
			return add(owner.sectors, {{}, Kind::metadata, "log"});
		case Is::inodes:
			return add(owner.sectors, {{}, Kind::metadata, "inodes"});
		case Is::metadata:
			return add(owner.sectors, {{}, Kind::metadata, "headers or trees of an allocation group"});
		case Is::nobody_knows:
			return nobody(common(owner.sectors, group));
		case Is::inode:
			break;
		}
		Found found = {{}, Kind::file, "", owner.inode, {}, owner.offset};

		if (owner.attributes || owner.block_list)
			found = {{}, Kind::metadata, owner.block_list ? "list of blocks" : "extended attributes", owner.inode};
		owners_.insert(owner.inode);
		add(owner.sectors, found);
	}

	// Without a reverse map this is all that is in use.
	void nobody(const Range &range)
	{
		const Range log = common(range, geometry_.log);
		const uint64_t group = range.start / geometry_.group_sectors * geometry_.group_sectors;
		const Range header = common(range, {group, geometry_.header_sectors});

		if (log.count)
			add(log, {{}, Kind::metadata, "log"});
		if (header.count)
			add(header, {{}, Kind::metadata, "headers of an allocation group"});
		for (const Range &left : RangeSet({range}).without(RangeSet({log, header})).ranges())
			wanted_.each_within(left, [&](const Range &part) { nobody_knows_.push_back(part); });
	}

	// Every name is looked at, as an inode may have several; the blocks of each file only if nobody knows whose some are.
	void look_at_files()
	{
		struct stat self = {};
		const auto look = [&](const WalkedName &name) {
			const bool file = name.type == DT_DIR || name.type == DT_REG;

			if (!unclaimed_.empty() && file)
				look_at_blocks(name);
			if (owners_.contains(name.inode))
				names_[name.inode].push_back({name.path, name.type});
		};

		if (!fstat(root_.get(), &self))
			look({root_.get(), ".", "/", self.st_ino, DT_DIR});
		walk(root_.get(), look, out_.gaps);
		for (Found &found : out_.found) {
			const auto at = names_.find(found.inode.value_or(0));

			if (at == names_.end())
				continue;
			for (const auto &[path, type] : at->second)
				found.paths.push_back(path);
			if (found.kind != Kind::file)
				continue;
			const unsigned char type = at->second.front().second;

			if (type == DT_DIR)
				found = {found.sectors, Kind::metadata, "directory", found.inode, {}, {}, std::move(found.paths)};
			else if (type == DT_LNK)
				found.what = "symbolic link";
		}
	}

	void look_at_blocks(const WalkedName &name)
	{
		const Fd file(openat(name.folder, name.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOATIME));
		const bool again = seen_.contains(name.inode);
		bool told = file && (elsewhere(file.get()) || xfs::each_mapped(file.get(), false, [&](const xfs::Mapped &mapped) {
			hit(name, mapped, {{}, Kind::file, "", name.inode, {}, mapped.offset}, again);
		}));

		told = told && xfs::each_mapped(file.get(), true, [&](const xfs::Mapped &mapped) {
			hit(name, mapped, {{}, Kind::metadata, "extended attributes", name.inode}, again);
		});
		if (!told) {
			all_told_ = false;
			out_.gaps.push_back(fmt::format("which blocks {} has cannot be told", name.path));
		}
	}

	void hit(const WalkedName &name, const xfs::Mapped &mapped, const Found &as, bool again)
	{
		if (!unclaimed_.any_within(mapped.sectors))
			return;
		owners_.insert(name.inode);
		seen_.insert(name.inode);
		if (again)
			return;
		unclaimed_.each_within(mapped.sectors, [&](const Range &part) { claimed_.push_back(part); });
		add(mapped.sectors, as);
	}

	// On the realtime device, the sectors of which have numbers of their own.
	bool elsewhere(int file) const
	{
		fsxattr attributes = {};

		return geometry_.realtime && !ioctl(file, FS_IOC_FSGETXATTR, &attributes) && attributes.fsx_xflags & FS_XFLAG_REALTIME;
	}

	void rest()
	{
		for (const Range &range : unclaimed_.without(RangeSet(std::move(claimed_))).ranges()) {
			if (geometry_.knows_owners || !out_.gaps.empty() || !all_told_)
				add(range, {{}, Kind::unknown, "it is in use, and by whom cannot be read"});
			else
				add(range, {{}, Kind::metadata, "inodes or trees; or a file that was deleted and is still open"});
		}
	}

	const FilesystemPlace &place_;
	const RangeSet &wanted_;
	Fd root_;
	xfs::Geometry geometry_;
	RangeSet unclaimed_;	// in use, and the reverse map does not know by whom
	std::vector<Range> nobody_knows_, claimed_;
	std::set<uint64_t> owners_, seen_;
	std::map<uint64_t, std::vector<std::pair<std::string, unsigned char>>> names_;
	bool all_told_ = true;
	FilesystemReport out_;
};

} // namespace

FilesystemReport look_at_xfs(const FilesystemPlace &place, const RangeSet &wanted)
{
	return XfsSearch(place, wanted).run();
}

} // namespace dm_remap::tool
