/** Room for so many bytes, taken and given back; whoever asks first is served first. */
export interface Room {
  /** Resolves with the way to give the bytes back; undefined where `signal` aborted before. */
  take(bytes: number, signal: AbortSignal): Promise<(() => void) | undefined>;
}

/** @param size all there is; what asks for more must be refused by the caller */
export function createRoom(size: number): Room {
  let left = size;
  const queue: { readonly bytes: number; readonly enter: () => void }[] = [];

  const admit = () => {
    for (let first = queue[0]; first !== undefined && first.bytes <= left; first = queue[0]) {
      queue.shift();
      left -= first.bytes;
      first.enter();
    }
  };

  return {
    async take(bytes, signal) {
      const entered = await new Promise<boolean>((resolve) => {
        const one = { bytes, enter: () => settle(true) };
        const leave = () => settle(false);
        const settle = (inside: boolean) => {
          signal.removeEventListener("abort", leave);
          if (!inside && queue.includes(one)) queue.splice(queue.indexOf(one), 1);
          resolve(inside);
        };
        if (signal.aborted) return resolve(false);
        signal.addEventListener("abort", leave, { once: true });
        queue.push(one);
        admit();
      });
      if (!entered) {
        admit();
        return undefined;
      }
      return () => {
        left += bytes;
        admit();
      };
    },
  };
}
