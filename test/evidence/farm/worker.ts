// A worker process like `manyfold worker`, but for what its threads run and where bytes are kept.
import { memoryBlobs } from "@manyfold/files";
import { openThreadPool } from "@manyfold/workers";
import { namesOf, natsBlobs, openLink, startNatsWorker } from "@manyfold/workers/nats";
import { clock, timers } from "./world.ts";

const [url = "", namespace = "", id = "", slots = "1"] = process.argv.slice(2);
const link = await openLink({ servers: [url], name: id, inboxes: "_INBOX_W", timers });
const names = namesOf(namespace);
const program = new URL("./thread.ts", import.meta.url);
const pool = await openThreadPool({ workers: Number(slots), clock, timers, program });
const kept = memoryBlobs();
const remote = natsBlobs(link, names, kept);
const worker = await startNatsWorker({
  link,
  names,
  // Results of nothing are not worth a server's room; tables come from it.
  blobs: { ...remote, put: (bytes) => kept.put(bytes) },
  clock,
  timers,
  pool,
  variants: ["js"],
  id,
  host: "here",
  manyfold: "evidence",
});
process.on("message", (question) => {
  if (question === "usage") {
    const { user, system } = process.cpuUsage();
    process.send?.({ rss: process.memoryUsage().rss, seconds: (user + system) / 1e6 });
  } else worker.drain();
});
process.on("disconnect", () => process.exit());
process.send?.("ready");
await worker.ended;
await link.close();
process.exit();
