// SPDX-License-Identifier: GPL-2.0
// A report as a page: one file that loads nothing, runs nothing, and can be read on a phone, in the dark, and on paper.
#ifndef DMREMAP_REPORT_PAGE_HH
#define DMREMAP_REPORT_PAGE_HH

#include "report/facts.hh"

namespace dm_remap::tool {

std::string report_page(const ReportFacts &facts);

} // namespace dm_remap::tool

#endif
