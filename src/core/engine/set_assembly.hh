// SPDX-License-Identifier: GPL-2.0
// Who belongs together: what the spares of a table line say of themselves, and what the reassembly role makes of it.
#ifndef DM_REMAP_CORE_ENGINE_SET_ASSEMBLY_HH
#define DM_REMAP_CORE_ENGINE_SET_ASSEMBLY_HH

#include "core/map/member_list.hh"
#include "core/recovery/physical_blocks.hh"

#include <dm_remap/engine.h>
#include <dm_remap/result.hh>
#include <dm_remap/units.hh>

namespace dm_remap {

// All in process context; may block. Every error leaves a reason.
class SetAssembly final {
public:
	SetAssembly() = default;
	SetAssembly(const SetAssembly &) = delete;
	SetAssembly &operator=(const SetAssembly &) = delete;

	// params and its name outlive this. Reads main's identity, and every spare of the table; refuses what is no set of
	// this main. Writes nothing.
	Error assemble(const dmr_engine_params &params, char *reason);
	void destroy();

	BlockSize block_size() const { return block_size_; }	// main's
	PhysicalBlocks physical_blocks() const { return physical_; }
	Blocks main_blocks() const { return block_size_.to_blocks(Sectors(identity_.sectors)); } // of all of main
	// The set's; of a new one before it is formatted, too.
	dmr_setup &setup() { return assembly_->setup; }
	const dmr_setup &setup() const { return assembly_->setup; }

	// The members of the table into the slots of the set; a new set gets its layout.
	Error place_members(MemberList &members, char *reason);
	// Is the set new, and to be formatted at the first resume?
	bool to_format() const { return verdict_ == DMR_ASSEMBLY_FORMAT; }
	void formatted() { verdict_ = DMR_ASSEMBLY_LOAD; }
	// EBUSY: what is about to be formatted was blank when assemble() looked at it, and is so no more.
	Error still_blank(char *reason);

	// Name, main and read_retries of this setup become what they are now.
	void bring_up_to_date(dmr_setup &setup) const;
	// Is main another disk than the set has known, for all that can be told? What is being served is main still.
	bool main_is_new() const { return assembly_->main_is_new && !p_->main_live; }
	// Is main smaller then? Only if the table says that it is a new one.
	bool makes_main_smaller(const dmr_setup &setup) const
	{
		return p_->new_main && identity_.sectors < setup.main.sectors;
	}

	// May this range become a further member? What the set would know of it, with a new UUID, is left in entry.
	Error admit(const dmr_member_range &range, dmr_member_entry &entry, char *reason) const;

private:
	Error describe_main(char *reason);
	Error probe_members(char *reason);
	dmr_assembly_request request(const dmr_assembly_member *members, uint32_t count) const;
	Error judge(char *reason);
	bool names(const dmr_setup &own) const;

	const dmr_engine_params *p_ = nullptr;
	BlockSize block_size_;
	PhysicalBlocks physical_;
	dmr_main_identity identity_{};
	char place_[sizeof(dmr_device_info::place)] = {};	// main's
	dmr_assembly_verdict verdict_ = DMR_ASSEMBLY_LOAD;
	dmr_assembly *assembly_ = nullptr;
	dmr_probe *probes_ = nullptr;	// one for each spare of the table, in its order
};

} // namespace dm_remap

#endif
