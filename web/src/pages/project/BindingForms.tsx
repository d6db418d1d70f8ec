import { Select, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";

import { api, queries, type Schemas } from "~/api/client";
import { Form } from "~/components/FormDialog";
import { type Member, memberName, MemberPicker } from "~/components/MemberPicker";
import { errorAt } from "~/lib/fieldErrors";
import { last } from "~/lib/names";
import { answerOf, useReread, useSubmit } from "~/lib/submit";
import { projects } from "~/text/projects";

const words = projects.members;
const CHANGED = ["/v1/projects/{project}/bindings", "/v1/bindings", "/v1/whoami", "/v1/permissions"];

interface AddProps {
  // "" gives the role everywhere.
  project: string;
  member?: Member;
  onClose: () => void;
}

export function AddBinding({ project, member: given, onClose }: AddProps) {
  const reread = useReread();
  const roles = queries.useQuery("get", "/v1/roles", { params: { query: { pageSize: 1000 } } });
  const [member, setMember] = useState<Member>(given ?? { kind: "users", id: "" });
  const [role, setRole] = useState<string | null>(null);
  const { submit, pending, error } = useSubmit(
    (body: Schemas["Binding.Input"], requestId) =>
      answerOf(
        project === ""
          ? api.POST("/v1/bindings", { params: { query: { requestId } }, body })
          : api.POST("/v1/projects/{project}/bindings", { params: { path: { project }, query: { requestId } }, body }),
      ),
    async () => {
      await reread(...CHANGED);
      notifications.show({ message: words.added });
      onClose();
    },
  );
  return (
    <Form
      action={words.add}
      pending={pending}
      error={error}
      fields={["member", "role"]}
      disabled={member.id.trim() === "" || role === null}
      onCancel={onClose}
      onSubmit={() => submit({ member: memberName(member), role })}
    >
      {given ? (
        <Text size="sm">{memberName(given)}</Text>
      ) : (
        <MemberPicker value={member} onChange={setMember} error={errorAt(error, "member")} />
      )}
      <Select
        label={words.role}
        data={(roles.data?.roles ?? []).map((r) => ({
          value: r.name,
          label: r.displayName ? `${last(r.name)}: ${r.displayName}` : last(r.name),
        }))}
        value={role}
        onChange={setRole}
        error={errorAt(error, "role")}
        searchable
        required
      />
    </Form>
  );
}

export function RemoveBinding(props: { binding: Schemas["Binding"]; project: string; onClose: () => void }) {
  const { binding, project, onClose } = props;
  const reread = useReread();
  const id = last(binding.name);
  const { submit, pending, error } = useSubmit(
    (name: string, requestId) =>
      answerOf<unknown>(
        project === ""
          ? api.DELETE("/v1/bindings/{binding}", { params: { path: { binding: name }, query: { requestId } } })
          : api.DELETE("/v1/projects/{project}/bindings/{binding}", {
              params: { path: { project, binding: name }, query: { requestId } },
            }),
      ),
    async () => {
      await reread(...CHANGED);
      notifications.show({ message: words.removed });
      onClose();
    },
  );
  return (
    <Form action={words.remove} danger pending={pending} error={error} onCancel={onClose} onSubmit={() => submit(id)}>
      <Text size="sm">{words.removeText(binding.member, last(binding.role))}</Text>
    </Form>
  );
}
