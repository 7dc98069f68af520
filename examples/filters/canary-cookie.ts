import { defineFilter } from "@heddle/filter-api";
import { z } from "zod";

/** What a cookie's name and value may hold (RFC 6265 §4.1.1), without what would need quoting. */
const TOKEN = /^[-A-Za-z0-9._]{1,64}$/;

/**
 * Keeps a user on the version of a service first drawn for it. Without a cookie the rule's weights draw
 * as ever, and the answer brings a cookie with the subset that was drawn; with one, the request carries
 * the subset in a header, by which the rule's first routes choose. A version that is gone from
 * `subsets` is drawn anew, so rolling a canary back needs no more than that.
 */
const settings = z.strictObject({
  /** `namespace/name` of the service whose users are pinned. */
  service: z.string().regex(/^[^/\s]+\/[^/\s]+$/, "expected namespace/name"),
  subsets: z.array(z.string().regex(TOKEN, "expected a subset's name")).min(1).max(16),
  cookie: z.string().regex(TOKEN, "expected a cookie's name").default("heddle-version"),
  header: z.string().regex(TOKEN, "expected a header's name").default("x-pinned-version"),
  maxAgeSeconds: z.int().min(1).max(31_536_000).default(86_400),
});

export default defineFilter({
  name: "canary-cookie",
  settings,
  onRequestHead(request, { cookie, header, subsets }) {
    const pinned = findCookie(request.headers.get("cookie"), cookie);
    if (pinned === undefined || !subsets.includes(pinned)) {
      request.headers.remove(header);
      return;
    }
    request.headers.set(header, pinned);
    request.notes.set("pinned", pinned);
  },
  onResponseHead(response, { service, subsets, cookie, maxAgeSeconds }) {
    const { destination } = response;
    if (destination.service !== service || destination.subset === undefined) return;
    if (!subsets.includes(destination.subset) || response.status >= 500) return;
    if (response.notes.get("pinned") === destination.subset) return;
    response.headers.append(
      "set-cookie",
      `${cookie}=${destination.subset}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax`,
    );
    response.count("pinned");
  },
});

function findCookie(cookies: string | undefined, name: string): string | undefined {
  for (const pair of cookies?.split(/[;,]/) ?? []) {
    const at = pair.indexOf("=");
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}
