import {
  complaintError,
  complaintsOf,
  EnsembleSpec,
  ModelSpec,
  nearest,
  pathText,
  show,
  TrainSpec,
  type ConfigComplaint,
  type Experiment,
  type Params,
  type ParamValue,
  type SEARCHABLE,
} from "@manyfold/protocol";

/** The parts of an experiment that a search may vary: what is trained, not what it is trained on. */
type Part = (typeof SEARCHABLE)[number];
const parts = { model: ModelSpec, train: TrainSpec, ensemble: EnsembleSpec };

/**
 * An experiment with a trial's setting filled in: every name of `params` is a path into its `model`,
 * `train` or `ensemble`, and its value takes that place. The result is parsed again, so a trial never
 * starts with an invalid setting, and short forms work (`train.optimizer: "adam"`).
 *
 * @throws ManyfoldError naming the parameter, for an unknown path or a value that does not fit
 */
export function applyParams(experiment: Experiment, params: Params): Experiment {
  const applied = tryParams(experiment, params);
  if (Array.isArray(applied)) {
    const [first] = applied;
    throw first === undefined ? new TypeError("No complaint.") : complaintError(first);
  }
  return applied;
}

/** {@link applyParams}, giving what is wrong instead of throwing. */
export function tryParams(experiment: Experiment, params: Params): Experiment | ConfigComplaint[] {
  // They are handed to the objective as they are.
  if (experiment.objective) return experiment;
  const outer = Object.keys(params).filter((name) => isOuter(name, params));
  if (outer.length > 0) {
    // What lies inside of another parameter's value has its place once that value has its own.
    const inner = Object.entries(params).filter(([name]) => !outer.includes(name));
    const first = tryParams(
      experiment,
      Object.fromEntries(outer.map((name) => [name, params[name] as ParamValue])),
    );
    return Array.isArray(first) ? first : tryParams(first, Object.fromEntries(inner));
  }
  const unknown = Object.keys(params).flatMap((name) => pathComplaints(experiment, name));
  if (unknown.length > 0) return unknown;
  const result = { ...experiment };
  const complaints: ConfigComplaint[] = [];
  for (const part of Object.keys(parts) as Part[]) {
    const names = Object.keys(params).filter((name) => partOf(name) === part);
    if (names.length === 0) continue;
    const changed: unknown = structuredClone(experiment[part]);
    for (const name of names) put(changed, name.split(".").slice(1), params[name] as ParamValue);
    const parsed = parts[part].safeParse(changed);
    if (parsed.success) Object.assign(result, { [part]: parsed.data });
    else {
      const found = complaintsOf(parsed.error, changed, parts[part]);
      complaints.push(...found.map((complaint) => blame(complaint, part, names)));
    }
  }
  return complaints.length > 0 ? complaints : result;
}

/** Whether another parameter lies inside of this one, and this one inside of none. */
function isOuter(name: string, params: Params): boolean {
  const names = Object.keys(params);
  return (
    names.some((other) => other.startsWith(`${name}.`)) &&
    !names.some((other) => name.startsWith(`${other}.`))
  );
}

/** What keeps a name from being a place in an experiment. */
export function pathComplaints(experiment: Experiment, name: string): ConfigComplaint[] {
  if (experiment.objective) return nameComplaints(name);
  if (isPlace(experiment, name)) return [];
  const near = nearest(name, placesOf(experiment));
  return [
    {
      path: ["search", "space", name],
      at: "key",
      condition: "a path into the experiment's model, train or ensemble",
      got: show(name),
      help:
        near === undefined
          ? "A path names what the configuration holds, as train.optimizer.adam.lr or model.layers.0.dense.units."
          : `Did you mean ${near}?`,
    },
  ];
}

/** Names of an objective's parameters are its own, as long as a constraint can say them. */
function nameComplaints(name: string): ConfigComplaint[] {
  if (/^[A-Za-z_][\w.]*$/.test(name)) return [];
  const condition = "a name of letters, digits, dots and underscores";
  return [{ path: ["search", "space", name], at: "key", condition, got: show(name) }];
}

function partOf(name: string): Part | undefined {
  const first = name.split(".")[0] ?? "";
  return Object.hasOwn(parts, first) ? (first as Part) : undefined;
}

function isPlace(experiment: Experiment, name: string): boolean {
  const part = partOf(name);
  if (part === undefined || name === part) return false;
  let value: unknown = experiment[part];
  for (const step of name.split(".").slice(1)) {
    if (!isGroup(value) || !Object.hasOwn(value, step)) return false;
    // An array's own properties besides its items (length) are no places.
    if (Array.isArray(value) && !/^(0|[1-9]\d*)$/.test(step)) return false;
    value = value[step];
  }
  return value !== undefined;
}

/** Every path that a search of this experiment may name. */
function placesOf(experiment: Experiment): string[] {
  const below = (value: unknown, path: string): string[] =>
    isGroup(value)
      ? Object.entries(value).flatMap(([step, child]) => [
          `${path}.${step}`,
          ...below(child, `${path}.${step}`),
        ])
      : [];
  return (Object.keys(parts) as Part[]).flatMap((part) => below(experiment[part], part));
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function put(target: unknown, path: readonly string[], value: ParamValue): void {
  const [step, ...rest] = path;
  if (step === undefined || !isGroup(target)) return;
  if (rest.length === 0) target[step] = value;
  else put(target[step], rest, value);
}

/** A complaint about a changed part, told of the parameter that changed it. */
function blame(complaint: ConfigComplaint, part: Part, names: readonly string[]): ConfigComplaint {
  const place = pathText([part, ...complaint.path]);
  const culprit =
    names.find((name) => `${place}.`.startsWith(`${name}.`) || name.startsWith(`${place}.`)) ??
    names[0];
  return {
    ...complaint,
    path: ["search", "space", String(culprit)],
    at: "value",
    help: `Each of its values has to be a valid ${place}.${complaint.help === undefined ? "" : ` ${complaint.help}`}`,
  };
}
