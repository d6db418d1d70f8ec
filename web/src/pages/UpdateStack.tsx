import { Alert, Text } from "@mantine/core";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";

import { queries, type Schemas } from "~/api/client";
import { useCan } from "~/api/session";
import { Page } from "~/components/Page";
import { Failed, LoadingPage } from "~/components/States";
import { last, versionIds } from "~/lib/names";
import { UpdateForm } from "~/pages/request/UpdateForm";
import { common } from "~/text/common";
import { requestText as text } from "~/text/request";

// A stack in these states takes no change now.
const CLOSED = new Set(["DESTROYING", "DESTROYED", "REJECTED"]);

export default function UpdateStack() {
  const { project = "", stack: id = "" } = useParams({ strict: false });
  const path = { project, stack: id };
  const [chosen, setChosen] = useState<string>();
  // The form starts from one reading of the stack; its etag tells whether that is still how it is.
  const stack = queries.useQuery(
    "get",
    "/v1/projects/{project}/stacks/{stack}",
    { params: { path } },
    { staleTime: Infinity, refetchOnMount: "always", refetchOnReconnect: false, refetchOnWindowFocus: false },
  );
  const may = useCan(`projects/${project}`, ["stacks.update"]);
  const base = useBase(stack.data);
  const { template } = versionIds(base.revision?.templateVersion ?? stack.data?.templateVersion ?? "");
  const versions = queries.useQuery(
    "get",
    "/v1/templates/{template}/versions",
    { params: { path: { template }, query: { pageSize: 200 } } },
    { enabled: template !== "" },
  );
  const templates = queries.useQuery(
    "get",
    "/v1/templates/{template}",
    { params: { path: { template } } },
    { enabled: template !== "" },
  );
  const error = stack.error ?? base.error ?? versions.error ?? templates.error;
  const current = last((base.revision ?? stack.data)?.templateVersion ?? "");
  const list = versions.data?.templateVersions;
  const version = list?.find((v) => last(v.name) === (chosen ?? current));

  return (
    <Page
      title={text.updateTitle(stack.data?.displayName || id)}
      crumbs={[
        { label: text.stacks, to: "/stacks" },
        { label: project, to: `/projects/${project}` },
        { label: id, to: `/projects/${project}/stacks/${id}` },
      ]}
    >
      {error ? (
        <Failed error={error} onRetry={() => void stack.refetch()} />
      ) : !stack.data || !base.known || !list || !templates.data || !may || !stack.isFetchedAfterMount ? (
        <LoadingPage />
      ) : !may.has("stacks.update") ? (
        <Alert color="yellow">{text.mayNotUpdate}</Alert>
      ) : CLOSED.has(stack.data.state) ? (
        <Alert color="yellow">
          {text.wrongState((common.states[stack.data.state] ?? stack.data.state).toLowerCase())}
        </Alert>
      ) : !version ? (
        <Text>{text.noVersion}</Text>
      ) : (
        <>
          {base.revision && <Alert color="yellow">{text.rejectedBase}</Alert>}
          <UpdateForm
            stack={stack.data}
            held={base.revision?.parameters ?? stack.data.parameters ?? {}}
            current={current}
            versions={list}
            latest={last(templates.data.latestVersion)}
            version={version}
            onVersion={setChosen}
            onReload={() => void stack.refetch()}
          />
        </>
      )}
    </Page>
  );
}

// The revision that a change starts from, where that is not what the stack shows: a stack in use
// goes on from what was applied last, whatever was proposed since.
function useBase(stack: Schemas["Stack"] | undefined) {
  const other =
    stack?.state === "READY" && stack.appliedRevision !== "0" && stack.appliedRevision !== stack.latestRevision;
  const [, project = "", , id = ""] = stack?.name.split("/") ?? [];
  const { data, error } = queries.useQuery(
    "get",
    "/v1/projects/{project}/stacks/{stack}/revisions/{revision}",
    { params: { path: { project, stack: id, revision: stack?.appliedRevision ?? "" } } },
    { enabled: other },
  );
  return { revision: other ? data : undefined, known: stack !== undefined && (!other || data !== undefined), error };
}
