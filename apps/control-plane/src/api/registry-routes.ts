import {
  GoneInstancesResponse,
  InstanceRequest,
  InstanceResponse,
  RegistrySourcesResponse,
  SourceForgetRequest,
  SourceForgetResponse,
} from "@heddle/contracts";
import { isDnsLabel } from "@heddle/resources";
import { z } from "zod";
import { apiInstanceId, toApiInstance } from "../registry/api-instances.ts";
import { describeGone } from "../registry/describe-instance.ts";
import { serviceOfHold } from "../registry/registry-holds.ts";
import { readGone } from "../registry/shared-gone.ts";
import { ChangeRefusedError, NotFoundError } from "../revisions/change-errors.ts";
import { EndpointLossError, findLosses } from "../revisions/endpoint-loss.ts";
import { findSourceLosses } from "../sources/source-losses.ts";
import { ApiRoutes } from "./api-routes.ts";
import { BadRequestError, readBody, readParams, requireRole } from "./input.ts";
import type { ApiParts } from "./parts.ts";
import { CHANGE_REFUSALS } from "./refusals.ts";

const LABEL = "expected lower-case letters, digits and inner hyphens, at most 63";
const Label = z.string().refine(isDnsLabel, LABEL);
const InstancePath = z.object({ namespace: Label, name: Label });
const ADDRESS = /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$|^[0-9A-Fa-f:.]{2,45}$/;
const MAX_API_INSTANCES = 10_000;
const MAX_LABELS = 64;

/** The registry beside the workloads in it: who has left, who comes in without a proxy. */
export function registryRoutes(parts: ApiParts) {
  const { registry, hub, feed, sources, sourceKeeper, mesh, config, uses, maxLossPercent } = parts;
  return new ApiRoutes()
    .get(
      "/registry/gone",
      {
        summary: "List the instances that have left, and why",
        role: "viewer",
        answer: GoneInstancesResponse,
      },
      async (context) => {
        const gone = (await readGone(parts, Date.now())).map(describeGone);
        return context.json({ gone } satisfies GoneInstancesResponse);
      },
    )
    .get(
      "/registry/sources",
      {
        summary: "List where instances come from beside proxies, and how each source fares",
        role: "viewer",
        answer: RegistrySourcesResponse,
      },
      (context) => context.json({ sources: sources.list() } satisfies RegistrySourcesResponse),
    )
    .post(
      "/registry/sources/forget",
      {
        summary: "Take out all that a source stands for which no control plane reads any more",
        role: "admin",
        body: SourceForgetRequest,
        answer: SourceForgetResponse,
        refusals: CHANGE_REFUSALS,
      },
      async (context) => {
        const principal = context.get("principal");
        requireRole(principal, "admin", "*");
        const request = await readBody(context, SourceForgetRequest);
        context.set("audit", { target: request.name });
        const found = sourceKeeper.find(request.name);
        if (!found) {
          const why = `there is no source ${request.name}; GET /registry/sources lists them`;
          throw new NotFoundError(why);
        }
        const reader = sources.readerOf(found);
        if (reader !== undefined) {
          const how =
            found.kind === "dns"
              ? `delete the DnsSource ${found.name.slice("dns ".length)}`
              : "start it without HEDDLE_REGISTRY_DIR, or empty the directory";
          throw new ChangeRefusedError(
            `${found.name} is read by the control plane ${reader}, which would name it all again: ${how}`,
          );
        }
        const without = sourceKeeper.documentsWith(found.name, []);
        const losses = findSourceLosses(
          mesh,
          without,
          ({ origin }) => origin?.source === found.name,
        );
        const tooMuch = findLosses(
          losses
            .filter(({ service }) => uses.has(service))
            .map(({ service, ...counts }) => ({ service: serviceOfHold({ service }), ...counts })),
          maxLossPercent,
        );
        if (tooMuch.length > 0 && request.acceptEndpointLoss !== true) {
          throw new EndpointLossError(tooMuch, maxLossPercent);
        }
        const { reason, source } = request;
        const { revision } = await config.change({
          ...{ author: principal.name, source: source ?? "api", reason, kind: "registry" },
          summary: `Forgot the source ${found.name}`,
          actsOn: losses.map(({ service }) => service),
          startedAt: context.get("startedAt"),
          plan: () => [],
        });
        await sourceKeeper.forget(found.name);
        const words = `${found.name} is forgotten; ${found.content.documents.length} documents of it hold no more.`;
        return context.json({ revision, words } satisfies SourceForgetResponse);
      },
    )
    .put(
      "/registry/instances/:namespace/:name",
      {
        summary: "Register an instance that has no proxy, or renew its lease",
        role: "operator",
        params: InstancePath,
        body: InstanceRequest,
        answer: InstanceResponse,
        refusals: ["HEDDLE_CHANGE_REFUSED"],
      },
      async (context) => {
        const { namespace, name } = readParams(context, InstancePath);
        requireRole(context.get("principal"), "operator", namespace);
        const request = await readBody(context, InstanceRequest);
        checkInstance(request);
        const instance = toApiInstance(namespace, name, request, Date.now());
        const before = registry.findInstance(instance.instanceId);
        // A sign of life every few seconds is no act.
        context.set("audit", {
          target: `${namespace}/${name}`,
          isQuestion: before !== undefined,
        });
        if (!before && sources.countApi() >= MAX_API_INSTANCES) {
          throw new ChangeRefusedError(
            `${MAX_API_INSTANCES} instances are registered by the API, more are not taken`,
          );
        }
        hub.publishEndpoints(registry.register(instance));
        if (!before) feed.noteRegistry();
        const answer: InstanceResponse = {
          instanceId: instance.instanceId,
          leaseEndsAtMs: instance.leaseEndsAtMs,
          isNew: before === undefined,
        };
        return context.json(answer);
      },
    )
    .delete(
      "/registry/instances/:namespace/:name",
      {
        summary: "Take out an instance that was registered by the API: it says goodbye",
        role: "operator",
        params: InstancePath,
        answer: InstanceResponse,
        refusals: ["HEDDLE_NOT_FOUND"],
      },
      (context) => {
        const { namespace, name } = readParams(context, InstancePath);
        requireRole(context.get("principal"), "operator", namespace);
        const nowMs = Date.now();
        const instance = registry.findInstance(apiInstanceId(namespace, name));
        if (!instance) {
          const why = `no instance ${namespace}/${name} is registered by the API`;
          throw new NotFoundError(why);
        }
        hub.publishEndpoints(registry.takeOut([instance], "withdrawn", nowMs));
        feed.noteRegistry();
        const { instanceId } = instance;
        const answer: InstanceResponse = { instanceId, leaseEndsAtMs: nowMs, isNew: false };
        return context.json(answer);
      },
    );
}

/** Throws `BadRequestError` for what proxies could not use. */
function checkInstance({ service, address, labels = {} }: InstanceRequest): void {
  const faults = [
    ...(isDnsLabel(service) ? [] : [{ field: "service", message: `${LABEL} (is "${service}")` }]),
    ...(ADDRESS.test(address)
      ? []
      : [{ field: "address", message: `expected an IP address or host name (is "${address}")` }]),
    ...(Object.keys(labels).length <= MAX_LABELS
      ? []
      : [{ field: "labels", message: `expected at most ${MAX_LABELS}` }]),
  ];
  if (faults.length > 0) throw new BadRequestError(faults);
}
