import { Page } from "~/components/Page";

export default function Template() {
  return <Page title="Template">…</Page>;
}
