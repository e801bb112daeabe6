// SPDX-License-Identifier: GPL-2.0
// files NAME [SECTOR...]: what lies on the blocks that cannot be read.
#include "files/blocks.hh"
#include "files/blocks_text.hh"
#include "files/unreadable.hh"
#include "machine/machine.hh"
#include "verbs.hh"

#include <charconv>

namespace dm_remap::tool {

namespace {

// START or START+COUNT. Throws Failure "usage".
Range range_of(const std::string &word, uint64_t device_sectors)
{
	const char *const end = word.data() + word.size();
	// What comes after it; null: there is none.
	const auto number = [&](const char *from, uint64_t &value) {
		const auto [rest, error] = std::from_chars(from, end, value);

		return error == std::errc() ? rest : nullptr;
	};
	Range out = {0, 1};
	const char *at = number(word.data(), out.start);

	if (at && at != end && *at == '+')
		at = number(at + 1, out.count);
	if (at != end || !out.count)
		throw Failure(ExitStatus::usage, "usage", fmt::format("'{}' is no sector: START or START+COUNT, in sectors of 512 bytes", shown(word)));
	if (out.start >= device_sectors || out.count > device_sectors - out.start)
		throw Failure(ExitStatus::usage, "usage", fmt::format("{}: the device ends at sector {}", shown(word), device_sectors));
	return out;
}

class Files final : public Verb {
public:
	const char *name() const override { return "files"; }
	const char *summary() const override { return "tell which files lie on the blocks that cannot be read"; }

	void options(Options &o) override
	{
		o.one("name", name_, Takes::set, "NAME", "of the device, a path to it, or the UUID of its set");
		o.required();
		o.several("sector", sectors_, Takes::text, "SECTOR[+COUNT]...", "of the device, instead of those that cannot be read");
	}

	int run(Answer &answer) override
	{
		const Machine machine(answer);
		const Running device = find(machine);
		const std::string set = machine.set_of(device);

		if (device.device().suspended)
			throw Failure(ExitStatus::busy, "busy", fmt::format("{0} is suspended, and reading it would wait: 'dmsetup resume {0}'", device.name()));
		const std::vector<BadRange> bad = sectors_.empty() ? unreadable_on(answer, device) : asked_for(device);
		const std::vector<Block> blocks = blocks_on(device.device(), bad, answer);

		if (answer.as_json()) {
			answer.json().value("name", device.name());
			answer.json().value("set", set.empty() ? std::nullopt : std::optional(set));
			write_blocks(answer.json(), blocks);
		} else {
			print_blocks(answer, device.name(), blocks, sectors_.empty());
		}
		return static_cast<int>(ExitStatus::done);
	}

private:
	// Main alone is no substitute for the device: where something was remapped it holds what was there before.
	Running find(const Machine &machine) const
	{
		try {
			return machine.find(name_);
		} catch (const Failure &failure) {
			if (failure.status() != ExitStatus::not_found)
				throw;
			throw Failure(ExitStatus::not_found, failure.id(),
				      fmt::format("{}. Files can be found through a device that runs alone, as main by itself is outdated where something was remapped: "
						  "'dmremap open --readonly NAME' starts the set without a write; 'dmremap map SPARE...' lists the sectors",
						  failure.what()));
		}
	}

	std::vector<BadRange> asked_for(const Running &device) const
	{
		std::vector<Range> ranges;
		std::vector<BadRange> out;

		for (const std::string &word : sectors_)
			ranges.push_back(range_of(word, device.sectors()));
		for (const Range &range : RangeSet(std::move(ranges)).ranges())
			out.push_back({range, "asked"});
		return out;
	}

	std::string name_;
	std::vector<std::string> sectors_;
};

} // namespace

std::unique_ptr<Verb> make_files()
{
	return std::make_unique<Files>();
}

} // namespace dm_remap::tool
