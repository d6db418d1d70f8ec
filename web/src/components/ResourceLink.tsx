import { Anchor, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";

import { pageOf, shortName } from "~/lib/resourceLinks";

interface Props {
  name: string;
  // Names within it are told short.
  project?: string;
  // Among other words: seen by more than its colour.
  inText?: boolean;
}

// A resource by its name, linked where it has a page.
export function ResourceLink({ name, project, inText }: Props) {
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
    <Anchor component={Link} to={to} inherit title={name} underline={inText ? "always" : undefined}>
      {label}
    </Anchor>
  );
}
