// SPDX-License-Identifier: GPL-2.0
#include "host/memory.hh"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace dm_remap::host {

namespace {

constexpr uint64_t live_magic = 0x646d725f6c697665;
constexpr uint64_t dead_magic = 0x646d725f64656164;
constexpr int freed_byte = 0xdd;
// Of a large block only the beginning is overwritten: it is enough to be noticed, and costs little.
constexpr size_t freed_fill = 64 * 1024;

[[noreturn]] void fatal(const char *what, const void *p)
{
	std::fprintf(stderr, "dm_remap::host: %s: %p\n", what, p);
	std::abort();
}

} // namespace

struct alignas(16) Memory::Header {
	Header *prev, *next;
	Memory *owner;
	size_t bytes;
	uint64_t number;
	uint64_t magic;
};

bool Memory::fail_now()
{
	allocations_++;
	bool fail = chance_ && random_.below(65536) < chance_;
	if (nth_ && --nth_ == 0)
		fail = true;
	failures_ += fail;
	return fail;
}

void *Memory::allocate(size_t bytes)
{
	if (fail_now())
		return nullptr;

	auto *h = static_cast<Header *>(std::calloc(1, sizeof(Header) + bytes));
	if (!h)
		return nullptr;
	h->owner = this;
	h->bytes = bytes;
	h->number = allocations_;
	h->magic = live_magic;
	h->next = first_;
	if (first_)
		first_->prev = h;
	first_ = h;
	live_++;
	count_bytes(bytes);
	return h + 1;
}

void Memory::release(void *p)
{
	if (!p)
		return;
	Header *h = static_cast<Header *>(p) - 1;
	if (h->magic == dead_magic)
		fatal("freed twice", p);
	if (h->magic != live_magic)
		fatal("freed, but never allocated, or its header was overwritten", p);
	Memory *m = h->owner;
	if (h->prev)
		h->prev->next = h->next;
	else
		m->first_ = h->next;
	if (h->next)
		h->next->prev = h->prev;
	m->live_--;
	m->bytes_ -= h->bytes;
	h->magic = dead_magic;
	std::memset(p, freed_byte, h->bytes < freed_fill ? h->bytes : freed_fill);
	std::free(h);
}

void *Memory::allocate_buffer(size_t bytes)
{
	if (bytes == 0 || bytes > 128 * 1024)
		fatal("dmr_io_buffer_alloc: size not in 1..128 KiB", reinterpret_cast<void *>(bytes));
	if (fail_now())
		return nullptr;
	void *p = nullptr;
	if (posix_memalign(&p, 4096, bytes))
		return nullptr;
	std::memset(p, 0, bytes);
	buffers_.emplace(reinterpret_cast<uintptr_t>(p), bytes);
	live_++;
	count_bytes(bytes);
	return p;
}

void Memory::release_buffer(void *p, size_t bytes)
{
	if (!p)
		return;
	auto it = buffers_.find(reinterpret_cast<uintptr_t>(p));
	if (it == buffers_.end())
		fatal("dmr_io_buffer_free: not a live I/O buffer", p);
	if (it->second != bytes)
		fatal("dmr_io_buffer_free: size differs from the allocation's", p);
	buffers_.erase(it);
	live_--;
	bytes_ -= bytes;
	std::memset(p, freed_byte, bytes);
	std::free(p);
}

bool Memory::in_buffer(const void *data, size_t bytes) const
{
	const auto at = reinterpret_cast<uintptr_t>(data);
	auto it = buffers_.upper_bound(at);

	if (it == buffers_.begin())
		return false;
	--it;
	return at + bytes <= it->first + it->second;
}

void Memory::drop_all()
{
	while (first_)
		release(first_ + 1);
	while (!buffers_.empty()) {
		auto it = buffers_.begin();
		release_buffer(reinterpret_cast<void *>(it->first), it->second);
	}
	objects_ = 0;
}

std::string Memory::describe_live() const
{
	std::string text;
	char line[96];

	for (const Header *h = first_; h; h = h->next) {
		std::snprintf(line, sizeof(line), "allocation %llu: %zu bytes\n",
			      static_cast<unsigned long long>(h->number), h->bytes);
		text += line;
	}
	for (const auto &[at, bytes] : buffers_) {
		std::snprintf(line, sizeof(line), "I/O buffer: %zu bytes\n", bytes);
		text += line;
	}
	if (objects_) {
		std::snprintf(line, sizeof(line), "%lld locks, conditions or sets of workers\n",
			      static_cast<long long>(objects_));
		text += line;
	}
	return text;
}

} // namespace dm_remap::host
