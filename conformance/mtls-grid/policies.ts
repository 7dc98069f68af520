import type { Level, Mode } from "./expected.ts";

/** The mode a level above the one in question says. */
function contraryOf(mode: Mode): Mode {
  return mode === "STRICT" ? "DISABLE" : "STRICT";
}

/**
 * PeerAuthentications that put `mode` on the workload `app: till` at one level alone: the levels above say
 * something else, those below leave it open.
 */
export function policiesAt(level: Level, mode: Mode, appPorts: readonly number[]): string {
  const contrary = contraryOf(mode);
  const at = {
    mesh: [mode, "UNSET", "UNSET", "UNSET"],
    namespace: [contrary, mode, "UNSET", "UNSET"],
    workload: [contrary, contrary, mode, "UNSET"],
    port: [contrary, contrary, contrary, mode],
  } as const;
  const [mesh, namespace, workload, port] = at[level];
  const ports = appPorts.map((number) => `    "${number}": {mode: ${port}}`).join("\n");
  return `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: grid, namespace: istio-system}
spec: {mtls: {mode: ${mesh}}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: grid, namespace: shop}
spec: {mtls: {mode: ${namespace}}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: grid-till, namespace: shop}
spec:
  selector: {matchLabels: {app: till}}
  mtls: {mode: ${workload}}
  portLevelMtls:
${ports}
`;
}
