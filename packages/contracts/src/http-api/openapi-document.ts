import { z } from "zod";
import { Problem } from "../console-api/mesh-state.ts";
import { namedSchemas } from "./named-schemas.ts";
import type { Operation, OperationDescription } from "./operation.ts";
import { PROBLEM_CODES, type ProblemCode } from "./problem-codes.ts";

type Json = { readonly [name: string]: unknown };

/** OpenAPI 3.1; `paths` by address, then by method in lower case. */
export type OpenApiDocument = {
  readonly openapi: "3.1.0";
  readonly info: Json;
  readonly servers: readonly Json[];
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Json>>;
    readonly securitySchemes: Json;
  };
};

const JSON_TYPE = "application/json";
const PROBLEM_TYPE = "application/problem+json";
const WHO = {
  anyone: "Anyone, without a login.",
  self: "Whoever is logged in.",
  viewer: "Viewer of any namespace.",
  operator: "Operator of the namespaces it changes.",
  admin: "Admin of the namespaces it concerns; of the whole mesh where it concerns all.",
} as const;

/** What every operation may be refused for; `anyone`'s without the login. */
const COMMON: readonly ProblemCode[] = [
  "HEDDLE_BAD_REQUEST",
  "HEDDLE_UNEXPECTED",
  "HEDDLE_NOT_READY",
];
const OF_LOGINS: readonly ProblemCode[] = ["HEDDLE_UNAUTHENTICATED", "HEDDLE_FORBIDDEN"];
const OF_BODIES: readonly ProblemCode[] = ["HEDDLE_TOO_LARGE", "HEDDLE_UNSUPPORTED_MEDIA_TYPE"];

/**
 * The document of these operations. `schemas` are the shapes that have a name, by that name: they become
 * components, as far as an operation refers to them. Throws if a description and its path disagree.
 */
export function openApiDocument(
  operations: readonly Operation[],
  schemas: Readonly<Record<string, unknown>>,
  about: { readonly title: string; readonly version: string },
): OpenApiDocument {
  const named = namedSchemas({ ...schemas, Problem });
  const paths: Record<string, Record<string, Json>> = {};
  const sorted = [...operations].sort((a, b) => (orderKey(a) < orderKey(b) ? -1 : 1));
  for (const operation of sorted) {
    const path = operation.path.replace(/:([A-Za-z]+)(\{[^}]*\})?/g, "{$1}");
    const ofPath = (paths[path] ??= {});
    const method = operation.method.toLowerCase();
    if (ofPath[method]) throw new Error(`${operation.method} ${operation.path} is described twice`);
    ofPath[method] = describeOperation(operation, path, named);
  }
  const tags = [...new Set(sorted.map(({ path }) => tagOf(path)))].sort();
  return {
    openapi: "3.1.0",
    info: {
      title: about.title,
      version: about.version,
      description:
        "Every error is an RFC 9457 problem; docs/errors.md lists the codes. Unknown fields and query parameters are refused; answers may gain fields. Times are milliseconds since 1970.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: tags.map((name) => ({ name })),
    paths,
    components: {
      schemas: named.components(),
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description: "An API token (`heddle api-token create`) or a session's token.",
        },
        session: {
          type: "apiKey",
          in: "cookie",
          name: "heddle-session",
          description: "At the console's address only: the cookie its login sets.",
        },
      },
    },
  };
}

function describeOperation(
  { method, path: pattern, description }: Operation,
  path: string,
  named: ReturnType<typeof namedSchemas>,
): Json {
  const { summary, description: more, role, body } = description;
  return {
    operationId: operationId(method, path),
    tags: [tagOf(pattern)],
    summary,
    description: [more, `Who: ${WHO[role]}`].filter((text) => text !== undefined).join("\n\n"),
    "x-heddle-role": role,
    security: role === "anyone" ? [] : [{ bearer: [] }, { session: [] }],
    parameters: [
      ...pathParameters(path, description, named),
      ...parametersOf(description.query, "query", named),
    ],
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: !body.safeParse({}).success, // an empty body counts as {}
            content: { [JSON_TYPE]: { schema: named.input(body) } },
          },
        }),
    responses: { "200": describeAnswer(description, named), ...refusalsOf(description, named) },
  };
}

