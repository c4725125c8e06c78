import {
  askedStreams,
  type Connection,
  type Message,
  type Reading,
  type StoredMessage,
  type Streams,
  type Transport,
} from "@manyfold/workers/nats";
import { type Broker, matches } from "./broker.ts";
import type { Random } from "./random.ts";
import type { Process, World } from "./world.ts";

/** Probabilities of what happens to a message on its way. */
export interface Weather {
  readonly drop: number;
  readonly duplicate: number;
  /** Overtaken by others. */
  readonly reorder: number;
}

export const CALM: Weather = { drop: 0, duplicate: 0, reorder: 0 };

/** Links between simulated processes and the server. */
export interface Network {
  weather: Weather;
  connect(owner: Process): Transport;
  /** A process is dead: its link is gone, without a word. */
  bury(owner: Process): void;
  /** Cuts a process's link for so long. */
  cut(owner: Process, milliseconds: number): void;
  /** The server is gone, and back after so long. */
  restart(milliseconds: number): void;
  /** Subscriptions and readings that the server has. */
  readonly interests: number;
}

interface Line {
  readonly owner: Process;
  /** Counts the connections of a process; what was on its way on an older one is lost. */
  epoch: number;
  up: boolean;
  closed: boolean;
  cutUntil: number;
  /** Arrivals keep their order, each way. */
  there: number;
  back: number;
  readonly subscriptions: Map<object, { subject: string; hear: (message: Message) => void }>;
  readonly readings: Set<() => void>;
  readonly ups: Set<() => void>;
  readonly downs: Set<() => void>;
}

/** Milliseconds without an answer before a request is given up, and before a cut link is noticed. */
const TIMEOUT = 5000;
const NOTICED = 3000;
/** Milliseconds between two looks for what a standing pull may have. */
const STANDING = 20;
const NEXT = "$JS.API.CONSUMER.MSG.NEXT.";

