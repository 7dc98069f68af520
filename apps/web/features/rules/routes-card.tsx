import type { PreviewResponse, RouteLine } from "@heddle/contracts";
import { formatNumber, formatShare, UNIT_SPACE } from "../../lib/numbers.ts";
import { Card } from "../../ui/card.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { Table, Td, Th, Tr } from "../../ui/table.tsx";
import styles from "./preview-cards.module.css";

/** Where each kind of request goes now, and where it would go. */
export function RoutesCard({ preview }: { readonly preview: PreviewResponse }) {
  const services = preview.services.filter(({ lines }) => lines.length > 0);
  const other = preview.services.flatMap(({ service, otherChanges }) =>
    otherChanges.map((change) => `${service.name}: ${change}`),
  );
  return (
    <Card title="Routes, before and after" caption="as the proxies will decide" isFlush>
      {services.length === 0 && (
        <p className={styles.none}>
          {preview.changes.length === 0
            ? "Nothing differs from what is in force."
            : "No request takes another way."}
        </p>
      )}
      {services.map(({ service, source, lines }) => (
        <section key={`${service.namespace}/${service.name} ${JSON.stringify(source ?? "")}`}>
          {(services.length > 1 || source !== undefined) && (
            <h3 className={styles.service}>
              {service.namespace}/{service.name}
              {source !== undefined && <span> for some of its callers</span>}
            </h3>
          )}
          <Table label={`Routes of ${service.name}, before and after`}>
            <thead>
              <tr>
                <Th>Request</Th>
                <Th>Goes to</Th>
                <Th isNumber>Before</Th>
                <Th isNumber>After</Th>
                <Th isNumber>Change</Th>
              </tr>
            </thead>
            <tbody>
              {lines.map((line, index) => (
                <Line
                  key={index}
                  line={line}
                  isFirst={line.request !== lines[index - 1]?.request}
                />
              ))}
            </tbody>
          </Table>
        </section>
      ))}
      {other.length > 0 && <p className={styles.none}>Also: {other.join("; ")}.</p>}
      {services.some(({ lines }) => lines.some(({ isApproximate }) => isApproximate === true)) && (
        <p className={styles.none}>≈ as the sampled requests fell; routes overlap.</p>
      )}
    </Card>
  );
}

const HARMS: ReadonlySet<RouteLine["fate"]> = new Set([
  "denied",
  "not-found",
  "fault",
  "timed-out",
  "no-endpoints",
  "rate-limited",
]);

function Line({ line, isFirst }: { readonly line: RouteLine; readonly isFirst: boolean }) {
  const { beforePerSecond: was, afterPerSecond: will } = line;
  const change = was === undefined && will === undefined ? undefined : (will ?? 0) - (was ?? 0);
  const isHarm = HARMS.has(line.fate);
  const sign = line.isApproximate ? "≈\u00a0" : "";
  return (
    <Tr>
      <Td className={styles.request} title={`route ${line.route}, ${line.change}`}>
        {isFirst && <code>{line.request}</code>}
      </Td>
      <Td>
        <span className={isHarm ? styles.harm : undefined}>
          {isHarm && <StatusGlyph status="failing" isBesideWord />} {line.goesTo}
        </span>
      </Td>
      <Td isNumber>
        <span className={styles.quiet}>{side(line.beforeText, line.beforeRatio, sign)}</span>
      </Td>
      <Td isNumber>
        <b>{side(line.afterText, line.afterRatio, sign)}</b>
      </Td>
      <Td isNumber>
        <span className={isHarm && (change ?? 0) > 0 ? styles.harm : undefined}>
          {change === undefined ? "no data" : changeWords(change)}
        </span>
      </Td>
    </Tr>
  );
}

function side(text: string | undefined, ratio: number | undefined, sign: string): string {
  return text ?? (ratio === undefined ? "–" : `${sign}${formatShare(ratio)}`);
}

function changeWords(perSecond: number): string {
  if (Math.abs(perSecond) < 0.005) return "0";
  return `${perSecond > 0 ? "+" : ""}${formatNumber(perSecond)}${UNIT_SPACE}rps`;
}
