import { Page } from "~/components/Page";

export default function Projects() {
  return <Page title="Projects">…</Page>;
}
