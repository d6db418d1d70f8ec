import { Text } from "@mantine/core";
import type { ReactNode } from "react";

import classes from "./NamedValues.module.css";

interface Pair {
  name: string;
  description?: string;
  value: ReactNode;
}

// Names and their values, side by side where there is room.
export function NamedValues({ pairs }: { pairs: Pair[] }) {
  return (
    <dl className={classes.list}>
      {pairs.map((p) => (
        <div key={p.name} className={classes.pair}>
          <dt className={classes.name}>
            {p.name}
            {p.description && (
              <Text size="xs" c="dimmed">
                {p.description}
              </Text>
            )}
          </dt>
          <dd className={classes.value}>{p.value}</dd>
        </div>
      ))}
    </dl>
  );
}
