import { EXIT, tell } from "./terminal.ts";

/** First Ctrl-C (or SIGTERM) asks for a drain; the second ends the process at once. */
export function onInterrupt(runDirectory: string): {
  drain: AbortSignal;
  /** Asks for a drain, as somebody elsewhere wishes. */
  stop: () => void;
  release: () => void;
} {
  const controller = new AbortController();
  const handle = () => {
    if (controller.signal.aborted) {
      tell(`Stopped. Go on with: manyfold resume ${runDirectory}`);
      process.exit(EXIT.interrupted);
    }
    controller.abort();
    tell(
      "\nFinishing the tasks that run; press Ctrl-C again to stop at once. Nothing done is lost.",
    );
  };
  process.on("SIGINT", handle);
  process.on("SIGTERM", handle);
  return {
    drain: controller.signal,
    stop: () => controller.abort(),
    release: () => {
      process.off("SIGINT", handle);
      process.off("SIGTERM", handle);
    },
  };
}
