import type { HeadScore, Metrics, OutOfBag, Robustness } from "@manyfold/protocol";
import { count, counted, number, percent, rowsOn } from "../format.ts";
import { html, type Html } from "../html.ts";
import { scoresOf, type Score, type Subject } from "../subject.ts";
import type { Scored } from "../scored.ts";
import { facts, table } from "../table.ts";

interface Line {
  readonly name: string;
  readonly metrics: Metrics;
  readonly mine: boolean;
}

const print = (score: Score, metrics: Metrics) => {
  const value = score.value(metrics);
  return value === null ? null : score.share ? percent(value, 2) : number(value, 4);
};

/** The combiners, the best and the mean member side by side on the test rows. */
export function comparison(result: Scored, subject: Subject): Html | null {
  const { test } = result.metrics;
  const configured = ({ name }: { name: string }) => name === subject.combiner;
  const given = test ? [{ name: subject.combiner, metrics: test }] : [];
  const rows = [...given, ...result.comparison.filter((row) => test === null || !configured(row))];
  const lines = rows.map((row): Line => {
    const mine = configured(row);
    const name = mine && test ? `${row.name} (the configured combiner)` : row.name;
    return { ...row, mine, name };
  });
  if (!subject.ensemble || lines.length < 2) return null;
  const scores = scoresOf(subject);
  const best = scores.map((score) => {
    const values = lines.flatMap(({ metrics }) => score.value(metrics) ?? []);
    return score.higherIsBetter ? Math.max(...values) : Math.min(...values);
  });
  const { analysis } = result;
  const on = analysis ? rowsOn(analysis.on, analysis.rows) : "these rows";
  return html`${table({
      caption: `Scores on ${on}`,
      columns: [
        { title: "prediction", names: true, cell: ({ name }) => name },
        ...scores.map((score, index) => ({
          title: score.name,
          align: "right" as const,
          cell: ({ metrics }: Line) => {
            const text = print(score, metrics);
            return score.value(metrics) === best[index] ? html`<b>${text}</b>` : text;
          },
        })),
      ],
      rows: lines,
      marked: (line) => line.mine,
    })}
    <p class="note">
      Bold is the best of each column.
      ${scores.map(({ name, help }) => `${name}: ${help}.`).join(" ")} Choosing among these rows
      after the fact would make the test score a training score: what counts is the configured one.
    </p>`;
}

/** What the networks say of the targets beside the first: all members' mean, and a member alone. */
export function furtherTargets(heads: readonly HeadScore[]): Html {
  const on = heads[0]?.on === "test" ? "test" : "training";
  const lines = heads.flatMap(({ target, metrics, member }) => {
    const alone = new Map<string, number | undefined>(Object.entries(member));
    return Object.entries(metrics).flatMap(([name, value]: [string, number | undefined]) => {
      return value === undefined ? [] : [{ target, name, value, member: alone.get(name) }];
    });
  });
  return html`<p>
      Learned beside the target, by heads of their own on the same hidden layers. Nothing was
      decided by these scores.
    </p>
    ${table({
      caption: `Scores on the ${on} rows`,
      columns: [
        { title: "target", names: true, cell: ({ target }) => target },
        { title: "score", cell: ({ name }) => name },
        { title: "all members", align: "right" as const, cell: ({ value }) => number(value, 4) },
        {
          title: "a member, mean",
          align: "right" as const,
          cell: ({ member }) => (member === undefined ? null : number(member, 4)),
        },
      ],
      rows: lines,
    })}`;
}

/** What an attack on each network does to its error. */
export function robustness(found: Robustness): Html {
  const { on, rows, epsilon, steps, clean, moved } = found;
  const error = clean.error === null || moved.error === null ? null : [clean.error, moved.error];
  return html`<p>
      Training saw rows moved once along the sign of their slope. Here each network's
      ${on === "test" ? "test" : "training"} rows are moved by ${count(steps)} steps of projected
      gradient ascent on its own loss, each input by at most ${percent(epsilon, 1)} of its range
      over the training rows: an attack that training did not see. Figures are means over the
      networks, each alone.
    </p>
    ${facts([
      ["rows attacked", count(rows)],
      ["loss, rows as they are", number(clean.loss, 4)],
      ["loss, rows moved", number(moved.loss, 4)],
      ...(error === null
        ? []
        : [
            ["wrong class, rows as they are", percent(error[0] ?? 0, 2)] as const,
            ["wrong class, rows moved", percent(error[1] ?? 0, 2)] as const,
          ]),
    ])}`;
}

/** Row numbers listed in full up to here. */
const mostRows = 40;

/** The score of every training row by the members that did not see it. */
export function outOfBag(oob: OutOfBag, subject: Subject): Html {
  const { uncovered } = oob;
  const listedRows = uncovered.slice(0, mostRows).map(count).join(", ");
  const missing =
    uncovered.length === 0
      ? "none"
      : html`${counted(uncovered.length, "row")} of the source, seen by every member: number
        ${listedRows}${uncovered.length > mostRows && `, and ${count(uncovered.length - mostRows)} more in report.json`}`;
  return html`${
      oob.biased &&
      html`<p class="alert">
        <b>Biased.</b> Out-of-bag rows took part in a decision (such as when to stop a training), so
        this score flatters and assesses nothing.
      </p>`
    }
    <p>
      Each training row is predicted by the average of only those members whose sample left it out:
      an estimate of the error on new rows that costs no data. It comes out a little too high, since
      fewer members take part in each prediction.
    </p>
    ${facts([
      ...scoresOf(subject).map((score) => [score.name, print(score, oob.metrics)] as const),
      ["rows scored", count(oob.rows)],
      ["members per row", `${number(oob.membersPerRow)} on average`],
      ["rows without a score", missing],
    ])}`;
}
