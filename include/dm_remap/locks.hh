// SPDX-License-Identifier: GPL-2.0
// The locks of kernel_api.h, held by scope. Creation may fail, so it is a call of its own and not a constructor.
#ifndef DM_REMAP_LOCKS_HH
#define DM_REMAP_LOCKS_HH

#include <dm_remap/kernel_api.h>
#include <dm_remap/result.hh>

namespace dm_remap {

class Mutex final {
public:
	Error init(const char *name)
	{
		handle_ = dmr_mutex_create(name);
		return handle_ ? Error::none() : Error(ENOMEM);
	}
	void destroy()
	{
		if (handle_)
			dmr_mutex_destroy(handle_);
		handle_ = nullptr;
	}
	dmr_mutex *handle() const { return handle_; }

private:
	dmr_mutex *handle_ = nullptr;
};

class [[nodiscard]] MutexGuard final {
public:
	explicit MutexGuard(const Mutex &m) : m_(m.handle()) { dmr_mutex_lock(m_); }
	~MutexGuard() { dmr_mutex_unlock(m_); }
	MutexGuard(const MutexGuard &) = delete;
	MutexGuard &operator=(const MutexGuard &) = delete;

private:
	dmr_mutex *m_;
};

// Usable in any context.
class Spinlock final {
public:
	Error init(const char *name)
	{
		handle_ = dmr_spinlock_create(name);
		return handle_ ? Error::none() : Error(ENOMEM);
	}
	void destroy()
	{
		if (handle_)
			dmr_spinlock_destroy(handle_);
		handle_ = nullptr;
	}
	dmr_spinlock *handle() const { return handle_; }

private:
	dmr_spinlock *handle_ = nullptr;
};

class [[nodiscard]] SpinGuard final {
public:
	explicit SpinGuard(const Spinlock &l) : l_(l.handle()), flags_(dmr_spin_lock(l_)) {}
	~SpinGuard() { dmr_spin_unlock(l_, flags_); }
	SpinGuard(const SpinGuard &) = delete;
	SpinGuard &operator=(const SpinGuard &) = delete;

private:
	dmr_spinlock *l_;
	unsigned long flags_;
};

class [[nodiscard]] RcuSection final {
public:
	RcuSection() { dmr_rcu_read_lock(); }
	~RcuSection() { dmr_rcu_read_unlock(); }
	RcuSection(const RcuSection &) = delete;
	RcuSection &operator=(const RcuSection &) = delete;
};

} // namespace dm_remap

#endif
