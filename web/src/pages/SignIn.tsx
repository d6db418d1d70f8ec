import { Alert, Button, Center, Divider, Paper, PasswordInput, Stack, Title } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";

import { session, signInAt, signInWithToken, useOtherTabs } from "~/api/session";
import { Failed, LoadingPage, Problem } from "~/components/States";
import { common } from "~/text/common";

const words = common.signIn;

export default function SignIn() {
  const search = useSearch({ strict: false });
  const navigate = useNavigate();
  const client = useQueryClient();
  const { data, error, refetch } = useQuery(session);
  const [token, setToken] = useState("");
  const [pending, setPending] = useState(false);
  const [refused, setRefused] = useState<unknown>();
  const returnTo = search.returnTo?.startsWith("/") && !search.returnTo.startsWith("//") ? search.returnTo : "/";

  useOtherTabs();
  useEffect(() => {
    document.title = `${words.title} · ${common.product}`;
  }, []);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setPending(true);
    setRefused(undefined);
    try {
      await signInWithToken(token);
      setToken("");
      client.clear();
      // With its query: `to` is a path alone.
      await navigate({ href: returnTo });
    } catch (e) {
      setRefused(e);
    } finally {
      setPending(false);
    }
  };

  if (error) return <Failed page error={error} onRetry={() => void refetch()} />;
  if (!data) return <LoadingPage />;
  return (
    <Center mih="90vh" p="md" component="main">
      <Paper withBorder p="xl" w="100%" maw={400}>
        <Stack>
          <Title order={1} size="h3">
            {common.product}
          </Title>
          {search.ended && <Alert color="yellow">{words.ended}</Alert>}
          {data.error && (
            <Alert color="red" role="alert">
              {data.error}
            </Alert>
          )}
          {data.providers.map((p) => (
            <Button key={p.issuer} component="a" href={signInAt(p.issuer, returnTo)}>
              {words.with(p.displayName || p.issuer)}
            </Button>
          ))}
          {data.providers.length > 0 && <Divider label={words.or} />}
          <form onSubmit={(e) => void submit(e)}>
            <Stack>
              <PasswordInput
                label={words.token}
                description={words.tokenHelp}
                value={token}
                onChange={(e) => setToken(e.currentTarget.value)}
                autoComplete="off"
                required
              />
              {refused !== undefined && <Problem error={refused} />}
              <Button
                type="submit"
                variant={data.providers.length > 0 ? "default" : "filled"}
                loading={pending}
                disabled={token.trim() === ""}
              >
                {words.submit}
              </Button>
            </Stack>
          </form>
        </Stack>
      </Paper>
    </Center>
  );
}
