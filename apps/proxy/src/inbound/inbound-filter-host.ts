import type { FilterDestination, FilterPeer } from "@heddle/filter-api";
import type { RequestParser } from "@heddle/http1";
import type { FilterHost } from "../filters/filter-context.ts";
import type { InboundCaller } from "./inbound-caller.ts";
import type { InboundSide } from "./inbound-side.ts";

/** What inbound filters are told of a connection's requests; every one of them goes to the app. */
export class InboundFilterHost implements FilterHost {
  readonly request: RequestParser;
  readonly recorder: FilterHost["recorder"];
  readonly logger: FilterHost["logger"];
  readonly peer: FilterPeer;
  readonly route = undefined;
  readonly destination: FilterDestination;

  constructor(request: RequestParser, { parts, name }: InboundSide, caller: InboundCaller) {
    const { workload } = parts;
    const labels = caller.peer?.labels;
    this.request = request;
    this.recorder = parts.recorder;
    this.logger = parts.logger;
    this.peer = {
      identity: labels?.principal,
      workload: labels && `${labels.namespace}/${labels.workload}`,
      address: caller.address,
    };
    this.destination = {
      service: `${workload.id.namespace}/${workload.service}`,
      workload: name,
      version: workload.version,
      subset: undefined,
    };
  }
}
