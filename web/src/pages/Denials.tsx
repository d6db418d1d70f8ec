import { Page } from "~/components/Page";

export default function Denials() {
  return <Page title="Denials">…</Page>;
}
