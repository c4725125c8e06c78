import { join } from "node:path";
import { Variant } from "@manyfold/protocol";
import { z } from "zod";
import { linesOf } from "./processes.ts";

/** A process of ours: which Node, and what it measures. */
export interface Own {
  readonly node: string;
  readonly variants: readonly Variant[];
  readonly products: boolean;
}

/** What such a process prints, a line each. */
export const Measured = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("step"),
    node: z.string(),
    variant: Variant,
    block: z.string().nullable(),
    shape: z.string(),
    /** Microseconds a step. */
    wall: z.number(),
    cpu: z.number(),
    gigaflops: z.number(),
  }),
  z.strictObject({
    kind: z.literal("product"),
    node: z.string(),
    variant: Variant,
    block: z.string(),
    gigaflops: z.number(),
    peak: z.number(),
    share: z.number(),
  }),
]);
export type Measured = z.infer<typeof Measured>;

/** Runs one process; what its engine or machine lacks it leaves out. */
export function measureOwn({ node, variants, products }: Own, shapes: string): Measured[] {
  const lines = linesOf(node, [
    "--conditions=@manyfold/source",
    "--import",
    "tsx",
    join(import.meta.dirname, "process.ts"),
    "--variants",
    variants.join(","),
    "--shapes",
    shapes,
    ...(products ? ["--products"] : []),
  ]);
  if (lines === null) throw new Error(`${node} did not run.`);
  return lines.map((line) => Measured.parse(line));
}
