import { useEffect, useRef } from "react";

const TYPED_INTO = "input, textarea, select, [contenteditable], [role=dialog], [role=menu], [role=listbox]";

// Single keys of a page, by KeyboardEvent.key. They do nothing while something is typed or a dialog
// is open.
export function useShortcuts(keys: Record<string, (() => void) | undefined>) {
  const current = useRef(keys);
  useEffect(() => {
    current.current = keys;
  });
  useEffect(() => {
    const heard = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target instanceof Element && event.target.closest(TYPED_INTO)) return;
      const deed = Object.hasOwn(current.current, event.key) ? current.current[event.key] : undefined;
      if (!deed) return;
      event.preventDefault();
      deed();
    };
    document.addEventListener("keydown", heard);
    return () => document.removeEventListener("keydown", heard);
  }, []);
}
