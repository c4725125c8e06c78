import { expect, test } from "vitest";
import { refuseModule } from "./modules.ts";

test("a module is loaded where its very name was allowed, and nowhere else", () => {
  const allowed = ["@team/models", "./nets.js"];
  for (const name of allowed) expect(refuseModule(name, allowed)).toBeUndefined();
  for (const name of ["@team", "@team/models/x", "nets.js", "../nets.js", "", "__proto__", "fs"]) {
    expect(refuseModule(name, allowed)).toMatchObject({ code: "invalid", permanent: true });
  }
  expect(refuseModule("a", [])?.message).toBe(
    'The task needs the module "a", and this worker allows none. Start it with --allow-module a if you trust that module.',
  );
});
