import { type Tap, TapEndResponse, TapRequest, TapResponse, TapsResponse } from "@heddle/contracts";
import { formatId } from "@heddle/mesh";
import { z } from "zod";
import { workloadKeyOf } from "../registry/instance.ts";
import { ChangeRefusedError, NotFoundError } from "../revisions/change-errors.ts";
import { isTarget, type LiveTap, nameTap } from "../taps/tap-orders.ts";
import { ApiRoutes } from "./api-routes.ts";
import { readBody, readParams, requireRole } from "./input.ts";
import type { ApiParts } from "./parts.ts";
import { DATABASE_AWAY } from "./refusals.ts";

const TapPath = z.object({ id: z.string().max(64) });

/** Begins and ends taps; what they see is streamed by the collector (`GET /tapped/{id}`). */
export function tapRoutes(parts: ApiParts) {
  const { taps } = parts;
  return new ApiRoutes()
    .get(
      "/taps",
      {
        summary: "List who looks at live requests now",
        role: "viewer",
        answer: TapsResponse,
      },
      (context) => {
        const answer: TapsResponse = { taps: taps.taps.map(toTap) };
        return context.json(answer);
      },
    )
    .post(
      "/taps",
      {
        summary: "Begin to look at live requests",
        description:
          "Operator on the namespaces of all targets. Answers at once; `GET /tapped/{id}` streams what is seen. It ends at its time, or 15 s later where nobody ever reads it, or some seconds after nobody reads it any more.",
        role: "operator",
        body: TapRequest,
        answer: TapResponse,
        refusals: ["HEDDLE_NOT_FOUND", "HEDDLE_CHANGE_REFUSED", ...DATABASE_AWAY],
      },
      async (context) => {
        const principal = context.get("principal");
        const { forMs, ...wish } = await readBody(context, TapRequest);
        context.set("audit", { target: nameTap({ ...wish, forMs }) });
        for (const { namespace } of wish.targets) requireRole(principal, "operator", namespace);
        const heard = findHeard(wish, parts);
        const tap = await taps.begin(wish, forMs, principal.name);
        return context.json({ tap: toTap(tap), ...heard } satisfies TapResponse);
      },
    )
    .delete(
      "/taps/:id",
      {
        summary: "End a tap now",
        role: "operator",
        params: TapPath,
        answer: TapEndResponse,
        refusals: DATABASE_AWAY,
      },
      async (context) => {
        const { id } = readParams(context, TapPath);
        const tap = taps.taps.find((one) => one.id === id);
        const principal = context.get("principal");
        // Of one that is over nothing is known any more, and nothing is done.
        if (tap === undefined) return context.json({ ended: false } satisfies TapEndResponse);
        for (const { namespace } of tap.targets) requireRole(principal, "operator", namespace);
        const forMs = tap.untilMs - tap.beganMs;
        context.set("audit", { target: nameTap({ ...tap, forMs }) });
        return context.json({ ended: await taps.end(id) } satisfies TapEndResponse);
      },
    );
}

/** Throws where a target has no workload, or no connected proxy that could tell of it. */
function findHeard({ targets }: Pick<LiveTap, "targets">, { registry, hub }: ApiParts) {
  const instances = [...registry.instances()];
  const meant = new Set<(typeof instances)[number]>();
  for (const target of targets) {
    const its = instances.filter((one) => isTarget(target, one));
    if (its.length === 0) throw new NotFoundError(whyNobody(target));
    for (const one of its) meant.add(one);
  }
  const heard = [...meant].filter(({ proxyId }) => registry.findProxy(proxyId)?.isConnected);
  if (heard.length === 0) {
    throw new ChangeRefusedError(
      "no connected proxy hosts it: live requests are told by sidecars. Tap its callers instead (--to), or see `heddle proxies`.",
    );
  }
  const proxyIds = new Set(heard.map(({ proxyId }) => proxyId));
  return {
    workloads: [...new Set(heard.map(workloadKeyOf))].sort(),
    proxies: proxyIds.size,
    deafProxies: [...proxyIds].filter((id) => hub.find(id)?.features.has("taps") === false),
  };
}

function whyNobody(target: LiveTap["targets"][number]): string {
  const { namespace } = target;
  const isService = "service" in target;
  const id = formatId({ namespace, name: isService ? target.service : target.workload });
  return `no workload is registered ${isService ? `for the service ${id}` : `as ${id}`}. \`GET /workloads\` lists them; of a host outside the mesh tap its callers`;
}

function toTap({ id, targets, filter, maxPerSecond, beganMs, untilMs, by }: LiveTap): Tap {
  return { id, targets, filter, maxPerSecond, beganMs, untilMs, by };
}
