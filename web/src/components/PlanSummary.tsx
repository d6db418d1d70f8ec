import { Alert, Group, Stack, Text, Title } from "@mantine/core";
import { IconClockExclamation } from "@tabler/icons-react";
import type { ReactNode } from "react";

import type { Schemas } from "~/api/client";
import { plan as words } from "~/text/plan";

import { PlanCounts } from "./ActionMark";
import { Amounts, Price } from "./Amounts";
import { Diagnostics } from "./Diagnostics";

interface Props {
  plan: Schemas["Plan"];
  // What the stack holds now, where there is one.
  before?: Pick<Schemas["Stack"], "amounts" | "estimatedMicrosPerHour" | "currency">;
}

// A plan in short: how many resources, what it costs, what it takes of the quota, what speaks
// against it.
export function PlanSummary({ plan, before }: Props) {
  const priced = [plan.estimatedMicrosPerHour, before?.estimatedMicrosPerHour].some((m) => m && m !== "0");
  return (
    <Stack gap="sm">
      {plan.stale && (
        <Alert color="orange" icon={<IconClockExclamation aria-hidden />} title={words.stale.title}>
          {words.stale.text}
        </Alert>
      )}
      <Text component="div">
        <PlanCounts counts={plan} />
      </Text>
      {priced && (
        <Fact label={words.price}>
          <Change
            before={before && <PriceOr micros={before.estimatedMicrosPerHour} currency={before.currency} />}
            after={<PriceOr micros={plan.estimatedMicrosPerHour} currency={plan.currency} />}
            same={before?.estimatedMicrosPerHour === plan.estimatedMicrosPerHour}
          />
          {plan.priceDate && (
            <Text size="xs" c="dimmed">
              {words.priceDate(plan.priceDate)}
            </Text>
          )}
        </Fact>
      )}
      {plan.amounts.length > 0 && (
        <Fact label={words.quota}>
          <Change
            before={before && before.amounts.length > 0 ? <Amounts amounts={before.amounts} /> : undefined}
            after={<Amounts amounts={plan.amounts} />}
            same={JSON.stringify(before?.amounts) === JSON.stringify(plan.amounts)}
          />
        </Fact>
      )}
      <Messages title={words.policy} diagnostics={plan.policyMessages} />
      <Messages title={words.warnings} diagnostics={plan.diagnostics} />
    </Stack>
  );
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <Group gap="xs" align="baseline">
      <Text size="sm" c="dimmed" w={60}>
        {label}
      </Text>
      {children}
    </Group>
  );
}

function Change(props: { before?: ReactNode; after: ReactNode; same: boolean }) {
  if (!props.before || props.same) return <Text component="div">{props.after}</Text>;
  return (
    <Text component="div">
      <Text span c="dimmed" size="sm">
        {words.now}{" "}
      </Text>
      {props.before}{" "}
      <Text span c="dimmed" size="sm">
        → {words.then}{" "}
      </Text>
      {props.after}
    </Text>
  );
}

function PriceOr({ micros, currency }: { micros: string; currency: string }) {
  return micros === "0" ? <span>{words.noPrice}</span> : <Price micros={micros} currency={currency} />;
}

function Messages({ title, diagnostics }: { title: string; diagnostics: Schemas["Diagnostic"][] }) {
  if (diagnostics.length === 0) return null;
  return (
    <Stack gap="xs">
      <Title order={3} size="h5">
        {title}
      </Title>
      <Diagnostics diagnostics={diagnostics} />
    </Stack>
  );
}
