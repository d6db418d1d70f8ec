import { Page } from "~/components/Page";

export default function UpdateStack() {
  return <Page title="UpdateStack">…</Page>;
}
