import { Text, type TextProps } from "@mantine/core";

import { useClock } from "~/lib/clock";
import { absolute, relative } from "~/lib/time";

// A moment as people say it, "2 minutes ago"; the exact local time on hover and for readers. Lists
// have thousands of these: the browser's own tooltip costs nothing.
export function Time({ at, ...props }: { at: string | undefined } & TextProps) {
  const told = useClock((now) => (at ? relative(at, now) : ""));
  if (!at) return null;
  return (
    <Text component="time" dateTime={at} title={absolute(at)} span inherit {...props}>
      {told}
    </Text>
  );
}
