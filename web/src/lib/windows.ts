// A moment as a field of type datetime-local holds it, in local time.
export function localInput(time: string | Date | undefined): string {
  if (!time) return "";
  const at = new Date(time);
  const two = (n: number) => String(n).padStart(2, "0");
  return (
    `${String(at.getFullYear()).padStart(4, "0")}-${two(at.getMonth() + 1)}-${two(at.getDate())}` +
    `T${two(at.getHours())}:${two(at.getMinutes())}`
  );
}

// The moment of such a field as the API takes it; undefined where it is empty.
export function fromInput(text: string): string | undefined {
  if (text === "") return undefined;
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}
