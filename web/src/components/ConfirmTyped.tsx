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
  return (
    <Modal
      opened={props.opened}
      onClose={props.onClose}
      title={props.title}
      closeButtonProps={{ "aria-label": common.close }}
    >
      <Question {...props} />
    </Modal>
  );
}

// It lives as long as the dialog is open: the next one begins with nothing typed.
function Question(props: Props) {
  const [typed, setTyped] = useState("");
  const ready = typed === props.word;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ready) props.onConfirm();
  };
  return (
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
          <Button variant="default" onClick={props.onClose}>
            {common.cancel}
          </Button>
          <Button type="submit" color="red" disabled={!ready} loading={props.pending}>
            {props.action}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
