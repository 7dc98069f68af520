import { checkVisible, matchedPrefixLength } from "./rewrite.ts";
import type { Redirect, RouteMatch } from "./route.ts";

/** What a redirect is made of, as the client sent it; `port` is the one its connection went to. */
export type RedirectFacts = {
  readonly scheme: "http" | "https";
  readonly authority: string;
  readonly port: number | undefined;
  readonly path: string;
  readonly query: string | undefined;
};

export type CompiledRedirect = {
  readonly status: Redirect["status"];
  readonly location: (request: RedirectFacts) => string;
};

/**
 * Istio's HTTPRedirect over Envoy's: parts left out are the request's own, the query is kept unless
 * `uri` brings one, `:80` of http and `:443` of https are left out. Throws `InvalidActionError`.
 */
export function compileRedirect(
  redirect: Redirect,
  match: RouteMatch | undefined,
): CompiledRedirect {
  const authority = redirect.authority && checkVisible("redirect.authority", redirect.authority);
  const pathOf = compilePath(redirect, match);
  return {
    status: redirect.status,
    location: (request) => {
      const scheme = redirect.scheme ?? request.scheme;
      const port = portOf(redirect, request);
      return `${scheme}://${authority ?? hostOf(request, scheme, redirect)}${portSuffix(port, scheme)}${pathOf(request)}`;
    },
  };
}

function compilePath(
  { uri, prefixRewrite }: Redirect,
  match: RouteMatch | undefined,
): (request: RedirectFacts) => string {
  if (uri !== undefined) {
    const path = checkVisible("redirect.uri", uri);
    return path.includes("?") ? () => path : (request) => withQuery(path, request.query);
  }
  if (prefixRewrite === undefined) return (request) => withQuery(request.path, request.query);
  const prefix = checkVisible("redirect.prefixRewrite", prefixRewrite);
  const length = matchedPrefixLength(match);
  return (request) =>
    withQuery(length === undefined ? prefix : prefix + request.path.slice(length), request.query);
}

function withQuery(path: string, query: string | undefined): string {
  return query === undefined ? path : `${path}?${query}`;
}

function portOf({ port }: Redirect, request: RedirectFacts): number | undefined {
  if (port === "FROM_REQUEST_PORT") return request.port;
  return typeof port === "number" ? port : undefined;
}

function portSuffix(port: number | undefined, scheme: string): string {
  return port === undefined || port === defaultPort(scheme) ? "" : `:${port}`;
}

/** A port the request named stays, unless the rule names one or a new scheme makes it wrong. */
function hostOf({ authority, scheme: old }: RedirectFacts, scheme: string, rule: Redirect): string {
  const colon = authority.lastIndexOf(":");
  if (colon <= authority.lastIndexOf("]")) return authority;
  const named = Number(authority.slice(colon + 1));
  const isStale = scheme !== old && named === defaultPort(old);
  const isNeedless = named === defaultPort(scheme);
  return rule.port !== undefined || isStale || isNeedless ? authority.slice(0, colon) : authority;
}

function defaultPort(scheme: string): number {
  return scheme === "https" ? 443 : 80;
}
