// SPDX-License-Identifier: GPL-2.0
// What src/core/target.c and device-mapper do in the kernel, over the same dmr_engine_* functions: tables that are
// loaded, resumed, suspended, and users' I/O that is routed to them. It carries; it does not decide.
#ifndef DMR_HOST_TARGET_HH
#define DMR_HOST_TARGET_HH

#include "dm_remap/engine.h"
#include "host/host.hh"

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dm_remap::host {

// A table line.
struct TableOptions {
	SimDisk *main = nullptr;
	uint64_t sectors = 0;	// 0: all of main
	std::vector<dmr_member_range> members;
	uint32_t read_retries = DMR_READ_RETRIES_DEFAULT;
	uint32_t max_workers = DMR_MAX_WORKERS;
	uint64_t max_extents = 0; // 0: not given
	std::string main_id;	// "": not given
	bool format = false;
	bool new_main = false;
	bool degraded = false;
	bool force = false;
	bool read_only = false;
};

// An I/O of a user. The submitter owns it, and its data, until done() is called (in any context; must not block).
struct UserIo {
	enum dmr_op op = DMR_OP_READ;
	uint64_t sector = 0;
	uint32_t sectors = 0;	// 0 for a flush
	uint32_t flags = 0;	// DMR_IO_FUA
	bool optional = false;	// read-ahead, or failfast
	void *data = nullptr;
	std::function<void(UserIo &io)> done;
	dmr_status status = DMR_STS_OK;	// when done() is called

	// The device's own.
	uint32_t parts = 0;
	bool held_back = false;	// it came while the device was suspended, and reached a target later
};

// One table: an instance and its engine.
class Target final {
public:
	Target(const std::string &name, const TableOptions &options);
	~Target() { destruct(); }
	Target(const Target &) = delete;
	Target &operator=(const Target &) = delete;

	// The constructor, once: 0, or a negative errno with a reason.
	int construct(const Target *live, std::string *reason); // live: the table that is being replaced, if it was resumed
	// The destructor, which may block: call it before a power cut may leave ~Target() half done. Of a table of an earlier
	// boot only the host's own memory is left.
	void destruct();
	int resume(const std::string &name, std::string *reason);	// preresume and resume; the mapped device's name now
	void presuspend() { dmr_engine_presuspend(engine_); }
	void presuspend_undo() { dmr_engine_presuspend_undo(engine_); }
	void postsuspend();

	// What device-mapper does with an I/O: map, cut, map the rest. any.
	void submit(UserIo &io);
	// Waits until none is under way.
	void wait_idle();
	uint64_t under_way() const { return under_way_; }

	dmr_engine *engine() { return engine_; }
	dmr_instance &instance() { return instance_; }
	const TableOptions &options() const { return options_; }
	bool served() const { return served_; } // and that worked
	bool started() const { return started_; } // was resumed once: its members may change at any time

private:
	enum class State { OnMain, OnMainFua, OnSpare, Flush, Slow, Ended };
	// One clone of a user's I/O, as much of it as one route covers.
	struct Piece final {
		dmr_request req; // of which the engine knows no more than the address
		DeviceIo below;
		Target *target = nullptr;
		UserIo *io = nullptr;
		State state = State::Ended;
		unsigned int epoch = 0;
		uint32_t member = 0;
	};

	Piece &take_piece(UserIo &io);
	uint32_t map(UserIo &io, uint64_t sector, uint32_t sectors);
	void map_flush(UserIo &io);
	void end_io(Piece &p, dmr_status status);
	void finish(Piece &p, dmr_status status);

	dmr_instance instance_;
	const TableOptions options_;
	dmr_engine *engine_ = nullptr;
	dmr_gate gate_{};
	std::unique_ptr<dmr_engine_params> params_; // while it is made; too large for a fiber's stack
	bool running_ = false, started_ = false, served_ = false;
	uint64_t under_way_ = 0;
	WaitQueue idle_;
	std::vector<std::unique_ptr<Piece>> pieces_;
	std::vector<Piece *> free_pieces_;
};

// A mapped device: the table that serves, the one that was loaded to replace it, and I/O that waits for a resume.
class MappedDevice final {
public:
	explicit MappedDevice(std::string name);
	~MappedDevice(); // without remove(): what a power cut leaves

	// dmsetup load: 0 or a negative errno; reason() then says why. Like all of these: process, may block.
	int load(const TableOptions &options);
	// dmsetup resume: the loaded table replaces the other one.
	int resume();
	int suspend();
	void rename(std::string name) { name_now_ = std::move(name); } // dmsetup rename
	int create(const TableOptions &options); // load and resume; nothing is left of what failed
	int remove();
	// As the messages about spares. disk: stays until the device is gone.
	int add_spare(SimDisk &disk, uint64_t start, uint64_t sectors);
	int remove_spare(SimDisk &disk, uint64_t start, bool force = false);
	int cancel_remove(SimDisk &disk, uint64_t start);
	int forget_spare(uint32_t number, bool force);
	// The answer, or "" with the errno in *err.
	std::string message(const std::vector<std::string> &words, int *err = nullptr);
	std::string status();
	const std::string &reason() const { return reason_; }

	// any. On a suspended device the I/O waits for resume.
	void submit(UserIo &io);
	// The same, waited for. process, may block. data: of any memory.
	dmr_status read(uint64_t sector, void *data, uint32_t sectors);
	dmr_status write(uint64_t sector, const void *data, uint32_t sectors, uint32_t flags = 0);
	dmr_status flush();
	// told: called when it has ended, before anybody who waits runs; must not block.
	dmr_status perform(UserIo &io, std::function<void()> told = {});

	Target *active() { return active_.get(); }
	Target *loaded() { return loaded_.get(); }
	bool suspended() const { return suspended_; }

private:
	std::string name_, name_now_, reason_;
	// Owned here and not by a fiber's locals, which a power cut does not destroy.
	std::unique_ptr<Target> active_, loaded_, made_, old_;
	static void destroy(std::unique_ptr<Target> &target);
	int change_spares(const std::function<int(dmr_engine *, char *reason)> &change);
	bool suspended_ = true, blocked_ = true;
	std::deque<UserIo *> deferred_;
};

} // namespace dm_remap::host

#endif
