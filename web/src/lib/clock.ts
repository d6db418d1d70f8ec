import { useSyncExternalStore } from "react";

// One clock for all that counts down.
let now = Date.now();
const heard = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void) {
  heard.add(listener);
  // It stood still while nobody looked.
  if (timer === undefined) now = Date.now();
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of heard) each();
  }, 1000);
  return () => {
    heard.delete(listener);
    if (heard.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

function read() {
  // The first look of a page, before anybody has subscribed.
  if (timer === undefined && Date.now() - now >= 1000) now = Date.now();
  return now;
}

// What a moment is told as; who asks is drawn again only when the words change.
export const useClock = <T extends string | number>(told: (now: number) => T): T =>
  useSyncExternalStore(subscribe, () => told(read()));

// The time in milliseconds since the epoch, anew each second.
export const useNow = () => useClock((at) => at);
