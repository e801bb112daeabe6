// SPDX-License-Identifier: GPL-2.0
// Chance that repeats: the same seed gives the same numbers with every compiler. (std::distributions do not.)
#ifndef DMR_HOST_RANDOM_HH
#define DMR_HOST_RANDOM_HH

#include <cstddef>
#include <cstdint>

namespace dm_remap::host {

// xoshiro256** seeded by splitmix64.
class Random final {
public:
	constexpr explicit Random(uint64_t seed)
	{
		for (uint64_t &word : state_)
			word = splitmix(seed);
	}

	constexpr uint64_t next()
	{
		const uint64_t result = rotate(state_[1] * 5, 7) * 9;
		const uint64_t t = state_[1] << 17;

		state_[2] ^= state_[0];
		state_[3] ^= state_[1];
		state_[1] ^= state_[2];
		state_[0] ^= state_[3];
		state_[2] ^= t;
		state_[3] = rotate(state_[3], 45);
		return result;
	}

	// 0 <= result < n; 0 for n of 0. The bias of the modulo does not matter for n far below 2^64.
	constexpr uint64_t below(uint64_t n) { return n ? next() % n : 0; }
	// lo <= result <= hi.
	constexpr uint64_t between(uint64_t lo, uint64_t hi) { return lo + below(hi - lo + 1); }
	// True in `times` of `of` cases.
	constexpr bool chance(uint64_t times, uint64_t of) { return below(of) < times; }
	// An independent stream, so that draws for one purpose do not shift those for another.
	constexpr Random fork() { return Random(next()); }

	constexpr void fill(void *out, size_t n)
	{
		auto *p = static_cast<uint8_t *>(out);

		while (n) {
			uint64_t word = next();

			for (size_t i = 0; i < 8 && n; i++, n--, word >>= 8)
				*p++ = static_cast<uint8_t>(word);
		}
	}

private:
	static constexpr uint64_t rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
	static constexpr uint64_t splitmix(uint64_t &x)
	{
		uint64_t z = (x += 0x9e3779b97f4a7c15ull);

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
		return z ^ (z >> 31);
	}

	uint64_t state_[4] = {};
};

} // namespace dm_remap::host

#endif
