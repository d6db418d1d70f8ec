import { describe, expect, it } from "vitest";

import type { Schemas } from "~/api/client";

import { meterWords, rulesOf } from "./templateRules";

const approval = {
  mode: "REQUIRED",
  reviewerRole: "devops",
  requiredApprovals: 2,
  reviewDestroy: true,
  expiresAfter: "172800s",
} as const;

describe("rulesOf", () => {
  it("says how long, who and what else", () => {
    expect(
      rulesOf({
        lease: { defaultDuration: "28800s", maxDuration: "259200s", warnings: ["14400s", "3600s", "1800s"] },
        approval,
        drift: { interval: "86400s" },
        network: { disabled: true },
      }),
    ).toEqual([
      "A stack lives for 8 h unless you ask otherwise, for 3 d at most.",
      "You are warned 4 h, 1 h and 30 min before the end.",
      "2 people with the role devops have to approve each change.",
      "A request waits for 2 d.",
      "To destroy one is reviewed as well.",
      "It is looked after for drift every 1 d.",
      "Its runs have no network.",
    ]);
  });
  it("says when nobody has to approve", () => {
    expect(rulesOf({ approval: { ...approval, mode: "AUTO", reviewDestroy: false } })).toEqual([
      "No review is needed: a stack is made as soon as quota admits it.",
      "To destroy one needs no review.",
    ]);
  });
});

describe("meterWords", () => {
  const meter = (more: Partial<Schemas["Meter"]>): Schemas["Meter"] => ({
    metric: "vcpu",
    resourceType: "aws_instance",
    amount: "1",
    attribute: "",
    cost: false,
    currency: "",
    priceDate: "",
    priceMicrosPerHour: "0",
    ...more,
  });
  it("counts by resource, with the price of what it counts", () => {
    const words = meterWords(meter({ amount: "2", priceMicrosPerHour: "20000", currency: "EUR" }));
    expect(words.counts).toBe("2 vcpu each");
    expect(words.price).toContain("0.04");
    expect(meterWords(meter({})).price).toBe("");
  });
  it("counts by an attribute, or by a table", () => {
    expect(meterWords(meter({ attribute: "size" })).counts).toBe("size vcpu");
    const words = meterWords(
      meter({
        amount: "0",
        lookup: { attribute: "type", table: { small: "1", large: "8" }, defaultAmount: "2" },
        priceMicrosPerHour: "20000",
        currency: "EUR",
      }),
    );
    expect(words.counts).toBe("vcpu by type");
    expect(words.table).toEqual([
      ["small", "1"],
      ["large", "8"],
      ["otherwise", "2"],
    ]);
    expect(words.price).toContain("for each unit");
  });
  it("tells a budget from what is counted", () => {
    expect(meterWords(meter({ cost: true, metric: "money", resourceType: "" }))).toMatchObject({
      resource: "",
      price: "",
    });
  });
});
