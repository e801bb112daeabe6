// SPDX-License-Identifier: GPL-2.0
// What dm-remap promises, tried on a rig one after the other: each goes on from what the ones before have left.
#ifndef DMREMAP_SELFTEST_TRIAL_HH
#define DMREMAP_SELFTEST_TRIAL_HH

#include "selftest/rig.hh"

#include <span>
#include <stdexcept>

namespace dm_remap::tool {

class Trial;

// id: for programs, never changed.
struct Promise {
	const char *id, *text;
	void (Trial::*keep)();
};

// A promise is not kept; what() says how.
class Broken final : public std::runtime_error {
public:
	using std::runtime_error::runtime_error;
};

// An entry of the map, where it lives aside.
struct Entry {
	SectorRange range;
	std::string kind;

	bool operator==(const Entry &) const = default;
};

class Trial final {
public:
	// Writes to all of main. Throws Failure "unfit": what lies beneath does not even hold that.
	explicit Trial(const Rig &rig);

	// In the order in which they can be tried.
	static std::span<const Promise> promises();

private:
	void content();
	void write();
	void exact();
	void pending();
	void heal();
	void mended();
	void counts();
	void second();
	void durable();
	void on_spare();
	void main_alone();

	void write_to_device(SectorRange range);
	void check_device(SectorRange range) const;
	void check_main(SectorRange range) const;
	// All of the device but for these, in their order.
	template <typename F>
	void all_but(const std::vector<SectorRange> &left_out, F f) const;
	void expect_map(const std::vector<Entry> &expected) const;
	void expect_pending(uint64_t sectors) const;

	const Rig &rig_;
	Content content_;
	uint32_t events_before_ = 0;
};

} // namespace dm_remap::tool

#endif