export function createNetwork(world: World, broker: Broker, random: Random): Network {
  const lines = new Set<Line>();
  let serverDown = false;
  const network: Network = {
    weather: CALM,
    connect,
    bury,
    cut,
    restart,
    get interests() {
      let count = 0;
      for (const { subscriptions, readings, up } of lines) {
        if (up) count += subscriptions.size + readings.size;
      }
      return count;
    },
  };

  /** When something sent now arrives: in order, unless it is overtaken. */
  const arrival = (line: Line, way: "there" | "back", loose: boolean): number => {
    const latency = random.between(0.2, 2);
    const moment = Math.max(world.now, line.cutUntil) + latency;
    if (loose && random.chance(network.weather.reorder)) return moment + random.between(0, 400);
    line[way] = Math.max(line[way], moment);
    return line[way];
  };
  /** Sends over a line, as long as this connection lasts. */
  const send = (line: Line, way: "there" | "back", sure: boolean, action: () => void) => {
    const { epoch } = line;
    const { drop, duplicate } = network.weather;
    if (!sure && random.chance(drop)) return;
    const owner = way === "back" ? line.owner : undefined;
    const go = () =>
      world.at(arrival(line, way, !sure), owner, () => {
        if (line.epoch === epoch && line.up) action();
      });
    go();
    if (!sure && random.chance(duplicate)) go();
  };

  const fall = (line: Line) => {
    if (!line.up || line.closed) return;
    line.up = false;
    line.epoch++;
    for (const end of line.readings) end();
    world.at(world.now, line.owner, () => {
      for (const callback of line.downs) callback();
    });
    rise(line);
  };
  const rise = (line: Line) => {
    world.at(world.now + random.between(250, 350), line.owner, () => {
      if (line.closed || line.up) return;
      if (serverDown || line.cutUntil > world.now) return rise(line);
      line.up = true;
      line.there = world.now;
      line.back = world.now;
      for (const callback of line.ups) callback();
    });
  };

  function bury(owner: Process): void {
    for (const line of lines) {
      if (line.owner !== owner) continue;
      line.epoch++;
      for (const end of line.readings) end();
      lines.delete(line);
    }
  }
  function cut(owner: Process, milliseconds: number): void {
    for (const line of lines) {
      if (line.owner !== owner) continue;
      line.cutUntil = Math.max(line.cutUntil, world.now + milliseconds);
      // A short cut only delays: the network sends again what did not arrive.
      if (milliseconds > NOTICED) world.at(world.now + NOTICED, undefined, () => fall(line));
    }
  }
  function restart(milliseconds: number): void {
    serverDown = true;
    for (const line of lines) fall(line);
    world.at(world.now + milliseconds, undefined, () => {
      serverDown = false;
    });
  }

  /** Gives a core message to all who listen. */
  const spread = (subject: string, data: Uint8Array, reply: string) => {
    for (const line of lines) {
      if (!line.up || !line.owner.alive) continue;
      for (const subscription of line.subscriptions.values()) {
        if (!matches(subscription.subject, subject)) continue;
        const message = { subject, data, reply, status: 0 };
        send(line, "back", false, () => subscription.hear(message));
      }
    }
  };

  /** A pull: what there is, then what comes while it stands, then a word where that was too little. */
  const pull = (line: Line, subject: string, data: Uint8Array, inbox: string) => {
    const [stream = "", consumer = ""] = subject.slice(NEXT.length).split(".");
    const asked = JSON.parse(new TextDecoder().decode(data)) as { batch: number; expires?: number };
    const until = world.now + (asked.expires ?? 0) / 1e6;
    const { epoch } = line;
    const hearers = () =>
      [...line.subscriptions.values()].filter(({ subject: own }) => matches(own, inbox));
    const say = (message: Message) => {
      for (const { hear } of hearers()) send(line, "back", false, () => hear(message));
    };
    const serve = (left: number) => {
      if (line.epoch !== epoch || !line.up || hearers().length === 0) return;
      const taken = broker.take(stream, consumer, left);
      for (const one of taken) say({ ...one, status: 0 });
      if (taken.length === left) return;
      if (world.now < until)
        world.at(world.now + STANDING, undefined, () => serve(left - taken.length));
      else say({ subject: inbox, data: new Uint8Array(0), reply: "", status: 408 });
    };
    serve(asked.batch);
  };

  function connect(owner: Process): Transport {
    const line: Line = {
      owner,
      epoch: 0,
      up: !serverDown,
      closed: false,
      cutUntil: 0,
      there: world.now,
      back: world.now,
      subscriptions: new Map(),
      readings: new Set(),
      ups: new Set(),
      downs: new Set(),
    };
    lines.add(line);
    if (serverDown) rise(line);
    const { timers } = owner;
    const listen = (set: Set<() => void>, callback: () => void) => {
      set.add(callback);
      return () => {
        set.delete(callback);
      };
    };
    const connection: Connection = {
      timers,
      get up() {
        return line.up;
      },
      get closed() {
        return line.closed;
      },
      onReconnect: (callback) => listen(line.ups, callback),
      onDown: (callback) => listen(line.downs, callback),
    };

    /** A request: what it does on the server, and its answer, either of which may get lost. */
    const call = <Answer>(act: () => Answer): Promise<Answer> =>
      new Promise((resolve, reject) => {
        const give = world.at(world.now + TIMEOUT, owner, () => reject(new Error("timeout")));
        if (!line.up) return;
        send(line, "there", false, () => {
          let end: () => void;
          try {
            const answer = act();
            end = () => resolve(answer);
          } catch (error) {
            end = () => reject(error as Error);
          }
          send(line, "back", false, () => {
            give();
            end();
          });
        });
      });

    const read: Streams["read"] = (of, onMessage) =>
      call((): Reading => {
        let over = false;
        let finish: () => void = () => undefined;
        const ended = new Promise<void>((resolve) => {
          finish = resolve;
        });
        const tell = (message: StoredMessage) => {
          if (message.sequence < of.from || !matches(of.filter, message.subject)) return;
          send(line, "back", true, () => {
            if (!over) onMessage(message);
          });
        };
        // From here on, without a gap: first what there is, then what comes.
        for (let from = of.from; ;) {
          const found = broker.get(of.stream, { next: of.filter, from });
          if (found === undefined) break;
          tell(found);
          from = found.sequence + 1;
        }
        const unlisten = broker.listen(of.stream, tell);
        const end = () => {
          unlisten();
          line.readings.delete(end);
        };
        line.readings.add(end);
        return {
          ended,
          stop: () => {
            over = true;
            end();
            finish();
            return Promise.resolve();
          },
        };
      });

    const publish = (subject: string, data = new Uint8Array(0), reply = "") => {
      if (!line.up) return;
      send(line, "there", false, () => {
        if (subject.startsWith(NEXT)) return pull(line, subject, data, reply);
        if (subject.startsWith("$JS.ACK.")) {
          return broker.answer(subject, new TextDecoder().decode(data));
        }
        spread(subject, data, reply);
      });
    };
    let inboxes = 0;
    const inbox = `_INBOX.${owner.name}`;
    const subscribe: Transport["subscribe"] = (subject, hear) => {
      const mark = {};
      line.subscriptions.set(mark, { subject, hear });
      return () => {
        line.subscriptions.delete(mark);
      };
    };

    return {
      inbox,
      timers,
      get up() {
        return line.up;
      },
      get closed() {
        return line.closed;
      },
      onReconnect: (callback) => listen(line.ups, callback),
      onDown: (callback) => listen(line.downs, callback),
      publish,
      subscribe,
      request: (subject, data, milliseconds) =>
        new Promise((resolve, reject) => {
          const own = `${inbox}.r${++inboxes}`;
          const give = world.at(world.now + milliseconds, owner, () => {
            unsubscribe();
            reject(new Error("timeout"));
          });
          const unsubscribe = subscribe(own, (message) => {
            give();
            unsubscribe();
            resolve(message);
          });
          publish(subject, new Uint8Array(data), own);
        }),
      flush: () => call(() => undefined),
      streams: askedStreams(connection, {
        publish: (...of) => call(() => broker.publish(...of)),
        get: (...of) => call(() => broker.get(...of)),
        remove: (...of) => call(() => broker.remove(...of)),
        state: (...of) => call(() => broker.state(...of)),
        subjects: (...of) => call(() => broker.subjects(...of)),
        backlog: (...of) => call(() => broker.backlog(...of)),
        addStream: (config) => call(() => broker.addStream(config)),
        addConsumer: (stream, config) => call(() => broker.addConsumer(stream, { ...config })),
        read,
      }),
      close() {
        if (!line.closed) {
          line.closed = true;
          line.up = false;
          line.epoch++;
          for (const end of line.readings) end();
          line.subscriptions.clear();
          lines.delete(line);
          for (const callback of [...line.ups, ...line.downs]) callback();
        }
        return Promise.resolve();
      },
    };
  }

  return network;
}
