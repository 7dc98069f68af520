"use client";
import type { Canary, GraphNode } from "@heddle/contracts";
import { History, Link2, Route, ShieldCheck, Split, Undo2 } from "lucide-react";
import { Button, ButtonLink } from "../../ui/button.tsx";
import { COPY_WORDS, CodeLine, useCopy } from "../../ui/code-line.tsx";
import styles from "./panels.module.css";

/** What one can do about the selected thing: the likely remedy first, then where to look on, and its CLI line. */
export function PanelActs({
  node,
  canary,
  mtlsRatio,
}: {
  readonly node: GraphNode | undefined;
  readonly canary: Canary | undefined;
  readonly mtlsRatio: number | undefined;
}) {
  const [copied, copy] = useCopy();
  const service = node?.service;
  const isPlaintext = mtlsRatio !== undefined && mtlsRatio < 1;
  const rollout =
    canary &&
    `/rollouts/${encodeURIComponent(canary.namespace)}/${encodeURIComponent(canary.service)}`;
  return (
    <div className={styles.acts}>
      <div className={styles.main}>
        {canary !== undefined && rollout !== undefined && canary.canary.share > 0 && (
          <ButtonLink
            kind="danger-soft"
            href={`${rollout}?act=rollback`}
            icon={<Undo2 size={15} />}
          >
            Roll back {canary.canary.version ?? canary.canary.subset}
          </ButtonLink>
        )}
        {rollout !== undefined && (
          <ButtonLink href={rollout} icon={<Split size={15} />}>
            Compare versions
          </ButtonLink>
        )}
        {isPlaintext && node?.workload !== undefined && (
          <ButtonLink
            href={`/security?open=${encodeURIComponent(`${node.namespace}/${node.workload}`)}`}
            icon={<ShieldCheck size={15} />}
          >
            Plaintext callers
          </ButtonLink>
        )}
      </div>
      <CodeLine
        command={`heddle graph --view workload${node?.namespace ? ` -n ${node.namespace}` : ""}`}
      />
      <div className={styles.more}>
        {service !== undefined && (
          <>
            <ButtonLink
              kind="ghost"
              size="toolbar"
              href={`/rules?q=${encodeURIComponent(service)}`}
              icon={<Route size={15} />}
            >
              Rules
            </ButtonLink>
            <ButtonLink
              kind="ghost"
              size="toolbar"
              href={`/history?q=${encodeURIComponent(service)}`}
              icon={<History size={15} />}
            >
              Changes
            </ButtonLink>
          </>
        )}
        <Button
          kind="ghost"
          size="toolbar"
          icon={<Link2 size={15} />}
          onClick={() => copy(window.location.href)}
        >
          {copied === undefined ? "Copy link" : COPY_WORDS[copied]}
        </Button>
      </div>
    </div>
  );
}
