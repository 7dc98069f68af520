"use client";

import type { AuthorityState, IdentityResponse } from "@heddle/contracts";
import { formatCount } from "../../../lib/numbers.ts";
import { Card } from "../../../ui/card.tsx";
import { Chip, type Tone } from "../../../ui/chip.tsx";
import { Table, Td, Th, Tr } from "../../../ui/table.tsx";
import styles from "./authority-card.module.css";
import { LifeBar } from "./life-bar.tsx";

const STATES = {
  next: { tone: "accent", words: "next", title: "trusted already, does not sign yet" },
  signing: { tone: "ok", words: "signing", title: "signs what is issued now" },
  leaving: {
    tone: "warn",
    words: "leaving",
    title: "signs no more; what it signed is still believed",
  },
  retired: { tone: "idle", words: "retired", title: "believed by nobody any more" },
} as const satisfies Record<AuthorityState["state"], { tone: Tone; words: string; title: string }>;

const KEYS: Readonly<Record<AuthorityState["key"], string>> = {
  sealed: "sealed in the database",
  files: "in files from outside",
  none: "nowhere any more",
};

/** The certificates that sign others, with what is left of each, and the roots of other trust domains. */
export function AuthorityCard({
  identity,
  nowMs,
}: {
  readonly identity: IdentityResponse;
  readonly nowMs: number;
}) {
  const foreign = identity.foreignBundles.flatMap(({ trustDomain, roots }) =>
    roots.map((root) => ({ trustDomain, ...root })),
  );
  return (
    <Card title="Authorities" isFlush>
      <Table label="Authorities">
        <thead>
          <tr>
            <Th>Authority</Th>
            <Th>State</Th>
            <Th>Time left</Th>
            <Th className={styles.wideOnly}>Key</Th>
            <Th isNumber className={styles.wideOnly}>
              Certificates in use
            </Th>
            <Th className={styles.wideOnly}>Fingerprint</Th>
          </tr>
        </thead>
        <tbody>
          {identity.authorities.map((authority) => (
            <Row key={authority.id} authority={authority} nowMs={nowMs} />
          ))}
          {foreign.map(({ trustDomain, subject, fingerprint, notAfterMs }) => (
            <Tr key={fingerprint}>
              <Td>
                <b className={styles.name}>{subject}</b>{" "}
                <span className={styles.quiet}>root of {trustDomain}</span>
              </Td>
              <Td>
                <Chip>trusted</Chip>
              </Td>
              <Td>
                <LifeBar notBeforeMs={nowMs} notAfterMs={notAfterMs} nowMs={nowMs} />
              </Td>
              <Td className={styles.wideOnly}>elsewhere</Td>
              <Td className={styles.wideOnly} />
              <Td className={styles.wideOnly}>
                <Fingerprint text={fingerprint} />
              </Td>
            </Tr>
          ))}
        </tbody>
      </Table>
    </Card>
  );
}

function Row({ authority, nowMs }: { readonly authority: AuthorityState; readonly nowMs: number }) {
  const { tone, words, title } = STATES[authority.state];
  return (
    <Tr>
      <Td>
        <b className={styles.name} title={`serial ${authority.serialNumber}`}>
          {authority.subject}
        </b>{" "}
        <span className={styles.quiet}>
          {authority.role} {authority.id}
          {authority.parentId !== undefined && `, by root ${authority.parentId}`}
        </span>
      </Td>
      <Td>
        <span title={title}>
          <Chip tone={tone}>{words}</Chip>
        </span>
      </Td>
      <Td>
        <LifeBar
          notBeforeMs={authority.notBeforeMs}
          notAfterMs={authority.notAfterMs}
          nowMs={nowMs}
        />
      </Td>
      <Td className={styles.wideOnly}>{KEYS[authority.key]}</Td>
      <Td isNumber className={styles.wideOnly}>
        {formatCount(authority.certificatesInUse)}
      </Td>
      <Td className={styles.wideOnly}>
        <Fingerprint text={authority.fingerprint} />
      </Td>
    </Tr>
  );
}

function Fingerprint({ text }: { readonly text: string }) {
  return (
    <code className={styles.quiet} title={`SHA-256 ${text}`}>
      {text.slice(0, 16)}…
    </code>
  );
}
