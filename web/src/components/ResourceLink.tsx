import { Anchor, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";

import { pageOf, shortName } from "~/lib/resourceLinks";

// A resource by its name, linked where it has a page.
export function ResourceLink({ name, project }: { name: string; project?: string }) {
  const to = pageOf(name);
  const label = shortName(name, project);
  if (!to) {
    return (
      <Text span inherit title={name}>
        {label}
      </Text>
    );
  }
  return (
    <Anchor component={Link} to={to} inherit title={name}>
      {label}
    </Anchor>
  );
}
