// SPDX-License-Identifier: GPL-2.0
#include "host/disk_content.hh"

#include <algorithm>
#include <cstring>

namespace dm_remap::host {

void SparseBytes::read(uint64_t at, void *out, size_t n) const
{
	auto *to = static_cast<uint8_t *>(out);

	while (n) {
		const uint64_t offset = at % chunk_bytes;
		const size_t part = std::min<uint64_t>(n, chunk_bytes - offset);
		const auto it = chunks_.find(at / chunk_bytes);

		if (it == chunks_.end())
			std::memset(to, 0, part);
		else
			std::memcpy(to, it->second->bytes + offset, part);
		to += part;
		at += part;
		n -= part;
	}
}

void SparseBytes::write(uint64_t at, const void *data, size_t n)
{
	auto *from = static_cast<const uint8_t *>(data);

	while (n) {
		const uint64_t offset = at % chunk_bytes;
		const size_t part = std::min<uint64_t>(n, chunk_bytes - offset);
		auto &chunk = chunks_[at / chunk_bytes];

		if (!chunk)
			chunk = std::make_shared<Chunk>();
		else if (chunk.use_count() > 1)
			chunk = std::make_shared<Chunk>(*chunk);
		if (from) {
			std::memcpy(chunk->bytes + offset, from, part);
			from += part;
		} else {
			std::memset(chunk->bytes + offset, 0, part);
		}
		at += part;
		n -= part;
	}
}

bool SparseBytes::operator==(const SparseBytes &other) const
{
	static constexpr Chunk zero = {};
	const auto differs = [](const SparseBytes &a, const SparseBytes &b) {
		for (const auto &[index, chunk] : a.chunks_) {
			const auto it = b.chunks_.find(index);
			const Chunk *theirs = it == b.chunks_.end() ? &zero : it->second.get();

			if (chunk.get() != theirs && std::memcmp(chunk->bytes, theirs->bytes, chunk_bytes))
				return true;
		}
		return false;
	};

	return !differs(*this, other) && !differs(other, *this);
}

void SparseBytes::for_each(const std::function<void(uint64_t, const uint8_t *)> &f) const
{
	std::vector<uint64_t> order;

	for (const auto &entry : chunks_)
		order.push_back(entry.first);
	std::sort(order.begin(), order.end());
	for (uint64_t index : order)
		f(index * chunk_bytes, chunks_.at(index)->bytes);
}

void DiskContent::write(uint64_t at, const void *data, size_t n, bool durable)
{
	const uint64_t number = ++clock_;

	if (durable || !volatile_cache_) {
		// The whole range replaces what the cache held of it.
		if (!pending_.empty())
			pending_.erase(pending_.lower_bound(at / block_bytes_),
				       pending_.lower_bound((at + n) / block_bytes_));
	} else {
		add_versions(at, data, n, {number, false});
	}
	newest_.write(at, data, n);
}

void DiskContent::flush(uint64_t submitted)
{
	for (auto it = pending_.begin(); it != pending_.end();) {
		Pending &p = it->second;
		size_t flushed = 0;

		while (flushed < p.versions.size() && p.versions[flushed].number <= submitted)
			flushed++;
		if (flushed && p.versions[flushed - 1].number <= lost_until_)
			flushed = 0;
		if (flushed == p.versions.size()) {
			it = pending_.erase(it);
			continue;
		}
		if (flushed) {
			p.durable = p.versions[flushed - 1].bytes;
			p.versions.erase(p.versions.begin(), p.versions.begin() + static_cast<ptrdiff_t>(flushed));
		}
		++it;
	}
}

void DiskContent::add_versions(uint64_t at, const void *data, size_t n, Origin origin)
{
	// One allocation for all blocks, old and new: they share it.
	const Bytes all(new uint8_t[2 * n]);
	uint8_t *old_bytes = all.get(), *new_bytes = old_bytes + n;

	newest_.read(at, old_bytes, n);
	if (data)
		std::memcpy(new_bytes, data, n);
	else
		std::memset(new_bytes, 0, n);
	for (size_t i = 0; i < n; i += block_bytes_) {
		Pending &p = pending_[(at + i) / block_bytes_];

		if (!p.durable)
			p.durable = Bytes(all, old_bytes + i);
		p.versions.push_back({origin.number, Bytes(all, new_bytes + i), origin.in_flight});
	}
}

void DiskContent::freeze_in_flight(uint64_t at, const void *data, size_t n)
{
	add_versions(at, data, n, {++clock_, true});
}

void DiskContent::rot(uint64_t at, uint8_t mask)
{
	uint8_t byte;
	const auto it = pending_.find(at / block_bytes_);

	newest_.read(at, &byte, 1);
	byte ^= mask;
	newest_.write(at, &byte, 1);
	if (it == pending_.end())
		return;
	const auto flip = [&](Bytes &bytes) {
		Bytes changed(new uint8_t[block_bytes_]); // snapshots may have the other one

		std::memcpy(changed.get(), bytes.get(), block_bytes_);
		changed[at % block_bytes_] ^= mask;
		bytes = changed;
	};
	flip(it->second.durable);
	for (Version &v : it->second.versions)
		flip(v.bytes);
}

void DiskContent::poke(uint64_t at, const void *data, size_t n)
{
	pending_.erase(pending_.lower_bound(at / block_bytes_),
		       pending_.lower_bound((at + n + block_bytes_ - 1) / block_bytes_));
	newest_.write(at, data, n);
}

Unflushed DiskContent::describe(uint64_t block, const Pending &p) const
{
	return {block * (block_bytes_ / 512), static_cast<uint32_t>(p.versions.size()), p.versions.back().in_flight};
}

std::vector<Unflushed> DiskContent::unflushed() const
{
	std::vector<Unflushed> all;

	all.reserve(pending_.size());
	for (const auto &[block, p] : pending_)
		all.push_back(describe(block, p));
	return all;
}

void DiskContent::power_cut(const Survivor &survivor)
{
	for (const auto &[block, p] : pending_) {
		const uint32_t k = survivor(describe(block, p));
		const Bytes &bytes = k == 0 ? p.durable : p.versions.at(k - 1).bytes;

		newest_.write(block * block_bytes_, bytes.get(), block_bytes_);
	}
	pending_.clear();
}

} // namespace dm_remap::host
