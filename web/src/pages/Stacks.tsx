import { Page } from "~/components/Page";

export default function Stacks() {
  return <Page title="Stacks">…</Page>;
}
