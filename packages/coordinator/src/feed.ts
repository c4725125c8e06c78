/** A queue that one consumer iterates over while others push: how tasks reach an executor. */
export interface Feed<Item> extends AsyncIterable<Item> {
  push(item: Item): void;
  /** Ends the iteration after what is queued. */
  close(): void;
  /** Takes back what nobody has taken yet. */
  reclaim(): Item[];
  /** Ends the iteration at once and gives back what nobody had taken. */
  abandon(): Item[];
}

export function createFeed<Item>(): Feed<Item> {
  const queue: Item[] = [];
  let closed = false;
  let wake: (() => void) | undefined;

  const notify = () => {
    wake?.();
    wake = undefined;
  };

  return {
    push(item) {
      queue.push(item);
      notify();
    },
    close() {
      closed = true;
      notify();
    },
    reclaim: () => queue.splice(0),
    abandon() {
      closed = true;
      const rest = queue.splice(0);
      notify();
      return rest;
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const item = queue.shift();
        if (item !== undefined) {
          yield item;
        } else if (closed) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    },
  };
}
