import { Badge, Group, Paper, SimpleGrid, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";

import { queries, type Schemas } from "~/api/client";
import { Amounts, Price } from "~/components/Amounts";
import { Copy } from "~/components/Copy";
import { TextLink } from "~/components/Links";
import { Time } from "~/components/Time";
import { last, part, stackIds } from "~/lib/names";
import { isGone, versionLabel } from "~/lib/stackState";
import { stackText } from "~/text/stack";

import type { Can, Deeds, Stack as StackOf } from "./calls";
import { Lease } from "./Lease";

const words = stackText.facts;

interface Props {
  stack: StackOf;
  deeds: Deeds;
  can: Can;
  version: Schemas["TemplateVersion"] | undefined;
  request: Schemas["ChangeRequest"] | undefined;
}

// What one wants to know of a stack at once.
export function Summary({ stack, deeds, can, version, request }: Props) {
  const template = part(stack.templateVersion, "templates");
  const { data } = queries.useQuery(
    "get",
    "/v1/templates/{template}",
    { params: { path: { template } } },
    { staleTime: 60_000 },
  );
  const newest = data?.latestVersion;
  const newer = newest && newest !== stack.templateVersion && !isGone(stack) ? newest : undefined;
  const labels = Object.entries(stack.labels);
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, lg: 4 }} spacing="sm">
      <Fact label={words.template}>
        <TextLink to="/catalogue/$template" params={{ template }} inherit>
          {versionLabel(stack.templateVersion)}
        </TextLink>
        {newer && (
          <Text size="xs">
            {can.has("stacks.update") ? (
              <TextLink to="/projects/$project/stacks/$stack/update" params={stackIds(stack.name)} inherit>
                {words.newer(last(newer))}
              </TextLink>
            ) : (
              words.newer(last(newer))
            )}
          </Text>
        )}
        <Text size="xs" c="dimmed">
          {words.creator} {last(stack.creator)} <Time at={stack.createTime} />
        </Text>
        <Group gap={4}>
          <Text size="xs" c="dimmed">
            {words.uid} {stack.uid}
          </Text>
          <Copy value={stack.uid} what={words.uid} />
        </Group>
      </Fact>
      <Fact label={stackText.lease.title}>
        <Lease stack={stack} deeds={deeds} can={can} version={version} request={request} />
      </Fact>
      <Fact label={words.quota}>
        <Text size="sm" component="div">
          {stack.amounts.length > 0 ? <Amounts amounts={stack.amounts} /> : words.noQuota}
        </Text>
        <Text size="xs" c="dimmed">
          {words.resources(stack.resourceCount)}
        </Text>
        {stack.publishDocument && (
          <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
            {words.published} {stack.publishDocument}
          </Text>
        )}
      </Fact>
      <Fact label={words.cost}>
        {stack.estimatedMicrosPerHour === "0" || !stack.currency ? (
          <Text size="sm" c="dimmed">
            {version?.meters.some((m) => m.priceMicrosPerHour !== "0") ? words.costsNothing : words.noCost}
          </Text>
        ) : (
          <>
            <Text size="sm">
              <Price micros={stack.estimatedMicrosPerHour} currency={stack.currency} />
            </Text>
            {stack.priceDate && (
              <Text size="xs" c="dimmed">
                {words.pricesOf(stack.priceDate)}
              </Text>
            )}
          </>
        )}
        {labels.length > 0 && (
          <Group gap={4} mt={4} aria-label={words.labels} role="group">
            {labels.map(([key, value]) => (
              <Badge key={key} variant="default" size="sm" tt="none">
                {key}={value}
              </Badge>
            ))}
          </Group>
        )}
      </Fact>
    </SimpleGrid>
  );
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <Paper withBorder p="sm">
      <Text size="xs" c="dimmed" fw={600}>
        {label}
      </Text>
      <Stack gap={4} mt={4} style={{ fontSize: "var(--mantine-font-size-sm)" }}>
        {children}
      </Stack>
    </Paper>
  );
}