function describeAnswer(
  { answer, events, text }: OperationDescription,
  named: ReturnType<typeof namedSchemas>,
): Json {
  if (answer) {
    return {
      description: "As asked for.",
      content: { [JSON_TYPE]: { schema: named.output(answer) } },
    };
  }
  if (events === undefined) {
    return { description: "As asked for.", content: { [text]: { schema: { type: "string" } } } };
  }
  const names = Object.keys(events).map((name) => `\`${name}\``);
  return {
    description: `Server-sent events without end: ${names.join(", ")}. Each one's data is JSON of the shape given.`,
    content: {
      "text/event-stream": {
        schema: { type: "string" },
        "x-heddle-events": Object.fromEntries(
          Object.entries(events).map(([name, schema]) => [name, named.output(schema)]),
        ),
      },
    },
  };
}

function refusalsOf(
  { role, body, params, refusals = [] }: OperationDescription,
  named: ReturnType<typeof namedSchemas>,
): Record<string, Json> {
  const codes = [
    ...COMMON,
    ...(role === "anyone" ? [] : OF_LOGINS),
    ...(body === undefined ? [] : OF_BODIES),
    ...(params === undefined ? [] : (["HEDDLE_NOT_FOUND"] as const)),
    ...refusals,
  ];
  const byStatus = Map.groupBy(new Set(codes), (code) => String(PROBLEM_CODES[code].status));
  return Object.fromEntries(
    [...byStatus].map(([status, ofStatus]) => [
      status,
      {
        description: ofStatus.map((code) => `\`${code}\`: ${PROBLEM_CODES[code].title}.`).join(" "),
        content: { [PROBLEM_TYPE]: { schema: named.output(Problem) } },
      },
    ]),
  );
}

function pathParameters(
  path: string,
  { params }: OperationDescription,
  named: ReturnType<typeof namedSchemas>,
): Json[] {
  const inPath = [...path.matchAll(/\{([A-Za-z]+)\}/g)].map(([, name = ""]) => name);
  for (const name of Object.keys(params?.shape ?? {})) {
    if (!inPath.includes(name)) throw new Error(`${path} has no part ${name}`);
  }
  const described = parametersOf(params, "path", named);
  return inPath.map(
    (name) =>
      described.find((one) => one["name"] === name) ?? {
        name,
        in: "path",
        required: true,
        schema: { type: "string" },
      },
  );
}

function parametersOf(
  schema: z.ZodObject | undefined,
  where: "query" | "path",
  named: ReturnType<typeof namedSchemas>,
): Json[] {
  if (!schema) return [];
  return Object.entries(schema.shape).map(([name, field]) => {
    const isOptional = z.safeParse(field, undefined).success;
    const description = z.globalRegistry.get(field)?.description;
    return {
      name,
      in: where,
      required: where === "path" || !isOptional,
      ...(description === undefined ? {} : { description }),
      schema: named.input(field as z.ZodType),
    };
  });
}

function tagOf(path: string): string {
  return /^\/api\/v\d+\/([a-z-]+)/.exec(path)?.[1] ?? "process";
}

/** Addresses by name, a longer one after the one it begins with. */
function orderKey({ path, method }: Operation): string {
  return `${path} ${method}`;
}

/** `GET /api/v1/mtls/guards/{id}` → `getMtlsGuardsById`. */
function operationId(method: string, path: string): string {
  const words = path
    .replace(/^\/api\/v\d+/, "")
    .replaceAll(/\{([A-Za-z]+)\}/g, "by-$1")
    .split(/[/.-]+/)
    .filter((word) => word !== "");
  return (
    method.toLowerCase() + words.map((word) => word[0]?.toUpperCase() + word.slice(1)).join("")
  );
}
