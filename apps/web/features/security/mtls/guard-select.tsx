"use client";

import { Shield } from "lucide-react";
import { Select } from "../../../ui/select.tsx";
import { GUARD_CHOICES, type Guard, THRESHOLD_CHOICES } from "./flip-choice.ts";

/** How long a guard watches the flip, and how many refusals it lets pass. */
export function GuardSelect({
  guard,
  onChange,
}: {
  /** `undefined`: no guard. */
  readonly guard: Guard | undefined;
  readonly onChange: (guard: Guard | undefined) => void;
}) {
  return (
    <>
      <Select
        label="Guard"
        caption="Guard"
        icon={<Shield size={14} aria-hidden="true" />}
        choices={GUARD_CHOICES}
        value={String(guard?.windowMs ?? 0)}
        onChange={(value) =>
          onChange(
            value === "0"
              ? undefined
              : { windowMs: Number(value), maxRefusals: guard?.maxRefusals ?? 5 },
          )
        }
      />
      {guard !== undefined && (
        <Select
          label="Taken back after"
          caption="after"
          choices={THRESHOLD_CHOICES}
          value={String(guard.maxRefusals)}
          onChange={(value) => onChange({ ...guard, maxRefusals: Number(value) })}
        />
      )}
    </>
  );
}
