import { Page } from "~/components/Page";

export default function RequestStack() {
  return <Page title="RequestStack">…</Page>;
}
