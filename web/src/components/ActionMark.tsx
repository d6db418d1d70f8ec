import { Text } from "@mantine/core";

import type { Counts, ShownAction } from "~/lib/planDiff";
import { plan as words } from "~/text/plan";

import classes from "./PlanDiff.module.css";

const SYMBOLS: Record<ShownAction, string> = {
  CREATE: "+",
  UPDATE: "~",
  REPLACE: "-/+",
  DELETE: "-",
  FORGET: ".",
  READ: "<=",
  NO_OP: "=",
};

// What is done with a resource, as Terraform marks it.
export function ActionMark({ action }: { action: ShownAction }) {
  return (
    <span className={classes.mark} data-action={action} title={words.verbs[action]}>
      <span aria-hidden>{SYMBOLS[action]}</span>
    </span>
  );
}

// How many resources a plan touches: "3 to create, 1 to destroy". What is none is not told.
export function PlanCounts({ counts, short }: { counts: Counts; short?: boolean }) {
  const told = (
    [
      ["CREATE", counts.toCreate],
      ["UPDATE", counts.toUpdate],
      ["REPLACE", counts.toReplace],
      ["DELETE", counts.toDestroy],
    ] as const
  ).filter(([, n]) => n > 0);
  if (told.length === 0) {
    return (
      <Text span inherit c="dimmed">
        {words.noChanges}
      </Text>
    );
  }
  return (
    <span className={classes.counts}>
      {told.map(([action, n]) => (
        <span key={action} className={classes.count} data-action={action} title={words.actions[action]}>
          <ActionMark action={action} />
          <b>{n.toLocaleString()}</b>{" "}
          <span className={short ? classes.forReaders : undefined}>{words.actions[action]}</span>
        </span>
      ))}
    </span>
  );
}
