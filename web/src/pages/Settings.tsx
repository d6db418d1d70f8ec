import { Badge, Group, Paper, SimpleGrid, Stack, Text, Title } from "@mantine/core";

import { queries, type Schemas } from "~/api/client";
import { Page } from "~/components/Page";
import { ResourceLink } from "~/components/ResourceLink";
import { PlainTable } from "~/components/ResourceTable";
import { Failed, LoadingPage } from "~/components/States";
import { last } from "~/lib/names";
import { Notify } from "~/pages/settings/Notify";
import { Tokens } from "~/pages/settings/Tokens";
import { account } from "~/text/account";

const words = account.settings;

export default function Settings() {
  const { data: me, error, refetch } = queries.useQuery("get", "/v1/whoami", {});
  if (error && !me) return <Failed page error={error} onRetry={() => void refetch()} />;
  if (!me?.user) return <LoadingPage />;
  const user = last(me.user.name);
  return (
    <Page title={words.title}>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <WhoIAm user={me.user} />
        <MyRoles me={me} />
      </SimpleGrid>
      <Tokens user={user} />
      <Notify user={user} address={me.user.email} />
    </Page>
  );
}

function WhoIAm({ user }: { user: Schemas["User"] }) {
  const facts = [
    [words.id, last(user.name)],
    [words.name, user.displayName],
    [words.email, user.email || words.noEmail],
    [words.issuer, user.issuer || words.noIssuer],
  ];
  return (
    <Paper withBorder p="md" component="section">
      <Stack gap="xs">
        <Title order={2} size="h4">
          {words.me}
        </Title>
        {facts.map(([label, value]) => (
          <Group key={label} gap="sm" wrap="nowrap">
            <Text size="sm" c="dimmed" w={110} style={{ flexShrink: 0 }}>
              {label}
            </Text>
            <Text size="sm" style={{ overflowWrap: "anywhere" }}>
              {value}
            </Text>
          </Group>
        ))}
        {user.groups.length > 0 && (
          <Group gap="sm" wrap="nowrap">
            <Text size="sm" c="dimmed" w={110} style={{ flexShrink: 0 }}>
              {words.groups}
            </Text>
            <Group gap={4}>
              {user.groups.map((g) => (
                <Badge key={g} variant="default" tt="none" fw={500}>
                  {g}
                </Badge>
              ))}
            </Group>
          </Group>
        )}
      </Stack>
    </Paper>
  );
}

// "projects/web: roles/dev", as the API tells roles on projects.
function MyRoles({ me }: { me: Schemas["WhoAmIResponse"] }) {
  const rows = [
    ...me.roles.map((role) => [words.everywhere, last(role)]),
    ...me.projectRoles.map((line) => {
      const [project = "", role = ""] = line.split(": ");
      return [<ResourceLink key="project" name={project} />, last(role)];
    }),
  ];
  return (
    <Paper withBorder p="md" component="section">
      <Stack gap="xs">
        <Title order={2} size="h4">
          {words.roles}
        </Title>
        {rows.length === 0 ? (
          <Text size="sm">{words.noRoles}</Text>
        ) : (
          <PlainTable label={words.roles} head={[words.where, words.role]} rows={rows} />
        )}
      </Stack>
    </Paper>
  );
}
