import type { LocalityPolicy } from "@heddle/mesh";
import { z } from "zod";
import { fields, warnIf } from "../schema/field-status.ts";
import { count } from "./fields.ts";

const region = z
  .string()
  .min(1)
  .refine(
    (name) => !/[*/]/.test(name),
    "locality lb failover settings must be a region, without / and *",
  );

const failover = fields({ from: region, to: region }).refine(
  ({ from, to }) => from !== to,
  "locality lb failover settings must specify different regions",
);

const place = z.string().superRefine((text, context) => {
  const fault = findPlaceFault(text);
  if (fault) context.addIssue(fault);
});

const distribute = fields({
  from: place,
  to: z.record(z.string(), count()).superRefine((shares, context) => {
    const issue = (message: string, key?: string) =>
      context.addIssue({ code: "custom", path: key === undefined ? [] : [key], message });
    for (const [to, weight] of Object.entries(shares)) {
      const fault = findPlaceFault(to);
      if (fault) issue(fault, to);
      if (weight < 1 || weight > 100) issue("locality weight must be in range [1, 100]", to);
    }
    const total = Object.values(shares).reduce((sum, weight) => sum + weight, 0);
    if (total !== 100) issue(`total locality weight ${total} != 100; the weights must sum to 100`);
    const overlap = findOverlap(Object.keys(shares));
    if (overlap) issue(overlap);
  }),
});

/** LocalityLoadBalancerSetting. */
export const localityLbSetting = warnIf(
  fields({
    enabled: z.boolean().optional(),
    distribute: z.array(distribute).optional(),
    failover: z.array(failover).optional(),
    failoverPriority: z.array(z.string().min(1)).optional(),
  }).transform((written, context): LocalityPolicy => {
    const { distribute = [], failover = [], failoverPriority = [] } = written;
    if (distribute.length > 0 && failover.length > 0) {
      context.addIssue("can not simultaneously specify 'distribute' and 'failover'");
    }
    if (distribute.length > 0 && failoverPriority.length > 0) {
      context.addIssue("can not simultaneously specify 'distribute' and 'failoverPriority'");
    }
    const overlap = findOverlap(distribute.map(({ from }) => from));
    if (overlap) context.addIssue({ code: "custom", path: ["distribute"], message: overlap });
    if (written.enabled === false) return { kind: "off" };
    if (distribute.length > 0) return { kind: "distribute", from: distribute };
    return {
      kind: "failover",
      failover: Object.fromEntries(failover.map(({ from, to }) => [from, to])),
      priorityLabels: failoverPriority,
    };
  }),
  ({ failover }) => {
    const regions = (failover ?? []).map(({ from }) => from);
    const twin = regions.findIndex((region, index) => regions.indexOf(region) !== index);
    if (twin < 0) return undefined;
    const message = "is an earlier entry's region too; the last one holds";
    return [{ at: ["failover", twin, "from"], message }];
  },
);

function findPlaceFault(text: string): string | undefined {
  const parts = text.split("/");
  if (parts.length > 3 || parts.some((part) => part === "")) {
    return "locality must not contain empty region/zone/subzone info; expected region/zone/subzone, parts from the left";
  }
  const wildcard = parts.findIndex((part) => part.includes("*"));
  if (wildcard >= 0 && (wildcard !== parts.length - 1 || parts[wildcard] !== "*")) {
    return "locality wildcard '*' number can not exceed 1 and must be in the end";
  }
  return undefined;
}

/** `region/*` and `region/zone` overlap: which share would hold is not said. */
function findOverlap(places: readonly string[]): string | undefined {
  const bare = places.map((place) => place.replace(/\/?\*$/, ""));
  for (const [index, one] of bare.entries()) {
    const other = bare.findIndex(
      (name, at) => at !== index && (one === "" || name === one || name.startsWith(`${one}/`)),
    );
    if (other >= 0) return `locality ${places[index]} overlaps with ${places[other]}`;
  }
  return undefined;
}
