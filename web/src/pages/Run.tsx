import { Page } from "~/components/Page";

export default function Run() {
  return <Page title="Run">…</Page>;
}
