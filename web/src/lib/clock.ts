import { useSyncExternalStore } from "react";

// One clock for all that counts down.
let now = Date.now();
const heard = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void) {
  heard.add(listener);
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

// The time in milliseconds since the epoch, anew each second.
export const useNow = () => useSyncExternalStore(subscribe, () => now);
