/** Time between two drawings, at least. */
const DRAW_MILLISECONDS = 250;

/** Follows a stream of events: takes each in at once, and draws what has come now and then. */
export function follow<Event>(
  address: string,
  name: string,
  reader: {
    readonly event: (event: Event) => void;
    readonly draw: () => void;
    readonly lost: () => void;
    readonly gone?: () => void;
  },
): () => void {
  const source = new EventSource(address);
  let drawn = -Infinity;
  let waiting: ReturnType<typeof setTimeout> | undefined;
  const draw = () => {
    waiting = undefined;
    requestAnimationFrame(() => {
      drawn = performance.now();
      reader.draw();
    });
  };
  source.addEventListener(name, ({ data }: MessageEvent<string>) => {
    reader.event(JSON.parse(data) as Event);
    waiting ??= setTimeout(draw, Math.max(0, drawn + DRAW_MILLISECONDS - performance.now()));
  });
  source.addEventListener("gone", () => reader.gone?.());
  source.addEventListener("error", reader.lost);
  // How long ago something was moves on by itself.
  const clock = setInterval(() => {
    if (source.readyState === EventSource.OPEN) reader.draw();
  }, 10_000);
  return () => {
    clearTimeout(waiting);
    clearInterval(clock);
    source.close();
  };
}
