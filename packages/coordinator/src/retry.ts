import type { Failure, FailureCode } from "@manyfold/protocol";

/**
 * Attempts per class of failure, the first included: the one retry policy there is. A lost worker
 * says nothing about the task; running out of memory or time may be the neighbours' doing; an
 * exception is tried once more in case the machine was at fault; `nan` and `invalid` follow from
 * the task itself. A task that is lost every time is `poison`: it may be what ends its workers.
 */
export const ATTEMPTS: { readonly [Code in FailureCode]: number } = {
  lost: 3,
  timeout: 2,
  oom: 2,
  exception: 2,
  nan: 1,
  invalid: 1,
  poison: 1,
};

/** The failure that ends a task, once its attempts are used up; undefined while another one is due. */
export function verdict(failures: readonly Failure[]): Failure | undefined {
  const last = failures.find(
    (failure) =>
      failure.permanent ||
      failures.filter((other) => other.code === failure.code).length >= ATTEMPTS[failure.code],
  );
  return last?.code === "lost" ? poison(failures) : last;
}

function poison(failures: readonly Failure[]): Failure {
  const lost = failures.filter(({ code }) => code === "lost");
  const message = `Each of ${lost.length} attempts was lost with its worker. ${lost.at(-1)?.message ?? ""}`;
  return { code: "poison", message: message.trimEnd(), permanent: true };
}
