import type { EventCounter } from "../core/traffic-recorder.ts";
import type { OutboundParts } from "./outbound-parts.ts";

type CountedName =
  | "heddle_retries_total"
  | "heddle_mirrored_requests_total"
  | "heddle_faults_total"
  | "heddle_bypassed_total";

/** Heddle's own counters of a workload's way out, by service, workload (if one was chosen) and outcome. */
export class EventCounts {
  readonly #side: { readonly parts: Pick<OutboundParts, "recorder" | "workload"> };
  readonly #counters = new Map<string, EventCounter>();

  constructor(side: { readonly parts: Pick<OutboundParts, "recorder" | "workload"> }) {
    this.#side = side;
  }

  add(
    name: CountedName,
    service: { readonly namespace: string; readonly name: string },
    outcome: string,
    to?: { readonly namespace: string; readonly name: string },
  ): void {
    const called = `${service.namespace}/${service.name} ${to?.namespace}/${to?.name}`;
    const key = `${name} ${called} ${outcome}`;
    let counter = this.#counters.get(key);
    if (counter === undefined) {
      const { recorder, workload } = this.#side.parts;
      counter = recorder.counter(name, {
        source_workload: workload.id.name,
        source_workload_namespace: workload.id.namespace,
        destination_service_name: service.name,
        destination_service_namespace: service.namespace,
        ...(to && { destination_workload: to.name, destination_workload_namespace: to.namespace }),
        outcome,
      });
      this.#counters.set(key, counter);
    }
    counter.add(1);
  }
}
