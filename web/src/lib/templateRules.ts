import type { Schemas } from "~/api/client";
import { catalogueText as text } from "~/text/catalogue";
import { common } from "~/text/common";

import { perHour, perMonth } from "./money";
import { secondsOf, span } from "./time";

const listed = (words: string[]) =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")}${text.and}${words.at(-1) ?? ""}`;

// The rules of a template version, in sentences.
export function rulesOf(
  version: Pick<Schemas["TemplateVersion"], "lease" | "approval" | "drift" | "network">,
): string[] {
  const { lease, approval, drift, network } = version;
  const rules: string[] = [];
  if (lease) {
    rules.push(text.lease(span(secondsOf(lease.defaultDuration)), span(secondsOf(lease.maxDuration))));
    const leads = lease.warnings.map((w) => span(secondsOf(w)));
    if (leads.length > 0) rules.push(text.warnings(listed(leads)));
  }
  if (approval?.mode === "AUTO") rules.push(text.auto);
  else if (approval) {
    rules.push(text.review(approval.requiredApprovals || 1, approval.reviewerRole));
    if (secondsOf(approval.expiresAfter) > 0) rules.push(text.expires(span(secondsOf(approval.expiresAfter))));
  }
  if (approval) rules.push(approval.reviewDestroy ? text.reviewDestroy : text.noReviewDestroy);
  if (secondsOf(drift?.interval) > 0) rules.push(text.drift(span(secondsOf(drift?.interval))));
  if (network?.disabled) rules.push(text.offline);
  return rules;
}

export interface MeterWords {
  resource: string;
  counts: string;
  // Amounts by value of an attribute: "t3.large" counts 2.
  table: [string, string][];
  price: string;
  date: string;
}

// What a meter counts and what it costs, in words.
export function meterWords(meter: Schemas["Meter"]): MeterWords {
  const factor = meter.amount && meter.amount !== "0" ? meter.amount : "1";
  const amount = Number(factor).toLocaleString();
  const metric = meter.metric || text.costOnly;
  const lookup = meter.lookup;
  const table = Object.entries(lookup?.table ?? {}).map(([value, each]): [string, string] => [
    value,
    (Number(each) * Number(factor)).toLocaleString(),
  ]);
  if (lookup?.defaultAmount !== undefined) {
    table.push([text.otherwise, (Number(lookup.defaultAmount) * Number(factor)).toLocaleString()]);
  }
  const fixed = !lookup && !meter.attribute;
  return {
    resource: meter.cost ? "" : meter.resourceType,
    counts: meter.cost
      ? `${text.budget}: ${meter.metric}`
      : lookup
        ? text.byTable(lookup.attribute, metric)
        : meter.attribute
          ? text.times(amount, meter.attribute, metric)
          : text.each(amount, metric),
    table,
    price: priceOf(meter, fixed ? Number(factor) : undefined),
    date: meter.priceDate,
  };
}

function priceOf(meter: Schemas["Meter"], units: number | undefined): string {
  if (meter.cost) return "";
  if (units === undefined) {
    const hour = perHour(meter.priceMicrosPerHour, meter.currency);
    return hour && text.perUnit(hour);
  }
  const micros = String(Number(meter.priceMicrosPerHour) * units);
  const hour = perHour(micros, meter.currency);
  return hour && common.price(hour, perMonth(micros, meter.currency));
}
