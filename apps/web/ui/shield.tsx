import { useId } from "react";

/** Part never looks like all or none. */
const LEAST_FILL = 0.26;
const MOST_FILL = 0.74;

const OUTLINE = "M6.5 .8l5 1.8v3.8c0 3-2 5.2-5 6.3-3-1.1-5-3.3-5-6.3V2.6z";

export type MtlsShare = "all" | "part" | "none" | "no data";

/** `undefined` (no receiving proxy reported) is not the same as nothing encrypted. */
export function mtlsShare(ratio: number | undefined): MtlsShare {
  if (ratio === undefined) return "no data";
  if (ratio >= 1) return "all";
  return ratio <= 0 ? "none" : "part";
}

const NAMES: Readonly<Record<MtlsShare, string>> = {
  all: "All mTLS",
  part: "Part mTLS",
  none: "Plaintext",
  "no data": "No mTLS data",
};

/** The share of requests that came over mutual TLS, 0–1. */
export function Shield({
  ratio,
  sizePx = 14,
  isBesideWord = false,
}: {
  readonly ratio: number | undefined;
  readonly sizePx?: number;
  readonly isBesideWord?: boolean;
}) {
  return (
    <svg
      width={sizePx}
      height={sizePx}
      viewBox="0 0 13 13.4"
      style={{ flex: "none", display: "inline-block", verticalAlign: "-0.15em" }}
      {...(isBesideWord
        ? { "aria-hidden": true }
        : { role: "img", "aria-label": NAMES[mtlsShare(ratio)] })}
    >
      <ShieldPaths ratio={ratio} />
    </svg>
  );
}

/** The same shape for use inside another drawing; 13 × 13.4 units. */
export function ShieldPaths({ ratio }: { readonly ratio: number | undefined }) {
  const clipId = useId();
  const share = mtlsShare(ratio);
  if (share === "all") {
    return (
      <>
        <path d={OUTLINE} fill="var(--ok-thread)" />
        <path
          d="M4.1 6.6l1.8 1.8 3.1-3.5"
          fill="none"
          stroke="var(--surface)"
          strokeWidth="1.4"
          strokeLinecap="round"
          strokeLinejoin="round"
        />
      </>
    );
  }
  if (share === "part") {
    const fill = Math.min(Math.max(ratio ?? 0, LEAST_FILL), MOST_FILL);
    return (
      <>
        <clipPath id={clipId}>
          <rect x="0" y={12.7 - 11.9 * fill} width="13" height="13" />
        </clipPath>
        <path d={OUTLINE} fill="var(--warn-thread)" clipPath={`url(#${clipId})`} />
        <path d={OUTLINE} fill="none" stroke="var(--warn-thread)" strokeWidth="1.2" />
      </>
    );
  }
  const ink = share === "none" ? "var(--warn-thread)" : "var(--idle-thread)";
  return (
    <>
      <path
        d={OUTLINE}
        fill="none"
        stroke={ink}
        strokeWidth="1.2"
        strokeDasharray={share === "none" ? undefined : "1.8 1.5"}
      />
      {share === "none" && (
        <path d="M1.6 12L11.4 1.2" stroke={ink} strokeWidth="1.3" strokeLinecap="round" />
      )}
    </>
  );
}
