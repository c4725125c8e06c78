import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { configsOfRows, triedWith } from "./configs.ts";
import { ROWS } from "./gallery.ts";

const configs = resolve(import.meta.dirname, "../../../configs");

test("each row has its configuration, which is there, or says why it has none", () => {
  for (const { id } of ROWS) expect({ id, tried: triedWith(id) }).toHaveProperty("tried");
  expect(ROWS.filter(({ id }) => triedWith(id) === undefined)).toEqual([]);
  for (const config of configsOfRows()) expect(existsSync(join(configs, config))).toBe(true);
});

const files = readdirSync(join(configs, "lecture")).filter((name) => name.endsWith(".yaml"));

test.each(files)("lecture/%s names the rows that name it, all of which there are", (file) => {
  const [, comment = ""] = readFileSync(join(configs, "lecture", file), "utf8").split("\n");
  const [said = ""] = comment.replace(/^# /, "").split(":");
  const order = ROWS.map(({ id }) => id);
  const named = said.split(", ").flatMap((part) => {
    const [from = "", to = from] = part.split(" to ");
    expect(order).toContain(from);
    expect(order).toContain(to);
    return order.slice(order.indexOf(from), order.indexOf(to) + 1);
  });
  const naming = order.filter((id) => {
    const tried = triedWith(id);
    return tried !== undefined && "config" in tried && tried.config === `lecture/${file}`;
  });
  expect(named.toSorted()).toEqual(naming.toSorted());
});
