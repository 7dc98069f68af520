import type { MtlsMode } from "@heddle/mesh";
import { z } from "zod";
import type { PeerAuthenticationDocument } from "../documents/policy-documents.ts";
import { fields } from "../schema/field-status.ts";
import { documentOf } from "./document-schema.ts";
import { readSelector, selector } from "./policy-target.ts";

/** Heddle's own: a policy that is not STRICT yet counts what it would refuse if it were. */
export const MTLS_DRY_RUN = "heddle.dev/mtls-dry-run";

const mode = z.enum(["UNSET", "DISABLE", "PERMISSIVE", "STRICT"]).optional();
const mtls = fields({ mode });

const portLevelMtls = z.record(z.string(), mtls).superRefine((ports, context) => {
  for (const key of Object.keys(ports)) {
    const number = Number(key);
    const issue = (message: string) => context.addIssue({ code: "custom", path: [key], message });
    if (!/^\d+$/.test(key)) {
      issue(`type conversion error from ${JSON.stringify(key)} to int; expected a port's number`);
    } else if (number < 1 || number > 65_535) issue("port must be between 1-65535");
  }
  if (Object.keys(ports).length === 0) {
    context.addIssue("spec.portLevelMtls in body should have at least 1 properties");
  }
});

const spec = fields({
  selector: selector.optional(),
  mtls: mtls.optional(),
  portLevelMtls: portLevelMtls.optional(),
}).superRefine((written, context) => {
  if (written.portLevelMtls === undefined || readSelector(written.selector)) return;
  if (Object.keys(written.portLevelMtls).length === 0) return; // said already
  context.addIssue(
    "portLevelMtls requires selector: the modes of ports hold for selected workloads; give selector.matchLabels",
  );
});

export const PeerAuthenticationSchema = documentOf(spec.default({})).transform(
  ({ metadata: { namespace, name, annotations }, spec }, context): PeerAuthenticationDocument => {
    const dryRun = annotations?.[MTLS_DRY_RUN];
    if (dryRun !== undefined && dryRun !== "STRICT") {
      const path = ["metadata", "annotations", MTLS_DRY_RUN];
      const message = `is ${JSON.stringify(dryRun)}; expected STRICT, the one mode that has a dry run`;
      context.addIssue({ code: "custom", path, message });
    }
    const ports = Object.entries(spec.portLevelMtls ?? {}).flatMap(([port, { mode }]) => {
      const set = readMode(mode);
      return set === undefined ? [] : [[port, set] as const];
    });
    return {
      kind: "PeerAuthentication",
      namespace,
      name,
      selector: readSelector(spec.selector),
      mode: readMode(spec.mtls?.mode),
      ...(ports.length > 0 && { portModes: Object.fromEntries(ports) }),
      ...(dryRun === "STRICT" && { isStrictDryRun: true }),
    };
  },
);

function readMode(mode: "UNSET" | MtlsMode | undefined): MtlsMode | undefined {
  return mode === "UNSET" ? undefined : mode;
}
