import { Page } from "~/components/Page";

export default function ChangeRequest() {
  return <Page title="ChangeRequest">…</Page>;
}
