// SPDX-License-Identifier: GPL-2.0
// A set whose device another disk comes to serve is nobody's to start any more. Its line leaves sets.conf before that: a machine that
// loses power in between would else start the old disk, in an older state. (One that is killed in between has to be told again:
// 'dmremap open' of the device that runs does.)
#ifndef DMREMAP_LINE_TAKEN_OUT_HH
#define DMREMAP_LINE_TAKEN_OUT_HH

#include "sets_config.hh"

#include <optional>
#include <string>

namespace dm_remap::tool {

class LineTakenOut final {
public:
	// set: UUID. Throws nothing: see fault().
	explicit LineTakenOut(const std::string &set);
	// It is back, unless it is to stay out.
	~LineTakenOut();
	LineTakenOut(const LineTakenOut &) = delete;
	LineTakenOut &operator=(const LineTakenOut &) = delete;

	void stay_out() { line_.reset(); }
	// Why it could not be taken out; else empty.
	const std::string &fault() const { return fault_; }

private:
	std::optional<ConfiguredSet> line_;
	std::string fault_;
};

} // namespace dm_remap::tool

#endif
