// SPDX-License-Identifier: GPL-2.0
// An nbdkit plugin: the disks of a virtual machine, and one journal of all that changes them, in the order in which it
// was performed. Disks with a volatile cache: flush and FUA are there to be used, and journalled.
//
//	nbdkit -f -U socket ./dmr_journal_plugin.so journal=file disk=main:64M disk=spare0:8M disk=mark:1M
//
// Each disk is an export. What is written to the one called "mark" is text (files.hh); an order "bad main 1000 8 rw
// target" makes sectors fail from the next request on: `write` or `rw`, by what the SCSI disk on top makes a hardware
// error of at once (`target`) or an aborted command that is tried again (`io`). A write that meets a bad sector has
// written what lies before.
//
//	nbdkit … replay=1 journal=file    serves states of an old journal, with its disks
//
// Then "state <cut> <seed>" puts into the disks what a power cut after so many entries may have left (state.hh). Later
// writes change that state only. Cuts must come in ascending order.
#include "files.hh"
#include "journal.hh"
#include "state.hh"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

namespace dm_remap::crash {

namespace {

struct BadSector {
	bool read;
	int error;
};

struct ServedDisk {
	DiskSpec spec;
	uint8_t number;
	std::vector<uint8_t> bytes;			// while recording
	std::map<uint64_t, BadSector> bad;
};

class Server final {
public:
	std::string journal_path;
	bool replay = false;

	void add_disk(const DiskSpec &spec)
	{
		disks_.push_back(std::make_unique<ServedDisk>());
		disks_.back()->spec = spec;
		disks_.back()->number = static_cast<uint8_t>(disks_.size() - 1);
	}
	void start();
	void stop() { writer_.reset(); }
	ServedDisk *find(const char *name);

	// 0 or an errno. All under the lock: this is the order.
	int read(ServedDisk &disk, void *out, uint32_t n, uint64_t at);
	int write(ServedDisk &disk, const void *data, uint32_t n, uint64_t at, bool fua);
	int flush(ServedDisk &disk);

private:
	int order(const std::string &text);
	int order_bad(std::istringstream &in);
	void put(ServedDisk &disk, const void *data, uint64_t n, uint64_t at, bool fua);
	uint64_t good_before(const ServedDisk &disk, uint64_t at, uint64_t n, bool write, int *error) const;

