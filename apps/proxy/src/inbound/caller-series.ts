import { serviceFqdn } from "@heddle/mesh";
import { type PairLabels, UNKNOWN_PEER } from "../core/traffic-recorder.ts";
import { parseClaim } from "../transport/claimed-peer.ts";
import { peerOf } from "../transport/workload-peer.ts";
import type { InboundParts } from "./inbound-parts.ts";
import type { MeshPeer } from "./peer-certificate.ts";

/** Series tables kept for callers; beyond it the oldest is made again when it calls again. */
const MAX_CALLERS = 4_096;

/** One workload's series inwards, of requests or of opaque connections: a table by who calls. */
export class CallerSeries<Table> {
  readonly #workload: InboundParts["workload"];
  readonly #make: (labels: PairLabels) => Table;
  readonly #byCaller = new Map<string, Table>();
  #generation = -1;

  constructor(workload: InboundParts["workload"], make: (labels: PairLabels) => Table) {
    this.#workload = workload;
    this.#make = make;
  }

  /** `peer` absent: a plaintext caller at `address`, or who it claims to be. */
  of(peer: MeshPeer | undefined, address: string, claim?: string): Table {
    const workload = this.#workload;
    const { generation } = workload.identity;
    if (generation !== this.#generation) {
      this.#generation = generation;
      this.#byCaller.clear();
    }
    const key = peer === undefined ? (claim ?? address) : peer.labels.principal;
    const known = this.#byCaller.get(key);
    if (known !== undefined) return known;
    if (this.#byCaller.size >= MAX_CALLERS) {
      const oldest = this.#byCaller.keys().next().value;
      if (oldest !== undefined) this.#byCaller.delete(oldest);
    }
    const service = { namespace: workload.id.namespace, name: workload.service };
    const labels = peer?.labels ?? (claim === undefined ? undefined : parseClaim(claim));
    const table = this.#make({
      reporter: "destination",
      source: labels ?? UNKNOWN_PEER,
      destination: peerOf(workload),
      destinationService: serviceFqdn(service),
      destinationServiceName: service.name,
      destinationServiceNamespace: service.namespace,
      security: peer === undefined ? "none" : "mutual_tls",
      ...(labels === undefined && { sourceAddress: address }),
    });
    this.#byCaller.set(key, table);
    return table;
  }
}
