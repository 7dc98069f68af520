/** Three heddle wires and the thread that the middle one's eye lifts. */
export function HeddleMark({ sizePx = 26 }: { readonly sizePx?: number }) {
  return (
    <svg width={sizePx} height={sizePx} viewBox="0 0 26 26" aria-hidden="true">
      <g fill="none" stroke="var(--accent)" strokeLinecap="round">
        <path d="M5.5 2v22M20.5 2v22" strokeWidth="1.8" opacity="0.5" />
        <path d="M13 2v7.2M13 16.8V24" strokeWidth="1.8" />
        <ellipse cx="13" cy="13" rx="3.1" ry="4.2" strokeWidth="1.9" />
        <path d="M1 15.8c5.5 0 7-1 12-2.8s6.500-3 12-3" strokeWidth="1.9" />
      </g>
    </svg>
  );
}
