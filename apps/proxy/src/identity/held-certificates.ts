import { X509Certificate } from "node:crypto";
import type { HeldCertificate, ProxyMessage } from "@heddle/contracts/control-stream";
import { formatId } from "@heddle/mesh";
import type { Holder } from "./certificate-keeper.ts";
import type { KeyAndCertificate } from "./key-and-certificate.ts";

/** Tells the control plane which certificates are in use: a rotation waits for that, not for their sending. */
export class HeldCertificates {
  readonly #send: (message: ProxyMessage) => boolean;
  readonly #byHolder = new Map<string, HeldCertificate>();

  constructor(send: (message: ProxyMessage) => boolean) {
    this.#send = send;
  }

  /** A certificate is in use; one that was told already is not told again. */
  tell(holder: Holder, { chainPem }: Pick<KeyAndCertificate, "chainPem">): void {
    const held = this.#note(holder, chainPem);
    if (held) this.#send({ type: "installed", ...held });
  }

  /** One from disk, told with `hello`. */
  restore(holder: Holder, { chainPem }: Pick<KeyAndCertificate, "chainPem">): void {
    this.#note(holder, chainPem);
  }

  /** For `hello`. */
  all(): HeldCertificate[] {
    return [...this.#byHolder.values()];
  }

  #note(holder: Holder, chainPem: string): HeldCertificate | undefined {
    const key = holder === null ? "" : formatId(holder);
    const serialNumber = new X509Certificate(chainPem).serialNumber.toLowerCase();
    if (this.#byHolder.get(key)?.serialNumber === serialNumber) return undefined;
    const held = { workload: holder, serialNumber };
    this.#byHolder.set(key, held);
    return held;
  }
}
