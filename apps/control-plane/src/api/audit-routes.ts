import { AuditEntry, AuditResponse } from "@heddle/contracts";
import { WHOLE_MESH } from "@heddle/mesh";
import { may } from "@heddle/runtime";
import { findAudit, type StoredAuditEntry } from "@heddle/store";
import { z } from "zod";
import { ApiRoutes } from "./api-routes.ts";
import { ForbiddenError, readQuery } from "./input.ts";
import type { ApiParts } from "./parts.ts";

const Millis = z.coerce.number().int().min(0).max(8.64e15).optional();
const AuditQuery = z.object({
  actor: z.string().max(128).optional(),
  act: z.string().max(100).optional(),
  target: z.string().max(200).optional(),
  result: z.enum(["ok", "refused", "failed"]).optional(),
  fromMs: Millis,
  toMs: Millis,
  before: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

/** `GET /audit`: admins of the whole mesh see everybody's acts, others their own. */
export function auditRoutes({ db, access }: ApiParts) {
  return new ApiRoutes().get(
    "/audit",
    {
      summary: "List who did what, newest first",
      description: "Admins of the whole mesh see everybody's acts, others their own.",
      role: "viewer",
      query: AuditQuery,
      answer: AuditResponse,
    },
    async (context) => {
      const principal = context.get("principal");
      const { limit, ...filter } = readQuery(context, AuditQuery);
      const isAdmin = may(principal, "admin", WHOLE_MESH);
      if (!isAdmin && filter.actor !== undefined && filter.actor !== principal.name) {
        throw new ForbiddenError(principal, "admin", WHOLE_MESH);
      }
      const actor = isAdmin ? filter.actor : principal.name;
      const found = await findAudit(db, { ...ALL, ...filter, actor, limit: limit + 1 });
      const page = found.slice(0, limit);
      const last = page.at(-1);
      const answer: AuditResponse = {
        entries: page.map(toEntry),
        ...(found.length > limit && last ? { nextBefore: last.id } : {}),
        retentionDays: access.audit.retentionDays,
      };
      return context.json(answer);
    },
  );
}

const ALL = {
  before: undefined,
  act: undefined,
  target: undefined,
  result: undefined,
  fromMs: undefined,
  toMs: undefined,
};

function toEntry(stored: StoredAuditEntry): AuditEntry {
  return AuditEntry.parse(stored); // only this process writes them
}
