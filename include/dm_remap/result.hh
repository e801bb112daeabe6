// SPDX-License-Identifier: GPL-2.0
// A value or an errno. No exceptions, no allocation.
#ifndef DM_REMAP_RESULT_HH
#define DM_REMAP_RESULT_HH

#include <cerrno>
#include <type_traits>
#include <utility>

namespace dm_remap {

// The errno of a failure: positive, so that Error(EINVAL) reads as it is meant. 0 is no error.
class [[nodiscard]] Error final {
public:
	constexpr explicit Error(int positive_errno) : code_(positive_errno) {}
	static constexpr Error none() { return Error(0); }

	constexpr explicit operator bool() const { return code_ != 0; }
	// Negative, as the C side wants it.
	constexpr int negative() const { return -code_; }
	constexpr int code() const { return code_; }

private:
	int code_;
};

template <typename T>
class [[nodiscard]] Result final {
	static_assert(std::is_trivially_destructible_v<T> && std::is_default_constructible_v<T>);

public:
	constexpr Result(T value) : value_(std::move(value)), error_(Error::none()) {}
	constexpr Result(Error error) : value_(), error_(error) {}

	constexpr bool ok() const { return !error_; }
	constexpr Error error() const { return error_; }
	// Only after ok().
	constexpr const T &operator*() const { return value_; }
	constexpr const T *operator->() const { return &value_; }

private:
	T value_;
	Error error_;
};

} // namespace dm_remap

#endif
