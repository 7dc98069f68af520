import type { ServiceId } from "../identity/workload-id.ts";

/** How one text is compared, as Istio's StringMatch; `present`: any value will do. */
export type StringMatch =
  | { readonly kind: "exact"; readonly value: string }
  | { readonly kind: "prefix"; readonly value: string }
  | { readonly kind: "present" };

/** Conditions of one match block are ANDed; a condition left out always holds. Header names are lower-case. */
export type RouteMatch = {
  readonly uri?: StringMatch | undefined;
  readonly ignoreUriCase?: boolean | undefined;
  readonly method?: StringMatch | undefined;
  readonly authority?: StringMatch | undefined;
  readonly headers?: Readonly<Record<string, StringMatch>> | undefined;
  readonly withoutHeaders?: Readonly<Record<string, StringMatch>> | undefined;
};

/** Where a share of a route's requests goes; share = weight / sum of the route's weights. */
export type RouteDestination = {
  readonly service: ServiceId;
  /** `undefined`: all endpoints of the service. */
  readonly subset: string | undefined;
  readonly weight: number;
};

/** One HTTP route of a VirtualService. `matches` empty: matches every request. */
export type Route = {
  readonly name: string;
  readonly matches: readonly RouteMatch[];
  readonly destinations: readonly RouteDestination[];
  /** Deadline over the whole exchange; `undefined`: none, Istio's default. */
  readonly timeoutMs: number | undefined;
};

/** A named part of a service's endpoints: those that carry all of `labels`. From a DestinationRule. */
export type Subset = { readonly name: string; readonly labels: Readonly<Record<string, string>> };

/** One address that serves a service. */
export type Endpoint = {
  readonly id: string;
  readonly workload: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly address: string;
  readonly port: number;
  /** The SPIFFE id to demand of the server; `undefined`: no sidecar there, plaintext. */
  readonly identity: string | undefined;
};
