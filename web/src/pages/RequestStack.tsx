import { Alert, Button } from "@mantine/core";
import { Link, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";

import { queries } from "~/api/client";
import { Page } from "~/components/Page";
import { Empty, Failed, LoadingPage } from "~/components/States";
import { last, stackIds } from "~/lib/names";
import { RequestForm } from "~/pages/request/RequestForm";
import { useProjects } from "~/pages/request/useProjects";
import { requestText as text } from "~/text/request";

export default function RequestStack() {
  const { template = "" } = useParams({ strict: false });
  const search: { project?: string; version?: string; copyOf?: string } = useSearch({ strict: false });
  const [chosen, setChosen] = useState(search.version);
  const copied = stackIds(search.copyOf ?? "");

  const templates = queries.useQuery("get", "/v1/templates/{template}", { params: { path: { template } } });
  const versions = queries.useQuery("get", "/v1/templates/{template}/versions", {
    params: { path: { template }, query: { pageSize: 200 } },
  });
  const copy = queries.useQuery(
    "get",
    "/v1/projects/{project}/stacks/{stack}",
    { params: { path: copied } },
    // What was filled in does not change under the hands.
    { enabled: copied.stack !== "", staleTime: Infinity },
  );
  const { projects, error } = useProjects();

  const latest = last(templates.data?.latestVersion ?? "");
  const list = versions.data?.templateVersions;
  const wanted = chosen ?? latest;
  const version = list?.find((v) => last(v.name) === wanted) ?? list?.find((v) => last(v.name) === latest);
  const failure = templates.error ?? versions.error ?? copy.error ?? error;
  const waits = !templates.data || !list || !projects || (copied.stack !== "" && !copy.data);
  const title = text.title(templates.data?.title || template);

  return (
    <Page
      title={title}
      crumbs={[
        { label: text.catalogue, to: "/catalogue" },
        { label: templates.data?.title || template, to: `/catalogue/${template}` },
      ]}
    >
      {failure ? (
        <Failed error={failure} />
      ) : waits ? (
        <LoadingPage />
      ) : projects.length === 0 ? (
        <Empty title={text.noProject} text={text.noProjectText} />
      ) : !version ? (
        <Empty
          title={text.noVersion}
          action={
            <Button component={Link} to="/catalogue" variant="default">
              {text.catalogue}
            </Button>
          }
        />
      ) : (
        <>
          {templates.data.deprecation && (
            <Alert color="orange" title={text.deprecated}>
              {templates.data.deprecation}
            </Alert>
          )}
          <RequestForm
            projects={projects}
            project={search.project}
            versions={list}
            latest={latest}
            version={version}
            onVersion={setChosen}
            copy={copy.data}
          />
        </>
      )}
    </Page>
  );
}
