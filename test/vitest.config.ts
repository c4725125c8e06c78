import { defineConfig } from "vitest/config";

/** Sources, not `dist`: the same condition that tsconfig.json names. */
const conditions = ["@manyfold/source"];

const minute = 60_000;

// One process for the whole repository, started from its root: `npm test`, `npm test -- packages/core`,
// `npm test -- --project unit`. Projects part the tests by what they need, not by package.
export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    maxWorkers: "100%",
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: [
            "packages/*/src/**/*.test.ts",
            "apps/*/src/**/*.test.ts",
            "test/simulation/**/*.test.ts",
          ],
          testTimeout: minute,
        },
      },
      {
        extends: true,
        test: {
          name: "architecture",
          include: ["test/architecture/**/*.test.ts"],
          testTimeout: minute,
        },
      },
      {
        extends: true,
        test: {
          name: "contract",
          include: ["test/{contract,golden}/**/*.test.ts"],
          globalSetup: ["test/e2e/setup.ts"],
          testTimeout: 2 * minute,
          hookTimeout: 2 * minute,
        },
      },
      {
        extends: true,
        test: {
          name: "e2e",
          include: ["test/{e2e,chaos,blas}/**/*.test.ts"],
          globalSetup: ["test/e2e/setup.ts"],
          testTimeout: 4 * minute,
          hookTimeout: 4 * minute,
        },
      },
      {
        extends: true,
        test: {
          name: "nats",
          include: ["test/nats/**/*.test.ts"],
          globalSetup: ["test/e2e/setup.ts"],
          testTimeout: 2 * minute,
          hookTimeout: 2 * minute,
        },
      },
    ],
  },
});
