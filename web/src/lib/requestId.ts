import { useCallback, useRef } from "react";

// A random id of version 4 (RFC 9562). crypto.randomUUID() is there over TLS and on this machine alone.
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  return [8, 12, 16, 20, 32].map((end, i, ends) => hex.slice(ends[i - 1] ?? 0, end)).join("-");
}

// Ids that make the repetition of a submit safe: the same content is sent with the same id until it is
// done.
export function useRequestId() {
  const held = useRef<{ content: string; id: string } | undefined>(undefined);
  const idFor = useCallback((content: unknown) => {
    const now = JSON.stringify(content) ?? "";
    if (held.current?.content !== now) held.current = { content: now, id: newId() };
    return held.current.id;
  }, []);
  const done = useCallback(() => {
    held.current = undefined;
  }, []);
  return { idFor, done };
}
