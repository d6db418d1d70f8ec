import { Alert, Code, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconCircleX } from "@tabler/icons-react";

import type { Schemas } from "~/api/client";
import { plan as words } from "~/text/plan";

// What Terraform or a policy complains of, errors first; each with where it is.
export function Diagnostics({ diagnostics }: { diagnostics: Schemas["Diagnostic"][] }) {
  const sorted = [...diagnostics].sort((a, b) => Number(b.severity === "ERROR") - Number(a.severity === "ERROR"));
  if (sorted.length === 0) return null;
  return (
    <Stack gap="xs">
      {sorted.map((d, i) => {
        const error = d.severity === "ERROR";
        return (
          <Alert
            key={i}
            color={error ? "red" : "yellow"}
            icon={error ? <IconCircleX aria-hidden /> : <IconAlertTriangle aria-hidden />}
            title={`${words.severity[d.severity]}: ${d.summary}`}
            styles={{ title: { color: "var(--mantine-color-text)", overflowWrap: "anywhere" } }}
          >
            {d.address && <Code>{d.address}</Code>}
            {d.detail && (
              <Text size="sm" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
                {d.detail}
              </Text>
            )}
            {d.file && <Text size="xs">{words.at(d.file, d.line)}</Text>}
          </Alert>
        );
      })}
    </Stack>
  );
}
