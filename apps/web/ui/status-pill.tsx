import type { ReactNode } from "react";
import { Chip } from "./chip.tsx";
import { STATUS_TONES, STATUS_WORDS, type Status } from "./status.ts";
import { StatusGlyph } from "./status-glyph.tsx";

/** A state in all three channels: shape, word and colour. `children` replaces the word. */
export function StatusPill({
  status,
  children,
}: {
  readonly status: Status;
  readonly children?: ReactNode;
}) {
  return (
    <Chip
      tone={STATUS_TONES[status]}
      variant="soft"
      icon={<StatusGlyph status={status} isBesideWord />}
    >
      {children ?? STATUS_WORDS[status]}
    </Chip>
  );
}
