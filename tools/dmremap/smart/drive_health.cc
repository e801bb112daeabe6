// SPDX-License-Identifier: GPL-2.0
#include "smart/drive_health.hh"

#include "answer.hh"
#include "json_find.hh"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

namespace dm_remap::tool {

namespace {

using nlohmann::json;

const json no_rows = json::array();

const json &rows(const json &from, std::initializer_list<const char *> keys)
{
	const json *const table = find(from, keys);

	return table && table->is_array() ? *table : no_rows;
}

// Several sources of one figure: the first that has it.
void take(std::optional<uint64_t> &into, std::optional<uint64_t> value)
{
	if (!into)
		into = value;
}

class Reader final {
public:
	explicit Reader(const json &document) : document_(document) {}

	DriveHealth read()
	{
		out_.protocol = find_text(document_, {"device", "protocol"}).value_or("");
		for (const char *const key : {"model_name", "scsi_model_name"})
			if (out_.model.empty())
				out_.model = find_text(document_, {key}).value_or("");
		out_.serial = find_text(document_, {"serial_number"}).value_or("");
		out_.passed = find_bool(document_, {"smart_status", "passed"});
		// A SCSI drive without a thermometer has 0.
		out_.temperature = number({"temperature", "current"});
		if (out_.temperature == 0 && out_.protocol == "SCSI")
			out_.temperature.reset();
		out_.hours = number({"power_on_time", "hours"});
		ata();
		scsi();
		nvme();
		return std::move(out_);
	}

private:
	std::optional<uint64_t> number(std::initializer_list<const char *> keys) const { return find_number(document_, keys); }

	// The standard's own statistics first: attributes are each maker's.
	void ata()
	{
		for (const json &page : rows(document_, {"ata_device_statistics", "pages"}))
			for (const json &row : rows(page, {"table"}))
				if (find_bool(row, {"flags", "valid"}).value_or(false))
					statistic(find_text(row, {"name"}).value_or(""), find_number(row, {"value"}));
		for (const json &row : rows(document_, {"ata_smart_attributes", "table"}))
			attribute(row);
		// Of the two logs the extended one has all that the other has.
		const uint64_t failed = std::max(number({"ata_smart_self_test_log", "extended", "error_count_total"}).value_or(0),
						 number({"ata_smart_self_test_log", "standard", "error_count_total"}).value_or(0));

		out_.failed_self_tests += failed;
		const json *const erc = find(document_, {"ata_sct_erc"});

		if (erc && find_bool(*erc, {"read", "enabled"}).value_or(false) && find_bool(*erc, {"write", "enabled"}).value_or(false))
			out_.recovery_deciseconds = std::max(find_number(*erc, {"read", "deciseconds"}).value_or(0),
							     find_number(*erc, {"write", "deciseconds"}).value_or(0));
	}

	void statistic(const std::string &name, std::optional<uint64_t> value)
	{
		if (name == "Number of Reallocated Logical Sectors")
			take(out_.reallocated, value);
		else if (name == "Number of Realloc. Candidate Logical Sectors")
			take(out_.pending, value);
		else if (name == "Number of Reported Uncorrectable Errors")
			take(out_.uncorrectable, value);
		else if (name == "Percentage Used Endurance Indicator")
			take(out_.wear_percent, value);
	}

	void attribute(const json &row)
	{
		const uint64_t id = find_number(row, {"id"}).value_or(0);
		const std::string name = find_text(row, {"name"}).value_or("");
		const auto is = [&](uint64_t usual, const char *part) { return id == usual && name.find(part) != name.npos; };

		if (is(5, "Realloc"))
			take(out_.reallocated, printed(row));
		else if (is(197, "Pending_Sector"))
			take(out_.pending, printed(row));
		else if (is(187, "Uncorrect") || is(198, "Uncorrect"))
			take(out_.uncorrectable, printed(row));
		if (find_text(row, {"when_failed"}) == "now")
			out_.failing.push_back(name.empty() ? "attribute " + std::to_string(id) : name);
	}

	// "31 (Min/Max 31/31)"
	static std::optional<uint64_t> printed(const json &row)
	{
		const std::string text = find_text(row, {"raw", "string"}).value_or("");
		uint64_t value = 0;

		return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc() ? std::optional(value) : std::nullopt;
	}

	void scsi()
	{
		take(out_.reallocated, number({"scsi_grown_defect_list"}));
		take(out_.wear_percent, number({"scsi_percentage_used_endurance_indicator"}));
		for (const char *const what : {"read", "write", "verify"})
			if (const auto errors = number({"scsi_error_counter_log", what, "total_uncorrected_errors"}))
				out_.uncorrectable = out_.uncorrectable.value_or(0) + *errors;
		// One a key: scsi_self_test_0, and so on. From 3 on to 7 its result is a failure.
		for (const auto &[key, test] : document_.items()) {
			const uint64_t result = key.starts_with("scsi_self_test_") ? find_number(test, {"result", "value"}).value_or(0) : 0;

			out_.failed_self_tests += result >= 3 && result <= 7;
		}
	}

	void nvme()
	{
		static constexpr std::array<const char *, 6> warnings = {
			"its spare blocks are used up", "its temperature is out of range", "it is degraded by media errors", "it has turned read-only",
			"its volatile memory is no longer backed up", "its persistent memory is unreliable"};
		const json *const log = find(document_, {"nvme_smart_health_information_log"});

		if (!log)
			return;
		const uint64_t bits = find_number(*log, {"critical_warning"}).value_or(0);

		for (size_t i = 0; i < warnings.size(); i++)
			if (bits >> i & 1)
				out_.failing.push_back(warnings[i]);
		take(out_.uncorrectable, find_number(*log, {"media_errors"}));
		take(out_.wear_percent, find_number(*log, {"percentage_used"}));
		out_.spare_percent = find_number(*log, {"available_spare"});
		out_.spare_threshold = find_number(*log, {"available_spare_threshold"});
		// Of a short or extended test that found something, 5 to 7.
		for (const json &row : rows(document_, {"nvme_self_test_log", "table"})) {
			const uint64_t result = find_number(row, {"self_test_result", "value"}).value_or(0);

			out_.failed_self_tests += result >= 5 && result <= 7;
		}
	}

	const json &document_;
	DriveHealth out_;
};

} // namespace

DriveHealth read_drive_health(std::string_view smartctl)
{
	const json document = json::parse(smartctl, nullptr, false);

	if (!find(document, {"smartctl"}))
		throw Failure(ExitStatus::failed, "smart", "this is no document of 'smartctl --json'");
	return Reader(document).read();
}

} // namespace dm_remap::tool
