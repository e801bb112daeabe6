// SPDX-License-Identifier: GPL-2.0
#include "sim_oracle.hh"

#include <algorithm>
#include <cstring>

namespace dm_remap::sim {

namespace {

constexpr size_t words = 512 / sizeof(uint64_t);

constexpr uint64_t mix(uint64_t sector, Value value)
{
	uint64_t z = value * 0x9e3779b97f4a7c15ull + sector;

	z = (z ^ (z >> 29)) * 0xbf58476d1ce4e5b9ull;
	return z ^ (z >> 32);
}

} // namespace

void fill_sector(void *data, uint64_t sector, Value value)
{
	auto *word = static_cast<uint64_t *>(data);

	word[0] = sector;
	word[1] = value;
	std::fill_n(word + 2, words - 2, mix(sector, value));
}

Value value_of(const void *data, uint64_t sector)
{
	uint64_t word[words];
	uint64_t rest = 0;

	std::memcpy(word, data, sizeof(word));
	const uint64_t body = word[2];
	for (size_t i = 3; i < words; i++)
		rest |= word[i] ^ body;
	if (rest)
		return never_written;
	if (word[0] == 0 && word[1] == 0 && body == 0)
		return 0;
	return word[0] == sector && word[1] && body == mix(sector, word[1]) ? word[1] : never_written;
}

Oracle::Versions &Oracle::versions(uint64_t sector)
{
	Versions &all = sectors_.at(sector);

	if (all.empty())
		all.push_back({.number = 0, .value = 0, .submitted = 0, .ended = 0, .succeeded = true});
	return all;
}

uint64_t Oracle::begin_write(uint64_t sector, uint32_t count, bool zeroes)
{
	const uint64_t number = ++numbers_;
	const Tick submitted = tick();

	for (uint64_t s = sector; s < sector + count; s++)
		versions(s).push_back({.number = number, .value = zeroes ? 0 : number, .submitted = submitted, .ended = never});
	return number;
}

void Oracle::end_write(uint64_t number, uint64_t sector, uint32_t count, bool ok,
		       const std::function<bool(uint64_t)> &durable)
{
	const Tick ended = tick();

	for (uint64_t s = sector; s < sector + count; s++) {
		Versions &all = versions(s);
		const auto mine = std::find_if(all.begin(), all.end(), [&](const Version &v) { return v.number == number; });

		// Gone if a later fact has made it impossible.
		if (mine != all.end()) {
			mine->ended = ended;
			mine->succeeded = ok;
		}
		if (ok && mine != all.end())
			fact(all, mine->value, mine->submitted, ended, durable(s));
	}
}

// The fact's own versions stay: of several writes of the same value nobody can tell which one it was. What a read has found of
// a write that has not succeeded yet, or has failed, no flush need make durable.
void Oracle::fact(Versions &all, Value value, Tick from, Tick to, bool durable)
{
	const auto mine = [&](const Version &v) { return v.value == value; };
	const bool told = std::any_of(all.begin(), all.end(), [&](const Version &v) { return mine(v) && v.told; });
	const bool succeeded = std::any_of(all.begin(), all.end(), [&](const Version &v) { return mine(v) && v.succeeded; });

	for (Version &v : all) {
		if (v.value == value || v.ended >= from)
			continue;
		v.hidden = std::min(v.hidden, to);
		if (!told && succeeded)
			v.covered = std::min(v.covered, to);
		v.lost |= durable;
	}
	prune(all);
}

// What neither a cut nor a read that is under way can bring back.
void Oracle::prune(Versions &all) const
{
	const Tick oldest = reads_.empty() ? never : *std::min_element(reads_.begin(), reads_.end());

	std::erase_if(all, [&](const Version &v) { return v.lost && v.hidden < oldest; });
}

Tick Oracle::begin_read()
{
	reads_.push_back(tick());
	return now_;
}

void Oracle::end_read(Tick begun)
{
	std::erase(reads_, begun);
}

std::string Oracle::check(Tick begun, uint64_t sector, const void *data)
{
	const Value value = value_of(data, sector);
	Versions &all = versions(sector);
	bool legal = false, of_this_boot = false;

	for (const Version &v : all) {
		if (v.value != value || v.hidden < begun)
			continue;
		legal = true;
		of_this_boot |= v.submitted > boot_;
	}
	if (!legal)
		return describe(sector, value, begun, all);
	// What was there when the machine came up is on the medium.
	fact(all, value, begun, tick(), !of_this_boot);
	return "";
}

std::string Oracle::describe(uint64_t sector, Value value, Tick begun, const Versions &all) const
{
	std::string text = "sector " + std::to_string(sector) + " holds ";

	if (value == never_written)
		text += "what was never written there";
	else
		text += "version " + std::to_string(value);
	text += "; legal:";
	for (const Version &v : all) {
		if (v.hidden >= begun)
			text += " " + std::to_string(v.value);
	}
	text += " (0: zeroes); gone:";
	for (const Version &v : all) {
		if (v.hidden < begun)
			text += " " + std::to_string(v.value);
	}
	return text;
}

void Oracle::flushed(Tick begun, bool late)
{
	tick();
	for (Versions &all : sectors_) {
		if (all.size() < 2)
			continue;
		for (Version &v : all)
			v.lost |= v.covered < begun ||
				  (!late && std::any_of(v.promised.begin(), v.promised.end(),
					      [&](const Span &span) { return span.from < begun && begun < span.to; }));
		prune(all);
	}
}

void Oracle::flush_failed(bool others)
{
	tick();
	for (Versions &all : sectors_) {
		for (Version &v : all) {
			if (others && v.covered != never)
				v.promised.push_back({v.covered, now_});
			v.covered = never;
			v.told |= v.submitted > boot_;
		}
	}
}

void Oracle::power_cut()
{
	boot_ = tick();
	reads_.clear();
	for (Versions &all : sectors_) {
		std::erase_if(all, [](const Version &v) { return v.lost; });
		for (Version &v : all) {
			v.ended = std::min(v.ended, boot_);
			v.succeeded = true;
			v.hidden = v.covered = never;
			v.promised.clear();
			v.told = false;
		}
	}
}

} // namespace dm_remap::sim
