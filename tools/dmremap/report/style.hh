// SPDX-License-Identifier: GPL-2.0
// How a report looks.
#ifndef DMREMAP_REPORT_STYLE_HH
#define DMREMAP_REPORT_STYLE_HH

namespace dm_remap::tool {

inline constexpr const char *report_style = R"css(
:root {
	--page: #ffffff; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --box: #f6f8fa;
	--well: #1a7f37; --attention: #9a6700; --critical: #b42318;
	--read: #7fbf8f; --unread: #c9d1d9; --guarded: #8fb4e8; --remapped: #e3b341; --unreadable: #d1453b; --mark: #1b1f24;
}
@media (prefers-color-scheme: dark) {
	:root {
		--page: #0d1117; --ink: #e6edf3; --soft: #9da7b3; --line: #30363d; --box: #161b22;
		--well: #56d364; --attention: #e3b341; --critical: #ff7b72;
		--read: #2f7d45; --unread: #3b434d; --guarded: #3f6fb5; --remapped: #9c7817; --unreadable: #c2413a; --mark: #f0f3f6;
	}
}
@media print {
	:root {
		--page: #ffffff; --ink: #000000; --soft: #333333; --line: #999999; --box: #ffffff;
		--well: #1a7f37; --attention: #7a5200; --critical: #a00000;
		--read: #a9d5b3; --unread: #e4e4e4; --guarded: #a8c4ee; --remapped: #e8c465; --unreadable: #e07a72; --mark: #000000;
	}
}
* { box-sizing: border-box; }
html { background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
body { margin: 0 auto; max-width: 64rem; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.8rem; margin: 0; }
h2 { font-size: 1.25rem; margin: 2rem 0 .5rem; border-bottom: 1px solid var(--line); }
p { margin: .5rem 0; }
code { font: .9em ui-monospace, monospace; background: var(--box); border: 1px solid var(--line); border-radius: 4px; padding: 0 .25em; unicode-bidi: isolate; }
.state { font-weight: 700; font-size: 1.25rem; }
.online { color: var(--well); }
.degraded, .attention { color: var(--attention); }
.critical, .offline { color: var(--critical); }
.note, .soft, figcaption, footer { color: var(--soft); }
.findings { padding-left: 1.5rem; }
.findings li { margin-bottom: .75rem; }
.urgency { font-weight: 700; }
.findings p { margin: 0; }
dt { font-weight: 700; }
dd { margin: 0 0 0 1.5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; overflow-wrap: normal; }
caption { text-align: left; color: var(--soft); }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
svg.map, svg.bars { display: block; width: 100%; height: auto; margin: .5rem 0; }
svg.patterns { position: absolute; }
.read { fill: var(--read); }
.unread, .unwatched { fill: var(--unread); }
.guarded { fill: var(--guarded); }
.remapped { fill: var(--remapped); }
.unreadable { fill: var(--unreadable); }
.mark { stroke: var(--mark); stroke-width: 1.3; fill: none; }
.bar { fill: var(--attention); }
.watched { fill: var(--read); }
.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; }
.legend svg { width: 1em; height: 1em; margin-right: .4em; vertical-align: -.1em; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem; }
figure { margin: 0; }
footer { margin-top: 2rem; border-top: 1px solid var(--line); }
/* Paper does not scroll. */
@media print {
	figure, li, tr, svg { break-inside: avoid; }
	h2, caption { break-after: avoid; }
	.wide { overflow: visible; }
	td.text { overflow-wrap: anywhere; }
}
)css";

} // namespace dm_remap::tool

#endif
