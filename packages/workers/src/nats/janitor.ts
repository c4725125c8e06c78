import { decode, TaskMessage } from "./messages.ts";
import { type AttemptName, attemptOf, type Names } from "./subjects.ts";
import type { Transport } from "./transport.ts";

/**
 * Takes back what a run, or one session of it, sent and nobody took; what runs goes on and counts.
 *
 * @returns the names of messages of several tasks, which may yet be answered as such
 */
export async function removeTasks(
  link: Transport,
  names: Names,
  run: string,
  session?: string,
): Promise<AttemptName[]> {
  const several: AttemptName[] = [];
  for (const subject of await link.streams.subjects(names.tasks, names.tasksOf(run, session))) {
    const found = await removeLast(link, names, subject);
    const name = attemptOf(subject);
    const tasks = (found && decode(TaskMessage, found.data)?.tasks) ?? [];
    if (name !== undefined && tasks.length > 1) several.push(name);
  }
  return several;
}

/**
 * Removes tasks whose outcome is stored: a server that is killed may forget that they were
 * acknowledged, and then keeps them for ever without handing them out.
 */
export async function tidyTasks(link: Transport, names: Names): Promise<void> {
  for (const subject of await link.streams.subjects(names.tasks, names.subjects.tasks)) {
    const name = attemptOf(subject);
    if (name === undefined) continue;
    const outcomes = [names.success(name), names.failure(name), names.bundle(name)];
    const found = await Promise.all(
      outcomes.map((outcome) => link.streams.get(names.results, { last: outcome })),
    );
    if (found.some((outcome) => outcome !== undefined)) await removeLast(link, names, subject);
  }
}

/** By its number: a purge by subject makes this server's consumers skip other runs' tasks. */
async function removeLast(link: Transport, names: Names, subject: string) {
  const found = await link.streams.get(names.tasks, { last: subject });
  if (found === undefined) return undefined;
  await link.streams.remove(names.tasks, found.sequence).catch(() => undefined);
  return found;
}
