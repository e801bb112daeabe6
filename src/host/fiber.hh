// SPDX-License-Identifier: GPL-2.0
// A second stack to run a function on, and the switch between stacks.
#ifndef DMR_HOST_FIBER_HH
#define DMR_HOST_FIBER_HH

#include <cstddef>

namespace dm_remap::host {

// Memory for one stack, with an unmapped page below it. Stacks are kept for reuse by the whole process.
class Stack final {
public:
	static Stack take();
	static void give_back(Stack stack);

	void *bottom() const { return bottom_; }
	size_t size() const { return size_; }
	// Fill it with a pattern, so that deepest() can say how far down it was used.
	void paint();
	size_t deepest() const;

private:
	void *bottom_ = nullptr;
	size_t size_ = 0;
};

// Where execution stands on a stack that does not run now.
class Context final {
public:
	// Prepare to run entry(argument) on this stack; entry never returns.
	void prepare(const Stack &stack, void (*entry)(void *), void *argument);
	// Leave the running context, which is saved in `from`, for this one. final: `from` is never entered again.
	void enter_from(Context &from, bool final = false);
	// First thing in entry().
	void entered();

	~Context();

private:
	void *sp_ = nullptr;		// x86-64: the stack pointer; else a ucontext_t
	void *fake_stack_ = nullptr;	// AddressSanitizer's
	const void *bottom_ = nullptr;
	size_t size_ = 0;
	Context *came_from_ = nullptr;
	bool fresh_ = false;
};

} // namespace dm_remap::host

#endif
