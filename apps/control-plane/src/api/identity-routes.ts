import {
  type CertificatesResponse,
  type IdentityResponse,
  RescueRequest,
  RevocationRequest,
  type RevocationResponse,
  RotationAdvanceRequest,
  RotationStartRequest,
  type RotationsResponse,
} from "@heddle/contracts";
import { parseId, WHOLE_MESH } from "@heddle/mesh";
import {
  countIssuedCertificates,
  findIssuedCertificates,
  findPastRotations,
  type RevocationTarget,
} from "@heddle/store";
import { type Context, Hono } from "hono";
import { z } from "zod";
import { AuthorityConflictError } from "../certificates/authority-errors.ts";
import { revoke } from "../certificates/revoke.ts";
import { NotFoundError } from "../revisions/change-errors.ts";
import { currentRotation, toCertificate, toIdentity, toRotation } from "./identity-wire.ts";
import { BadRequestError, readBody, readQuery, requireRole, requireSomewhere } from "./input.ts";
import type { ApiEnv, ApiParts } from "./parts.ts";

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
  return new Hono<ApiEnv>()
    .get("/identity", async (context) => {
      const counts = await countIssuedCertificates(db);
      const answer: IdentityResponse = toIdentity(
        parts,
        counts,
        authority().lifetimeSeconds,
        Date.now(),
      );
      return context.json(answer);
    })
    .get("/identity/rotations", async (context) => {
      const current = currentRotation(parts);
      const past = await findPastRotations(db, PAST_SHOWN);
      const answer: RotationsResponse = {
        ...(current === undefined ? {} : { current }),
        past: past.map((one) => toRotation(one)),
      };
      return context.json(answer);
    })
    .post("/identity/rotations", async (context) => {
      const by = requireAdmin(context);
      const { of, isStepwise, reason } = await readBody(context, RotationStartRequest);
      context.set("audit", { target: of });
      await keeper().startRotation(of, { by, isStepwise, reason });
      return answerRotation(context, keeper().rotation?.id ?? 0);
    })
    .post("/identity/rotations/advance", async (context) => {
      const by = requireAdmin(context);
      const { force } = await readBody(context, RotationAdvanceRequest);
      const id = openRotation(parts);
      await keeper().act(force ? "force" : "advance", by);
      return answerRotation(context, id);
    })
    .post("/identity/rotations/pause", async (context) => {
      const by = requireAdmin(context);
      const id = openRotation(parts);
      await keeper().act("pause", by);
      return answerRotation(context, id);
    })
    .post("/identity/rotations/resume", async (context) => {
      const by = requireAdmin(context);
      const id = openRotation(parts);
      await keeper().act("resume", by);
      return answerRotation(context, id);
    })
    .post("/identity/rotations/abort", async (context) => {
      const by = requireAdmin(context);
      const id = openRotation(parts);
      await keeper().act("abort", by);
      return answerRotation(context, id);
    })
    .post("/identity/rescue", async (context) => {
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
    })
    .get("/certificates", async (context) => {
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
    })
    .post("/certificates/revocations", async (context) => {
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
    });
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
