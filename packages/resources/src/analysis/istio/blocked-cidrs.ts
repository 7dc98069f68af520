import { keyOf } from "../analysis-document.ts";
import type { Analyzer } from "../analyzer.ts";
import { listAt, textAt } from "../fields.ts";

const VARIABLE = "BLOCKED_CIDRS_IN_JWKS_URIS";

/** IST0175: istiod fetches keys for RequestAuthentications without being kept from internal addresses. */
export const checkBlockedCidrs: Analyzer = (mesh, report) => {
  const asking = mesh.of("RequestAuthentication").map(keyOf);
  if (asking.length === 0) return;
  for (const document of mesh.of("Deployment")) {
    if (document.labels["app"] !== "istiod") continue;
    const isSet = listAt(document.spec, "template", "spec", "containers").some((container) =>
      listAt(container, "env").some(
        (one) => textAt(one, "name") === VARIABLE && textAt(one, "value") !== "",
      ),
    );
    if (isSet) continue;
    const shown = asking.slice(0, 5).join(", ");
    const more = asking.length > 5 ? `, and ${asking.length - 5} more` : "";
    const why = `${VARIABLE} is not set, and there are ${asking.length} RequestAuthentications (${shown}${more})`;
    report(document, "IST0175", { why });
  }
};