	std::mutex lock_;
	std::vector<std::unique_ptr<ServedDisk>> disks_;
	std::unique_ptr<JournalWriter> writer_;
	std::unique_ptr<Journal> journal_;
	std::unique_ptr<Composer> composer_;
	std::vector<Image> state_;
};

Server server;

void Server::start()
{
	if (replay) {
		journal_ = std::make_unique<Journal>(journal_path);
		composer_ = std::make_unique<Composer>(*journal_);
		for (const DiskSpec &spec : journal_->disks())
			add_disk(spec);
		state_ = composer_->draw(0);
		return;
	}
	std::vector<DiskSpec> specs;
	for (auto &disk : disks_) {
		specs.push_back(disk->spec);
		disk->bytes.resize(disk->spec.bytes());
	}
	writer_ = std::make_unique<JournalWriter>(journal_path, specs);
}

ServedDisk *Server::find(const char *name)
{
	for (auto &disk : disks_) {
		if (disk->spec.name == name)
			return disk.get();
	}
	return nullptr;
}

// How many of the n bytes come before the first sector that fails; *error is 0 if none does.
uint64_t Server::good_before(const ServedDisk &disk, uint64_t at, uint64_t n, bool write, int *error) const
{
	*error = 0;
	for (auto it = disk.bad.lower_bound(at / sector_bytes); it != disk.bad.end() && it->first * sector_bytes < at + n; ++it) {
		if (!write && !it->second.read)
			continue;
		*error = it->second.error;
		return it->first * sector_bytes - at;
	}
	return n;
}

int Server::read(ServedDisk &disk, void *out, uint32_t n, uint64_t at)
{
	const std::lock_guard guard(lock_);
	int error;

	good_before(disk, at, n, false, &error);
	if (error)
		return error;
	if (replay)
		state_[disk.number].read(at, out, n);
	else
		std::memcpy(out, &disk.bytes[at], n);
	return 0;
}

void Server::put(ServedDisk &disk, const void *data, uint64_t n, uint64_t at, bool fua)
{
	if (!n)
		return;
	if (replay) {
		state_[disk.number].write(at, data, n);
		return;
	}
	std::memcpy(&disk.bytes[at], data, n);
	writer_->append({EntryKind::write, disk.number, fua, at / sector_bytes, static_cast<uint32_t>(n / sector_bytes),
			 static_cast<const uint8_t *>(data)});
}

int Server::write(ServedDisk &disk, const void *data, uint32_t n, uint64_t at, bool fua)
{
	const std::lock_guard guard(lock_);
	int error;

	if (disk.spec.name == "mark") {
		const auto *text = static_cast<const char *>(data);

		error = order(std::string(text, strnlen(text, n)));
		put(disk, data, n, at, fua);
		return error;
	}
	const uint64_t good = good_before(disk, at, n, true, &error);
	put(disk, data, good, at, fua && !error);
	return error;
}

int Server::flush(ServedDisk &disk)
{
	const std::lock_guard guard(lock_);

	if (!replay)
		writer_->append({EntryKind::flush, disk.number, false, 0, 0, nullptr});
	return 0;
}

int Server::order(const std::string &text)
{
	std::istringstream in(text);
	std::string what;
	uint64_t cut, seed;

	in >> what;
	if (what == "bad")
		return order_bad(in);
	if (what != "state")
		return 0;
	if (!replay || !(in >> cut >> seed))
		return EINVAL;
	state_.clear(); // it shares what advance() changes
	composer_->advance(cut);
	state_ = composer_->draw(seed);
	return 0;
}

int Server::order_bad(std::istringstream &in)
{
	std::string name, kind, error;
	uint64_t first, count;

	if (!(in >> name >> first >> count >> kind >> error))
		return EINVAL;
	ServedDisk *disk = find(name.c_str());
	if (!disk || first + count > disk->spec.sectors)
		return EINVAL;
	// NBD has few error numbers. QEMU's SCSI disk makes a hardware error of ENOMEM, an aborted command of EIO.
	for (uint64_t s = first; s < first + count; s++)
		disk->bad[s] = {kind == "rw", error == "io" ? EIO : ENOMEM};
	return 0;
}

template <typename Body>
int guarded(Body body)
{
	try {
		const int error = body();

		if (error)
			nbdkit_set_error(error);
		return error ? -1 : 0;
	} catch (const std::exception &e) {
		nbdkit_error("%s", e.what());
		return -1;
	}
}

ServedDisk &disk_of(void *handle)
{
	return *static_cast<ServedDisk *>(handle);
}

int config(const char *key, const char *value)
{
	return guarded([&] {
		if (!std::strcmp(key, "journal"))
			server.journal_path = value;
		else if (!std::strcmp(key, "replay"))
			server.replay = !std::strcmp(value, "1");
		else if (!std::strcmp(key, "disk"))
			server.add_disk(parse_disk(value));
		else
			throw std::runtime_error(std::string("unknown parameter '") + key + "': there are journal, disk, replay");
		return 0;
	});
}

int get_ready()
{
	return guarded([] { return server.start(), 0; });
}

void unload()
{
	server.stop();
}

void *open_export(int)
{
	ServedDisk *disk = server.find(nbdkit_export_name());

	if (!disk)
		nbdkit_error("no disk '%s'", nbdkit_export_name());
	return disk;
}

int64_t get_size(void *handle)
{
	return static_cast<int64_t>(disk_of(handle).spec.bytes());
}

int yes(void *)
{
	return 1;
}

int no(void *)
{
	return 0;
}

int can_fua(void *)
{
	return NBDKIT_FUA_NATIVE;
}

int pread(void *handle, void *out, uint32_t n, uint64_t at, uint32_t)
{
	return guarded([&] { return server.read(disk_of(handle), out, n, at); });
}

int pwrite(void *handle, const void *data, uint32_t n, uint64_t at, uint32_t flags)
{
	return guarded([&] { return server.write(disk_of(handle), data, n, at, flags & NBDKIT_FLAG_FUA); });
}

int flush(void *handle, uint32_t)
{
	return guarded([&] { return server.flush(disk_of(handle)); });
}

nbdkit_plugin make_plugin()
{
	nbdkit_plugin p{};

	p.name = "dmr-journal";
	p.description = "disks of a virtual machine with one journal of all that changes them";
	p.config = config;
	p.get_ready = get_ready;
	p.unload = unload;
	p.open = open_export;
	p.get_size = get_size;
	p.can_write = yes;
	p.can_flush = yes;
	p.can_fua = can_fua;
	p.can_trim = no;
	p.can_multi_conn = yes;
	p.pread = pread;
	p.pwrite = pwrite;
	p.flush = flush;
	return p;
}

nbdkit_plugin plugin = make_plugin();

} // namespace

} // namespace dm_remap::crash

// NBDKIT_REGISTER_PLUGIN would want designated initialisers in C's order and a plugin in the global namespace.
extern "C" NBDKIT_DLL_PUBLIC nbdkit_plugin *plugin_init()
{
	using dm_remap::crash::plugin;

	plugin._struct_size = sizeof(plugin);
	plugin._api_version = NBDKIT_API_VERSION;
	plugin._thread_model = THREAD_MODEL;
	return &plugin;
}
