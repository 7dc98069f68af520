import type { Caller } from "./caller.ts";

/**
 * What routing may look at. A data path implements it over its own parsed head, so that matching a
 * request allocates nothing that a rule does not ask for: each field is read only when a rule asks.
 * A field a data path cannot know is left out; a condition on it then does not hold.
 */
export interface RequestFacts {
  readonly method: string;
  /** Without the query string: Istio matches `uri` on the path alone. */
  readonly path: string;
  /** The `Host` header or the authority of an absolute-form target, as the client sent it. */
  readonly authority: string;
  /** Behind the `?`, as the client sent it; `undefined`: none. */
  readonly query?: string | undefined;
  /** `http` or `https`, of the hop the request came over. */
  readonly scheme?: string | undefined;
  /** The service port the request names. */
  readonly port?: number | undefined;
  /** The workload that calls; not needed where `compileRoutes` was told the caller. */
  readonly source?: Caller | undefined;
  /** Value of a header by its lower-case name, repeated ones joined by `,`; `undefined`: not there. */
  header(name: string): string | undefined;
}
