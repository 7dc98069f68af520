import type { ServiceId } from "@heddle/mesh";
import type { Labels } from "@heddle/resources";

/** What is known of the mesh beside its documents. */
export type CheckContext = {
  readonly trustDomain: string;
  /** Whether anybody serves the service now. */
  readonly isServed: (service: ServiceId) => boolean;
  readonly workloads: () => readonly { readonly namespace: string; readonly labels: Labels }[];
};
