"use client";

import type { IssuedCertificateState, RevocationRequest } from "@heddle/contracts";
import { Ban } from "lucide-react";
import { useState } from "react";
import { Button } from "../../../ui/button.tsx";
import { CodeLine } from "../../../ui/code-line.tsx";
import { ErrorPart } from "../../../ui/error-part.tsx";
import { Segmented } from "../../../ui/segmented.tsx";
import { useAdminReason } from "../use-admin-reason.ts";
import { useRevoke } from "./identity-queries.ts";
import styles from "./revoke-panel.module.css";

type Reach = "certificate" | "workload" | "proxy";

/** Takes one certificate, all of a workload's, or a whole proxy out of trust; says why, since it stays for good. */
export function RevokePanel({
  certificate,
  onClose,
}: {
  readonly certificate: IssuedCertificateState;
  readonly onClose: () => void;
}) {
  const { serialNumber, workload, proxyId, proxyName } = certificate;
  const [reach, setReach] = useState<Reach>("certificate");
  const [reason, setReason] = useState("");
  const revoke = useRevoke();
  const adminReason = useAdminReason(reach === "proxy" ? "*" : workload?.namespace);
  const choices = [
    { value: "certificate", label: "This certificate" },
    ...(workload === undefined
      ? []
      : [{ value: "workload", label: `All of ${workload.name}` } as const]),
    { value: "proxy", label: `Proxy ${proxyName}` },
  ] as const;
  const target: Omit<RevocationRequest, "reason"> =
    reach === "certificate"
      ? { serialNumber }
      : reach === "proxy"
        ? { proxyId }
        : { workload: `${workload?.namespace}/${workload?.name}` };
  return (
    <form
      className={styles.panel}
      onSubmit={(event) => {
        event.preventDefault();
        if (adminReason === undefined && reason.trim() !== "")
          revoke.mutate({ ...target, reason: reason.trim() }, { onSuccess: onClose });
      }}
      onKeyDown={(event) => event.key === "Escape" && onClose()}
    >
      <Segmented label="What is revoked" choices={choices} value={reach} onChange={setReach} />
      <p className={styles.words}>{CONSEQUENCES[reach]}</p>
      <label className={styles.reason}>
        <span>Why</span>
        <input
          autoFocus
          value={reason}
          maxLength={500}
          placeholder="host-b was lost"
          onChange={(event) => setReason(event.target.value)}
        />
      </label>
      {revoke.isError && <ErrorPart title="Nothing was revoked" detail={revoke.error.message} />}
      <div className={styles.acts}>
        <Button
          type="submit"
          kind="danger"
          icon={<Ban size={15} />}
          isPending={revoke.isPending}
          disabledReason={adminReason ?? (reason.trim() === "" ? "Say why first." : undefined)}
        >
          {ACTS[reach]}
        </Button>
        <Button onClick={onClose}>Keep it</Button>
      </div>
      <CodeLine command={commandOf(reach, certificate)} />
    </form>
  );
}

const ACTS: Readonly<Record<Reach, string>> = {
  certificate: "Revoke this certificate",
  workload: "Revoke all of the workload's",
  proxy: "Put the proxy out",
};

const CONSEQUENCES: Readonly<Record<Reach, string>> = {
  certificate: "Peers refuse it at once; its workload gets another one at once.",
  workload: "Peers refuse all of them at once; its proxies get others at once. No request is lost.",
  proxy:
    "Peers refuse every certificate it holds, its stream is closed, and it may not come back under this id. Its workloads stop serving.",
};

function commandOf(
  reach: Reach,
  { serialNumber, workload, proxyId }: IssuedCertificateState,
): string {
  const target = {
    certificate: `--serial ${serialNumber}`,
    workload: `--workload ${workload?.namespace}/${workload?.name}`,
    proxy: `--proxy ${proxyId}`,
  }[reach];
  return `heddle ca revoke ${target} --reason "…"`;
}
