import { Ajv } from "ajv";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { complaintText, experimentJsonSchema, parseExperiment } from "./index.ts";

const folder = resolve(import.meta.dirname, "../../../configs");
const files = ["", "lecture/"].flatMap((below) =>
  readdirSync(join(folder, below))
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => `${below}${name}`),
);
const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(
  experimentJsonSchema(),
);

test("the examples are there", () => {
  expect(files).toEqual(
    expect.arrayContaining([
      "breast-cancer-bagging.yaml",
      "diabetes-bagging.yaml",
      "digits-bagging.yaml",
      "digits-dropout.yaml",
      "digits-grid.yaml",
      "digits-random.yaml",
      "iris-tiny.yaml",
      "wine-init-only.yaml",
      "xor.yaml",
    ]),
  );
});

describe.each(files)("configs/%s", (file) => {
  const text = readFileSync(join(folder, file), "utf8");
  const document: unknown = parse(text);

  test("is an experiment, to the parser", () => {
    const parsed = parseExperiment(document);
    const found = parsed.ok ? [] : parsed.complaints.map((complaint) => complaintText(complaint));
    expect(found).toEqual([]);
    expect(parsed).toMatchObject({ ok: true, experiment: { name: basename(file, ".yaml") } });
  });

  test("and to an editor, which it tells the schema", () => {
    expect(text).toMatch(/^# yaml-language-server: \$schema=\.{1,2}\/experiment\.schema\.json\n# /);
    validate(document);
    expect(validate.errors).toBeNull();
  });
});
