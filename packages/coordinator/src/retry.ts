import type { Failure, FailureCode } from "@manyfold/protocol";

/**
 * Attempts per class of failure, the first included: the one retry policy there is. A lost worker
 * says nothing about the task; running out of memory or time may be the neighbours' doing; an
 * exception is tried once more in case the machine was at fault; `nan` and `invalid` follow from
 * the task itself.
 */
const ATTEMPTS: { readonly [Code in FailureCode]: number } = {
  lost: 3,
  timeout: 2,
  oom: 2,
  exception: 2,
  nan: 1,
  invalid: 1,
};

/** The failure that ends a task, once its attempts are used up; undefined while another one is due. */
export function verdict(failures: readonly Failure[]): Failure | undefined {
  return failures.find(
    (failure) =>
      failure.permanent ||
      failures.filter((other) => other.code === failure.code).length >= ATTEMPTS[failure.code],
  );
}
