"use client";

import type { WhyResponse } from "@heddle/contracts";
import { Chip } from "../../../ui/chip.tsx";
import { StatusGlyph } from "../../../ui/status-glyph.tsx";
import styles from "./why-card.module.css";

/** What the rules in force say of one request: the verdict, mTLS, then rule by rule what fits and what does not. */
export function WhyCard({ why }: { readonly why: WhyResponse }) {
  const { isAllowed, summary, mtls, rules } = why;
  return (
    <section className={styles.why} aria-label="Why">
      <p className={styles.verdict}>
        <StatusGlyph status={isAllowed ? "healthy" : "failing"} sizePx={13} isBesideWord />
        <b>{isAllowed ? "Now it would pass." : "Now it would be refused."}</b> {summary}
      </p>
      <p className={styles.quiet}>
        mTLS is {mtls.mode}, by{" "}
        {mtls.policy === undefined ? "the default" : `PeerAuthentication ${mtls.policy}`}
        {mtls.isRefused ? ": that alone refuses it." : "."}
      </p>
      {rules.length > 0 && (
        <ol className={styles.rules}>
          {rules.map(({ policy, rule, action, isShadow, isMatch, failed }) => (
            <li key={`${policy} ${rule} ${action}`} className={styles.rule}>
              <span className={styles.head}>
                <Chip tone={action === "DENY" ? "bad" : "neutral"}>{action}</Chip>
                {policy}, rule {rule}
                {isShadow && <Chip tone="accent">shadow</Chip>}
                <span className={isMatch ? styles.match : styles.quiet}>
                  {isMatch ? "matches" : "does not match"}
                </span>
              </span>
              {failed.map(({ field, wanted, seen }) => (
                <span key={field} className={styles.field}>
                  <code>{field}</code> wants {wanted.join(" or ")}, is <b>{seen}</b>
                </span>
              ))}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
