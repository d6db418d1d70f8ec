import { useRef } from "react";

// An id for what is sent: the same for a retry, another one once the content differs.
export function useRequestId(): (content: unknown) => string {
  const last = useRef({ content: "", id: "" });
  return (content) => {
    const now = JSON.stringify(content);
    if (last.current.content !== now) last.current = { content: now, id: crypto.randomUUID() };
    return last.current.id;
  };
}
