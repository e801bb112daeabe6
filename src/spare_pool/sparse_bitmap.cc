// SPDX-License-Identifier: GPL-2.0
#include "spare_pool/sparse_bitmap.hh"

#include <dm_remap/kernel_api.h>

#include <bit>

namespace dm_remap::pool {

namespace {

constexpr uint64_t words_per_chunk = chunk_bits / word_bits;

uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t chunk_end(uint64_t bit)
{
	return (bit / chunk_bits + 1) * chunk_bits;
}

} // namespace

void ChunkReserve::refill()
{
	while (count_ < capacity) {
		void *chunk = dmr_alloc(chunk_bytes);

		if (!chunk)
			return;
		chunks_[count_++] = chunk;
	}
}

void *ChunkReserve::take(uint32_t keep)
{
	if (void *fresh = dmr_alloc(chunk_bytes))
		return fresh;
	return count_ > keep ? chunks_[--count_] : nullptr;
}

void ChunkReserve::destroy()
{
	while (count_)
		dmr_free(chunks_[--count_]);
}

Error SparseBitmap::init(uint64_t bits)
{
	bits_ = bits;
	count_ = 0;
	provided_end_ = 0;
	directories_ = static_cast<Directory **>(dmr_alloc(directory_total() * sizeof(Directory *)));
	if (!directories_)
		bits_ = 0;
	return directories_ ? Error::none() : Error(ENOMEM);
}

void SparseBitmap::destroy()
{
	for (uint64_t i = 0; i < directory_total(); i++) {
		if (!directories_[i])
			continue;
		for (const Chunk &chunk : directories_[i]->chunks)
			dmr_free(chunk.words);
		dmr_free(directories_[i]);
	}
	dmr_free(directories_);
	directories_ = nullptr;
	provided_end_ = 0;
	bits_ = 0;
	count_ = 0;
}

uint64_t SparseBitmap::word(uint64_t index) const
{
	const Chunk *chunk = find(index / words_per_chunk);

	return chunk && chunk->words ? chunk->words[index % words_per_chunk] : 0;
}

const SparseBitmap::Chunk *SparseBitmap::find_or_pass(uint64_t &bit) const
{
	const Chunk *chunk = find(bit / chunk_bits);

	if (chunk && chunk->words)
		return chunk;
	bit = chunk ? chunk_end(bit) : (bit / directory_bits + 1) * directory_bits;
	return nullptr;
}

uint64_t SparseBitmap::next_set(uint64_t from, uint64_t end) const
{
	// Whoever lists the few bad blocks of a large pool does not walk to its end.
	const uint64_t stop = min(end, provided_end_);

	while (from < stop) {
		const Chunk *chunk = find_or_pass(from);

		if (!chunk)
			continue;
		if (!chunk->count) {
			from = chunk_end(from);
			continue;
		}
		if (uint64_t ones = chunk->words[from / word_bits % words_per_chunk] & mask_from(from))
			return min(from / word_bits * word_bits + static_cast<uint64_t>(std::countr_zero(ones)), end);
		from = (from / word_bits + 1) * word_bits;
	}
	return end;
}

uint64_t SparseBitmap::next_clear(uint64_t from, uint64_t end) const
{
	while (from < end) {
		const Chunk *chunk = find(from / chunk_bits);

		if (!chunk || !chunk->count)
			return from;
		if (chunk->count == chunk_bits) {
			from = chunk_end(from);
			continue;
		}
		if (uint64_t zeros = ~chunk->words[from / word_bits % words_per_chunk] & mask_from(from))
			return min(from / word_bits * word_bits + static_cast<uint64_t>(std::countr_zero(zeros)), end);
		from = (from / word_bits + 1) * word_bits;
	}
	return end;
}

uint64_t SparseBitmap::next_provided(uint64_t from, uint64_t end) const
{
	const uint64_t stop = min(end, provided_end_);

	while (from < stop)
		if (find_or_pass(from))
			return from;
	return end;
}

SparseBitmap::Chunk *SparseBitmap::provide_chunk(uint64_t chunk, ChunkReserve &reserve, uint32_t keep)
{
	Directory *&directory = directories_[chunk / directory_chunks];

	if (!directory)
		directory = static_cast<Directory *>(reserve.take(keep));
	if (!directory)
		return nullptr;
	Chunk &found = directory->chunks[chunk % directory_chunks];

	if (!found.words)
		found.words = static_cast<uint64_t *>(reserve.take(keep));
	return found.words ? &found : nullptr;
}

uint64_t SparseBitmap::provide(uint64_t from, uint64_t end, ChunkReserve &reserve, uint32_t keep)
{
	for (uint64_t at = from; at < end; at = chunk_end(at)) {
		if (!provide_chunk(at / chunk_bits, reserve, keep))
			return at;
		if (provided_end_ < chunk_end(at))
			provided_end_ = chunk_end(at);
	}
	return end;
}

template <bool value>
void SparseBitmap::assign(uint64_t from, uint64_t end)
{
	while (from < end) {
		Chunk &chunk = *find(from / chunk_bits);
		const uint64_t stop = min((from / word_bits + 1) * word_bits, end);
		const uint64_t length = stop - from;
		const uint64_t mask = (~uint64_t(0) >> (word_bits - length)) << (from % word_bits);
		uint64_t &word = chunk.words[from / word_bits % words_per_chunk];

		if constexpr (value) {
			word |= mask;
			chunk.count += static_cast<uint32_t>(length);
			count_ += length;
		} else {
			word &= ~mask;
			chunk.count -= static_cast<uint32_t>(length);
			count_ -= length;
		}
		from = stop;
	}
}

void SparseBitmap::set(uint64_t from, uint64_t end)
{
	assign<true>(from, end);
}

void SparseBitmap::clear(uint64_t from, uint64_t end)
{
	assign<false>(from, end);
}

} // namespace dm_remap::pool
