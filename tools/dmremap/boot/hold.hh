// SPDX-License-Identifier: GPL-2.0
// While the set of a known main does not run, one process has main open exclusively: what looks at disks by itself, and would mount main or
// build upon it, gets "busy". Whoever starts the set takes the open main over from that process, and lets go of it in the moment before
// device-mapper takes it.
#ifndef DMREMAP_BOOT_HOLD_HH
#define DMREMAP_BOOT_HOLD_HH

#include "boot/main_sight.hh"
#include "machine/udev.hh"
#include "os/fd.hh"

#include <functional>
#include <string>

namespace dm_remap::tool {

// Main, taken over from the process that holds it. That process waits until this object is gone, and then sees whether the set runs.
class HeldMain final {
public:
	// Nobody holds it, or it does not answer: then nothing is taken over.
	explicit HeldMain(const std::string &set);

	// Is it this device that was taken over, and is it still open?
	bool is(const std::string &number) const;
	Fd let_go() { return std::move(main_); }
	// The process that held it ends: from here on whoever has main open holds it.
	void dismiss() const;

	// Does a process hold it? Nothing is taken over.
	static bool by_somebody(const std::string &set);

private:
	Fd connection_, main_;
};

// The process that holds it.
class Holder final {
public:
	using Say = std::function<void(const std::string &)>;

	Holder(std::string set, Say say);
	~Holder();
	Holder(const Holder &) = delete;
	Holder &operator=(const Holder &) = delete;

	// Until the set runs, or main is released, or another process holds it. ready: main is held, or is not there; called once.
	// Throws std::system_error.
	void run(const std::function<void()> &ready);

private:
	bool needed() const;
	// False: it is not needed.
	bool look();
	void take_over();
	void look_for_main();
	void listen();
	// False: dismissed.
	bool serve();
	bool wait_and_serve(udev::Monitor &monitor, int milliseconds);
	void tell(const std::string &text);

	std::string set_;
	Say say_;
	std::string said_;
	Fd main_, socket_;
	std::string number_;	// of main, if it is held
	bool busy_ = false;	// somebody else has it
	bool locked_out_ = false; // somebody starts the set now, or has just done so
};

} // namespace dm_remap::tool

#endif
