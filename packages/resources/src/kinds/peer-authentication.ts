import { z } from "zod";
import type { PeerAuthenticationDocument } from "../documents/policy-documents.ts";
import { fields, labels, metadata, unserved } from "./fields.ts";

const MODES = ["UNSET", "DISABLE", "PERMISSIVE", "STRICT"] as const;
const mode = z.enum(MODES, { error: `expected one of ${MODES.join(", ")}` });

const spec = fields({
  selector: fields({ matchLabels: labels.optional() }).optional(),
  mtls: fields({ mode: mode.default("UNSET") }).optional(),
  portLevelMtls: unserved("the mode holds for the workload's one port"),
});

export const PeerAuthenticationSchema = z
  .object({ metadata, spec: spec.default({}) })
  .transform(({ metadata: { namespace, name }, spec }): PeerAuthenticationDocument => {
    const matchLabels = spec.selector?.matchLabels ?? {};
    const mode = spec.mtls?.mode ?? "UNSET";
    return {
      kind: "PeerAuthentication",
      namespace,
      name,
      selector: Object.keys(matchLabels).length === 0 ? undefined : matchLabels,
      mode: mode === "UNSET" ? undefined : mode,
    };
  });
