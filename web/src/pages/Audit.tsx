import { Page } from "~/components/Page";

export default function Audit() {
  return <Page title="Audit">…</Page>;
}
