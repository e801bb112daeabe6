// SPDX-License-Identifier: GPL-2.0
#include "judgement_text.hh"

namespace dm_remap::tool {

void print_judgement(Answer &answer, const std::string &name, const Judgement &judgement)
{
	answer.line("  name: {}", shown(name));
	answer.line(" state: {}", judgement.state);
	for (const Finding &finding : judgement.findings) {
		answer.line("status: {}", shown(finding.text));
		answer.line("action: {}", shown(finding.action));
	}
}

void write_findings(JsonWriter &out, const Judgement &judgement)
{
	out.begin_array("status");
	for (const Finding &finding : judgement.findings) {
		out.begin_object({}, JsonWriter::Style::compact);
		out.value("id", finding.id);
		out.word("urgency", urgency_text(finding.urgency));
		out.value("text", finding.text);
		out.value("action", finding.action);
		out.end();
	}
	out.end();
}

} // namespace dm_remap::tool
