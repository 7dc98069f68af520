"use client";

import Link from "next/link";
import { useSearchParams } from "next/navigation";
import { useReadOnlyReason } from "../../lib/queries/use-me.ts";
import { useWorkloads } from "../../lib/queries/use-mesh-state.ts";
import { Card } from "../../ui/card.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { PageFrame } from "../../ui/page-frame.tsx";
import { Select } from "../../ui/select.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { useLivePage } from "../session/use-live-page.ts";
import { useUrlValue } from "../session/use-url-value.ts";
import styles from "./new-rule-page.module.css";
import { RuleEditor } from "./rule-editor.tsx";
import { ruleHref } from "./rule-href.ts";
import { useResources } from "./rule-queries.ts";
import { findTemplate, RULE_TEMPLATES, type TemplateTarget } from "./rule-templates.ts";
import { editRule, readRule } from "./rule-yaml.ts";

/** A rule begun from a template, for a service; without one, which templates there are. */
export function NewRulePage() {
  const search = useSearchParams();
  const workloads = useWorkloads();
  const resources = useResources();
  useLivePage();
  const [chosen, setChosen] = useUrlValue("service");
  const readOnlyReason = useReadOnlyReason();
  const template = findTemplate(search.get("template") ?? undefined);
  const services = targetsOf(workloads.data?.workloads ?? []);
  const service = chosen ?? Object.keys(services)[0];
  const target = (service === undefined ? undefined : services[service]) ?? unknownTarget(service);
  if (workloads.isPending || resources.isPending) {
    return (
      <PageFrame title="New rule">
        <Skeleton heightPx={320} waitsFor="the control plane" />
      </PageFrame>
    );
  }
  if (template !== undefined) {
    const id = `new/${template.id}/${target.namespace}/${target.service}`;
    const yaml = template.yaml(target);
    return <RuleEditor key={id} id={id} opened={undefined} stands={{ yaml, revision: 0 }} />;
  }
  const copied = resources.data?.resources.find(
    ({ kind, namespace, name }) => `${kind}/${namespace}/${name}` === search.get("copy"),
  );
  if (copied !== undefined) {
    const taken = new Set(
      resources.data?.resources.filter(({ kind }) => kind === copied.kind).map(({ name }) => name),
    );
    const id = `new/copy/${copied.kind}/${copied.namespace}/${copied.name}`;
    const yaml = editRule(copied.yaml, [
      { path: ["metadata", "name"], value: freeName(`${copied.name}-copy`, taken) },
    ]);
    return <RuleEditor key={id} id={id} opened={undefined} stands={{ yaml, revision: 0 }} />;
  }
  return (
    <PageFrame
      title="New rule"
      status="Begin from a template; nothing takes effect before you apply it."
    >
      {readOnlyReason !== undefined && <p className={styles.readOnly}>{readOnlyReason}</p>}
      {workloads.isError && (
        <ErrorPart
          title="The services are missing"
          detail={workloads.error.message}
          onRetry={() => void workloads.refetch()}
        />
      )}
      {Object.keys(services).length > 0 && (
        <div>
          <Select
            label="For which service"
            caption="For"
            choices={Object.keys(services).map((one) => ({ value: one, label: one }))}
            value={service ?? ""}
            onChange={(value) => setChosen(value)}
          />
        </div>
      )}
      <ul className={styles.templates}>
        {RULE_TEMPLATES.map((one) => {
          const rule = readRule(one.yaml(target));
          const identity = rule.kind === "rule" ? rule.identity : undefined;
          const existing =
            identity &&
            resources.data?.resources.find(
              ({ kind, namespace, name }) =>
                kind === identity.kind &&
                namespace === identity.namespace &&
                name === identity.name,
            );
          const query = new URLSearchParams({ template: one.id, service: service ?? "" });
          return (
            <li key={one.id}>
              <Card className={styles.card}>
                <h2>
                  <Link href={`/rules/new?${query}`}>{one.title}</Link>
                </h2>
                <p className={styles.kind}>{one.kind}</p>
                <p className={styles.words}>{one.words}</p>
                {existing !== undefined && (
                  <p className={styles.existing}>
                    <StatusGlyph status="degraded" isBesideWord /> There is one already:{" "}
                    <Link href={ruleHref(existing)}>edit {existing.name}</Link>
                  </p>
                )}
              </Card>
            </li>
          );
        })}
      </ul>
    </PageFrame>
  );
}

/** The services of the registry with the versions that run, by `namespace/name`. */
function targetsOf(
  workloads: readonly {
    readonly namespace: string;
    readonly service: string;
    readonly version?: string | undefined;
  }[],
): Readonly<Record<string, TemplateTarget>> {
  const groups = Map.groupBy(workloads, ({ namespace, service }) => `${namespace}/${service}`);
  return Object.fromEntries(
    [...groups]
      .sort(([a], [b]) => byNumber(a, b))
      .map(([id, members]) => {
        const versions = members.flatMap(({ version }) => version ?? []).sort(byNumber);
        const [{ namespace, service } = { namespace: "default", service: id }] = members;
        return [id, { namespace, service, versions: versions.length === 0 ? ["v1"] : versions }];
      }),
  );
}

function freeName(wanted: string, taken: ReadonlySet<string>): string {
  let name = wanted;
  for (let count = 2; taken.has(name); count += 1) name = `${wanted}-${count}`;
  return name;
}

function unknownTarget(id: string | undefined): TemplateTarget {
  const [namespace, service] = id?.split("/") ?? [];
  return { namespace: namespace ?? "default", service: service || "catalog", versions: ["v1"] };
}

function byNumber(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}
