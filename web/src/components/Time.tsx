import { Text, type TextProps, Tooltip } from "@mantine/core";

import { useNow } from "~/lib/clock";
import { absolute, relative } from "~/lib/time";

// A moment as people say it, "2 minutes ago"; the exact local time on hover and for readers.
export function Time({ at, ...props }: { at: string | undefined } & TextProps) {
  const now = useNow();
  if (!at) return null;
  return (
    <Tooltip label={absolute(at)}>
      <Text component="time" dateTime={at} span inherit {...props}>
        {relative(at, now)}
      </Text>
    </Tooltip>
  );
}
