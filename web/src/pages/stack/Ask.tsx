import { Button, Group, Modal, Stack, Text, Textarea } from "@mantine/core";
import { type FormEvent, type ReactNode, useState } from "react";

import { FormError } from "~/components/FormDialog";
import { common } from "~/text/common";
import { stackText } from "~/text/stack";

import { faultOf } from "./calls";

interface Props {
  title: string;
  // What happens, in plain words.
  children: ReactNode;
  action: string;
  // Asks for a reason.
  reason?: boolean;
  onClose: () => void;
  onConfirm: (reason: string) => void;
  // Takes the stack as it is now, where it changed meanwhile.
  onReload?: () => void;
  pending: boolean;
  error: unknown;
}

// Asks once before something begins. It is there while it is open: what was written in it goes with it.
export function Ask(props: Props) {
  const [reason, setReason] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    props.onConfirm(reason.trim());
  };
  const fault = faultOf(props.error, "reason");
  return (
    <Modal opened onClose={props.onClose} title={props.title} closeButtonProps={{ "aria-label": common.close }}>
      <form onSubmit={submit}>
        <Stack>
          <Text size="sm" component="div">
            {props.children}
          </Text>
          {props.reason && (
            <Textarea
              label={stackText.reason}
              description={stackText.reasonHelp}
              value={reason}
              onChange={(e) => setReason(e.currentTarget.value)}
              maxLength={1000}
              error={fault}
              autosize
              minRows={2}
              data-autofocus
            />
          )}
          <FormError error={fault ? undefined : props.error} onReload={props.onReload} />
          <Group justify="flex-end">
            <Button variant="default" onClick={props.onClose}>
              {common.cancel}
            </Button>
            <Button type="submit" loading={props.pending}>
              {props.action}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
