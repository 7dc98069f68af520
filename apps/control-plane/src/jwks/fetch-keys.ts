import { z } from "zod";
import type { BlockedAddresses } from "./blocked-addresses.ts";
import { FetchFailedError, fetchJson } from "./fetch-json.ts";
import type { KeySource } from "./key-source.ts";

const MAX_TIMEOUT_MS = 30_000;
const KeySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) });
const Discovery = z.object({ jwks_uri: z.url({ protocol: /^https?$/ }) });

/** The key set a source publishes, as JSON without surplus blanks. Throws `FetchFailedError`. */
export async function fetchKeys(source: KeySource, blocked: BlockedAddresses): Promise<string> {
  const endMs = performance.now() + Math.min(source.timeoutMs, MAX_TIMEOUT_MS);
  const options = () => ({ timeoutMs: Math.max(1, Math.ceil(endMs - performance.now())), blocked });
  const url = source.kind === "jwks" ? source.url : await discover(source.url, options());
  const keys = read(KeySet, await fetchJson(url, options()), url, "a JSON Web Key Set");
  return JSON.stringify(keys);
}

/** OpenID Connect Discovery 1.0 §4. */
async function discover(issuer: string, options: Parameters<typeof fetchJson>[1]): Promise<string> {
  if (!/^https?:\/\//i.test(issuer) || !URL.canParse(issuer)) {
    throw new FetchFailedError(
      issuer,
      "an issuer that is no URL publishes no keys; give jwksUri or jwks",
    );
  }
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  return read(Discovery, await fetchJson(url, options), url, "an OpenID configuration").jwks_uri;
}

function read<Schema extends z.ZodType>(
  schema: Schema,
  text: string,
  url: string,
  what: string,
): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new FetchFailedError(url, `what it answers is not ${what}`, error);
  }
}
