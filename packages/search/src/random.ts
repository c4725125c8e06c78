import { fold, uniforms, type Key } from "@manyfold/core";
import { ManyfoldError, type Params, type Space } from "@manyfold/protocol";
import { settingAt, unmoved, type Allows, type Premise, type SamplerRule } from "./sampler.ts";

/**
 * Independent draws. Each parameter draws from a key of its own name and trial: any split of N
 * trials is the same N, and a parameter more moves no other.
 */
export const random: SamplerRule = {
  adaptive: false,
  size: () => Infinity,
  begin: ({ key, space, allows }) => unmoved((trial) => drawn(key, space, trial, allows)),
  complaints: () => [],
};

/** Draws before a space counts as one without allowed settings. */
export const MOST_DRAWS = 10_000;

/**
 * The random setting of a trial, which adaptive samplers start with too: the first draw that the
 * constraints allow.
 *
 * @param given values that are not drawn
 * @throws ManyfoldError where {@link MOST_DRAWS} draws hold none
 */
export function drawn(
  key: Key,
  space: Space,
  trial: number,
  allows?: Allows,
  given?: Params,
): Params {
  const ofTrial = fold(key, "trial", trial);
  for (let draw = 0; draw < MOST_DRAWS; draw++) {
    const ofDraw = draw === 0 ? ofTrial : fold(ofTrial, "draw", draw);
    const params = settingAt(space, (name) => uniforms(fold(ofDraw, name), 1)[0] ?? 0, given);
    if (allows === undefined || allows(params)) return params;
  }
  throw new ManyfoldError({
    code: "config",
    path: "search.constraints",
    condition: `kept by one of ${MOST_DRAWS} random settings`,
    got: "none",
    help: "Widen the space or the constraints; or narrow the space to where they hold.",
  });
}

/** A sampler's own setting where it is allowed, or else the trial's random one. */
export function allowed(
  params: Params,
  { key, space, allows }: Pick<Premise, "key" | "space" | "allows">,
  trial: number,
): Params {
  return allows === undefined || allows(params) ? params : drawn(key, space, trial, allows);
}
