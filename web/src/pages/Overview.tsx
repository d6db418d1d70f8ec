import { Button, SimpleGrid, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { session } from "~/api/session";
import { Page } from "~/components/Page";
import { FailedRuns } from "~/pages/overview/FailedRuns";
import { Leases } from "~/pages/overview/Leases";
import { RunningNow } from "~/pages/overview/RunningNow";
import { Tiles } from "~/pages/overview/Tiles";
import { ToReview } from "~/pages/overview/ToReview";
import { overviewText as text } from "~/text/overview";

export default function Overview() {
  const { data } = useQuery(session);
  const grafana = data?.links?.grafana;
  return (
    <Page
      title={text.title}
      actions={
        <>
          {grafana && /^https?:\/\//i.test(grafana) && (
            <Button component="a" href={grafana} target="_blank" rel="noopener noreferrer" variant="default">
              {text.grafana}
            </Button>
          )}
          <Button component={Link} to="/catalogue">
            {text.request}
          </Button>
        </>
      }
    >
      <Tiles />
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <Stack>
          <ToReview />
          <FailedRuns />
        </Stack>
        <Stack>
          <RunningNow />
          <Leases />
        </Stack>
      </SimpleGrid>
    </Page>
  );
}
