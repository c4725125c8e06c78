/** Colours of one scheme; the accents are told apart with any kind of colour vision. */
const light = `
  --paper: #ffffff; --panel: #f5f6f8; --ink: #1b1f24; --muted: #5c6570; --rule: #d5d9de;
  --measured: #0063a8; --law: #b34700; --floor: #00704f; --best: #8a2f87; --band: #56a3dc;
  --zero: #fbfbfb; --positive-middle: #f2a65a; --positive-far: #742c00; --negative-middle: #5aa5dd; --negative-far: #00365f;
  --right: #0072b2; --wrong: #e07b1a; --alert: #fff4e3; --alert-edge: #c96a00;`;
const dark = `
  --paper: #15181c; --panel: #1e2329; --ink: #e6e9ed; --muted: #a3adb8; --rule: #3a424c;
  --measured: #6bb5f2; --law: #ff9f5f; --floor: #4fcfa3; --best: #e39be0; --band: #4a86b8;
  --zero: #22272e; --positive-middle: #b8692a; --positive-far: #ffdcae; --negative-middle: #2f7fb8; --negative-far: #c9e6ff;
  --right: #2f7fb8; --wrong: #b5621b; --alert: #33270f; --alert-edge: #e0a040;`;

/** The style sheet of the page: variables for light and dark, then screen, phone and print. */
export const css = `
:root { color-scheme: light dark; ${light} }
@media (prefers-color-scheme: dark) { :root { ${dark} } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
main, footer { max-width: 820px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 28px; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 12px; overflow-wrap: anywhere; }
h2 { font-size: 1.35rem; line-height: 1.25; margin: 0 0 12px; padding-top: 20px; border-top: 1px solid var(--rule); }
h3 { font-size: 1.05rem; margin: 24px 0 8px; }
figure h3 { font-size: .9rem; font-weight: 600; margin: 0 0 4px; overflow-wrap: anywhere; }
p { margin: 0 0 12px; }
section { margin-top: 40px; }
a { color: var(--measured); }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; font-size: .88em; }
code { overflow-wrap: anywhere; }
th code { overflow-wrap: normal; }
pre { background: var(--panel); border: 1px solid var(--rule); border-radius: 6px; padding: 12px 14px; overflow: auto; max-height: 32rem; margin: 0; }
.kind { text-transform: uppercase; letter-spacing: .08em; font-size: .75rem; color: var(--muted); margin: 0; }
.byline, .note, figcaption, small { color: var(--muted); font-size: .88rem; }
.verdict { font-size: 1.15rem; line-height: 1.45; }
.alert { background: var(--alert); border-left: 4px solid var(--alert-edge); border-radius: 4px; padding: 10px 14px; margin: 0 0 14px; list-style: none; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 10px; margin: 18px 0; }
.tile { background: var(--panel); border: 1px solid var(--rule); border-radius: 8px; padding: 10px 14px; display: flex; flex-direction: column; }
.tile.main { border-color: var(--measured); border-width: 2px; }
.tile span { font-size: .82rem; color: var(--muted); }
.tile b { font-size: 1.6rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.tile small { font-size: .76rem; line-height: 1.35; }
nav ul { list-style: none; padding: 0; margin: 18px 0 0; display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: .88rem; }
.law { background: var(--panel); border: 1px solid var(--rule); border-radius: 8px; padding: 12px; margin: 0 0 14px; overflow-x: auto; }
math { font-size: 1.15rem; padding: 3px 0; }
.sentences { padding-left: 20px; margin: 14px 0; }
.sentences li { margin-bottom: 6px; }
figure { margin: 14px 0 26px; }
figcaption { margin-top: 6px; max-width: 70ch; }
.plot { display: block; width: 100%; height: auto; max-width: 780px; overflow: visible; font-family: inherit; }
.plot text { white-space: pre; }
.wide .plot { font-size: 12px; }
.narrow .plot, .any .plot { font-size: 12px; max-width: 460px; }
.narrow { display: none; }
.plot [aria-label$="grid"] { stroke: var(--rule); stroke-opacity: 1; }
.key { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 18px; padding: 0; margin: 0 0 4px; font-size: .85rem; }
.key li { display: flex; align-items: center; gap: 7px; }
.mark { display: inline-block; width: 22px; height: 0; color: var(--mark); flex: none; }
.mark.line { border-top: 2.5px solid; } .mark.dashes { border-top: 2.5px dashed; } .mark.dots { border-top: 2.5px dotted; }
.mark.dot { width: 9px; height: 9px; border-radius: 50%; border: 4.5px solid; }
.mark.diamond { width: 9px; height: 9px; border: 4.5px solid; transform: rotate(45deg) scaleY(.8); }
.mark.area { height: 12px; border-top: 12px solid; opacity: .4; }
.mark.cross { width: auto; height: auto; font-style: normal; } .mark.cross::before { content: "\\00d7"; font-weight: 700; }
.maps, .panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); gap: 16px 24px; }
.map p { font-size: .85rem; margin: 2px 0 0 38px; color: var(--muted); }
.map h3 { margin-left: 38px; }
.map .plot { font-size: 10px; max-width: 400px; }
.scale { display: grid; grid-template-columns: 1fr 1fr 1fr; width: 260px; max-width: 100%; margin: 10px auto 0; font-size: .82rem; font-variant-numeric: tabular-nums; }
.scale i { grid-column: 1 / -1; height: 12px; border: 1px solid var(--rule); background: linear-gradient(to right, var(--zero), var(--positive-middle), var(--positive-far)); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.scale.both i { background: linear-gradient(to right, var(--negative-far), var(--negative-middle), var(--zero), var(--positive-middle), var(--positive-far)); }
.scale span:nth-of-type(2) { text-align: center; } .scale span:nth-of-type(3) { text-align: right; }
.levels { display: flex; align-items: center; gap: 8px; font-size: .85rem; font-variant-numeric: tabular-nums; }
.steps { display: flex; border: 1px solid var(--rule); } .steps i { width: 24px; height: 12px; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.scroll { overflow: auto; max-height: 30rem; margin: 12px 0; border: 1px solid var(--rule); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-size: .88rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: 8px 10px; }
th, td { padding: 5px 10px; text-align: left; vertical-align: top; border-top: 1px solid var(--rule); }
thead th { position: sticky; top: 0; background: var(--panel); z-index: 1; vertical-align: bottom; }
tbody th { font-weight: 500; }
.number { text-align: right; white-space: nowrap; }
thead .number { white-space: normal; }
tr.marked { background: color-mix(in srgb, var(--measured) 12%, transparent); }
.tag { font-style: normal; font-size: .75em; border: 1px solid; border-radius: 9px; padding: 0 7px; margin-left: 4px; color: var(--best); white-space: nowrap; }
.scroll.fit { width: fit-content; min-width: min(100%, 19rem); max-width: 100%; }
.hash { font-size: .76em; }
.meaning { color: var(--muted); font-weight: 400; }
.keep { white-space: nowrap; }
.confusion { width: auto; font-size: .82rem; }
.confusion td, .confusion thead th { text-align: center; padding: 4px 6px; min-width: 26px; }
.confusion td.right { background: color-mix(in srgb, var(--right) var(--share), transparent); }
.confusion td.wrong { background: color-mix(in srgb, var(--wrong) var(--share), transparent); }
.confusion td { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.confusion .zero { color: var(--muted); opacity: .55; }
.confusion .recall { border-left: 1px solid var(--rule); white-space: nowrap; }
dl { margin: 12px 0; }
dl div { display: grid; grid-template-columns: 14rem 1fr; gap: 2px 16px; padding: 5px 0; border-top: 1px solid var(--rule); }
dt { color: var(--muted); overflow-wrap: anywhere; } dd { margin: 0; overflow-wrap: anywhere; }
dd ul { margin: 4px 0; padding-left: 18px; }
dd small { display: block; }
footer { margin-top: 40px; padding-bottom: 30px; color: var(--muted); font-size: .88rem; }
:focus-visible { outline: 2px solid var(--measured); outline-offset: 2px; }
@media (max-width: 620px) {
  main, footer { padding: 0 14px; }
  h1 { font-size: 1.6rem; }
  .wide { display: none; } .narrow { display: block; }
  dl div { grid-template-columns: 1fr; }
  th, td { padding: 5px 7px; }
  .confusion td, .confusion thead th { padding: 3px 1px; min-width: 20px; }
  math { font-size: 1rem; }
  .number { white-space: normal; }
  .tile.main { grid-column: 1 / -1; }
}
@media print {
  :root { color-scheme: light; ${light} }
  @page { margin: 15mm 14mm; }
  html { font-size: 12.5px; }
  body { font-size: 1rem; }
  .tiles { grid-template-columns: repeat(auto-fit, minmax(110px, 1fr)); }
  .wide .plot { max-width: 600px; } .map .plot { max-width: 290px; }
  main, footer { max-width: none; padding: 0; }
  header { padding-top: 0; }
  nav { display: none; }
  .wide { display: block; } .narrow { display: none; }
  .scroll, pre { max-height: none; overflow: visible; }
  pre { white-space: pre-wrap; }
  thead th { position: static; }
  section { margin-top: 24px; }
  h2, h3, caption { break-after: avoid; }
  figure, .tiles, .map, .panel, .law, tr { break-inside: avoid; }
  .alert, tr.marked, .mark, .tile, .law { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
