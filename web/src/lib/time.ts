const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];
const relativeFormat = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const absoluteFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

// "in 3 hours", "2 days ago".
export function relative(time: string | Date, now: number): string {
  const seconds = Math.round((new Date(time).getTime() - now) / 1000);
  for (const [unit, size] of STEPS) {
    if (Math.abs(seconds) >= size || unit === "second") {
      return relativeFormat.format(Math.trunc(seconds / size), unit);
    }
  }
  return "";
}
export const absolute = (time: string | Date) => absoluteFormat.format(new Date(time));

// "2 d 3 h", "4 min 10 s": the two largest parts.
export function span(seconds: number): string {
  const parts: [number, string][] = [
    [86_400, "d"],
    [3_600, "h"],
    [60, "min"],
    [1, "s"],
  ];
  let left = Math.max(0, Math.round(seconds));
  const found: string[] = [];
  for (const [size, unit] of parts) {
    const count = Math.floor(left / size);
    if (count > 0) found.push(`${count} ${unit}`);
    left -= count * size;
  }
  return found.slice(0, 2).join(" ") || "0 s";
}

// Seconds of a duration as JSON has it: "3600s".
export const secondsOf = (duration: string | undefined) => (duration ? Number.parseFloat(duration) : 0);

// A length of time that is short as a rule: under ten seconds in tenths.
export const length = (seconds: number) =>
  seconds < 10 ? `${Math.max(0, seconds).toLocaleString(undefined, { maximumFractionDigits: 1 })} s` : span(seconds);
