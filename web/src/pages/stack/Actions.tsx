import { ActionIcon, Button, Menu } from "@mantine/core";
import { IconDots, IconTrash } from "@tabler/icons-react";
import { useState } from "react";

import { queries, type Schemas } from "~/api/client";
import { ButtonLink, MenuLink } from "~/components/Links";
import { part, runIds, stackIds } from "~/lib/names";
import { CancelRun } from "~/pages/runs/CancelRun";
import { stackText } from "~/text/stack";
import { useRequestId } from "~/lib/requestId";

import { type Can, type Deeds, type Stack, useBegun } from "./calls";
import { Destroy } from "./Destroy";
import { Repair } from "./Repair";
import { useDriftCheck } from "./useDriftCheck";

const words = stackText;

interface Props {
  stack: Stack;
  deeds: Deeds;
  can: Can;
  version: Schemas["TemplateVersion"] | undefined;
  // Told where what has no dialog of its own was refused.
  onRefused: (error: unknown) => void;
}

// What can be done with the stack now, by its state and by who looks at it.
export function Actions({ stack, deeds, can, version, onRefused }: Props) {
  const [open, setOpen] = useState<"destroy" | "repairDrift">();
  const begun = useBegun(stack);
  const retryId = useRequestId();
  const ids = stackIds(stack.name);
  const retry = queries.useMutation("post", "/v1/projects/{project}/stacks/{stack}:retry", {
    onMutate: () => onRefused(undefined),
    onError: onRefused,
    onSuccess: () => {
      retryId.done();
      begun(words.begun.retry);
    },
  });
  const drift = useDriftCheck(stack, { onMutate: () => onRefused(undefined), onError: onRefused });

  const may = {
    update: deeds.has("update") && can.has("stacks.update"),
    retry: deeds.has("retry") && can.has("stacks.update"),
    check: deeds.has("checkDrift") && can.has("stacks.update"),
    repair: deeds.has("repairDrift") && can.has("stacks.update"),
    destroy: deeds.has("destroy") && can.has("stacks.delete"),
    cancel: deeds.has("cancelRun") && can.has("runs.cancel") && can.has("runs.get"),
    again: can.has("stacks.create"),
  };
  const close = () => setOpen(undefined);
  return (
    <>
      {may.cancel && <CancelActive key={stack.activeRun} run={stack.activeRun} />}
      {may.retry && (
        <Button
          loading={retry.isPending}
          onClick={() => retry.mutate({ params: { path: ids }, body: { requestId: retryId.idFor(ids) } })}
        >
          {words.deeds.retry}
        </Button>
      )}
      {may.update && (
        <ButtonLink
          variant={may.retry ? "default" : "filled"}
          to="/projects/$project/stacks/$stack/update"
          params={ids}
        >
          {words.deeds.update}
        </ButtonLink>
      )}
      {(may.check || may.repair || may.destroy || may.again) && (
        <Menu position="bottom-end" withinPortal={false} withInitialFocusPlaceholder={false}>
          <Menu.Target>
            <ActionIcon variant="default" size="lg" aria-label={words.more}>
              <IconDots size={18} aria-hidden />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            {may.check && (
              <Menu.Item disabled={drift.isPending} onClick={drift.check}>
                {words.deeds.checkDrift}
              </Menu.Item>
            )}
            {may.repair && <Menu.Item onClick={() => setOpen("repairDrift")}>{words.deeds.repairDrift}…</Menu.Item>}
            {may.again && (
              <MenuLink
                to="/catalogue/$template/request"
                params={{ template: part(stack.templateVersion, "templates") }}
                search={{ project: ids.project, copyOf: stack.name }}
              >
                {words.again}
              </MenuLink>
            )}
            {may.destroy && (
              <>
                {(may.check || may.repair || may.again) && <Menu.Divider />}
                <Menu.Item
                  leftSection={<IconTrash size={16} color="var(--mantine-color-error)" aria-hidden />}
                  onClick={() => setOpen("destroy")}
                >
                  {words.deeds.destroy}…
                </Menu.Item>
              </>
            )}
          </Menu.Dropdown>
        </Menu>
      )}
      {open === "destroy" && <Destroy stack={stack} version={version} onClose={close} />}
      {open === "repairDrift" && <Repair stack={stack} onClose={close} />}
    </>
  );
}

// Whether its run is asked to stop or killed is known once the run is.
function CancelActive({ run: name }: { run: string }) {
  const { data: run } = queries.useQuery("get", "/v1/projects/{project}/stacks/{stack}/runs/{run}", {
    params: { path: runIds(name) },
  });
  return run ? <CancelRun run={run} /> : <Button disabled>{words.deeds.cancelRun}</Button>;
}
