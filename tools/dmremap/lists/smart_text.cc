// SPDX-License-Identifier: GPL-2.0
// What smartctl prints for people. Its tables have no form that is promised, so what is needed of a row is taken from where it has stood
// since there are these logs, and what is there instead of a number is refused.
#include "lists/smart_log.hh"
#include "lists/text.hh"

#include <algorithm>
#include <fmt/format.h>

namespace dm_remap::tool::lists {

namespace {

enum class Log : uint8_t { none, self_test, scsi_self_test, error, defects, nvme_self_test, nvme_error };

struct Heading {
	std::string_view begins;
	Log log;
	uint8_t bits;
};
// The first that fits.
constexpr Heading headings[] = {
	{"SMART Extended Self-test Log", Log::self_test, bits_of_extended_log},
	{"SMART Self-test log structure", Log::self_test, bits_of_self_test_log},
	{"SMART Self-test log", Log::scsi_self_test, bits_of_others},
	{"SMART Extended Comprehensive Error Log", Log::error, bits_of_extended_log},
	{"SMART Error Log", Log::error, bits_of_error_log},
	{"Pending Defects log", Log::defects, bits_of_others},
	{"Self-test Log (NVMe", Log::nvme_self_test, bits_of_others},
	{"Error Information (NVMe", Log::nvme_error, bits_of_others},
};

constexpr std::string_view error_mark = "  Error: ", lba_mark = " at LBA = ";

class Reader final {
public:
	void line(uint32_t number, std::string_view line)
	{
		number_ = number;
		if (const auto *heading = std::find_if(std::begin(headings), std::end(headings), [&](const Heading &h) { return line.starts_with(h.begins); });
		    heading != std::end(headings)) {
			log_ = heading->log;
			bits_ = heading->bits;
			any_ = true;
			return;
		}
		const std::vector<std::string_view> words = lists::words(line);

		unit(line, words);
		if (words.empty())
			return table_ends();
		switch (log_) {
		case Log::none:
			break;
		case Log::self_test:
			if (line.starts_with('#'))
				take(words.back());
			break;
		case Log::scsi_self_test:
			if (line.starts_with('#'))
				scsi(line);
			break;
		case Log::error:
			error(line);
			break;
		case Log::defects:
			if (words.size() >= 3 && decimal(words[0]))
				take(words[1]);
			break;
		case Log::nvme_self_test:
			// Num, description, status, hours, LBA, namespace, segment, code type, code.
			if (words.size() >= 9 && decimal(words[0]))
				take(words[words.size() - 5], words[words.size() - 4]);
			break;
		case Log::nvme_error:
			nvme_error(words);
			break;
		}
	}

	BlockList finish()
	{
		if (!any_)
			refuse("at its end", no_log);
		return std::move(list_);
	}

private:
	// The rows of these tables begin with a number alone; those of others, which come behind them, may do so, too.
	void table_ends()
	{
		if (log_ == Log::defects || log_ == Log::nvme_self_test || log_ == Log::nvme_error)
			log_ = Log::none;
	}

	// "Sector Sizes:     512 bytes logical, 4096 bytes physical", and so for SCSI and NVMe.
	void unit(std::string_view line, const std::vector<std::string_view> &words)
	{
		const bool namespaces = line.starts_with("Namespace ") && line.find(" Formatted LBA Size:") != line.npos;
		const bool sectors = line.starts_with("Sector Size:") || line.starts_with("Sector Sizes:"), blocks = line.starts_with("Logical block size:");

		if (!namespaces && !sectors && !blocks)
			return;
		const size_t which = namespaces ? 5 : sectors ? 2 : 3;
		const std::optional<uint64_t> bytes = words.size() > which ? decimal(words[which]) : std::nullopt;

		if (!bytes)
			refuse(number_, fmt::format("{} does not say how large a block is", in_quotes(line)));
		note_unit(list_, *bytes, fmt::format("line {}", number_));
	}

	// "-": the test found no bad block.
	void take(std::string_view lba, std::string_view name_space = "-")
	{
		if (lba == "-")
			return;
		const std::optional<uint64_t> block = number(lba), space = number(name_space);

		if (!block || *block == most || (!space && name_space != "-"))
			refuse(number_, fmt::format("{} is no LBA of a drive's log", in_quotes(block && *block < most ? name_space : lba)));
		list_.add({.first = *block, .count = 1, .where = number_, .name_space = space ? lists::name_space(*space) : 0, .bits = bits_});
	}

	// "# 2  Background long   Failed in segment -->       6   47877         764900874 [0x3 0x5d 0x1]"
	void scsi(std::string_view line)
	{
		const std::vector<std::string_view> words = lists::words(line.substr(0, line.find('[')));

		if (line.find('[') == line.npos || words.size() < 2)
			refuse(number_, fmt::format("{} is no row of a self-test log", in_quotes(line)));
		take(words.back());
	}

	// "  40 51 08 b1 cb 74 e0  Error: UNC 8 sectors at LBA = 0x0074cbb1 = 7654321"
	void error(std::string_view line)
	{
		const size_t error = line.find(error_mark), lba = line.find(lba_mark);

		if (error == line.npos || lba == line.npos || lba < error || !of_medium(line.substr(error + error_mark.size(), lba - error - error_mark.size())))
			return;
		const std::vector<std::string_view> words = lists::words(line.substr(lba + lba_mark.size()));

		if (words.empty())
			refuse(number_, fmt::format("{} ends before its LBA", in_quotes(line)));
		// Twice the same, or once, as older ones have it.
		take(words.back());
	}

	// Num, count, queue, command, status, location, LBA, namespace. The lowest bit of the status is not part of it.
	void nvme_error(const std::vector<std::string_view> &words)
	{
		if (words.size() < 8 || !decimal(words[0]))
			return;
		const uint64_t status = number(words[4]).value_or(0) >> 1;

		if (of_nvme_medium(status >> 8 & 7, status & 0xff))
			take(words[6], words[7]);
	}

	BlockList list_;
	Log log_ = Log::none;
	uint8_t bits_ = 0;
	bool any_ = false;
	uint32_t number_ = 0;
};

} // namespace

BlockList read_smart_text(std::string_view text)
{
	Reader reader;
	Lines lines(text);

	while (lines.next())
		reader.line(lines.number(), lines.line());
	return reader.finish();
}

} // namespace dm_remap::tool::lists
