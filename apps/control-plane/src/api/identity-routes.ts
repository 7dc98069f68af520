import {
  CertificatesResponse,
  IdentityResponse,
  RescueRequest,
  RevocationRequest,
  RevocationResponse,
  RotationAdvanceRequest,
  RotationStartRequest,
  RotationState,
  RotationsResponse,
} from "@heddle/contracts";
import { parseId, WHOLE_MESH } from "@heddle/mesh";
import {
  countIssuedCertificates,
  findIssuedCertificates,
  findPastRotations,
  type RevocationTarget,
} from "@heddle/store";
import type { Context } from "hono";
import { z } from "zod";
import { AuthorityConflictError } from "../certificates/authority-errors.ts";
import { revoke } from "../certificates/revoke.ts";
import { NotFoundError } from "../revisions/change-errors.ts";
import { ApiRoutes } from "./api-routes.ts";
import { currentRotation, toCertificate, toIdentity, toRotation } from "./identity-wire.ts";
import { BadRequestError, readBody, readQuery, requireRole, requireSomewhere } from "./input.ts";
import type { ApiEnv, ApiParts } from "./parts.ts";
import { DATABASE_AWAY, ROTATION_REFUSALS } from "./refusals.ts";

const PAST_SHOWN = 20;
const CertificatesQuery = z.object({
  proxyId: z.string().optional(),
  workload: z.string().optional(),
  inUse: z.stringbool().optional(),
  limit: z.coerce.number().int().min(1).max(5000).default(500),
});

/** Authorities, rotations, certificates and their revocation. */
export function identityRoutes(parts: ApiParts) {
  const { db, keeper, authority } = parts;
  /** A viewer reads; only who administers the whole mesh changes what everybody trusts. */
  const requireAdmin = (context: Context<ApiEnv>) => {
    const principal = context.get("principal");
    requireRole(principal, "admin");
    return principal.name;
  };
  const answerRotation = (context: Context<ApiEnv>, id: number) => answerOf(parts, context, id);
  /** An act on the rotation under way that needs no further word. */
  const acting = (summary: string) =>
    ({ summary, role: "admin", answer: RotationState, refusals: ROTATION_REFUSALS }) as const;
  const act = (event: "pause" | "resume" | "abort") => async (context: Context<ApiEnv>) => {
    const by = requireAdmin(context);
    const id = openRotation(parts);
    await keeper().act(event, by);
    return answerRotation(context, id);
  };
  return new ApiRoutes()
    .get(
      "/identity",
      {
        summary: "Show the authorities, whom proxies believe, and alarms",
        role: "viewer",
        answer: IdentityResponse,
        refusals: DATABASE_AWAY,
      },
      async (context) => {
        const counts = await countIssuedCertificates(db);
        const answer: IdentityResponse = toIdentity(
          parts,
          counts,
          authority().lifetimeSeconds,
          Date.now(),
        );
        return context.json(answer);
      },
    )
    .get(
      "/identity/rotations",
      {
        summary: "Show the rotation under way and past ones",
        role: "viewer",
        answer: RotationsResponse,
        refusals: DATABASE_AWAY,
      },
      async (context) => {
        const current = currentRotation(parts);
        const past = await findPastRotations(db, PAST_SHOWN);
        const answer: RotationsResponse = {
          ...(current === undefined ? {} : { current }),
          past: past.map((one) => toRotation(one)),
        };
        return context.json(answer);
      },
    )
    .post(
      "/identity/rotations",
      {
        summary: "Start a rotation of the intermediate or the root",
        role: "admin",
        body: RotationStartRequest,
        answer: RotationState,
        refusals: ROTATION_REFUSALS,
      },
      async (context) => {
        const by = requireAdmin(context);
        const { of, isStepwise, reason } = await readBody(context, RotationStartRequest);
        context.set("audit", { target: of });
        await keeper().startRotation(of, { by, isStepwise, reason });
        return answerRotation(context, keeper().rotation?.id ?? 0);
      },
    )
    .post(
      "/identity/rotations/advance",
      {
        summary: "Let a rotation take its next step",
        role: "admin",
        body: RotationAdvanceRequest,
        answer: RotationState,
        refusals: ROTATION_REFUSALS,
      },
      async (context) => {
        const by = requireAdmin(context);
        const { force } = await readBody(context, RotationAdvanceRequest);
        const id = openRotation(parts);
        await keeper().act(force ? "force" : "advance", by);
        return answerRotation(context, id);
      },
    )
    .post("/identity/rotations/pause", acting("Hold a rotation where it is"), act("pause"))
    .post("/identity/rotations/resume", acting("Let a held rotation go on"), act("resume"))
    .post("/identity/rotations/abort", acting("Take a rotation back"), act("abort"))
    .post(
      "/identity/rescue",
      {
        summary: "Make a new root at once",
        description:
          "For a root that has ended or was stolen (`force`): proxies that are not connected have to join again.",
        role: "admin",
        body: RescueRequest,
        answer: IdentityResponse,
        refusals: ["HEDDLE_AUTHORITY_CONFLICT", "HEDDLE_DATABASE_UNAVAILABLE"],
      },
      async (context) => {
        const by = requireAdmin(context);
        const { force } = await readBody(context, RescueRequest);
        const root = authority().known.believedRoots(Date.now())[0];
        if (root && !force) {
          throw new AuthorityConflictError(
            `the root is good until ${new Date(root.notAfterMs).toISOString()}: rotate it instead, or force it if its key was stolen (connected proxies renew at once, others have to join again)`,
          );
        }
        await keeper().rescue(by);
        const counts = await countIssuedCertificates(db);
        return context.json(toIdentity(parts, counts, authority().lifetimeSeconds, Date.now()));
      },
    )
    .get(
      "/certificates",
      {
        summary: "List issued certificates that have not ended",
        role: "viewer",
        query: CertificatesQuery,
        answer: CertificatesResponse,
        refusals: DATABASE_AWAY,
      },
      async (context) => {
        const { proxyId, workload, inUse, limit } = readQuery(context, CertificatesQuery);
        await parts.ledger.flush();
        const found = await findIssuedCertificates(db, {
          proxyId,
          workload: workload === undefined ? undefined : parseWorkload(workload),
          isHeld: inUse,
          limit,
        });
        const nowMs = Date.now();
        const answer: CertificatesResponse = {
          certificates: found.certificates.map((one) => toCertificate(parts, one, nowMs)),
          total: found.total,
        };
        return context.json(answer);
      },
    )
    .post(
      "/certificates/revocations",
      {
        summary: "Revoke certificates: one, a proxy's or a workload's",
        role: "admin",
        body: RevocationRequest,
        answer: RevocationResponse,
        refusals: ["HEDDLE_NOT_FOUND", "HEDDLE_DATABASE_UNAVAILABLE"],
      },
      async (context) => {
        const principal = context.get("principal");
        requireSomewhere(principal, "admin"); // whoever may revoke nothing is not told what there is
        const request = await readBody(context, RevocationRequest);
        await parts.ledger.flush();
        const target = await targetOf(parts, request);
        requireRole(principal, "admin", await namespaceOf(parts, target));
        context.set("audit", {
          target: request.serialNumber ?? request.proxyId ?? request.workload ?? "",
        });
        const answer: RevocationResponse = await revoke(parts, target, {
          by: principal.name,
          reason: request.reason,
        });
        return context.json(answer);
      },
    );
}

