"use client";

import { Select } from "../../ui/select.tsx";
import { faultEdit, type RouteForm } from "./http-routes.ts";
import type { YamlEdit } from "./rule-yaml.ts";
import { Field, TextField } from "./text-field.tsx";

/** The failure a route makes on purpose: an answer or a delay, and for which share of its requests. */
export function FaultFields({
  route,
  isOff,
  onEdit,
}: {
  readonly route: RouteForm;
  readonly isOff: boolean;
  readonly onEdit: (edits: readonly YamlEdit[]) => void;
}) {
  const { fault } = route;
  const set = (next: Partial<typeof fault>) => onEdit(faultEdit(route, { ...fault, ...next }));
  const isHere = fault.kind === "abort" || fault.kind === "delay";
  return (
    <>
      <Field label="Fault">
        {isOff || fault.kind === "both" ? (
          <span>{FAULT_WORDS[fault.kind]}</span>
        ) : (
          <Select
            label={`Fault of route ${route.name || route.index + 1}`}
            choices={FAULTS}
            value={fault.kind}
            onChange={(kind) => set({ kind, percent: fault.kind === "none" ? 10 : fault.percent })}
          />
        )}
      </Field>
      {isHere && (
        <TextField
          label="Of requests, %"
          value={String(fault.percent)}
          placeholder="100"
          isOff={isOff}
          inputMode="decimal"
          onCommit={(value) => {
            const percent = Number(value);
            if (percent >= 0 && percent <= 100) set({ percent });
          }}
        />
      )}
      {fault.kind === "abort" && (
        <TextField
          label="Answer"
          value={String(fault.status)}
          placeholder="503"
          isOff={isOff}
          inputMode="numeric"
          onCommit={(value) => /^[1-5]\d\d$/.test(value) && set({ status: Number(value) })}
        />
      )}
      {fault.kind === "delay" && (
        <TextField
          label="Delay"
          value={fault.delay}
          placeholder="1s"
          isOff={isOff}
          onCommit={(value) => value !== "" && set({ delay: value })}
        />
      )}
    </>
  );
}

const FAULT_WORDS = {
  none: "None",
  abort: "Abort",
  delay: "Delay",
  both: "Abort and delay: in the YAML",
} as const;
const FAULTS = (["none", "abort", "delay"] as const).map((value) => ({
  value,
  label: FAULT_WORDS[value],
}));
