import { hash, timingSafeEqual } from "node:crypto";
import { defineFilter } from "@heddle/filter-api";
import { z } from "zod";

const HEADER = /^[-!#$%&'*+.^_`|~0-9A-Za-z]{1,64}$/;

/**
 * Lets a request in only with a key from a list, and tells the app whose key it was. The settings hold
 * SHA-256 digests, so whoever reads the document, or the proxy's memory, does not learn a key:
 *
 *   printf %s "$KEY" | sha256sum
 */
const settings = z.strictObject({
  header: z.string().regex(HEADER, "expected a header's name").default("x-api-key"),
  /** Digest in hexadecimal, by the client's name. */
  keys: z
    .record(
      z.string().regex(/^[-A-Za-z0-9._]{1,64}$/, "expected letters, digits, dots and hyphens"),
      z.string().regex(/^[0-9a-f]{64}$/, "expected a SHA-256 digest, 64 hexadecimal digits"),
    )
    .refine((keys) => Object.keys(keys).length > 0, "expected at least one key")
    .transform((keys) =>
      Object.entries(keys).map(([client, digest]) => ({
        client,
        digest: Buffer.from(digest, "hex"),
      })),
    ),
  /** Paths that need no key, such as health checks. */
  openPaths: z.array(z.string().startsWith("/")).max(64).default([]),
});

export default defineFilter({
  name: "api-key",
  settings,
  onRequestHead(request, { header, keys, openPaths }) {
    // What the caller claims about itself is worth nothing.
    request.headers.remove("x-api-client");
    const path = request.path.split("?", 1)[0] ?? "";
    if (openPaths.includes(path)) return;
    const given = request.headers.get(header);
    if (given === undefined) {
      request.count("missing");
      request.respond(401, `send an API key in ${header}\n`, { "www-authenticate": "ApiKey" });
      return;
    }
    const digest = hash("sha256", given, "buffer");
    let client: string | undefined;
    // All of them, each in constant time: how long it takes tells nothing about any key.
    for (const key of keys) if (timingSafeEqual(key.digest, digest)) client = key.client;
    if (client === undefined) {
      request.count("unknown");
      request.log.warn("a request with an unknown API key", { caller: request.peer.address });
      request.respond(403, "this API key is not known here\n");
      return;
    }
    request.headers.remove(header);
    request.headers.set("x-api-client", client);
    request.count("accepted");
  },
});
