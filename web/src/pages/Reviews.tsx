import { Page } from "~/components/Page";

export default function Reviews() {
  return <Page title="Reviews">…</Page>;
}
