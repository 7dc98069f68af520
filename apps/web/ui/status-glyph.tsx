import { STATUS_TONES, STATUS_WORDS, type Status } from "./status.ts";

/**
 * A state as a shape, so that it reads without colour: circle with tick, triangle, diamond with cross,
 * ring, dashed ring with "?", two bars. Named for screen readers unless a word stands beside it.
 */
export function StatusGlyph({
  status,
  sizePx = 12,
  isBesideWord = false,
}: {
  readonly status: Status;
  readonly sizePx?: number;
  readonly isBesideWord?: boolean;
}) {
  return (
    <svg
      width={sizePx}
      height={sizePx}
      viewBox="0 0 12 12"
      style={{ flex: "none", display: "inline-block", verticalAlign: "-0.12em" }}
      {...(isBesideWord
        ? { "aria-hidden": true }
        : { role: "img", "aria-label": STATUS_WORDS[status] })}
    >
      <StatusGlyphPaths status={status} />
    </svg>
  );
}

/** The same shape for use inside another drawing; 12 × 12 units. */
export function StatusGlyphPaths({
  status,
  ink = `var(--${STATUS_TONES[status]}-thread)`,
  ground = "var(--surface)",
}: {
  readonly status: Status;
  readonly ink?: string;
  readonly ground?: string;
}) {
  const mark = {
    fill: "none",
    stroke: ground,
    strokeWidth: 1.5,
    strokeLinecap: "round",
    strokeLinejoin: "round",
  } as const;
  switch (status) {
    case "healthy":
      return (
        <>
          <circle cx="6" cy="6" r="5.5" fill={ink} />
          <path d="M3.6 6.2l1.7 1.7 3.2-3.6" {...mark} />
        </>
      );
    case "degraded":
      return (
        <>
          <path
            d="M6 .9L11.6 11H.4z"
            fill={ink}
            stroke={ink}
            strokeWidth="0.8"
            strokeLinejoin="round"
          />
          <path d="M6 4.6v2.7M6 9.1v.1" {...mark} />
        </>
      );
    case "failing":
      return (
        <>
          <path
            d="M6 .3L11.7 6 6 11.7.3 6z"
            fill={ink}
            stroke={ink}
            strokeWidth="0.6"
            strokeLinejoin="round"
          />
          <path d="M4.4 4.4l3.2 3.2M7.6 4.4L4.4 7.6" {...mark} strokeWidth={1.3} />
        </>
      );
    case "idle":
      return <circle cx="6" cy="6" r="4.6" fill="none" stroke={ink} strokeWidth="1.5" />;
    case "unknown":
      return (
        <>
          <circle
            cx="6"
            cy="6"
            r="5.2"
            fill="none"
            stroke={ink}
            strokeWidth="1.2"
            strokeDasharray="2 1.6"
          />
          <path
            d="M4.8 4.9c0-1.7 2.5-1.6 2.5-.1 0 1-1.3.9-1.3 2M6 8.5v.1"
            fill="none"
            stroke={ink}
            strokeWidth="1.1"
            strokeLinecap="round"
          />
        </>
      );
    default: // tcp
      return (
        <>
          <rect x="0.5" y="2.2" width="11" height="2.8" rx="0.8" fill={ink} />
          <rect x="0.5" y="7" width="11" height="2.8" rx="0.8" fill={ink} />
        </>
      );
  }
}
