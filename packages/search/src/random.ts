import { fold, uniforms, type Key } from "@manyfold/core";
import type { Params, Space } from "@manyfold/protocol";
import { settingAt, unmoved, type SamplerRule } from "./sampler.ts";

/**
 * Independent draws. Each parameter draws from a key of its own name and trial: any split of N
 * trials is the same N, and a parameter more moves no other.
 */
export const random: SamplerRule = {
  adaptive: false,
  size: () => Infinity,
  begin: ({ key, space }) => unmoved((trial) => drawn(key, space, trial)),
  complaints: () => [],
};

/** The random setting of a trial, which adaptive samplers start with too. */
export function drawn(key: Key, space: Space, trial: number): Params {
  const ofTrial = fold(key, "trial", trial);
  return settingAt(space, (name) => uniforms(fold(ofTrial, name), 1)[0] ?? 0);
}
