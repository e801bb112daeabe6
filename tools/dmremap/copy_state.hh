// SPDX-License-Identifier: GPL-2.0
// What a copy that was broken off needs to go on: a document in a file, which is there as a whole or not at all.
#ifndef DMREMAP_COPY_STATE_HH
#define DMREMAP_COPY_STATE_HH

#include "copy_map.hh"
#include "os/fd.hh"

#include <string>

namespace dm_remap::tool {

// What is copied to what. Neither may be another one when the copy goes on.
struct CopySubject {
	std::string set;	// UUID
	uint64_t sectors = 0;	// of the device
	std::string disk;	// what tells the new disk from others; empty: nothing does
	uint64_t disk_sectors = 0;

	bool operator==(const CopySubject &) const = default;
};

struct CopyStateDocument {
	CopySubject subject;
	std::string path;	// of the new disk, as it was named
	CopyMap map;

	std::string text() const;
	// Throws Failure "state": it is no such document, or cut off, or not what was written.
	static CopyStateDocument parse(const std::string &text);
};

// The file, held alone from the constructor on: nobody else copies the same set meanwhile.
class CopyStateFile final {
public:
	// Makes its folder if need be. Throws std::system_error; Failure busy: somebody else holds it; Failure would_lose: something else
	// is there.
	explicit CopyStateFile(std::string path);

	const std::string &path() const { return path_; }
	// No value: there is none. Throws what parse() throws, and std::system_error.
	std::optional<CopyStateDocument> read() const;
	// Durable when it returns. Throws std::system_error; then the old one is what it was.
	void write(const CopyStateDocument &state);
	void remove();

private:
	std::string path_;
	Fd lock_;
};

// As GNU ddrescue writes its own: what was copied is '+', what could not be read '-', what is still to be done '?'.
std::string ddrescue_map(const CopyMap &map);

} // namespace dm_remap::tool

#endif
