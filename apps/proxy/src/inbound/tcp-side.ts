import { serviceFqdn } from "@heddle/mesh";
import { UNKNOWN_PEER } from "../core/traffic-recorder.ts";
import { TcpSeriesTable } from "../transport/tcp-series-table.ts";
import { peerOf } from "../transport/workload-peer.ts";
import type { InboundParts } from "./inbound-parts.ts";
import type { MeshPeer } from "./peer-certificate.ts";

/** Series kept for callers; beyond it the oldest is looked up again when it calls again. */
const MAX_CALLERS = 4_096;

/** What all opaque connections to a workload's app port share. */
export class InboundTcpSide {
  readonly parts: Pick<InboundParts, "workload" | "recorder" | "logger">;
  readonly name: string;
  readonly #series = new Map<string, TcpSeriesTable>();
  #generation = -1;

  constructor(parts: InboundTcpSide["parts"]) {
    this.parts = parts;
    this.name = `${parts.workload.id.namespace}/${parts.workload.id.name}`;
  }

  /** `peer` absent: a plaintext caller at `address`. */
  seriesOf(peer: MeshPeer | undefined, address: string): TcpSeriesTable {
    const { workload, recorder } = this.parts;
    const { generation } = workload.identity;
    if (generation !== this.#generation) {
      this.#generation = generation;
      this.#series.clear();
    }
    const key = peer === undefined ? address : peer.labels.principal;
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    if (this.#series.size >= MAX_CALLERS) {
      const oldest = this.#series.keys().next().value;
      if (oldest !== undefined) this.#series.delete(oldest);
    }
    const service = { namespace: workload.id.namespace, name: workload.service };
    const table = new TcpSeriesTable(recorder, {
      reporter: "destination",
      source: peer?.labels ?? UNKNOWN_PEER,
      destination: peerOf(workload),
      destinationService: serviceFqdn(service),
      destinationServiceName: service.name,
      destinationServiceNamespace: service.namespace,
      security: peer === undefined ? "none" : "mutual_tls",
      ...(peer === undefined && { sourceAddress: address }),
    });
    this.#series.set(key, table);
    return table;
  }
}
