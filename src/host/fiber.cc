// SPDX-License-Identifier: GPL-2.0
#include "host/fiber.hh"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#define DMR_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DMR_ASAN 1
#endif
#endif
#ifdef DMR_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace dm_remap::host {

namespace {

// The sanitizers' frames are several times as large.
#ifdef DMR_ASAN
constexpr size_t stack_bytes = 512 * 1024;
#else
constexpr size_t stack_bytes = 64 * 1024;
#endif
constexpr uint64_t paint_word = 0x5afe57ac5afe57ac;

std::vector<Stack> &free_stacks()
{
	static std::vector<Stack> stacks;
	return stacks;
}

struct Start {
	void (*entry)(void *);
	void *argument;
};

// One thread runs fibers; what a new context begins with is handed over here.
Start starting;

[[noreturn]] void trampoline()
{
	const Start start = starting;

	start.entry(start.argument);
	std::abort();
}

} // namespace

Stack Stack::take()
{
	auto &pool = free_stacks();
	Stack stack;

	if (!pool.empty()) {
		stack = pool.back();
		pool.pop_back();
	} else {
		const size_t guard = static_cast<size_t>(sysconf(_SC_PAGESIZE));
		void *p = mmap(nullptr, guard + stack_bytes, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (p == MAP_FAILED || mprotect(p, guard, PROT_NONE)) {
			std::perror("dm_remap::host: no memory for a fiber's stack");
			std::abort();
		}
		stack.bottom_ = static_cast<char *>(p) + guard;
		stack.size_ = stack_bytes;
	}
	return stack;
}

void Stack::give_back(Stack stack)
{
#ifdef DMR_ASAN
	// An abandoned fiber leaves the marks of its frames.
	ASAN_UNPOISON_MEMORY_REGION(stack.bottom_, stack.size_);
#endif
	free_stacks().push_back(stack);
}

void Stack::paint()
{
	auto *word = static_cast<uint64_t *>(bottom_);

	for (size_t i = 0; i < size_ / sizeof(*word); i++)
		word[i] = paint_word;
}

size_t Stack::deepest() const
{
	const auto *word = static_cast<const uint64_t *>(bottom_);
	size_t i = sizeof(Start) / sizeof(*word);

	while (i < size_ / sizeof(*word) && word[i] == paint_word)
		i++;
	return size_ - i * sizeof(*word);
}

#if defined(__x86_64__)

// void dmr_host_switch(void **save, void *load): the registers that a called function keeps, by the System V ABI.
extern "C" void dmr_host_switch(void **save, void *load);
asm(R"(
	.text
	.p2align 4
	.globl dmr_host_switch
	.type dmr_host_switch, @function
dmr_host_switch:
	endbr64
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rdi)
	movq %rsi, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret
	.size dmr_host_switch, . - dmr_host_switch
)");

static void *new_stack_pointer(const Stack &stack)
{
	auto top = reinterpret_cast<uintptr_t>(stack.bottom()) + stack.size();
	auto *word = reinterpret_cast<void **>(top & ~uintptr_t(15));

	*--word = nullptr; // where trampoline would return to; leaves the alignment of a called function
	*--word = reinterpret_cast<void *>(&trampoline);
	for (int saved = 0; saved < 6; saved++)
		*--word = nullptr;
	return word;
}

static void switch_stacks(void **save, void *load)
{
	dmr_host_switch(save, load);
}

Context::~Context() = default;

#else

static void *new_stack_pointer(const Stack &stack)
{
	auto *uc = new ucontext_t;

	getcontext(uc);
	uc->uc_stack.ss_sp = stack.bottom();
	uc->uc_stack.ss_size = stack.size();
	uc->uc_link = nullptr;
	makecontext(uc, trampoline, 0);
	return uc;
}

static void switch_stacks(void **save, void *load)
{
	if (!*save)
		*save = new ucontext_t;
	swapcontext(static_cast<ucontext_t *>(*save), static_cast<ucontext_t *>(load));
}

Context::~Context()
{
	delete static_cast<ucontext_t *>(sp_);
}

#endif

void Context::prepare(const Stack &stack, void (*entry)(void *), void *argument)
{
	// The start is kept at the lowest end of the stack until the first switch.
	*static_cast<Start *>(stack.bottom()) = {entry, argument};
#if !defined(__x86_64__)
	delete static_cast<ucontext_t *>(sp_);
#endif
	sp_ = new_stack_pointer(stack);
	fake_stack_ = nullptr;
	bottom_ = stack.bottom();
	size_ = stack.size();
	fresh_ = true;
}

void Context::enter_from(Context &from, bool final)
{
	if (fresh_)
		starting = *static_cast<const Start *>(bottom_);
	fresh_ = false;
	came_from_ = &from;
#ifdef DMR_ASAN
	__sanitizer_start_switch_fiber(final ? nullptr : &from.fake_stack_, bottom_, size_);
#else
	(void)final;
#endif
	switch_stacks(&from.sp_, sp_);
	// Here again: somebody entered `from`.
#ifdef DMR_ASAN
	__sanitizer_finish_switch_fiber(from.fake_stack_, &from.came_from_->bottom_, &from.came_from_->size_);
#endif
}

void Context::entered()
{
#ifdef DMR_ASAN
	__sanitizer_finish_switch_fiber(nullptr, &came_from_->bottom_, &came_from_->size_);
#endif
}

} // namespace dm_remap::host
