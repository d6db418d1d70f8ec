import { Page } from "~/components/Page";

export default function System() {
  return <Page title="System">…</Page>;
}
