import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { runTasks, taskMaker } from "./rates.ts";
import type { Farm } from "./world.ts";

const MIB = 2 ** 20;

/** Runs very many tasks as one run, and looks what memory they leave behind after a first fifth. */
export async function longRun(farm: Farm, count: number) {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const make = await taskMaker(farm);
  const used = () => {
    collect();
    const { heapUsed, external, arrayBuffers } = process.memoryUsage();
    return heapUsed + external + arrayBuffers;
  };
  const workers = async () => {
    const found = await Promise.all(farm.workers.map((worker) => worker.usage()));
    return Math.max(...found.map(({ rss }) => rss));
  };
  const first = Math.floor(count / 5);
  let coordinatorThen = 0;
  let workersThen: Promise<number> = Promise.resolve(0);
  let coordinatorNow = 0;
  function* tasks() {
    for (let task = 0; task < count; task++) yield make(0);
  }
  const { done, seconds } = await runTasks(farm, tasks(), 512, (so) => {
    if (so === first) {
      coordinatorThen = used();
      workersThen = workers();
    }
    if (so === count) coordinatorNow = used();
  });
  await delay(500);
  return {
    tasks: done,
    seconds,
    coordinator: (coordinatorNow - coordinatorThen) / MIB,
    workers: ((await workers()) - (await workersThen)) / MIB,
  };
}
