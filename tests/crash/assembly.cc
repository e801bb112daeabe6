// SPDX-License-Identifier: GPL-2.0
#include "assembly.hh"

#include "dm_remap/engine.h"
#include "host/host.hh"

#include <algorithm>
#include <cstring>
#include <memory>

extern "C" {
extern const struct dmr_metadata_ops dmr_metadata_operations;
extern const struct dmr_spare_pool_ops dmr_spare_pool_operations;
extern const struct dmr_reassembly_ops dmr_reassembly_operations;
}

namespace dm_remap::crash {

namespace {

using host::DeviceIo;
using host::World;

// An image as a device that never fails.
class ImageDevice final : public dmr_device {
public:
	ImageDevice(World &world, Image &image, std::string name) : world_(world), image_(image), name_(std::move(name)) {}

	// Without an identity: a file has none.
	void describe(dmr_device_info *out) override
	{
		std::memset(out, 0, sizeof(*out));
		out->sectors = image_.bytes() / sector_bytes;
		out->logical_block_bytes = out->physical_block_bytes = sector_bytes;
		name_.copy(out->name, sizeof(out->name) - 1);
	}

	void start(DeviceIo *io) override
	{
		world_.scheduler().at(world_.now() + 1, [this, io] {
			const uint64_t at = io->sector * sector_bytes, n = io->sectors * sector_bytes;

			io->status = DMR_STS_OK;
			if (io->op == DMR_OP_READ)
				image_.read(at, io->data, n);
			else if (io->op == DMR_OP_WRITE)
				image_.write(at, io->data, n);
			else if (io->op != DMR_OP_FLUSH)
				io->status = DMR_STS_NOTSUPP;
			io->done(io);
		});
	}

private:
	World &world_;
	Image &image_;
	const std::string name_;
};

// The disk of which the image of main was taken, as the set has recorded it; the kernel has compared that.
std::string disk_of_main(const dmr_engine_params &params)
{
	auto probe = std::make_unique<dmr_probe>();
	char reason[DMR_REASON_SIZE];

	for (uint32_t i = 0; i < params.member_count; i++) {
		if (!dmr_metadata_operations.probe(&params.members[i], probe.get(), reason) && probe->verdict == DMR_PROBE_MEMBER)
			return probe->setup.main.disk;
	}
	return {};
}

// Everything of main as the index has it.
void read_map(const dmr_engine *engine, uint64_t sectors, std::span<ImageDevice *const> spares, Assembly &assembly)
{
	const host::RcuGuard guard;
	uint64_t at = 0;

	while (at < sectors) {
		const auto rest = static_cast<uint32_t>(std::min<uint64_t>(sectors - at, 1u << 30));
		const dmr_route route = dmr_engine_route(engine, DMR_OP_READ, at, rest);

		if (route.where == DMR_WHERE_SLOW)
			assembly.pending_sectors += route.sectors;
		if (route.where == DMR_WHERE_SPARE) {
			const dmr_device *dev = dmr_engine_member_device(engine, route.member);
			const auto spare = static_cast<uint32_t>(std::find(spares.begin(), spares.end(), dev) - spares.begin());

			assembly.remaps.push_back({at, route.sector, route.sectors, spare});
		}
		at += route.sectors;
	}
}

} // namespace

Assembly assemble(Image &main, std::span<Image> spares)
{
	World world;
	host::Instance instance("crash");
	ImageDevice main_device(world, main, "8:0");
	std::vector<std::unique_ptr<ImageDevice>> devices;
	std::vector<ImageDevice *> spare_devices;
	dmr_gate gate = {};
	auto params = std::make_unique<dmr_engine_params>();
	char reason[DMR_REASON_SIZE] = "";
	dmr_engine *engine = nullptr;
	Assembly assembly;

	*params = {};
	params->inst = &instance;
	params->main = &main_device;
	params->sectors = main.bytes() / sector_bytes;
	for (Image &spare : spares) {
		devices.push_back(std::make_unique<ImageDevice>(world, spare, "8:" + std::to_string(16 * (devices.size() + 1))));
		spare_devices.push_back(devices.back().get());
		params->members[params->member_count++] = {devices.back().get(), 0, spare.bytes() / sector_bytes};
	}
	params->read_retries = DMR_READ_RETRIES_DEFAULT;
	params->max_workers = 1;
	params->name = instance.name.c_str();
	params->metadata = &dmr_metadata_operations;
	params->pool = &dmr_spare_pool_operations;
	params->reassembly = &dmr_reassembly_operations;
	params->gate = &gate;
	const std::string disk = disk_of_main(*params);
	params->main_id = disk.empty() ? nullptr : disk.c_str();

	if (dmr_engine_create(params.get(), &engine, reason)) {
		assembly.refusal = std::string("the table is refused: ") + reason;
		return assembly;
	}
	if (dmr_engine_resume(engine, params->name, reason))
		assembly.refusal = std::string("preresume fails: ") + reason;
	else
		read_map(engine, params->sectors, spare_devices, assembly);
	dmr_engine_presuspend(engine);
	dmr_engine_postsuspend(engine);
	dmr_engine_destroy(engine);
	for (const std::string &text : world.take_violations())
		assembly.refusal += " violation: " + text;
	return assembly;
}

void flatten(Image &main, std::span<const Image> spares, const Assembly &assembly)
{
	std::vector<uint8_t> data;

	for (const Remap &remap : assembly.remaps) {
		data.resize(remap.sectors * sector_bytes);
		spares[remap.spare].read(remap.spare_sector * sector_bytes, data.data(), data.size());
		main.write(remap.main_sector * sector_bytes, data.data(), data.size());
	}
}

} // namespace dm_remap::crash
