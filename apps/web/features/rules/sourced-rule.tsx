import type { ResourceDocument } from "@heddle/contracts";
import Link from "next/link";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { PageFrame } from "../../ui/page-frame.tsx";
import { ruleHref } from "./rule-href.ts";
import { describeOrigin } from "./rule-rows.ts";
import styles from "./sourced-rule.module.css";

/** A document that a source of the registry names: to be read here, and changed where it comes from. */
export function SourcedRule({ document }: { readonly document: ResourceDocument }) {
  const { kind, namespace, name, yaml, origin } = document;
  const from = origin === undefined ? "" : describeOrigin(origin);
  const [sort = "", subject = ""] = origin?.source.split(" ") ?? [];
  return (
    <PageFrame
      title={name}
      status={
        <>
          <Chip>{kind}</Chip> <span>in {namespace}, read only</span>
        </>
      }
    >
      <Card
        title={`From ${from}`}
        caption={
          sort === "dns" ? (
            <>
              answers to{" "}
              <Link
                href={ruleHref({ kind: "DnsSource", namespace, name: subject.split("/")[1] ?? "" })}
              >
                the DnsSource {subject}
              </Link>
            </>
          ) : (
            "changed in its file; a document of this kind and name that is applied goes before it"
          )
        }
      >
        <pre className={styles.yaml}>{yaml}</pre>
      </Card>
    </PageFrame>
  );
}
