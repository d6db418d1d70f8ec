import "@mantine/charts/styles.css";

import { CompositeChart } from "@mantine/charts";
import { Paper, Text, useComputedColorScheme } from "@mantine/core";

import { absolute } from "~/lib/time";
import type { Step } from "~/lib/usage";
import { quota as words } from "~/text/quota";

interface Props {
  steps: Step[];
  label: string;
  unit: string;
  height: number;
  start: number;
  end: number;
}
const dayFormat = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const TICKS = 6;

// Readers have the table beside it.
export default function UsageChart({ steps, label, unit, height, start, end }: Props) {
  const dark = useComputedColorScheme() === "dark";
  const ticks = Array.from({ length: TICKS + 1 }, (_, i) => start + ((end - start) * i) / TICKS);
  return (
    <figure role="img" aria-label={label} style={{ margin: 0 }}>
      <CompositeChart
        aria-hidden
        h={height}
        data={steps.map((s) => ({ ...s }))}
        dataKey="at"
        series={[
          { name: "used", label: words.held, color: dark ? "yard.4" : "yard.8", type: "area" },
          {
            name: "limit",
            label: words.limit,
            color: dark ? "orange.4" : "orange.8",
            type: "line",
            strokeDasharray: "6 4",
          },
        ]}
        curveType="stepAfter"
        withLegend
        withDots={false}
        strokeWidth={2}
        xAxisProps={{
          type: "number",
          scale: "time",
          domain: [start, end],
          ticks,
          tickFormatter: (at: number) => dayFormat.format(at),
        }}
        yAxisProps={{ allowDecimals: false, width: 56, tickFormatter: (n: number) => n.toLocaleString() }}
        composedChartProps={{ accessibilityLayer: false, margin: { right: 24 } }}
        areaProps={{ isAnimationActive: false }}
        lineProps={{ isAnimationActive: false }}
        tooltipAnimationDuration={0}
        tooltipProps={{
          content: ({ active, payload }) => {
            const step = active ? (payload?.[0]?.payload as Step | undefined) : undefined;
            return step ? <Tip step={step} unit={unit} /> : null;
          },
        }}
      />
    </figure>
  );
}

function Tip({ step, unit }: { step: Step; unit: string }) {
  return (
    <Paper withBorder shadow="sm" p="xs">
      <Text size="sm" fw={600}>
        {absolute(new Date(step.at))}
      </Text>
      <Text size="sm">{words.used(step.used.toLocaleString(), step.limit.toLocaleString(), unit)}</Text>
    </Paper>
  );
}
