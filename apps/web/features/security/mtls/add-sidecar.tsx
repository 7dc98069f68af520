import type { PreflightCaller } from "@heddle/contracts";
import { CodeLine } from "../../../ui/code-line.tsx";
import styles from "./add-sidecar.module.css";

/** How this caller comes to speak mTLS: by a sidecar, or by using the one it has. */
export function AddSidecar({ caller }: { readonly caller: PreflightCaller }) {
  const { names, namespace, workload } = caller;
  const [only] = names;
  if (names.length === 1 && only?.kind === "workload") {
    return (
      <div className={styles.advice}>
        <p>
          {only.name} has a sidecar, but this call goes around it. Send it through the outbound
          port: as HTTP proxy, or to the service's own name.
        </p>
        <CodeLine command={`heddle proxy-config ${only.namespace}/${only.name} endpoints`} />
      </div>
    );
  }
  const name = names.length === 1 && only ? only.name : "NAME";
  return (
    <div className={styles.advice}>
      <p>
        Start it with this before its own command; its calls to {workload} then carry its identity.
        {names.length !== 1 && " Put in its name: nobody has told the mesh who it is."}
      </p>
      <CodeLine
        command={`npx heddle run --service ${name} --namespace ${only?.namespace ?? namespace} -- COMMAND`}
      />
    </div>
  );
}
