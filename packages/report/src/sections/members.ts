import type { ErrorAnalysis, MemberError, MemberRow } from "@manyfold/protocol";
import { memberErrors } from "../figures/members.ts";
import { count, number, percent, rowsOn } from "../format.ts";
import { html, type Html } from "../html.ts";
import type { Subject } from "../subject.ts";
import { table, type Column } from "../table.ts";

/** Rows of a table; the rest is in report.json. */
const most = 300;

const tag = html` <em class="tag">best</em>`;

interface Line {
  readonly member: number;
  readonly scored: MemberError | null;
  readonly row: MemberRow | null;
  readonly best: boolean;
}

/** Members by number: what is known of their error, and how their training ended. */
function linesOf(
  analysis: ErrorAnalysis | null,
  members: readonly MemberRow[],
  joined: boolean,
): Line[] {
  const lines = new Map<number, Line>();
  if (joined) {
    for (const row of members) {
      lines.set(row.member, { member: row.member, row, scored: null, best: false });
    }
  }
  analysis?.members.forEach((scored, index) => {
    const row = lines.get(scored.member)?.row ?? null;
    lines.set(scored.member, { member: scored.member, row, scored, best: index === analysis.best });
  });
  return [...lines.values()].sort((a, b) => a.member - b.member);
}

function state(row: MemberRow): string {
  const { failure } = row;
  if (row.state === "completed" || failure === undefined) return row.state;
  const epoch = failure.epoch === undefined ? "" : `, epoch ${count(failure.epoch)}`;
  const layer = failure.layer === undefined ? "" : `, layer ${failure.layer}`;
  return `failed: ${failure.code}${epoch}${layer}`;
}

function networks(members: readonly MemberRow[]): Html {
  const rows = members.slice(0, most);
  return table({
    caption:
      rows.length < members.length
        ? `Networks (the first ${count(rows.length)} of ${count(members.length)})`
        : "Networks",
    columns: [
      { title: "network", names: true, cell: (row) => count(row.member) },
      {
        title: "epoch kept",
        align: "right",
        cell: (row) => (row.epoch === undefined ? "" : count(row.epoch)),
      },
      { title: "state", cell: state },
    ],
    rows,
  });
}

/** Members: their errors as a plot and, with how each ended, as a table. */
export function members(
  analysis: ErrorAnalysis | null,
  rows: readonly MemberRow[],
  subject: Subject,
): Html | null {
  const joined = subject.networkIsMember;
  const lines = linesOf(analysis, rows, joined);
  // Of a single network the head and the learning curve say all there is.
  if (!subject.ensemble || (lines.length === 0 && rows.length === 0)) return null;
  const shown = lines.slice(0, most);
  const pairs = analysis !== null && analysis.k > 1;
  const columns: Column<Line>[] = [
    {
      title: "member",
      names: true,
      cell: ({ member, best }) =>
        html`<span class="keep">${count(member)}${best && pairs && tag}</span>`,
    },
  ];
  if (analysis !== null) {
    columns.push({
      title: subject.error,
      align: "right",
      cell: ({ scored }) => scored && number(scored.error, 4),
    });
  }
  if (pairs) {
    columns.push({
      title: "with the others",
      align: "right",
      cell: ({ scored }) => {
        const shared = scored?.withOthers ?? null;
        return shared === null ? null : number(shared, 4);
      },
    });
  }
  if (analysis !== null && subject.classification) {
    columns.push({
      title: "accuracy",
      align: "right",
      cell: ({ scored }) => (scored?.accuracy === undefined ? null : percent(scored.accuracy)),
    });
  }
  if (joined && rows.length > 0) {
    columns.push({
      title: "epoch kept",
      align: "right",
      cell: ({ row }) => (row?.epoch === undefined ? null : count(row.epoch)),
    });
    if (subject.failed.length > 0)
      columns.push({ title: "state", cell: ({ row }) => row && state(row) });
  }
  const on = analysis ? `, scored on ${rowsOn(analysis.on, analysis.rows)}` : "";
  const caption =
    shown.length < lines.length
      ? `Members (the first ${count(shown.length)} of ${count(lines.length)}; all are in report.json)`
      : "Members";
  return html`${analysis && memberErrors(analysis, subject.errorAxis)}
  ${shown.length > 0 && table({ caption: `${caption}${on}`, columns, rows: shown, marked: ({ best }) => best && pairs })}
  ${
    pairs &&
    html`<p class="note">
      "With the others" is the mean product of a member's errors with the other members': a member
      low in both columns helps the ensemble most.
    </p>`
  }
  ${!joined && networks(rows)}`;
}
