import { namesOf, prepareNamespace, Refusal, type Transport } from "@manyfold/workers/nats";
import { expect, test } from "vitest";
import { createBroker } from "../simulation/broker.ts";
import { createNetwork } from "../simulation/network.ts";
import { randomOf } from "../simulation/random.ts";
import { createWorld } from "../simulation/world.ts";
import { describeWithServer, startServer } from "./server.ts";
import { testLink } from "./world.ts";

/*
 * The simulated server says what the real one says: one script, run on both, with equal answers.
 */

const names = namesOf("same");
const text = (word: string) => new TextEncoder().encode(word);
const of = (task: string) => ({ run: "run", session: "s", task, attempt: 1 });

/** What an operation answers, or the number of its refusal. */
async function told(operation: Promise<unknown>): Promise<unknown> {
  try {
    return (await operation) ?? "nothing";
  } catch (error) {
    return error instanceof Refusal ? error.code : String(error);
  }
}

let pulls = 0;
/** The tasks that a pull without waiting brings, as subject and number of the delivery. */
async function pull(link: Transport, count: number): Promise<{ reply: string; said: string }[]> {
  const came: { reply: string; said: string }[] = [];
  const inbox = `${link.inbox}.c${++pulls}`;
  const stop = link.subscribe(inbox, ({ status, subject, reply }) => {
    const delivery = reply.split(".")[4];
    const said = status === 0 ? `${subject.split(".")[7]} ${delivery}` : "none";
    came.push({ reply, said });
  });
  const { name } = names.consumer("js");
  const request = text(JSON.stringify({ batch: count, no_wait: true }));
  link.publish(`$JS.API.CONSUMER.MSG.NEXT.${names.tasks}.${name}`, request, inbox);
  await link.timers.sleep(150);
  stop();
  return came;
}

async function script(link: Transport): Promise<unknown[]> {
  const { streams } = link;
  const heard: unknown[] = [];
  const say = async (operation: Promise<unknown>) => void heard.push(await told(operation));
  await prepareNamespace(link, names, 1);
  await say(streams.state("NONE"));
  await say(streams.backlog(names.tasks, "none"));

  // The first outcome stays, by its own word and by the rules of the stream.
  const success = names.success(of("a"));
  await say(streams.publish(success, text("first"), { last: 0 }));
  await say(streams.publish(success, text("second"), { last: 0 }));
  await say(streams.publish(success, text("second")));
  await say(streams.get(names.results, { last: success }).then((one) => one?.sequence));
  await say(streams.get(names.results, { last: names.success(of("b")) }));
  await say(streams.publish(names.success(of("b")), new Uint8Array(600_000)));

  // An id is stored once, though the condition would no longer hold.
  const log = names.logOf("run");
  await say(streams.publish(log, text("0"), { msgID: "m0", last: 0, headers: { "Mf-From": "0" } }));
  await say(streams.publish(log, text("0"), { msgID: "m0", last: 0 }));
  await say(streams.publish(log, text("1"), { msgID: "m1", last: 0 }));
  await say(streams.publish(log, text("1"), { msgID: "m1", last: 1 }));
  await say(streams.get(names.log, { next: log, from: 2 }).then((one) => one?.sequence));
  await say(streams.get(names.log, { next: log, from: 3 }));
  await say(streams.get(names.log, { sequence: 1 }).then((one) => one?.headers["Mf-From"]));

  // A blob's part that is sent again replaces the one before.
  await say(streams.publish(names.blob("h", 0), text("part")));
  await say(streams.publish(names.blob("h", 0), text("PART")));
  await say(streams.state(names.blobs));

  // Tasks: handed out once, again when nobody renews, gone when acknowledged.
  const [first, second, third] = ["x", "y", "z"].map((task) => names.task("js", of(task)));
  for (const subject of [first, second, third])
    await say(streams.publish(subject ?? "", text("t")));
  const { name } = names.consumer("js");
  await say(streams.backlog(names.tasks, name));
  const taken = await pull(link, 2);
  heard.push(taken.map(({ said }) => said));
  await say(streams.backlog(names.tasks, name));
  link.publish(taken[0]?.reply ?? "", text("+ACK"));
  await link.timers.sleep(700);
  link.publish(taken[1]?.reply ?? "", text("+WPI"));
  await link.timers.sleep(600);
  // Renewed: not handed out again, though its first time is up.
  const last = await pull(link, 1);
  heard.push(last.map(({ said }) => said));
  heard.push((await pull(link, 1)).map(({ said }) => said));
  await link.timers.sleep(1500);
  const again = await pull(link, 2);
  heard.push(again.map(({ said }) => said).toSorted());
  link.publish(last[0]?.reply ?? "", text("+TERM"));
  // Late, and to where the first delivery is acknowledged: it counts.
  link.publish(taken[1]?.reply ?? "", text("+ACK"));
  await link.timers.sleep(150);
  await say(streams.state(names.tasks));
  await say(streams.backlog(names.tasks, name));
  await say(streams.subjects(names.tasks, names.tasksOf("run")));
  await say(streams.remove(names.results, 1));
  await say(streams.remove(names.results, 1).catch(() => "refused"));
  await say(streams.publish(success, text("third"), { last: 0 }));

  // A reading begins where it is told to, and goes on.
  const read: string[] = [];
  const reading = await streams.read(
    { stream: names.log, filter: log, from: 2 },
    ({ sequence, data }) => read.push(`${sequence} ${new TextDecoder().decode(data)}`),
  );
  await say(streams.publish(log, text("2"), { last: 2 }));
  await link.timers.sleep(300);
  await reading.stop();
  heard.push(read);
  return heard;
}

async function simulated(): Promise<unknown[]> {
  const world = createWorld();
  const network = createNetwork(
    world,
    createBroker(() => world.now),
    randomOf(1),
  );
  let heard: unknown[] | undefined;
  const running = script(network.connect(world.process("script"))).then((all) => (heard = all));
  await world.run(() => heard !== undefined, 600_000);
  return running;
}

describeWithServer("the simulated server", () => {
  test("answers as the real one does", async () => {
    const { url } = await startServer();
    expect(await simulated()).toEqual(await script(await testLink(url)));
  });
});
