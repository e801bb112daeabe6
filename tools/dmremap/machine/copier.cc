// SPDX-License-Identifier: GPL-2.0
#include "machine/copier.hh"

#include "exit_status.hh"

#include <algorithm>
#include <cstring>
#include <dm_remap/kernel_api.h>
#include <fmt/format.h>

namespace dm_remap::tool {

namespace {

// A piece that cannot be read is tried in so many parts, each of those likewise: a bad block fails a few reads, not one for each halving.
constexpr uint64_t parts = 8;

uint64_t end_of_piece(uint64_t start, uint64_t end)
{
	return std::min(end, (start / Copier::piece + 1) * Copier::piece);
}

} // namespace

Copier::Copier(CopyMap &map, const RawDisk &to, std::string name, uint32_t block_sectors, std::function<void(Step)> tick)
	: map_(map), to_(to), name_(std::move(name)), block_(block_sectors), tick_(std::move(tick)), buffer_(piece), other_(piece)
{
}

void Copier::copy(const Read &from, uint64_t start, uint64_t end)
{
	for (std::optional<CopyMap::Run> run; (run = map_.next(CopyState::todo, start)) && run->start < end;) {
		start = end_of_piece(run->start, std::min(run->end, end));
		if (!copy_piece(from, run->start, start))
			map_.set(run->start, start, CopyState::skipped);
		tick_(Step::copying);
	}
}

void Copier::narrow(const Read &from)
{
	uint64_t at = 0;

	for (std::optional<CopyMap::Run> run; (run = map_.next(CopyState::skipped, at)); tick_(Step::narrowing)) {
		at = end_of_piece(run->start, run->end);
		narrow_piece(from, run->start, at);
	}
}

void Copier::retry(const Read &from)
{
	uint64_t at = 0;

	for (std::optional<CopyMap::Run> run; (run = map_.next(CopyState::bad, at)); tick_(Step::retrying)) {
		at = run->start + block_;
		copy_piece(from, run->start, at);
	}
}

void Copier::verify(const Read &from, const std::function<bool(uint64_t, uint64_t)> &may_differ)
{
	uint64_t at = 0;

	flush();
	for (std::optional<CopyMap::Run> run; (run = map_.next(CopyState::copied, at)); tick_(Step::verifying)) {
		at = end_of_piece(run->start, run->end);
		compare(from, run->start, at, may_differ);
	}
}

void Copier::flush() const
{
	if (!to_.flush())
		throw Failure(ExitStatus::failed, "new-disk", fmt::format("{}: a flush failed: use another disk", to_.path()));
}

void Copier::blank(uint64_t start, uint64_t end)
{
	for (uint64_t next; start < end; start = next) {
		next = end_of_piece(start, end);
		std::memset(buffer_.data(), 0, (next - start) * DMR_SECTOR_SIZE);
		write(start, next);
		map_.set(start, next, CopyState::todo);
	}
}

bool Copier::copy_piece(const Read &from, uint64_t start, uint64_t end)
{
	if (!from(start, buffer_.data(), end - start))
		return false;
	write(start, end);
	map_.set(start, end, CopyState::copied);
	read_ += end - start;
	return true;
}

template <typename F>
void Copier::each_part(uint64_t start, uint64_t end, F f) const
{
	const uint64_t step = std::max((end - start) / parts / block_, uint64_t{1}) * block_;

	for (uint64_t next; start < end; start = next) {
		next = std::min(end, start + step);
		f(start, next);
	}
}

void Copier::narrow_piece(const Read &from, uint64_t start, uint64_t end)
{
	if (copy_piece(from, start, end))
		return;
	if (end - start > block_)
		return each_part(start, end, [&](uint64_t part, uint64_t next) {
			narrow_piece(from, part, next);
			tick_(Step::narrowing);
		});
	give_up(start, end);
}

void Copier::compare(const Read &from, uint64_t start, uint64_t end, const std::function<bool(uint64_t, uint64_t)> &may_differ)
{
	if (!from(start, buffer_.data(), end - start)) {
		if (end - start > block_)
			return each_part(start, end, [&](uint64_t part, uint64_t next) { compare(from, part, next, may_differ); });
		// What was copied may be older than what was lost.
		if (may_differ(start, end))
			return give_up(start, end);
		// What was read the first time is all that there is.
		map_.set(start, end, CopyState::verified);
		if (!unverified_.empty() && unverified_.back().start + unverified_.back().sectors == start)
			unverified_.back().sectors += end - start;
		else
			unverified_.push_back({start, end - start});
		return;
	}
	if (!to_.read(start, other_.data(), end - start))
		disk_failed("cannot be read back", start, end);
	read_ += end - start;
	const bool same = !std::memcmp(buffer_.data(), other_.data(), (end - start) * DMR_SECTOR_SIZE);

	if (!same && !may_differ(start, end))
		disk_failed("do not give back what was written", start, end);
	map_.set(start, end, same ? CopyState::verified : CopyState::todo);
}

void Copier::give_up(uint64_t start, uint64_t end)
{
	fill(start, end);
	map_.set(start, end, CopyState::bad);
}

// Text, which is found in files by it, and which checksums of filesystems refuse.
void Copier::fill(uint64_t start, uint64_t end)
{
	for (uint64_t at = start; at < end; at++) {
		uint8_t *sector = other_.data() + (at - start) * DMR_SECTOR_SIZE;
		const std::string text = fmt::format("dm-remap: sector {} of {} could not be read when it was copied", at, name_);

		std::memset(sector, ' ', DMR_SECTOR_SIZE);
		std::memcpy(sector, text.data(), std::min<size_t>(text.size(), DMR_SECTOR_SIZE - 1));
		sector[DMR_SECTOR_SIZE - 1] = '\n';
	}
	if (!to_.write(start, other_.data(), end - start))
		disk_failed("cannot be written", start, end);
}

void Copier::write(uint64_t start, uint64_t end)
{
	if (!to_.write(start, buffer_.data(), end - start))
		disk_failed("cannot be written", start, end);
}

void Copier::disk_failed(const char *what, uint64_t start, uint64_t end) const
{
	throw Failure(ExitStatus::failed, "new-disk",
		      fmt::format("{}: sectors {} to {} {}: it is no disk to rely on; {} is as it was", to_.path(), start, end - 1, what, name_));
}

} // namespace dm_remap::tool
