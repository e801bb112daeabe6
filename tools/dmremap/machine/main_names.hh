// SPDX-License-Identifier: GPL-2.0
// What a main, and the partitions on it, may be called by whoever would use it, and what serves each.
#ifndef DMREMAP_MACHINE_MAIN_NAMES_HH
#define DMREMAP_MACHINE_MAIN_NAMES_HH

#include "machine/signature.hh"

#include <optional>
#include <string>
#include <vector>

namespace dm_remap::tool {

// Main, or a partition of it.
struct MainPart {
	std::vector<std::string> paths;	// as it was named, its node, its links
	std::string number;		// MAJOR:MINOR; empty: it is not there, or it is an image
	std::string served;		// what is to be used in its place
	std::vector<DiskSignature> signatures;
	std::vector<std::string> tags;	// UUID=…, LABEL=…, PARTUUID=…, PARTLABEL=…

	bool holds(const std::string &type) const;
};

class MainNames final {
public:
	// main, and the device that serves it, or would: paths. Signatures are read from `from`, one of them: through the device, if it runs,
	// which spares a dying main.
	MainNames(const std::string &main, const std::string &device, const std::string &from);

	// The first is main itself.
	const std::vector<MainPart> &parts() const { return parts_; }
	// What a line in a file means by `source`, a path or a tag, in quotes or not; null: something else.
	const MainPart *meant_by(std::string source) const;
	// By the UUID of a filesystem alone.
	const MainPart *with_uuid(const std::string &uuid) const;
	// Of one that is guarded nobody knows what lies on it: what is left are names that it has without that.
	void forget_content();
	// Why it is not known what lies on it; empty: it is.
	const std::string &unread() const { return unread_; }

private:
	std::vector<MainPart> parts_;
	std::string unread_;
};

} // namespace dm_remap::tool

#endif
