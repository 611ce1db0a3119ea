"""The look of a page: the reader's own fonts, light or dark as the reader has it, nothing loaded from anywhere."""

from __future__ import annotations

from typing import Final

CSS: Final = """
:root { color-scheme: light dark; --ink: #1c212b; --soft: #59606c; --line: #d5d9df; --ground: #ffffff;
  --raised: #f5f6f8; --mark: #1f5f9e; --alarm: #b4360a; --calm: #2c6e49; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8ec; --soft: #a2a9b5; --line: #3a404b; --ground: #15181d; --raised: #1e2229;
    --mark: #7db5ee; --alarm: #ff9b73; --calm: #7fcf9f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 52rem; background: var(--ground); color: var(--ink);
  font: 1.0625rem/1.6 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.25rem; margin: 2.75rem 0 .5rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.0625rem; margin: 1.5rem 0 .25rem; }
p, ul { margin: .5rem 0 1rem; } li { margin: .35rem 0; }
.verdict { border-left: .375rem solid var(--soft); background: var(--raised); padding: 1rem 1.25rem; margin: 1rem 0; }
.verdict.finding { border-color: var(--alarm); } .verdict.none { border-color: var(--calm); }
.verdict p { margin: .25rem 0; } .verdict .word { font-size: 1.375rem; font-weight: 650; }
p.soft, figcaption, caption { color: var(--soft); font-size: .9375rem; }
figure { margin: 1.25rem 0; } svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; } svg .faint { fill: var(--soft); }
svg .axis { stroke: var(--soft); } svg .grid { stroke: var(--line); } svg .mark { stroke: var(--mark); fill: none; }
svg .dot { fill: var(--mark); } svg .alarm { stroke: var(--alarm); fill: none; } svg .found { fill: var(--alarm); }
svg .tick { stroke: var(--soft); } svg .told { fill: var(--alarm); font-weight: 650; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .9375rem; }
caption { text-align: left; padding: .25rem 0; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: 600; }
details { border-bottom: 1px solid var(--line); padding: .5rem 0; } summary { cursor: pointer; }
details details { border: 0; padding: .25rem 0; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 1rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; background: var(--raised);
  margin: .25rem 0; padding: .625rem .75rem; font: .875rem/1.5 ui-monospace, Consolas, monospace; }
code { overflow-wrap: anywhere; font: .875em ui-monospace, Consolas, monospace; }
:focus-visible { outline: 2px solid var(--mark); outline-offset: 2px; }
@media print { body { max-width: none; } details:not([open]) { display: none; } }
"""
