/**
 * What routing may look at. A data path implements it over its own parsed head, so that matching a
 * request allocates nothing that a rule does not ask for.
 */
export interface RequestFacts {
  readonly method: string;
  /** Without the query string: Istio matches `uri` on the path alone. */
  readonly path: string;
  /** The `Host` header or the authority of an absolute-form target, as the client sent it. */
  readonly authority: string;
  /** Value of a header by its lower-case name, repeated ones joined by `,`; `undefined`: not there. */
  header(name: string): string | undefined;
}
