import { Page } from "~/components/Page";

export default function Stack() {
  return <Page title="Stack">…</Page>;
}