function openRotation({ keeper }: ApiParts): number {
  const { rotation } = keeper();
  if (!rotation) throw new AuthorityConflictError("no rotation is under way");
  return rotation.id;
}

/** The rotation as it stands now; it may have come to its end meanwhile. */
async function answerOf(parts: ApiParts, context: Context<ApiEnv>, id: number) {
  const current = currentRotation(parts);
  if (current?.id === id) return context.json(current);
  const past = await findPastRotations(parts.db, PAST_SHOWN);
  const found = past.find((one) => one.id === id);
  if (!found) throw new NotFoundError(`there is no rotation ${id}`);
  return context.json(toRotation(found));
}

async function targetOf(
  { db, registry }: ApiParts,
  { serialNumber, proxyId, workload }: RevocationRequest,
): Promise<RevocationTarget> {
  if (serialNumber !== undefined) {
    const { total } = await findIssuedCertificates(db, { serialNumber, limit: 1 });
    if (total === 0) throw new NotFoundError(`no certificate ${serialNumber} that has not ended`);
    return { serialNumber };
  }
  if (proxyId !== undefined) {
    if (!registry.findProxy(proxyId)) throw new NotFoundError(`no proxy ${proxyId}`);
    return { proxyIds: [proxyId] };
  }
  return { workload: parseWorkload(workload ?? "") };
}

/** Of whom somebody must be admin to revoke this. */
async function namespaceOf({ db, registry }: ApiParts, target: RevocationTarget): Promise<string> {
  if ("workload" in target) return target.workload.namespace;
  if ("proxyIds" in target) {
    return registry.findProxy(target.proxyIds[0] ?? "")?.namespace ?? WHOLE_MESH;
  }
  const { certificates } = await findIssuedCertificates(db, { ...target, limit: 1 });
  const [found] = certificates;
  return (
    found?.workload?.namespace ?? registry.findProxy(found?.proxyId ?? "")?.namespace ?? WHOLE_MESH
  );
}

function parseWorkload(text: string) {
  const id = parseId(text);
  if (id) return id;
  const message = `is ${JSON.stringify(text)}; expected namespace/name`;
  throw new BadRequestError([{ field: "workload", message }]);
}
