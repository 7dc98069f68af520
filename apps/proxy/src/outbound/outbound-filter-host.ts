import type { FilterDestination, FilterPeer } from "@heddle/filter-api";
import { formatId } from "@heddle/mesh";
import type { FilterHost } from "../filters/filter-context.ts";
import type { OutboundRequest } from "./outbound-request.ts";
import type { OutboundSide } from "./outbound-side.ts";

/** Apps reach their sidecar over loopback alone. */
const APP_ADDRESS = "127.0.0.1";

/** What outbound filters are told of the app's request, and where it went. */
export class OutboundFilterHost implements FilterHost {
  readonly recorder: FilterHost["recorder"];
  readonly logger: FilterHost["logger"];
  readonly peer: FilterPeer;
  readonly #asked: OutboundRequest;

  constructor(asked: OutboundRequest, { parts, source }: OutboundSide) {
    this.#asked = asked;
    this.recorder = parts.recorder;
    this.logger = parts.logger;
    this.peer = {
      identity: parts.workload.identity.spiffeId,
      workload: source,
      address: APP_ADDRESS,
    };
  }

  get request(): FilterHost["request"] {
    return this.#asked.head;
  }

  get route(): string | undefined {
    return this.#asked.route?.name;
  }

  get destination(): FilterDestination {
    const { live, destination, view, authority } = this.#asked;
    const service = destination?.service ?? view?.service;
    return {
      service: service === undefined ? authority : formatId(service),
      workload: live && `${live.workload.namespace}/${live.workload.name}`,
      version: live?.workload.version,
      subset: destination?.subset,
    };
  }
}
