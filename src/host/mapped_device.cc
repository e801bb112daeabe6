// SPDX-License-Identifier: GPL-2.0
// device-mapper's own part: the order in which tables are loaded, swapped, suspended and destroyed.
#include "host/target.hh"

#include <cerrno>
#include <vector>

namespace dm_remap::host {

MappedDevice::MappedDevice(std::string name) : name_(std::move(name)), name_now_(name_) {}

MappedDevice::~MappedDevice() = default;

void MappedDevice::destroy(std::unique_ptr<Target> &target)
{
	if (target)
		target->destruct();
	target.reset();
}

int MappedDevice::load(const TableOptions &options)
{
	// The new table is made while the old one of the slot is still there, as dm does.
	made_ = std::make_unique<Target>(name_, options);
	const int err = made_->construct(active_ && active_->started() ? active_.get() : nullptr, &reason_);

	if (err) {
		made_.reset();
		return err;
	}
	destroy(loaded_);
	loaded_ = std::move(made_);
	return 0;
}

int MappedDevice::suspend()
{
	if (suspended_)
		return -EINVAL;
	active_->presuspend();
	blocked_ = true;
	active_->wait_idle();
	active_->postsuspend();
	suspended_ = true;
	return 0;
}

int MappedDevice::resume()
{
	if (loaded_) {
		if (!suspended_)
			suspend();
		old_ = std::move(active_);
		active_ = std::move(loaded_);
	}
	if (!suspended_)
		return 0;
	if (!active_) {
		reason_ = "no table";
		return -EINVAL;
	}
	const int err = active_->resume(name_now_, &reason_);
	if (!err) {
		suspended_ = blocked_ = false;
		// New I/O may overtake what waited: both are outstanding.
		while (!deferred_.empty()) {
			UserIo *io = deferred_.front();

			deferred_.pop_front();
			active_->submit(*io);
		}
	}
	// After the resume of the new one, as dm does.
	destroy(old_);
	return err;
}

int MappedDevice::create(const TableOptions &options)
{
	int err = load(options);

	if (!err)
		err = resume();
	if (err)
		destroy(active_);
	return err;
}

int MappedDevice::remove()
{
	if (active_ && !suspended_)
		suspend();
	if (!deferred_.empty())
		return -EBUSY;
	destroy(loaded_);
	destroy(active_);
	return 0;
}

namespace {

// What a message needs while it is under way, dropped with the boot if it is never over.
struct MessageCall final : BootObject {
	std::vector<std::string> words;
	std::vector<char *> argv;
	char answer[16384] = "", reason[DMR_REASON_SIZE] = "";
};

} // namespace

std::string MappedDevice::message(const std::vector<std::string> &words, int *err)
{
	auto *call = new MessageCall;

	call->words = words;
	for (std::string &word : call->words)
		call->argv.push_back(word.data());
	const int r = dmr_engine_message(active_->engine(), static_cast<unsigned int>(call->argv.size()),
					 call->argv.data(), call->answer, sizeof(call->answer), call->reason);
	reason_ = call->reason;
	const std::string answer = r == 1 ? call->answer : "";
	delete call;
	if (err)
		*err = r < 0 ? r : 0;
	return answer;
}

int MappedDevice::change_spares(const std::function<int(dmr_engine *, char *reason)> &change)
{
	if (loaded_) {
		reason_ = "a table is loaded";
		return -EBUSY;
	}
	auto *call = new MessageCall;
	const int err = change(active_->engine(), call->reason);

	reason_ = call->reason;
	delete call;
	return err;
}

int MappedDevice::add_spare(SimDisk &disk, uint64_t start, uint64_t sectors)
{
	const dmr_member_range range = {&disk, start, sectors};

	return change_spares([&](dmr_engine *engine, char *reason) { return dmr_engine_add_member(engine, &range, reason); });
}

int MappedDevice::remove_spare(SimDisk &disk, uint64_t start, bool force)
{
	const dmr_member_range range = {&disk, start, 0};

	return change_spares(
		[&](dmr_engine *engine, char *reason) { return dmr_engine_remove_member(engine, &range, force, reason); });
}

int MappedDevice::cancel_remove(SimDisk &disk, uint64_t start)
{
	const dmr_member_range range = {&disk, start, 0};

	return change_spares([&](dmr_engine *engine, char *reason) { return dmr_engine_cancel_remove(engine, &range, reason); });
}

int MappedDevice::forget_spare(uint32_t number, bool force)
{
	return change_spares(
		[&](dmr_engine *engine, char *reason) { return dmr_engine_forget_member(engine, number, force, reason); });
}

std::string MappedDevice::status()
{
	char text[4096] = "";

	dmr_engine_status(active_->engine(), text, sizeof(text));
	return text;
}

void MappedDevice::submit(UserIo &io)
{
	io.held_back = blocked_;
	if (blocked_)
		deferred_.push_back(&io);
	else
		active_->submit(io);
}

dmr_status MappedDevice::perform(UserIo &io, std::function<void()> told)
{
	World &world = *World::current();
	struct Sync {
		WaitQueue waiting;
		bool over = false;
	} sync;
	Sync *s = &sync;

	world.check_may_block("an I/O that is waited for");
	io.done = [s, told](UserIo &) {
		if (told)
			told();
		s->over = true;
		World::current()->scheduler().wake_all(s->waiting);
	};
	submit(io);
	while (!sync.over) {
		if (!world.scheduler().wait(sync.waiting))
			return DMR_STS_IOERR;
	}
	return io.status;
}

dmr_status MappedDevice::read(uint64_t sector, void *data, uint32_t sectors)
{
	UserIo io;

	io.op = DMR_OP_READ;
	io.sector = sector;
	io.sectors = sectors;
	io.data = data;
	return perform(io);
}

dmr_status MappedDevice::write(uint64_t sector, const void *data, uint32_t sectors, uint32_t flags)
{
	UserIo io;

	io.op = DMR_OP_WRITE;
	io.sector = sector;
	io.sectors = sectors;
	io.flags = flags;
	io.data = const_cast<void *>(data);
	return perform(io);
}

dmr_status MappedDevice::flush()
{
	UserIo io;

	io.op = DMR_OP_FLUSH;
	return perform(io);
}

} // namespace dm_remap::host
