import { Page } from "~/components/Page";

export default function Roles() {
  return <Page title="Roles">…</Page>;
}
