import {
  AUTHORIZATION_POLICY,
  PEER_AUTHENTICATION,
  REQUEST_AUTHENTICATION,
} from "./access-forms.ts";
import type { FormGroup } from "./form-description.ts";
import { SERVICE_ENTRY, WORKLOAD_ENTRY } from "./registry-forms.ts";
import { DESTINATION_RULE, RATE_LIMIT, TRAFFIC_POLICY } from "./traffic-forms.ts";

export const FORMS: Readonly<Record<string, readonly FormGroup[]>> = {
  AuthorizationPolicy: AUTHORIZATION_POLICY,
  DestinationRule: DESTINATION_RULE,
  PeerAuthentication: PEER_AUTHENTICATION,
  RateLimit: RATE_LIMIT,
  RequestAuthentication: REQUEST_AUTHENTICATION,
  ServiceEntry: SERVICE_ENTRY,
  TrafficPolicy: TRAFFIC_POLICY,
  WorkloadEntry: WORKLOAD_ENTRY,
};

/** The form of a kind; absent: it has none, its plain values are shown as they are. */
export function findForm(kind: string): readonly FormGroup[] | undefined {
  return Object.hasOwn(FORMS, kind) ? FORMS[kind] : undefined;
}
