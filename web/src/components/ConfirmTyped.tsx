import { Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { type FormEvent, type ReactNode, useState } from "react";

import { Problem } from "~/components/States";
import { common } from "~/text/common";

interface Props {
  title: string;
  // What happens, in plain words.
  children: ReactNode;
  // What has to be typed.
  word: string;
  action: string;
  opened: boolean;
  onClose: () => void;
  onConfirm: () => void;
  pending?: boolean;
  error?: unknown;
}

// Asks before what cannot be undone: the button works once the word was typed.
export function ConfirmTyped(props: Props) {
  const [typed, setTyped] = useState("");
  const ready = typed === props.word;
  const close = () => {
    setTyped("");
    props.onClose();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ready) props.onConfirm();
  };
  return (
    <Modal opened={props.opened} onClose={close} title={props.title} closeButtonProps={{ "aria-label": common.close }}>
      <form onSubmit={submit}>
        <Stack>
          {props.children}
          <TextInput
            label={common.typeToConfirm(props.word)}
            value={typed}
            onChange={(e) => setTyped(e.currentTarget.value)}
            autoComplete="off"
            spellCheck={false}
            data-autofocus
          />
          {props.error !== undefined && props.error !== null && <Problem error={props.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {common.cancel}
            </Button>
            <Button type="submit" color="red" disabled={!ready} loading={props.pending}>
              {props.action}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
