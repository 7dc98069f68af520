import { argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { HeddleError } from "@heddle/runtime";

const derive = promisify(argon2);

/** What a password costs to check; kept beside each hash so that it can be raised later. */
type Cost = { readonly memoryKiB: number; readonly passes: number; readonly parallelism: number };

// OWASP's first choice for Argon2id; about 35 ms and 19 MiB here.
const COST: Cost = { memoryKiB: 19_456, passes: 2, parallelism: 1 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const AT_ONCE = 2;
const MAX_WAITING = 32;

/** More passwords wait to be checked than may wait. */
export class TooManyPasswordsError extends HeddleError {
  override readonly name = "TooManyPasswordsError";
  constructor() {
    super("HEDDLE_TOO_MANY_REQUESTS", `${MAX_WAITING} passwords are being checked; try again`);
  }
}

/** Argon2id in PHC form: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`. Throws `TooManyPasswordsError`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await inTurn(() => deriveKey(password, salt, COST, HASH_BYTES));
  const { memoryKiB, passes, parallelism } = COST;
  return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=${parallelism}$${unpadded(salt)}$${unpadded(hash)}`;
}

/**
 * Whether it is the password of that hash. `undefined` takes as long as a wrong password, so that the time does
 * not tell which users there are. Throws `TooManyPasswordsError`.
 */
export async function isPassword(password: string, stored: string | undefined): Promise<boolean> {
  const known = stored === undefined ? undefined : parseHash(stored);
  const { cost, salt, hash } = known ?? NOBODY;
  const derived = await inTurn(() => deriveKey(password, salt, cost, hash.length));
  return timingSafeEqual(derived, hash) && known !== undefined;
}

/** Whether the hash was made at another cost than today's. */
export function isOutdated(stored: string): boolean {
  const cost = parseHash(stored)?.cost;
  return (
    cost?.memoryKiB !== COST.memoryKiB ||
    cost.passes !== COST.passes ||
    cost.parallelism !== COST.parallelism
  );
}

/** What is wrong with a new password beside its length; `undefined`: nothing. */
export function passwordFault(password: string, userName: string): string | undefined {
  const text = password.toLowerCase();
  const stem = userName.toLowerCase().split("@", 1)[0] ?? "";
  if (stem.length >= 3 && text.includes(stem)) return "must not hold the user's name";
  if (new Set(text).size < 4) return "must have at least 4 different characters";
  return undefined;
}

const NOBODY = {
  cost: COST,
  salt: randomBytes(SALT_BYTES),
  hash: randomBytes(HASH_BYTES), // nobody's
};

function parseHash(
  stored: string,
): { readonly cost: Cost; readonly salt: Buffer; readonly hash: Buffer } | undefined {
  const match = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d)\$([\w+/]+)\$([\w+/]+)$/.exec(
    stored,
  );
  if (!match) return undefined;
  const [, memory, passes, parallelism, salt = "", hash = ""] = match;
  return {
    cost: {
      memoryKiB: Number(memory),
      passes: Number(passes),
      parallelism: Number(parallelism),
    },
    salt: Buffer.from(salt, "base64"),
    hash: Buffer.from(hash, "base64"),
  };
}

function deriveKey(password: string, salt: Buffer, cost: Cost, length: number): Promise<Buffer> {
  return derive("argon2id", {
    message: password.normalize("NFKC"), // the same letters, whatever keyboard they came from
    nonce: salt,
    memory: cost.memoryKiB,
    passes: cost.passes,
    parallelism: cost.parallelism,
    tagLength: length,
  });
}

let running = 0;
const waiting: (() => void)[] = [];

/** Each check takes 19 MiB and a thread of four: only so many at once, and a short line before them. */
async function inTurn<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  if (running >= AT_ONCE) {
    if (waiting.length >= MAX_WAITING) throw new TooManyPasswordsError();
    await new Promise<void>((resolve) => waiting.push(resolve));
  }
  running += 1;
  try {
    return await work();
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replaceAll("=", "");
}
