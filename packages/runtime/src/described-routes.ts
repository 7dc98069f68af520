import type { Context, Env, Handler, Hono } from "hono";
import type { z } from "zod";
import { HeddleError } from "./errors.ts";

/** A handler reads its input by another schema than the one its route is described with: a fault of ours. */
class UndescribedInputError extends HeddleError {
  override readonly name = "UndescribedInputError";
  constructor(path: string, part: string) {
    super(
      "HEDDLE_UNDESCRIBED_INPUT",
      `${path}: its ${part} is read by a schema it is not described with`,
    );
  }
}

/** By what a route says it reads its input; `contracts` knows what else stands in a description. */
type InputDescription = {
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
};

const descriptions = new WeakMap<Context, InputDescription>();

/**
 * Routes that cannot be without a description, which becomes their part of the OpenAPI document:
 * `routes.get("/status", { summary: "Show …", role: "viewer", answer: StatusResponse }, handler)`.
 */
export class DescribedRoutes<E extends Env, D extends InputDescription> {
  readonly app: Hono<E>;
  readonly operations: {
    readonly method: string;
    readonly path: string;
    readonly description: D;
  }[] = [];

  readonly #admit: (context: Context<E>, description: D) => void;

  /** `app`: a fresh one, to be mounted by `app.route`. `admit` throws where who asks may not go on. */
  constructor(app: Hono<E>, admit: (context: Context<E>, description: D) => void = () => {}) {
    this.app = app;
    this.#admit = admit;
  }

  get<P extends string>(path: P, description: D, handler: Handler<E, P>): this {
    return this.#add("GET", path, description, handler);
  }

  post<P extends string>(path: P, description: D, handler: Handler<E, P>): this {
    return this.#add("POST", path, description, handler);
  }

  put<P extends string>(path: P, description: D, handler: Handler<E, P>): this {
    return this.#add("PUT", path, description, handler);
  }

  patch<P extends string>(path: P, description: D, handler: Handler<E, P>): this {
    return this.#add("PATCH", path, description, handler);
  }

  delete<P extends string>(path: P, description: D, handler: Handler<E, P>): this {
    return this.#add("DELETE", path, description, handler);
  }

  #add<P extends string>(method: string, path: P, description: D, handler: Handler<E, P>): this {
    this.operations.push({ method, path, description });
    this.app.on(method, path, (context, next) => {
      descriptions.set(context, description);
      this.#admit(context, description);
      return handler(context, next);
    });
    return this;
  }
}

/** Throws if the route that answers is described with another schema for this part of its input. */
export function requireDescribed(
  context: Context,
  part: "params" | "query" | "body",
  schema: z.ZodType,
): void {
  const description = descriptions.get(context);
  if (description === undefined || description[part] === schema) return;
  throw new UndescribedInputError(context.req.path, part);
}

/** The methods that an address takes, for `Allow`; empty: there is no such address. */
export function methodsOf(
  operations: readonly { readonly method: string; readonly path: string }[],
  address: string,
): string[] {
  const methods = operations.flatMap(({ method, path }) => {
    const pattern = path.replace(/:[A-Za-z]+(\{[^}]*\})?/g, "[^/]+");
    return new RegExp(`^${pattern}$`).test(address) ? [method] : [];
  });
  return [...new Set(methods)].sort();
}
