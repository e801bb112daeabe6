// Nothing wrong here: what engine code may use must not be reported.
#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace dm_remap {
namespace {

struct Store {
	virtual std::optional<std::uint64_t> find(std::uint64_t key) const = 0;

protected:
	~Store() = default;
};

struct Table final : Store {
	std::array<std::uint64_t, 64> keys{};

	std::optional<std::uint64_t> find(std::uint64_t key) const override
	{
		for (std::uint64_t i = 0; i < keys.size(); ++i)
			if (keys[i] == key)
				return i;
		return std::nullopt;
	}
};

constinit Table table;
constinit const Store *store = &table;

} // namespace
} // namespace dm_remap

extern "C" int dmr_good_switch(int code, std::uint8_t *bytes)
{
	std::array<std::uint8_t, 800> copy;
	std::span<const std::uint8_t> view{bytes, copy.size()};

	for (std::size_t i = 0; i < copy.size(); ++i)
		copy[i] = view[copy.size() - 1 - i];
	__builtin_memcpy(bytes, copy.data(), copy.size());
	switch (code) {
	case 0: return bytes[7] + 1;
	case 1: return bytes[3] * 3;
	case 2: return bytes[9] ^ 5;
	case 3: return bytes[1] - 1;
	case 4: return bytes[5] & 9;
	case 5: return bytes[6] | 2;
	default: return static_cast<int>(dm_remap::store->find(code).value_or(0));
	}
}
