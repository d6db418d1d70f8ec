import { Alert, Button, Group, Modal, Stack } from "@mantine/core";
import type { FormEvent, ReactNode } from "react";

import { ApiError } from "~/api/client";
import { Problem } from "~/components/States";
import { allShown } from "~/lib/fieldErrors";
import { common } from "~/text/common";
import { forms } from "~/text/forms";

interface DialogProps {
  title: string;
  opened: boolean;
  onClose: () => void;
  size?: string;
  children: ReactNode;
}

// A dialog. What is in it begins anew each time it opens, so that its state is forgotten when it closes.
export function Dialog(props: DialogProps) {
  return (
    <Modal
      opened={props.opened}
      onClose={props.onClose}
      title={props.title}
      size={props.size}
      closeButtonProps={{ "aria-label": common.close }}
      // A click beside a form must not lose what was typed.
      closeOnClickOutside={false}
    >
      {props.children}
    </Modal>
  );
}

interface FormProps {
  children: ReactNode;
  action: string;
  onSubmit: () => void;
  onCancel?: () => void;
  pending: boolean;
  error: unknown;
  // Fields that show their errors themselves.
  fields?: string[];
  // Reads anew what somebody else changed meanwhile.
  onReload?: () => void;
  disabled?: boolean;
  danger?: boolean;
}

// A form with its buttons and what the server said to it.
export function Form(props: FormProps) {
  const { error } = props;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!props.pending && !props.disabled) props.onSubmit();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        {props.children}
        <FormError error={error} fields={props.fields} onReload={props.onReload} />
        <Group justify={props.onCancel ? "flex-end" : "flex-start"}>
          {props.onCancel && (
            <Button variant="default" onClick={props.onCancel}>
              {common.cancel}
            </Button>
          )}
          <Button
            type="submit"
            color={props.danger ? "red" : undefined}
            loading={props.pending}
            disabled={props.disabled}
          >
            {props.action}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

export function FormError(props: { error: unknown; fields?: string[]; onReload?: () => void }) {
  const { error } = props;
  if (error === undefined || error === null) return null;
  if (error instanceof ApiError && error.reason === "ETAG_MISMATCH") {
    return (
      <Alert color="yellow" role="alert" title={forms.changed.title}>
        <Stack gap="xs" align="flex-start">
          {forms.changed.text}
          {props.onReload && (
            <Button size="xs" variant="default" onClick={props.onReload}>
              {forms.changed.reload}
            </Button>
          )}
        </Stack>
      </Alert>
    );
  }
  if (allShown(error, props.fields ?? [])) {
    return (
      <Alert color="red" role="alert">
        {forms.seeFields}
      </Alert>
    );
  }
  return <Problem error={error} />;
}
