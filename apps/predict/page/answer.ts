import { type HeadPrediction, outputNames, type Prediction } from "@manyfold/ensemble";
import type { FittedTarget, Preprocessing } from "@manyfold/protocol";
import { rangeOf, strip } from "./chart.ts";
import { h, percent, short } from "./elements.ts";

/** What the ensemble says of one row, and each member of it: the target, then the further ones. */
export function answerView(
  { target, heads = [] }: Pick<Preprocessing, "target" | "heads">,
  prediction: Prediction,
): HTMLElement {
  const further = heads.flatMap((head, i) => [
    h("h3", {}, head.task === "classification" ? head.column : (head.columns[0]?.name ?? "")),
    VIEWS[head.task](head, { ...prediction.heads[i]!, region: null }),
  ]);
  return h("div", {}, VIEWS[target.task](target, prediction), ...further);
}

type View = (
  target: FittedTarget,
  prediction: HeadPrediction & Pick<Prediction, "region">,
) => HTMLElement;

const VIEWS: { readonly [Task in FittedTarget["task"]]: View } = {
  classification: (target, { values, labels, spread, region, members }) => {
    const names = outputNames(target);
    const label = labels?.[0] ?? 0;
    const agree = members.members.filter(({ values: own }) =>
      own.every((value) => value <= (own[label] ?? 0)),
    ).length;
    const rows = names.map((name, cls) =>
      h(
        "div",
        { class: cls === label ? "class chosen" : "class" },
        h("span", { class: "name" }, name),
        strip(
          `${name}: each member's probability`,
          [0, 1],
          members.members.map(({ values: own }) => own[cls] ?? 0),
          values[cls] ?? 0,
          null,
        ),
        h("span", { class: "number" }, percent(values[cls] ?? 0)),
      ),
    );
    const set =
      region?.kind === "set"
        ? [
            h(
              "p",
              {},
              `The true class is one of ${names.filter((_, cls) => region.classes[cls] === 1).join(", ")} (in ${percent(region.coverage)} of new rows it is in this set).`,
            ),
          ]
        : [];
    return h(
      "div",
      {},
      h(
        "p",
        { class: "verdict" },
        h("strong", { id: "label" }, names[label] ?? ""),
        h("span", {}, ` with probability ${percent(values[label] ?? 0)}`),
      ),
      h(
        "p",
        {},
        `${agree} of ${members.members.length} members say so; their probabilities differ by \u00b1 ${percent(spread[0] ?? 0)}.`,
      ),
      ...set,
      h("div", { class: "classes" }, ...rows),
    );
  },
  regression: (target, { values, spread, region, members }) => {
    const names = outputNames(target);
    const parts = names.map((name, at) => {
      const own = members.members.map(({ values: all }) => all[at] ?? 0);
      const value = values[at] ?? 0;
      const band =
        region?.kind === "interval"
          ? ([region.low[at] ?? value, region.high[at] ?? value] as const)
          : null;
      const range = rangeOf([...own, value, ...(band ?? [])]);
      const says =
        band === null || region === null
          ? []
          : [
              h(
                "p",
                {},
                `Between ${short(band[0])} and ${short(band[1])} in ${percent(region.coverage)} of new rows.`,
              ),
            ];
      return h(
        "div",
        { class: "value" },
        h(
          "p",
          { class: "verdict" },
          h("strong", { id: at === 0 ? "label" : undefined }, short(value)),
          h("span", {}, ` ${name}, members differ by \u00b1 ${short(spread[at] ?? 0)}`),
        ),
        ...says,
        strip(`${name}: each member's value`, range, own, value, band),
        h("div", { class: "ends" }, h("span", {}, short(range[0])), h("span", {}, short(range[1]))),
      );
    });
    return h("div", {}, ...parts);
  },
};

/** Every member by number. */
export function memberTable(target: FittedTarget, { members, outputs }: Prediction): HTMLElement {
  const names = outputNames(target);
  const head = h("tr", {}, h("th", {}, "member"), ...names.map((name) => h("th", {}, name)));
  const rows = members.members.map(({ member, values }) => {
    const top = values.indexOf(Math.max(...values));
    return h(
      "tr",
      {},
      h("td", {}, String(member)),
      ...Array.from(values.subarray(0, outputs), (value, at) =>
        h(
          "td",
          { class: target.task === "classification" && at === top ? "top" : undefined },
          target.task === "classification" ? percent(value) : short(value),
        ),
      ),
    );
  });
  return h("div", { class: "scroll" }, h("table", {}, head, ...rows));
}
